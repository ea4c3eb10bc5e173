// What the invigilator does with the session: one button and one key each.

import { useState } from "preact/hooks";
import type { RoomState, SessionState } from "../lib/protocol";
import { useAction } from "./hooks";
import { AskDialog } from "./ask";
import { Dialog, KeyButton, Refusal, useKeys } from "./parts";
import type { Room } from "./room";

/** An action that is asked about first. */
interface Question {
  event: "pause" | "stop" | "refuse" | "end";
  title: string;
  words: string;
  /** What the reason field is called; no reason is asked for when it is absent. */
  reason?: string;
  button: string;
  danger: boolean;
}

const QUESTIONS: Record<Question["event"], Question> = {
  pause: {
    event: "pause",
    title: "Pause the session",
    words: "The clock stands still until you resume. The learner reads your reason.",
    reason: "Reason",
    button: "Pause",
    danger: false,
  },
  stop: {
    event: "stop",
    title: "Stop the session for good?",
    words: "This cannot be undone. The learner reads your reason, and you attest afterwards.",
    reason: "Reason for the learner",
    button: "Stop the session",
    danger: true,
  },
  refuse: {
    event: "refuse",
    title: "Refuse this learner?",
    words: "The assessment will not open. This cannot be undone. The learner reads your reason.",
    reason: "Reason for the learner",
    button: "Refuse",
    danger: true,
  },
  end: {
    event: "end",
    title: "End the session?",
    words: "Do this when the learner has handed in the assessment. You attest afterwards.",
    button: "End the session",
    danger: false,
  },
};

const LIVE: SessionState[] = ["checked_in", "identified", "in_progress", "paused"];

/** Which actions the session's state allows. */
function allowed(state: SessionState) {
  const early = state === "checked_in" || state === "identified";
  const sitting = state === "in_progress" || state === "paused";
  return {
    admit: state === "identified",
    pause: state === "in_progress",
    resume: state === "paused",
    stop: early || sitting,
    refuse: early,
    end: sitting,
    extra: sitting,
    ask: early || sitting,
    handOver: early || sitting,
    incident: LIVE.includes(state),
  };
}

export function Actions(props: {
  room: Room;
  state: RoomState;
  keys: boolean;
  onIncident: () => void;
  onHandOver: () => void;
}) {
  const { room, state, keys, onIncident, onHandOver } = props;
  const [question, setQuestion] = useState<Question | null>(null);
  const [giving, setGiving] = useState(false);
  const [wishing, setWishing] = useState(false);
  const asking = useAction();
  const can = allowed(state.state);
  const ask = (event: Question["event"]) => () => setQuestion(QUESTIONS[event]);
  const tell = (event: string) => () => void asking.run(() => room.request(event));
  const pause = can.resume ? tell("resume") : ask("pause");
  const hand = state.learner.hand !== null;
  const lower = () => void asking.run(() => room.request("hand", { raised: false }));
  useKeys(
    {
      ...(can.admit && { A: tell("admit") }),
      ...(can.incident && { I: onIncident }),
      ...((can.pause || can.resume) && { P: pause }),
      ...(can.extra && { T: () => setGiving(true) }),
      ...(can.stop && { S: ask("stop") }),
      ...(can.end && { E: ask("end") }),
      ...(can.ask && { R: () => setWishing(true) }),
      ...(can.handOver && { O: onHandOver }),
      ...(hand && { H: lower }),
    },
    keys && !asking.busy,
  );
  if (!can.incident) return null;
  return (
    <div>
      <div class="buttons" role="group" aria-label="Actions">
        <KeyButton keyName="A" kind="" disabled={!can.admit || asking.busy} onPress={tell("admit")}>
          Admit
        </KeyButton>
        <KeyButton keyName="I" onPress={onIncident}>
          Incident
        </KeyButton>
        <KeyButton keyName="P" disabled={!(can.pause || can.resume) || asking.busy} onPress={pause}>
          {can.resume ? "Resume" : "Pause"}
        </KeyButton>
        <KeyButton keyName="T" disabled={!can.extra} onPress={() => setGiving(true)}>
          More time
        </KeyButton>
        <KeyButton keyName="E" disabled={!can.end} onPress={ask("end")}>
          End
        </KeyButton>
        <KeyButton keyName="S" kind="danger" disabled={!can.stop} onPress={ask("stop")}>
          Stop
        </KeyButton>
        <KeyButton keyName="R" disabled={!can.ask} onPress={() => setWishing(true)}>
          Ask for…
        </KeyButton>
        <KeyButton keyName="O" disabled={!can.handOver} onPress={onHandOver}>
          Hand over
        </KeyButton>
        {hand && (
          <KeyButton keyName="H" disabled={asking.busy} onPress={lower}>
            Lower hand
          </KeyButton>
        )}
        {can.refuse && (
          <button type="button" class="link-button refuse" onClick={ask("refuse")}>
            Refuse this learner
          </button>
        )}
      </div>
      <Refusal error={asking.error} />
      {wishing && <AskDialog room={room} state={state} onClose={() => setWishing(false)} />}
      {giving && <MoreTime room={room} onClose={() => setGiving(false)} />}
      {question && (
        <Ask
          room={room}
          question={question}
          onClose={() => setQuestion(null)}
          key={question.event}
        />
      )}
    </div>
  );
}

function Ask(props: { room: Room; question: Question; onClose: () => void }) {
  const { room, question, onClose } = props;
  const [reason, setReason] = useState("");
  const asking = useAction();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const body = question.reason ? { reason: reason.trim() } : {};
    if (await asking.run(() => room.request(question.event, body))) onClose();
  };
  return (
    <Dialog title={question.title} onClose={onClose}>
      <p>{question.words}</p>
      <form onSubmit={submit}>
        {question.reason && (
          <div class="field">
            <label for="ask-reason">{question.reason}</label>
            <textarea
              id="ask-reason"
              required
              maxlength={1000}
              rows={3}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </div>
        )}
        <Refusal error={asking.error} />
        <button
          class={`button ${question.danger ? "button--danger" : ""}`}
          disabled={asking.busy || (question.reason !== undefined && !reason.trim())}
        >
          {question.button}
        </button>
        <button type="button" class="button button--quiet" onClick={onClose}>
          Go back
        </button>
      </form>
    </Dialog>
  );
}

function MoreTime({ room, onClose }: { room: Room; onClose: () => void }) {
  const [minutes, setMinutes] = useState(5);
  const asking = useAction();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await asking.run(() => room.request("extra_time", { minutes }))) onClose();
  };
  return (
    <Dialog title="Give more time" onClose={onClose}>
      <p>For time that the learner lost without being at fault. It goes into the record.</p>
      <form onSubmit={submit}>
        <div class="field">
          <label for="extra-minutes">Minutes</label>
          <input
            id="extra-minutes"
            class="w-short"
            type="number"
            required
            min={1}
            max={240}
            value={minutes}
            onInput={(event) => setMinutes(event.currentTarget.valueAsNumber)}
          />
        </div>
        <Refusal error={asking.error} />
        <button class="button" disabled={asking.busy || !(minutes >= 1 && minutes <= 240)}>
          Give the time
        </button>
        <button type="button" class="button button--quiet" onClick={onClose}>
          Go back
        </button>
      </form>
    </Dialog>
  );
}

// The end: a statement that the invigilator can stand behind, and the way to the record.

import { useEffect, useRef, useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import { isOver, type RoomState, type SessionState } from "../lib/protocol";
import { Outstanding } from "./fills";
import { useAction } from "./hooks";
import { lostWords } from "./gaps";
import { Refusal } from "./parts";
import type { Room } from "./room";

type Outcome = "completed" | "stopped" | "refused" | "technical";

const USUAL: Partial<Record<SessionState, Outcome>> = {
  ended: "completed",
  stopped: "stopped",
  refused: "refused",
};

const OUTCOMES: Record<Outcome, string> = {
  completed: "Completed: the assessment was sat to its end",
  stopped: "Stopped: ended early, for the reason given",
  refused: "Refused: the learner was not admitted",
  technical: "Technical: a fault kept it from a fair end",
};

/** A first draft of the statement, from what the record holds; the invigilator edits it. */
function draft(state: RoomState): string {
  const { learner, invigilator, assessment, identity } = state;
  const who = `I, ${invigilator.name ?? "the invigilator"},`;
  const both = identity?.referred?.proposed === identity?.decision;
  const decider = !identity?.by_colleague ? "I" : both ? "A colleague and I" : "A colleague";
  const identified =
    identity?.decision === "confirmed"
      ? `${decider} confirmed their identity from an official photo document shown live.`
      : `${decider} did not confirm their identity.`;
  const invigilated = `${state.taken_over ? "took over from a colleague and " : ""}invigilated`;
  const count = state.incidents?.length ?? 0;
  const noted = count === 0 ? "no incidents" : count === 1 ? "one incident" : `${count} incidents`;
  const reason = state.reason ? ` The reason given was: ${state.reason}` : "";
  switch (state.state) {
    case "refused":
      return `${who} did not admit ${learner.name} to “${assessment.title}”. ${identified}${reason}`;
    case "stopped":
      return (
        `${who} ${invigilated} ${learner.name} in “${assessment.title}” and stopped the session. ` +
        `${identified} ${state.taken_over ? "We" : "I"} noted ${noted}.${reason}`
      );
    default:
      return (
        `${who} ${invigilated} ${learner.name} in “${assessment.title}” to its end. ` +
        `${identified} ${state.taken_over ? "We" : "I"} noted ${noted}.`
      );
  }
}

export function Attest({ room, state }: { room: Room; state: RoomState }) {
  const title = useRef<HTMLHeadingElement>(null);
  const over = isOver(state.state);
  // It stands at the top of its column, which may be out of sight when the session is ended.
  useEffect(() => {
    if (!over) return;
    title.current?.focus({ preventScroll: true });
    title.current?.scrollIntoView({ block: "center" });
  }, [over]);
  if (!over) return null;
  const usual = room.supervising ? undefined : USUAL[state.state];
  return (
    <section class="card attest" aria-labelledby="attest-title">
      <h2 id="attest-title" ref={title} tabIndex={-1}>
        {usual ? "Attest the session" : "Session record"}
      </h2>
      {usual && <Unruled state={state} />}
      {usual && <Outstanding state={state} />}
      {usual && <AttestForm room={room} state={state} usual={usual} />}
      {state.state === "attested" && (
        <p class="notice notice--good">Signed and sealed. The report is on its way.</p>
      )}
      <p>
        <a href={`/staff/records/${encodeURIComponent(state.session)}`}>See the session's record</a>
      </p>
    </section>
  );
}

/** Gaps that nobody has said whose they were: the time in them is not given back. */
function Unruled({ state }: { state: RoomState }) {
  const open = (state.gaps ?? []).filter((gap) => gap.ruling === null);
  if (!open.length) return null;
  const words = open.length === 1 ? "One gap is" : `${open.length} gaps are`;
  return (
    <div class="notice notice--warn small">
      <p>
        {words} not ruled yet. Say below, under “Gaps”, whose they were, before you sign: afterwards
        nothing can be changed.
      </p>
      <ul>
        {open.map((gap) => (
          <li key={gap.id}>
            {clockTime(gap.began)}, {lostWords(gap.lost_s)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function AttestForm(props: { room: Room; state: RoomState; usual: Outcome }) {
  const { room, state, usual } = props;
  const [statement, setStatement] = useState(() => draft(state));
  const [outcome, setOutcome] = useState<Outcome>(usual);
  const asking = useAction();
  const submit = (event: Event): void => {
    event.preventDefault();
    const body = { statement: statement.trim(), outcome };
    void asking.run(() => room.request("attest", body));
  };
  return (
    <form onSubmit={submit}>
      <div class="field">
        <label for="statement">Your statement</label>
        <p class="hint small" id="statement-hint">
          Change it until you can stand behind every word.
        </p>
        <textarea
          id="statement"
          required
          minlength={20}
          maxlength={4000}
          rows={5}
          aria-describedby="statement-hint"
          value={statement}
          onInput={(event) => setStatement(event.currentTarget.value)}
        />
      </div>
      <fieldset>
        <legend>Outcome</legend>
        {([usual, "technical"] as const).map((value) => (
          <div class="choice" key={value}>
            <input
              type="radio"
              name="outcome"
              id={`outcome-${value}`}
              checked={outcome === value}
              onChange={() => setOutcome(value)}
            />
            <label for={`outcome-${value}`}>{OUTCOMES[value]}</label>
          </div>
        ))}
      </fieldset>
      <Refusal error={asking.error} />
      <button class="button button--big" disabled={asking.busy || statement.trim().length < 20}>
        Sign and seal
      </button>
    </form>
  );
}

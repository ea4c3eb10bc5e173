// What a learner can be asked to show, and the judgement of what they showed.

import { useEffect, useRef, useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import type {
  Inspection,
  InspectionKind,
  InspectionResult,
  OpenInspection,
  RoomState,
} from "../lib/protocol";
import { useAction } from "./hooks";
import { Dialog, KeyButton, Refusal, useKeys } from "./parts";
import type { Room } from "./room";

const KINDS: Record<InspectionKind, string> = {
  room_scan: "Show the room",
  identity: "Show the ID again",
};
const RESULTS: Record<InspectionResult, string> = {
  satisfied: "Satisfied",
  not_satisfied: "Not satisfied",
  withdrawn: "Withdrawn",
};

/** Asks for a look around the room, for the ID once more, or for the screen. */
export function AskDialog(props: { room: Room; state: RoomState; onClose: () => void }) {
  const { room, state, onClose } = props;
  const asking = useAction();
  const send = (event: string, body: object) => async (): Promise<void> => {
    if (await asking.run(() => room.request(event, body))) onClose();
  };
  const busy = asking.busy || state.inspection !== null;
  return (
    <Dialog title={`Ask ${state.learner.name} for…`} onClose={onClose}>
      <p>The learner reads what to do on their page. The clock goes on.</p>
      {state.inspection && (
        <p class="small">“{KINDS[state.inspection.kind]}” is open: judge or withdraw it first.</p>
      )}
      <div class="asks">
        {(Object.keys(KINDS) as InspectionKind[]).map((kind) => (
          <button type="button" class="button" disabled={busy} onClick={send("ask", { kind })}>
            {KINDS[kind]}
          </button>
        ))}
        <button
          type="button"
          class="button"
          disabled={asking.busy}
          onClick={send("share_screen", { wanted: !state.screen_wanted })}
        >
          {state.screen_wanted ? "Stop sharing the screen" : "Share the screen"}
        </button>
        <button type="button" class="button button--quiet" onClick={onClose}>
          Go back
        </button>
      </div>
      <Refusal error={asking.error} />
    </Dialog>
  );
}

/** What was asked for and is still open, with the buttons that close it. */
export function OpenInspectionPanel(props: { room: Room; asked: OpenInspection; keys: boolean }) {
  const { room, asked, keys } = props;
  const [note, setNote] = useState("");
  const asking = useAction();
  const judge = (result: InspectionResult) => () => {
    const body = { inspection: asked.id, result, note: note.trim() };
    void asking.run(() => room.request("judge", body));
  };
  // It opens at the top of its column: whoever has scrolled down must see it.
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.closest(".panels")?.scrollTo(0, 0), []);
  useKeys({ Y: judge("satisfied") }, keys && !asking.busy && !room.supervising);
  return (
    <section
      ref={panel}
      class={`card inspection ${asked.done_at ? "done" : ""}`}
      aria-labelledby="asked-title"
    >
      <h2 id="asked-title">{KINDS[asked.kind]}</h2>
      <p>
        Asked at {clockTime(asked.asked_at)}.{" "}
        <strong>
          {asked.done_at
            ? `The learner says at ${clockTime(asked.done_at)} that it is done.`
            : "The learner has not said yet that it is done."}
        </strong>
      </p>
      {!room.supervising && (
        <>
          <div class="field">
            <label for="inspection-note">Note, if any</label>
            <input
              id="inspection-note"
              maxlength={1000}
              autocomplete="off"
              value={note}
              onInput={(event) => setNote(event.currentTarget.value)}
            />
          </div>
          <div class="buttons">
            <KeyButton keyName="Y" kind="" disabled={asking.busy} onPress={judge("satisfied")}>
              Satisfied
            </KeyButton>
            <button
              type="button"
              class="button button--quiet"
              disabled={asking.busy}
              onClick={judge("not_satisfied")}
            >
              Not satisfied
            </button>
            <button
              type="button"
              class="link-button"
              disabled={asking.busy}
              onClick={judge("withdrawn")}
            >
              Withdraw
            </button>
          </div>
          <Refusal error={asking.error} />
        </>
      )}
    </section>
  );
}

/** What was asked for before, and how it was judged. */
export function Inspections({ inspections }: { inspections: Inspection[] }) {
  const judged = inspections.filter((each) => each.result !== null);
  if (!judged.length) return null;
  return (
    <section class="card later" aria-labelledby="inspections-title">
      <h2 id="inspections-title">Asked for</h2>
      <ol class="entries">
        {judged.map(({ id, kind, asked_at, result, note }) => (
          <li key={id}>
            <strong>
              {clockTime(asked_at)} {KINDS[kind]}
            </strong>{" "}
            <span class={`tag ${result === "not_satisfied" ? "tag--bad" : "tag--quiet"}`}>
              {result && RESULTS[result]}
            </span>
            {note && <p>{note}</p>}
          </li>
        ))}
      </ol>
    </section>
  );
}

// Re-checks: the learner's face again, beside the one that was confirmed.

import { useEffect, useRef, useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import type { Identity, Recheck, RecheckResult } from "../lib/protocol";
import { useAction } from "./hooks";
import { KeyButton, Refusal, useKeys } from "./parts";
import { Beside, evidenceAt, Large, Larger, Picture } from "./pictures";
import type { Room } from "./room";

const CAUSES: Record<Recheck["cause"], string> = {
  random: "taken at a random moment",
  gap: "taken after a gap",
  asked: "taken because you asked",
};
const RESULTS: Record<RecheckResult, string> = {
  same: "The same person",
  not_same: "Not the same",
  unclear: "Unclear",
};

/** The oldest that waits for an answer. */
export function RecheckPanel(props: {
  room: Room;
  recheck: Recheck;
  more: number;
  identity: Identity;
  keys: boolean;
}) {
  const { room, recheck, more, identity, keys } = props;
  const [doubting, setDoubting] = useState(false);
  const [large, setLarge] = useState(false);
  const asking = useAction();
  const judge = (result: RecheckResult, note = "") => {
    const body = { recheck: recheck.id, result, note };
    return asking.run(() => room.request("judge_recheck", body));
  };
  // Cut out alike only where both were; else both as they were taken.
  const alike = identity.aligned && recheck.aligned;
  const before = alike ? identity.aligned : identity.face;
  const now = alike ? recheck.aligned : recheck.evidence;
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.closest(".panels")?.scrollTo(0, 0), []);
  useKeys(
    {
      Y: () => void judge("same"),
      B: () => setDoubting(true),
      U: () => void judge("unclear"),
      Z: () => setLarge(true),
    },
    keys && !asking.busy && !doubting && !room.supervising,
  );
  const key = (name: string): string => (keys ? name : "");
  return (
    <section ref={panel} class="card question" aria-labelledby="recheck-title">
      <div class="identity-head">
        <h2 id="recheck-title">
          Still the same person? {more > 0 && <span class="tag tag--quiet">{more} more</span>}
        </h2>
        <Larger words="Large" onLarge={() => setLarge(true)} />
      </div>
      <div class={`side-by-side ${alike ? "alike" : ""}`}>
        <Picture id={before} name="At the check" alt="Face at the check" />
        <Picture
          id={now}
          name={clockTime(recheck.taken_at)}
          alt={`Face at ${clockTime(recheck.taken_at)}`}
        />
      </div>
      <p class="small soft">
        {clockTime(recheck.taken_at)}, {CAUSES[recheck.cause]}.
      </p>
      {!room.supervising &&
        (doubting ? (
          <Doubt
            onNote={(note) => judge("not_same", note)}
            busy={asking.busy}
            onBack={() => setDoubting(false)}
          />
        ) : (
          <div class="buttons">
            <KeyButton
              keyName={key("Y")}
              kind=""
              disabled={asking.busy}
              onPress={() => void judge("same")}
            >
              Same
            </KeyButton>
            <KeyButton keyName={key("B")} disabled={asking.busy} onPress={() => setDoubting(true)}>
              Not the same…
            </KeyButton>
            <KeyButton
              keyName={key("U")}
              disabled={asking.busy}
              onPress={() => void judge("unclear")}
            >
              Unclear
            </KeyButton>
          </div>
        ))}
      <Refusal error={asking.error} />
      {large && (
        <Large title="Still the same person?" onClose={() => setLarge(false)}>
          <Beside
            left={[before, "Face at the check"]}
            right={[now, `Face at ${clockTime(recheck.taken_at)}`]}
          />
        </Large>
      )}
    </section>
  );
}

/** It becomes an incident: a slip of a key must not. */
function Doubt(props: { onNote: (note: string) => void; busy: boolean; onBack: () => void }) {
  const [note, setNote] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        props.onNote(note.trim());
      }}
    >
      <div class="field">
        <label for="recheck-note">Not the same person: what do you see?</label>
        <input
          id="recheck-note"
          ref={field}
          maxlength={1000}
          autocomplete="off"
          value={note}
          onInput={(event) => setNote(event.currentTarget.value)}
        />
        <p class="hint small">It is noted as an incident, too. You decide what follows.</p>
      </div>
      <div class="buttons">
        <button class="button" disabled={props.busy}>
          Note it <kbd>Enter</kbd>
        </button>
        <button type="button" class="button button--quiet" onClick={props.onBack}>
          Go back
        </button>
      </div>
    </form>
  );
}

/** Those that were judged, in one line each. */
export function Rechecks({ rechecks }: { rechecks: Recheck[] }) {
  const judged = rechecks.filter(({ result }) => result !== null);
  if (!judged.length) return null;
  return (
    <ul class="entries small judged" aria-label="Faces taken again">
      {judged.map(({ id, taken_at, cause, result, note, evidence }) => (
        <li key={id}>
          <a href={evidenceAt(evidence)} target="_blank" rel="noopener">
            {clockTime(taken_at)}
          </a>
          , {CAUSES[cause]}{" "}
          <span class={`tag ${result === "not_same" ? "tag--bad" : "tag--quiet"}`}>
            {result && RESULTS[result]}
          </span>
          {note && <p>{note}</p>}
        </li>
      ))}
    </ul>
  );
}

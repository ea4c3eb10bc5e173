// Times in which nothing came from the learner, and whose they are.

import { useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import type { Gap, Ruling } from "../lib/protocol";
import { FillOf } from "./fills";
import { useAction } from "./hooks";
import { Refusal } from "./parts";
import type { Room } from "./room";

const RULINGS: Record<Ruling, string> = {
  technical: "Technical, time given back",
  learner: "The learner's",
};

/** "2 min 10 s"; the assessment time in a gap. */
export function lostWords(seconds: number | null): string {
  if (seconds === null) return "still open";
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export function Gaps({ room, gaps }: { room: Room; gaps: Gap[] }) {
  if (!gaps.length) return null;
  const waiting = gaps.some(
    ({ ruling, ended, fill }) =>
      (ruling === null && ended !== null) || ["complete", "partial"].includes(fill.state),
  );
  return (
    <section class={`card ${waiting ? "" : "later"}`} aria-labelledby="gaps-title">
      <h2 id="gaps-title">Gaps</h2>
      <ol class="entries gaps">
        {gaps.map((gap) => (
          <li key={gap.id}>
            <OneGap room={room} gap={gap} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function OneGap({ room, gap }: { room: Room; gap: Gap }) {
  const [again, setAgain] = useState(false);
  const [note, setNote] = useState(gap.note);
  const asking = useAction();
  const rule = (ruling: Ruling) => async (): Promise<void> => {
    const body = { gap: gap.id, ruling, note: note.trim() };
    if (await asking.run(() => room.request("rule_gap", body))) setAgain(false);
  };
  const lost = lostWords(gap.lost_s);
  const final = room.supervising || ["attested", "closed"].includes(room.state?.state ?? "");
  const asked = gap.ended !== null && !final && (gap.ruling === null || again);
  return (
    <>
      <strong>
        {clockTime(gap.began)}
        {gap.ended ? ` to ${clockTime(gap.ended)}, ${lost} lost` : ", still open"}
      </strong>{" "}
      {gap.ruling && <span class="tag tag--quiet">{RULINGS[gap.ruling]}</span>}
      {gap.note && !asked && <p>{gap.note}</p>}
      {asked && (
        <div class="buttons" role="group" aria-label={`Whose gap at ${clockTime(gap.began)}`}>
          <button type="button" class="button" disabled={asking.busy} onClick={rule("technical")}>
            Technical: give back {lost}
          </button>
          <button
            type="button"
            class="button button--quiet"
            disabled={asking.busy}
            onClick={rule("learner")}
          >
            The learner's: give nothing back
          </button>
          <details class="gap-note" open={gap.note !== ""}>
            <summary class="small">Add a note</summary>
            <label for={`note-${gap.id}`} class="small">
              Note, if any
            </label>
            <input
              id={`note-${gap.id}`}
              maxlength={1000}
              autocomplete="off"
              value={note}
              onInput={(event) => setNote(event.currentTarget.value)}
            />
          </details>
        </div>
      )}
      {gap.ruling && !final && !again && (
        <p>
          <button type="button" class="link-button small" onClick={() => setAgain(true)}>
            Change<span class="visually-hidden"> the gap at {clockTime(gap.began)}</span>
          </button>
        </p>
      )}
      <Refusal error={asking.error} />
      <FillOf room={room} gap={gap} />
    </>
  );
}

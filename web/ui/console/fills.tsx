// What the learner's own device kept of a gap: how far it has come, played, judged.

import { useEffect, useRef, useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import type { Fill, FillState, Gap, RoomState } from "../lib/protocol";
import { useAction } from "./hooks";
import { Refusal } from "./parts";
import type { Room } from "./room";

const TAGS: Record<FillState, [string, string]> = {
  none: ["", ""],
  promised: ["On the learner's device", "warn"],
  arriving: ["Arriving", "warn"],
  complete: ["Waits to be judged", "warn"],
  partial: ["A part came", "warn"],
  accepted: ["Accepted", "good"],
  refused: ["Not accepted", "bad"],
};
const JUDGED = ["accepted", "refused"];
const JUDGEABLE = ["complete", "partial", ...JUDGED];

/** "14:03:21" in the zone of this device. */
function exact(iso: string): string {
  return new Date(iso).toLocaleTimeString("en-GB");
}

function seconds(from: string, to: string): number {
  return Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
}

/** "40 s", "4 min", "3 h". */
function length(whole: number): string {
  if (whole < 120) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

function pieces(count: number): string {
  return count === 1 ? "1 piece" : `${count} pieces`;
}

/** What came of it, in one or two sentences. */
function words({ began, ended }: Gap, fill: Fill): string {
  const whole = ended ? ` of ${seconds(began, ended)}` : "";
  const span = `${fill.promised_s}${whole} s of this gap`;
  const left = fill.chunks - fill.here;
  if (["promised", "arriving"].includes(fill.state)) {
    return `The learner's device says that it recorded ${span}. ${pieces(left)} to come.`;
  }
  const came = left
    ? `The learner's device said that it recorded ${span}. ${fill.covers_s} s of it came in time`
    : `The learner's device recorded ${span}. It arrived`;
  const late = fill.arrived && ended ? ` ${length(seconds(ended, fill.arrived))} later` : "";
  const fits = fill.told ? `, and fits the chain that was told at ${exact(fill.told)}` : "";
  return `${came}${late}${fits}.`;
}

/** A page that has its link again tells its chain at once; later than this it is said. */
const SOON_S = 120;

/** What the chain proves, and what it does not. */
function proof({ ended }: Gap, fill: Fill): string {
  const before = fill.before
    ? `Before the gap the device last told its chain at ${exact(fill.before)}.`
    : "Before the gap the device had not told the chain of all of it.";
  const since = fill.told ? ` Since ${exact(fill.told)} nothing can have been changed in it.` : "";
  const late = ended && fill.told ? seconds(ended, fill.told) : 0;
  const told = late > SOON_S ? ` The chain was told ${length(late)} after the link was back.` : "";
  return `${before}${told}${since} Whether it shows what happened, you judge.`;
}

export function FillOf({ room, gap }: { room: Room; gap: Gap }) {
  const { fill } = gap;
  const [again, setAgain] = useState(false);
  if (fill.state === "none") return null;
  const [tag, tone] = TAGS[fill.state];
  const judged = JUDGED.includes(fill.state);
  const may = JUDGEABLE.includes(fill.state) && !room.supervising;
  return (
    <div class="fill">
      <p>
        <span class={`tag tag--${tone}`}>{tag}</span> {words(gap, fill)}
      </p>
      {fill.here < fill.chunks && fill.state !== "partial" && (
        <progress
          max={fill.total}
          value={fill.have}
          aria-label={`Arrived of the gap at ${clockTime(gap.began)}`}
        />
      )}
      {fill.note && <p>{fill.note}</p>}
      {fill.evidence.length > 0 && <Player ids={fill.evidence} at={clockTime(gap.began)} />}
      {may && (!judged || again) && <Judge room={room} gap={gap} done={() => setAgain(false)} />}
      {may && judged && !again && (
        <button type="button" class="link-button small" onClick={() => setAgain(true)}>
          Judge it anew
          <span class="visually-hidden"> (the gap at {clockTime(gap.began)})</span>
        </button>
      )}
    </div>
  );
}

/** Plays the pieces one after another. Each look is noted in the record. */
function Player({ ids, at }: { ids: string[]; at: string }) {
  const [now, setNow] = useState<number | null>(null);
  const video = useRef<HTMLVideoElement>(null);
  const id = now === null ? undefined : ids[now];
  useEffect(() => {
    // Where a page may not play by itself, the player's own button does.
    void video.current?.play().catch(() => undefined);
  }, [id]);
  if (now === null || id === undefined) {
    return (
      <button type="button" class="button button--quiet" onClick={() => setNow(0)}>
        {now === null ? "Play" : "Play again"} ({pieces(ids.length)})
        <span class="visually-hidden"> of the gap at {at}</span>
      </button>
    );
  }
  return (
    <figure>
      <video
        ref={video}
        controls
        src={`/staff/evidence/${encodeURIComponent(id)}`}
        onEnded={() => setNow(now + 1)}
        aria-label={`The learner's device in the gap at ${at}`}
      />
      <figcaption class="small">
        Piece {now + 1} of {ids.length}
        {now + 1 < ids.length && (
          <button type="button" class="link-button" onClick={() => setNow(now + 1)}>
            Next
          </button>
        )}
      </figcaption>
    </figure>
  );
}

function Judge({ room, gap, done }: { room: Room; gap: Gap; done: () => void }) {
  const [note, setNote] = useState("");
  const asking = useAction();
  const judge = (accepted: boolean) => async (): Promise<void> => {
    const body = { gap: gap.id, accepted, note: note.trim() };
    if (await asking.run(() => room.request("judge_fill", body))) done();
  };
  return (
    <>
      <details class="gap-note">
        <summary class="small">What this proves</summary>
        <p class="small">{proof(gap, gap.fill)}</p>
      </details>
      <label for={`fill-note-${gap.id}`} class="small">
        Why (needed if you do not accept it)
      </label>
      <input
        id={`fill-note-${gap.id}`}
        maxlength={1000}
        autocomplete="off"
        value={note}
        onInput={(event) => setNote(event.currentTarget.value)}
      />
      <div
        class="buttons"
        role="group"
        aria-label={`Recording of the gap at ${clockTime(gap.began)}`}
      >
        <button
          type="button"
          class="button"
          disabled={asking.busy || !gap.fill.here}
          onClick={judge(true)}
        >
          Accept
        </button>
        <button
          type="button"
          class="button button--quiet"
          disabled={asking.busy || !note.trim()}
          onClick={judge(false)}
        >
          Do not accept
        </button>
      </div>
      <Refusal error={asking.error} />
    </>
  );
}

/** What has not come yet, or waits to be judged, when somebody is about to sign. */
export function Outstanding({ state }: { state: RoomState }) {
  const gaps = state.gaps ?? [];
  const coming = gaps.filter((gap) => ["promised", "arriving"].includes(gap.fill.state));
  const waiting = gaps.filter((gap) => ["complete", "partial"].includes(gap.fill.state));
  if (!coming.length && !waiting.length) return null;
  return (
    <div class="notice notice--warn small">
      {coming.map(({ id, began, fill }) => (
        <p key={id}>
          {pieces(fill.chunks - fill.here)} of the gap at {clockTime(began)}{" "}
          {fill.chunks - fill.here === 1 ? "is" : "are"} still on the learner's device.
        </p>
      ))}
      {waiting.map(({ id, began }) => (
        <p key={id}>What the device kept of the gap at {clockTime(began)} is not judged yet.</p>
      ))}
      <p>
        You may sign now. What comes or is judged later is added to the record, not to your
        statement.
      </p>
    </div>
  );
}

// What recordings lack: a disk damaged them before they were finished, or they were never made.
// The same as the command's recordings/verify/damage.py.

import { NotVerified } from "./bytes";
import { instant, lengthOf } from "./chain";
import type { Item } from "./evidence";
import { canonical, exactly, isMembers, listAt, membersAt, textAt, wholeAt } from "./json";
import type { Json, Members } from "./json";
import { shown } from "./keys";
import type { SessionRecord } from "./record";

/** Lost bytes, and from when to when something is missing, in ms of the recording's time. */
export interface Hole {
  bytes: number;
  since_ms: number | null;
  until_ms: number | null;
}

/** What each recording lacks, by the id of its evidence; null: all of it is lost. */
export type Damage = Map<string, Hole[] | null>;

const FINISHED = "recording_finished";
const LOST = "recording_lost";
const DAMAGED = ["evidence", "kind", "started", "lost", "holes"];
const HOLE = ["bytes", "since_ms", "until_ms"];
const WHAT = "what is told of a damaged recording";
/** So many recordings, and stretches of one, are named in a sentence. */
const MOST = 5;
const MOST_SPANS = 3;

/** What the recordings lack. Throws NotVerified where attestation and events differ. */
export function damage(record: SessionRecord, claims: Members, attested: Item[]): Damage {
  const bodies = record.events.map(({ said }) => said);
  if ("damaged" in claims) {
    const before = ofEvents(bodies.slice(0, lengthOf(record, claims)));
    if (text(ofClaims(listAt(claims, "damaged"), attested)) !== text(before)) {
      throw new NotVerified("the attestation and the events differ in what recordings lack");
    }
  }
  return ofEvents(bodies);
}

/** As a clause: "4096 bytes of ev_3 (0:04 to 0:07); all of ev_9". */
export function told(found: Damage): string {
  const words = [...found].map(([id, holes]) => wordsOf(shown(id), holes));
  const more = words.length - MOST;
  return [...words.slice(0, MOST), ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

/** Whether a signed event says that a part of a recording is missing. */
export function hasHoles(event: Members): boolean {
  const data = isMembers(event["data"]) ? event["data"] : {};
  return event["kind"] === FINISHED && "holes" in data;
}

function ofEvents(bodies: readonly Members[]): Damage {
  const found: Damage = new Map();
  for (const body of bodies) {
    if (body["kind"] === FINISHED) {
      const data = membersAt(body, "data");
      if ("holes" in data) found.set(textAt(data, "evidence"), holesOf(data));
    } else if (body["kind"] === LOST) {
      found.set(textAt(membersAt(body, "data"), "evidence"), null);
    }
  }
  return found;
}

function ofClaims(listed: Json[], attested: Item[]): Damage {
  const kinds = new Map(attested.map((item) => [item.id, item.kind]));
  const found: Damage = new Map();
  for (const one of listed) {
    if (!isMembers(one)) throw new NotVerified(`${WHAT} is not an object`);
    exactly(one, DAMAGED, WHAT);
    const [id, kind, lost] = [textAt(one, "evidence"), textAt(one, "kind"), textAt(one, "lost")];
    const holes = holesOf(one);
    if (instant(one["started"]) === null) {
      throw new NotVerified("a time is not spelt as it should be");
    }
    // Of one that is lost nothing is listed.
    const all = lost === "all" && !kinds.has(id) && holes.length === 0;
    const part = lost === "part" && kinds.get(id) === kind && holes.length > 0;
    if (!(all || part) || found.has(id)) throw new NotVerified(`${WHAT} contradicts itself`);
    found.set(id, all ? null : holes);
  }
  return found;
}

function holesOf(of: Members): Hole[] {
  return listAt(of, "holes").map((one) => {
    if (!isMembers(one)) throw new NotVerified(`${WHAT} is not an object`);
    exactly(one, HOLE, WHAT);
    const [since_ms, until_ms] = [timeOf(one, "since_ms"), timeOf(one, "until_ms")];
    return { bytes: wholeAt(one, "bytes"), since_ms, until_ms };
  });
}

function timeOf(hole: Members, name: string): number | null {
  return hole[name] === null ? null : wholeAt(hole, name);
}

/** One text for what is the same, in whichever order it is told. */
function text(found: Damage): string {
  const all = [...found].map(([id, holes]) => canonical([id, holes as Json]));
  return all.sort().join("\n");
}

function wordsOf(id: string, holes: Hole[] | null): string {
  if (holes === null) return `all of ${id}`;
  const spans = holes.flatMap((hole) =>
    hole.since_ms === null ? [] : [span(hole.since_ms, hole.until_ms)],
  );
  const more = spans.length > MOST_SPANS ? ["and more"] : [];
  const when = [...spans.slice(0, MOST_SPANS), ...more].join(", ");
  const lacks = `${holes.reduce((sum, hole) => sum + hole.bytes, 0)} bytes of ${id}`;
  return when ? `${lacks} (${when})` : lacks;
}

function span(since: number, until: number | null): string {
  // Until the full second behind it.
  return `${clock(since)} to ${until === null ? "its end" : clock(until + 999)}`;
}

/** A time of a player: "4:06" or "1:00:05". */
function clock(ms: number): string {
  const all = Math.floor(ms / 1000);
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

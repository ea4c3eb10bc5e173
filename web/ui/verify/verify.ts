// The eleven steps in a row: the same as the command `invigilation verify` takes.

import { anchors } from "./anchors";
import { NotVerified, textOf } from "./bytes";
import {
  attested,
  attestedIn,
  attestedInUse,
  chain,
  head,
  oneSession,
  signatures,
  times,
} from "./chain";
import { evidence, type Piece } from "./evidence";
import type { Members } from "./json";
import type { Keys } from "./keys";
import { openings, type Texts } from "./openings";
import { readRecord, type Event } from "./record";
import { report } from "./report";
import { take, type Step } from "./step";

/** What came out. `claims` and what follows are there only as far as they hold. */
export interface Verdict {
  steps: Step[];
  /** Whether there were steps and none of them failed. */
  ok: boolean;
  /** Whether it was an attestation alone, of which nothing else can be checked. */
  bare: boolean;
  claims: Members | null;
  /** Null where a text does not fit its seal. */
  texts: Texts | null;
  /** What happened, if every event is signed and the chain unbroken. */
  events: readonly Event[];
  pieces: Piece[];
  report: Blob | null;
}

/** The beginning of a file tells what it is. */
const BEGINNING = 64;
const LARGEST_ATTESTATION = 64 * 1024 * 1024;

/** Checks a bundle, a record or a bare attestation. Never throws. */
export async function verify(file: Blob, keys: Keys, now: number): Promise<Verdict> {
  const begins = new Uint8Array(await file.slice(0, BEGINNING).arrayBuffer());
  const bare = !/^[ \t\n\v\f\r]*(?:\{|PK)/.test(String.fromCharCode(...begins));
  return bare ? verifyAttestation(file, keys) : verifyRecord(file, keys, now);
}

/** Every step that can be taken is taken. */
async function verifyRecord(file: Blob, keys: Keys, now: number): Promise<Verdict> {
  const steps: Step[] = [];
  const record = await take(steps, 1, () => readRecord(file));
  if (!record) return outcome(steps, {});
  const found = await take(steps, 2, () => attestedIn(record, keys));
  const claims = found?.claims ?? null;
  const there = (): Members => {
    if (!claims) throw new NotVerified("there is no attestation to hold it against");
    return claims;
  };
  await take(steps, 3, () => oneSession(record, there()));
  const signed = await take(steps, 4, () => signatures(record, keys));
  const unbroken = await take(steps, 5, () => chain(record.events));
  await take(steps, 6, () => times(record, found, keys));
  const length = await take(steps, 7, () => head(record, there()));
  const pieces = await take(steps, 8, () => evidence(record, there()));
  const texts = await take(steps, 9, () => openings(record, claims));
  const paper = await take(steps, 10, () => report(record, length));
  await take(steps, 11, () => anchors(record, there(), now));
  return outcome(steps, {
    claims,
    texts,
    events: signed && unbroken ? record.events : [],
    pieces: pieces ?? [],
    report: paper,
  });
}

async function verifyAttestation(file: Blob, keys: Keys): Promise<Verdict> {
  const steps: Step[] = [];
  const found = await take(steps, 2, async () => attested(await bareText(file), keys));
  if (found) await take(steps, 6, () => attestedInUse(found, keys));
  return outcome(steps, { claims: found?.claims ?? null, texts: new Map(), bare: true });
}

/** The text of an attestation alone; white space around it is no part of it. */
async function bareText(file: Blob): Promise<string> {
  if (file.size > LARGEST_ATTESTATION) throw new NotVerified("it is not a compact JWS");
  const text = textOf(new Uint8Array(await file.arrayBuffer()));
  let [from, to] = [0, text.length];
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isSpace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13);
}

function outcome(steps: Step[], found: Partial<Verdict>): Verdict {
  const ok = steps.length > 0 && steps.every((step) => step.mark !== "failed");
  const none = { bare: false, claims: null, texts: null, events: [], pieces: [], report: null };
  return { ...none, steps, ok, ...found };
}

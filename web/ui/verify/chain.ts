// Steps 2 to 7: who signed, what follows what, and when.

import { digest, fromBase64url, NotVerified, textOf, utf8 } from "./bytes";
import {
  canonical,
  isMembers,
  membersAt,
  parseJson,
  textAt,
  wholeAt,
  type Json,
  type Members,
} from "./json";
import { openJws } from "./jws";
import {
  check,
  misdated,
  retiredBefore,
  shown,
  TOLERANCE_MS,
  type Keys,
  type TrustedKey,
} from "./keys";
import type { Event, SessionRecord } from "./record";
import type { Found } from "./step";

const FORMAT = /^invigilation-attestation\/[12]$/;
const FIRST_FORMAT = "invigilation-attestation/1";
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d{6})Z$/;
const SHA256 = /^[0-9a-f]{64}$/;
const FIRST_PREVIOUS = "0".repeat(64);
const FIRST = ["v", "session", "seq", "at", "kind", "actor", "data", "prev"];
const SECOND = [...FIRST, "monotonic_ms"];
const BODIES: Record<number, string[]> = { 1: FIRST, 2: SECOND, 3: [...SECOND, "sealed"] };
/** How many events are being checked at once. */
const AT_ONCE = 128;

/** What the attestation claims, once it is known who signed it. */
export interface Attested {
  claims: Members;
  key: TrustedKey;
}

/** Step 2. */
export async function attested(jws: string | null, keys: Keys): Promise<Found<Attested>> {
  if (jws === null) throw new NotVerified("it has not been attested yet");
  const { payload, key } = await openJws(jws, keys);
  const claims = parseJson(textOf(payload));
  const format = isMembers(claims) ? claims["format"] : null;
  if (!isMembers(claims) || typeof format !== "string" || !FORMAT.test(format)) {
    throw new NotVerified("the format of what it signs is not known");
  }
  return { value: { claims, key }, clause: "yes, with a key that you trust" };
}

/** Step 2 of a record: the formats of both go together. */
export async function attestedIn(record: SessionRecord, keys: Keys): Promise<Found<Attested>> {
  const found = await attested(record.attestation, keys);
  if (record.version === 1 && found.value.claims["format"] !== FIRST_FORMAT) {
    throw new NotVerified("an attestation of this format stands in a record of the second one");
  }
  return found;
}

/** Step 6 of an attestation alone. */
export function attestedInUse({ claims, key }: Attested, keys: Keys): Found<true> {
  if (!("attested_at" in claims)) {
    return { value: true, clause: "it does not say when it was signed", mark: "warning" };
  }
  const at = instant(claims["attested_at"]);
  if (at === null) throw new NotVerified("the attestation: a time is not spelt as it should be");
  const wrong = misdated(keys, key.id, at);
  if (wrong) throw new NotVerified(`the attestation: ${wrong}`);
  return { value: true, clause: "yes, by the time that the attestation gives" };
}

/** Step 3. */
export function oneSession(record: SessionRecord, claims: Members): Found<true> {
  if (textAt(claims, "session") !== record.session) {
    throw new NotVerified("the attestation is about another session");
  }
  record.events.forEach(({ said }, i) => {
    if (said["session"] !== record.session) {
      throw new NotVerified(`event ${i + 1} belongs to another session`);
    }
  });
  const what = claims["kind"] === "onboard" ? "the officer's form" : "session";
  return { value: true, clause: `yes, all of it is about ${what} ${shown(record.session)}` };
}

/** Step 4. */
export async function signatures(record: SessionRecord, keys: Keys): Promise<Found<true>> {
  const { events } = record;
  for (let from = 0; from < events.length; from += AT_ONCE) {
    const some = events.slice(from, from + AT_ONCE);
    const results = await Promise.allSettled(some.map((event) => signed(event, keys)));
    const bad = results.findIndex((result) => result.status === "rejected");
    const result = results[bad];
    if (result?.status !== "rejected") continue;
    if (!(result.reason instanceof NotVerified)) throw result.reason;
    throw new NotVerified(`event ${from + bad + 1}: ${result.reason.message}`);
  }
  return { value: true, clause: `yes, ${events.length} signatures hold` };
}

async function signed(event: Event, keys: Keys): Promise<void> {
  await check(keys, event.keyId, fromBase64url(event.signature), utf8(event.body));
}

/** Step 5. */
export async function chain(events: readonly Event[]): Promise<Found<true>> {
  let previous = FIRST_PREVIOUS;
  for (let from = 0; from < events.length; from += AT_ONCE) {
    const some = events.slice(from, from + AT_ONCE);
    const digests = await Promise.all(some.map(({ body }) => digest(utf8(body))));
    some.forEach((event, i) => {
      follows(event, from + i + 1, previous);
      previous = digests[i]!;
    });
  }
  return {
    value: true,
    clause: "yes, each event names the one before it and none is missing between",
  };
}

/** Throws NotVerified unless an event is of this number and names the one before it. */
function follows({ said, body }: Event, number: number, previous: string): void {
  if (!wellFormed(said, body)) throw new NotVerified(`event ${number} is not in canonical form`);
  if (said["seq"] !== number) {
    throw new NotVerified(`event ${number} carries the number ${shown(said["seq"])}`);
  }
  if (said["prev"] !== previous) {
    throw new NotVerified(`event ${number} does not follow the one before it`);
  }
}

function wellFormed(said: Members, text: string): boolean {
  const names = typeof said["v"] === "number" ? BODIES[said["v"]] : undefined;
  if (!names || names.length !== Object.keys(said).length) return false;
  if (!names.every((name) => name in said)) return false;
  const { seq, at, monotonic_ms: ticks = 0, sealed = {}, data } = said;
  return (
    Number.isSafeInteger(seq) &&
    Number.isSafeInteger(ticks) &&
    typeof at === "string" &&
    INSTANT.test(at) &&
    ["session", "kind", "actor", "prev"].every((name) => typeof said[name] === "string") &&
    isMembers(data) &&
    isMembers(sealed) &&
    Object.values(sealed).every((seal) => typeof seal === "string" && SHA256.test(seal)) &&
    canonicalText(said) === text
  );
}

function canonicalText(value: Json): string | null {
  try {
    return canonical(value);
  } catch {
    return null;
  }
}

/** Step 6: a clock that was set back is shown, not condemned, but a key out of its time is. */
export function times(record: SessionRecord, found: Attested | null, keys: Keys): Found<true> {
  let latest = -Infinity;
  let newest = -Infinity;
  let warning: string | null = null;
  for (const [i, event] of record.events.entries()) {
    const at = instant(event.said["at"]);
    if (at === null) throw new NotVerified(`event ${i + 1} has no time`);
    const wrong = misdated(keys, event.keyId, at) ?? retiredBefore(keys, event.keyId, newest);
    if (wrong) throw new NotVerified(`event ${i + 1}: ${wrong}`);
    newest = Math.max(newest, keys.get(event.keyId)?.from ?? -Infinity);
    if (latest - at > TOLERANCE_MS) {
      const minutes = Math.floor((latest - at) / 60_000);
      warning ??= `by ${minutes} minutes before event ${i + 1}`;
    }
    latest = Math.max(latest, at);
  }
  if (found) attestedInTime(record, found, keys);
  if (warning) {
    const clause = `not quite, the clock ran backwards ${warning}; the order is proved by the chain`;
    return { value: true, clause, mark: "warning" };
  }
  return { value: true, clause: "yes, to within 5 minutes" };
}

function attestedInTime(record: SessionRecord, found: Attested, keys: Keys): void {
  const last = lastAttested(record, found.claims);
  const said = "attested_at" in found.claims ? attestedAt(record, found.claims) : last;
  if (said === null) return; // the next step names what is missing
  const before = record.events.slice(0, lengthOf(record, found.claims));
  const newest = before.map(({ keyId }) => keys.get(keyId)?.from ?? -Infinity);
  const latest = newest.reduce((one, other) => Math.max(one, other), -Infinity);
  const wrong = misdated(keys, found.key.id, said) ?? retiredBefore(keys, found.key.id, latest);
  if (wrong) throw new NotVerified(`the attestation: ${wrong}`);
  if (last !== null && Math.abs(said - last) > TOLERANCE_MS) {
    throw new NotVerified("the attestation gives another time than the event that it rests on");
  }
}

/** When it was attested, in milliseconds since 1970: as it says, or by its last event. */
export function attestedAt(record: SessionRecord, claims: Members): number {
  if ("attested_at" in claims) {
    const own = instant(claims["attested_at"]);
    if (own === null) throw new NotVerified("a time is not spelt as it should be");
    return own;
  }
  const last = lastAttested(record, claims);
  if (last === null) {
    throw new NotVerified("the event that was attested as the last is not here");
  }
  return last;
}

function lastAttested(record: SessionRecord, claims: Members): number | null {
  const length = lengthOf(record, claims);
  return length ? instant(record.events[length - 1]!.said["at"]) : null;
}

/** How many events were attested; 0 if that is not known, or not all are here. */
export function lengthOf(record: SessionRecord, claims: Members): number {
  const length = isMembers(claims["chain"]) ? claims["chain"]["length"] : undefined;
  const known = Number.isSafeInteger(length) && (length as number) <= record.events.length;
  return known ? Math.max(length as number, 0) : 0;
}

/** Step 7; how many events were attested. */
export async function head(record: SessionRecord, claims: Members): Promise<Found<number>> {
  const chain = membersAt(claims, "chain");
  const length = wholeAt(chain, "length");
  const ending = textAt(chain, "head");
  const { events } = record;
  if (length < 1) throw new NotVerified("the attestation covers no events");
  const last = events[length - 1];
  if (!last) {
    throw new NotVerified(`${length} events were attested and ${events.length} are here`);
  }
  if ((await digest(utf8(last.body))) !== ending) {
    throw new NotVerified(`event ${length} is not the one that was attested as the last`);
  }
  const later = new Map<string, number>();
  for (const { said } of events.slice(length)) {
    const kind = shown(said["kind"]);
    later.set(kind, (later.get(kind) ?? 0) + 1);
  }
  const named = [...later].sort().map(([kind, count]) => `${kind} ${count} times`);
  const after = named.length
    ? `; ${events.length - length} signed after the attestation: ${named.join(", ")}`
    : "";
  const rest = "; whether others followed, nothing proves";
  return { value: length, clause: `yes, ${length} events were attested${after}${rest}` };
}

/** Milliseconds since 1970 of a time as records write it; null for what is none. */
export function instant(value: Json | undefined): number | null {
  const parts = typeof value === "string" ? INSTANT.exec(value) : null;
  if (!parts) return null;
  const whole = `${(value as string).slice(0, 19)}.000Z`;
  const seconds = Date.parse(whole);
  // Some engines take the 31st of a short month for the 1st of the next.
  if (Number.isNaN(seconds) || new Date(seconds).toISOString() !== whole) return null;
  return seconds + Number(parts[1]) / 1000;
}

// Step 11: what others have witnessed, so that whoever holds the service's key cannot rewrite the
// past unseen.

import { digest, fromBase64, fromHex, joined, NotVerified, textOf, utf8 } from "./bytes";
import { attestedAt, instant } from "./chain";
import {
  canonical,
  exactly,
  isMembers,
  listAt,
  membersAt,
  parseJson,
  textAt,
  wholeAt,
  type Json,
  type Members,
} from "./json";
import { openJws, RECEIPT_TYPE } from "./jws";
import { onDay, readJwk, shown, TOLERANCE_MS } from "./keys";
import { rootOf } from "./merkle";
import type { SessionRecord } from "./record";
import type { Found } from "./step";
import { openToken } from "./token";

const RECEIPT = ["kind", "backend", "at", "receipt", "key"];
const ACCEPTED = [
  "type",
  "webhook_id",
  "backend",
  "session",
  "head",
  "attestation_sha256",
  "accepted_at",
];
const TIMESTAMP = ["kind", "at", "index", "size", "path", "token"];
const OKP = ["kty", "crv", "x"];
const MOST = 1_000;
const LARGEST = 1_000_000;
const LONGEST_PATH = 20;
const HOUR_MS = 3_600_000;
const TO_COME =
  "the time that the attestation gives has not come yet: a clock is wrong, or it is forged";
/** How long after the attestation others should have seen it at the latest. */
const SOON_MS = 48 * HOUR_MS;

/** Anybody can make one of their own: `warning` says what was not checked. */
interface Witness {
  at: number;
  told: string;
  warning: string;
}

/** Step 11. `now` in milliseconds since 1970. */
export async function anchors(
  record: SessionRecord,
  claims: Members,
  now: number,
): Promise<Found<true>> {
  const attested = attestedAt(record, claims);
  inOrder(record.anchors);
  const early = attested - now > TOLERANCE_MS;
  const witnesses: Witness[] = [];
  for (const one of record.anchors) witnesses.push(await witness(one, record, claims));
  if (!witnesses.length) {
    const clause =
      "nobody has witnessed this record yet: that it was not rewritten since rests on us" +
      (early ? `; ${TO_COME}` : "");
    return { value: true, clause, mark: early || now - attested > SOON_MS ? "warning" : "ok" };
  }
  const warnings = witnesses.map(({ warning }) => warning);
  if (early) warnings.push(TO_COME);
  const first = Math.min(...witnesses.map(({ at }) => at));
  if (first - attested > SOON_MS) {
    const late = Math.floor((first - attested) / HOUR_MS);
    warnings.push(
      `the first of them came ${late} hours after the time that the attestation gives: ` +
        "the record may be dated back",
    );
  }
  if (attested - first > TOLERANCE_MS) {
    warnings.push(
      "one of them came before the time that the attestation gives: a clock was wrong, " +
        "or the record is dated forward",
    );
  }
  const clause = `yes, ${[...witnesses.map(({ told }) => told), ...warnings].join("; ")}`;
  return { value: true, clause, mark: "warning" };
}

/** Holds them to one order, the oldest first, and each to be there once. */
function inOrder(list: readonly Json[]): void {
  if (list.length > MOST) throw new NotVerified("it has more witnesses than any of ours");
  const times = list.flatMap((one) => (isMembers(one) ? [shown(one["at"])] : []));
  const backwards = times.some((at, i) => i > 0 && at < times[i - 1]!);
  if (backwards || new Set(list.map(canonical)).size !== list.length) {
    throw new NotVerified("the witnesses are not in their order, or one is there twice");
  }
}

async function witness(one: Json, record: SessionRecord, claims: Members): Promise<Witness> {
  const kind = isMembers(one) ? one["kind"] : null;
  if (isMembers(one) && kind === "receipt") return receipt(one, record, claims);
  if (isMembers(one) && kind === "timestamp") return timestamp(one, claims);
  throw new NotVerified(`a witness of the kind ${shown(kind)} is not known`);
}

/** What an assessment backend has signed when it took the report. */
async function receipt(one: Members, record: SessionRecord, claims: Members): Promise<Witness> {
  exactly(one, RECEIPT, "a receipt");
  const jwk = membersAt(one, "key");
  exactly(jwk, OKP, "the key of a receipt");
  const key = await readJwk(jwk);
  const keys = new Map([[key.id, key]]);
  let accepted: Json;
  try {
    const { payload } = await openJws(textAt(one, "receipt"), keys, RECEIPT_TYPE);
    accepted = parseJson(textOf(payload));
  } catch (error) {
    if (error instanceof NotVerified) throw new NotVerified(`a receipt: ${error.message}`);
    throw error;
  }
  if (!isMembers(accepted)) throw new NotVerified("a receipt is not an object");
  exactly(accepted, ACCEPTED, "a receipt");
  const expected: Members = {
    type: "report.accepted",
    backend: one["backend"]!,
    session: record.session,
    head: headOf(claims),
    attestation_sha256: await digest(utf8(record.attestation ?? "")),
    accepted_at: one["at"]!,
  };
  for (const [name, value] of Object.entries(expected)) {
    if (typeof value !== "string" || accepted[name] !== value) {
      throw new NotVerified(`a receipt is for something else: its ${name} is not that of this`);
    }
  }
  const at = timeOf(one);
  const who = shown(one["backend"]);
  const warning = `whether the key ${key.id} is that of ${who} was not checked: ask them`;
  return { at, told: `${who} signed for it on ${onDay(at)}`, warning };
}

/** A time stamp (RFC 3161) over the root of a list on which this record stands. */
async function timestamp(one: Members, claims: Members): Promise<Witness> {
  exactly(one, TIMESTAMP, "a time stamp");
  const path = listAt(one, "path");
  const [index, size] = [wholeAt(one, "index"), wholeAt(one, "size")];
  if (path.length > LONGEST_PATH || size > LARGEST) {
    throw new NotVerified("a list is longer than any of ours");
  }
  const steps = path.map((hash) => fromHex(typeof hash === "string" ? hash : "-"));
  const root = await rootOf(fromHex(headOf(claims)), index, size, steps);
  // With its size, that a list's root alone does not bind.
  const count = new DataView(new ArrayBuffer(8));
  count.setBigUint64(0, BigInt(size));
  const over = joined(new Uint8Array(count.buffer), root);
  const stamped = await openToken(fromBase64(textAt(one, "token")), over);
  const at = timeOf(one);
  if (stamped.at !== at) {
    throw new NotVerified("a time stamp is of another time than it is listed under");
  }
  const who = stamped.authority;
  const told = `${who} stamped it on ${onDay(at)}`;
  return { at, told, warning: `whether ${who} is to be trusted was not checked` };
}

function headOf(claims: Members): string {
  return textAt(membersAt(claims, "chain"), "head");
}

function timeOf(members: Members): number {
  const at = instant(members["at"]);
  if (at === null) throw new NotVerified("a time is not spelt as it should be");
  return at;
}

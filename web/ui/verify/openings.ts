// Step 9: names and free texts stand in what is signed as seals; a seal's opening is its key and
// its text. What has been erased or withheld has a seal and no opening.

import { fromHex, hexOf, NotVerified, utf8 } from "./bytes";
import { isMembers, type Json, type Members } from "./json";
import { shown } from "./keys";
import type { SessionRecord } from "./record";
import type { Found } from "./step";

const SEAL = /^[0-9a-f]{64}$/;
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** The texts that fit their seals, by seal. */
export type Texts = ReadonlyMap<string, string>;

/** Step 9. */
export async function openings(
  record: SessionRecord,
  claims: Members | null,
): Promise<Found<Texts>> {
  const seals = new Set<string>();
  for (const { said } of record.events) {
    for (const seal of isMembers(said["sealed"]) ? Object.values(said["sealed"]) : []) {
      if (typeof seal === "string") seals.add(seal);
    }
  }
  collect(claims ?? {}, seals);
  const texts = new Map<string, string>();
  for (const [seal, { key, text }] of record.openings) {
    if (!seals.has(seal)) throw new NotVerified("a text belongs to no seal of this record");
    const hmac = await crypto.subtle.importKey("raw", fromHex(key), HMAC, false, ["sign"]);
    const made = hexOf(new Uint8Array(await crypto.subtle.sign(HMAC, hmac, utf8(text))));
    if (made !== seal) {
      throw new NotVerified(`the text ${shown(text.slice(0, 20))} does not fit its seal`);
    }
    texts.set(seal, text);
  }
  const closed = seals.size - texts.size;
  const told = `yes, ${texts.size} of ${seals.size} texts are shown, and fit`;
  const clause = closed ? `${told}; ${closed} were erased or withheld` : told;
  return { value: texts, clause };
}

/** Collects every `{"sealed": HEX}` in a value. */
function collect(value: Json, seals: Set<string>): void {
  const seal = sealOf(value);
  if (seal !== null) seals.add(seal);
  else if (Array.isArray(value)) value.forEach((item) => collect(item, seals));
  else if (isMembers(value)) Object.values(value).forEach((item) => collect(item, seals));
}

/** The seal that stands in the place of a text, or null. */
export function sealOf(value: Json | undefined): string | null {
  if (!isMembers(value) || Object.keys(value).length !== 1) return null;
  const seal = value["sealed"];
  return typeof seal === "string" && SEAL.test(seal) ? seal : null;
}

// The public keys that somebody trusts, each with the time in which it signed.

import {
  base64url,
  fromBase64,
  fromBase64url,
  hexOf,
  NotVerified,
  sha256,
  textOf,
  utf8,
  type Bytes,
} from "./bytes";
import { isMembers, listAt, parseJson, textAt, type Json, type Members } from "./json";

/** How far two clocks may be apart, in milliseconds. */
export const TOLERANCE_MS = 5 * 60_000;
const PEM = /^-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;
/** The SubjectPublicKeyInfo of Ed25519 (RFC 8410) up to the key itself. */
const SPKI = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ED25519 = { name: "Ed25519" };
/** The points of small order (RFC 7748, 7), without their sign: such a key signs whatever it is. */
const SMALL = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ...["ec", "ed", "ee"].map((first) => `${first}${"ff".repeat(30)}7f`),
]);

/** One public key; `from` and `until` in milliseconds since 1970, open where there is none. */
export interface TrustedKey {
  id: string;
  key: CryptoKey;
  from: number | null;
  until: number | null;
}

export type Keys = ReadonlyMap<string, TrustedKey>;

/** Whether this browser can check Ed25519 signatures at all. */
export async function canVerify(): Promise<boolean> {
  try {
    const raw = new Uint8Array(32);
    raw[0] = 1;
    await crypto.subtle.importKey("raw", raw, ED25519, true, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** Reads a JWKS or PEM file. Throws NotVerified when it holds no Ed25519 key. */
export async function readKeys(bytes: Uint8Array): Promise<Keys> {
  const text = textOf(bytes).trim();
  const pem = PEM.exec(text);
  if (pem) return listed([await trusted(rawOfPem(pem[1]!), {})]);
  const set = parseJson(text);
  if (!isMembers(set)) throw new NotVerified("it is no set of keys");
  // Keys of another kind sign other things (reports as PDF, say): they are nobody's business here.
  const ours = listAt(set, "keys").filter((key) => !isMembers(key) || key["kty"] === "OKP");
  return listed(await Promise.all(ours.map(readJwk)));
}

/** Reads one key of a set (RFC 8037). Throws NotVerified unless it is an Ed25519 key. */
export async function readJwk(item: Json): Promise<TrustedKey> {
  if (!isMembers(item) || item["kty"] !== "OKP" || item["crv"] !== "Ed25519") {
    throw new NotVerified("a key is not an Ed25519 key");
  }
  return trusted(fromBase64url(textAt(item, "x")), item);
}

/** Throws NotVerified unless the key of this id signed exactly these bytes. */
export async function check(
  keys: Keys,
  id: Json | undefined,
  signature: Bytes,
  signed: Bytes,
): Promise<TrustedKey> {
  const key = typeof id === "string" ? keys.get(id) : undefined;
  if (!key) throw unknown(id);
  await checkWith(key.key, signature, signed);
  return key;
}

/** Throws NotVerified unless this key signed exactly these bytes. */
export async function checkWith(key: CryptoKey, signature: Bytes, signed: Bytes): Promise<void> {
  if (!(await crypto.subtle.verify(ED25519, key, signature, signed))) {
    throw new NotVerified("its signature does not hold");
  }
}

/** What is wrong with a signature of this key at this time (in milliseconds), or null. */
export function misdated(keys: Keys, id: string, at: number): string | null {
  const key = keys.get(id);
  if (!key) return unknown(id).message;
  if (key.from !== null && at < key.from - TOLERANCE_MS) {
    return `its key ${shown(id)} did not exist yet on ${onDay(at)}`;
  }
  if (key.until !== null && at > key.until + TOLERANCE_MS) {
    return `its key ${shown(id)} was retired before ${onDay(at)}`;
  }
  return null;
}

/**
 * What is wrong with a signature behind others, or null: a key that was retired when a newer one
 * signed signs no more. `newest` is when the newest of those keys began, in milliseconds.
 */
export function retiredBefore(keys: Keys, id: string, newest: number): string | null {
  const key = keys.get(id);
  if (!key || key.until === null || key.until > newest) return null;
  // Two that began in the same second may both have been in use.
  const older = key.from === null || key.from < newest;
  return older ? `its key ${shown(id)} was retired before what it follows` : null;
}

/** "23 November 2026 at 10:00 UTC". */
export function onDay(at: number): string {
  const day = { timeZone: "UTC", day: "2-digit", month: "long", year: "numeric" } as const;
  const clock = { timeZone: "UTC", hour: "2-digit", minute: "2-digit" } as const;
  const moment = new Date(at);
  const date = moment.toLocaleDateString("en-GB", day);
  return `${date} at ${moment.toLocaleTimeString("en-GB", clock)} UTC`;
}

function unknown(id: Json | undefined): NotVerified {
  return new NotVerified(`its key ${shown(id)} is not among the keys that you trust`);
}

/** A short printable form of something that came with a file. */
export function shown(value: Json | undefined): string {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? null);
  return text.slice(0, 80).replace(/[^ -~]/g, "?");
}

async function trusted(raw: Bytes, jwk: Members): Promise<TrustedKey> {
  const x = base64url(raw);
  const id = base64url(await sha256(utf8(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`)));
  if ("kid" in jwk && jwk["kid"] !== id) {
    throw new NotVerified("a key is published under another name than its thumbprint");
  }
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("raw", raw, ED25519, true, ["verify"]);
  } catch {
    throw new NotVerified("a key is not an Ed25519 key");
  }
  const plain = raw.slice();
  plain[31]! &= 0x7f;
  if (SMALL.has(hexOf(plain))) throw new NotVerified("a key is one by which anything is signed");
  return { id, key, from: seconds(jwk, "nbf"), until: seconds(jwk, "exp") };
}

function seconds(jwk: Members, name: string): number | null {
  if (!(name in jwk)) return null;
  const value = jwk[name];
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new NotVerified(`a key says nothing usable about its ${name}`);
  }
  return value * 1000;
}

function listed(keys: TrustedKey[]): Keys {
  const all = new Map(keys.map((key) => [key.id, key]));
  if (!keys.length) throw new NotVerified("it holds no key");
  if (all.size !== keys.length) throw new NotVerified("a key stands in it twice");
  return all;
}

function rawOfPem(base64: string): Bytes {
  const bytes = fromBase64(base64.replace(/\s/g, ""));
  if (bytes.length !== 44 || !SPKI.every((byte, i) => bytes[i] === byte)) {
    throw new NotVerified("the PEM file holds no Ed25519 key");
  }
  return bytes.slice(SPKI.length);
}

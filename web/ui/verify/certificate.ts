// Certificates (X.509, RFC 5280), as far as a time-stamp's signer needs them.

import { fromHex, hexOf, NotVerified, same, textOf, type Bytes } from "./bytes";
import {
  BITS,
  BOOLEAN,
  children,
  content,
  CONTEXT,
  elements,
  INTEGER,
  make,
  NULL,
  OCTETS,
  oid,
  OID,
  SEQUENCE,
  SET,
  single,
  TIME,
  UTC_TIME,
  type Element,
} from "./der";
import { shown } from "./keys";

export type Hash = "SHA-256" | "SHA-384" | "SHA-512";

const RSA = oid("1.2.840.113549.1.1.1");
const ELLIPTIC = oid("1.2.840.10045.2.1");
const ED25519 = oid("1.3.101.112");
const HASHES: Hash[] = ["SHA-256", "SHA-384", "SHA-512"];
const RSA_WITH = [11, 12, 13].map((last) => oid(`1.2.840.113549.1.1.${last}`));
const ECDSA_WITH = [2, 3, 4].map((last) => oid(`1.2.840.10045.4.3.${last}`));
const CURVES: [Bytes, string, number][] = [
  [oid("1.2.840.10045.3.1.7"), "P-256", 32],
  [oid("1.3.132.0.34"), "P-384", 48],
  [oid("1.3.132.0.35"), "P-521", 66],
];
const COMMON_NAME = oid("2.5.4.3");
const BASIC_CONSTRAINTS = oid("2.5.29.19");
const KEY_USAGE = oid("2.5.29.15");
const EXTENDED_KEY_USAGE = oid("2.5.29.37");
const FOR_TIME_STAMPS = make(SEQUENCE, oid("1.3.6.1.5.5.7.3.8"));
const TRUE = fromHex("0101ff");
const KEY_CERT_SIGN = 0x04;
const LEAST_RSA_BYTES = 256;

/** How a key signs: by which kind of signature, and what that is called in DER. */
export interface Scheme {
  kind: "RSA" | "EC" | "Ed25519";
  curve: [string, number] | null;
}

export interface Certificate {
  raw: Bytes;
  serial: Bytes;
  issuer: Bytes;
  subject: Bytes;
  key: Bytes;
  scheme: Scheme;
  /** Milliseconds since 1970. */
  from: number;
  until: number;
  extensions: Element[][];
  signed: Bytes;
  algorithm: Bytes;
  signature: Bytes;
}

/** Reads a certificate. Throws NotVerified. */
export function readCertificate(raw: Bytes): Certificate {
  const [body, algorithm, bits, ...more] = children(single(raw), SEQUENCE);
  const all = children(body, SEQUENCE);
  const [serial, inner, issuer, validity, subject, key, ...rest] =
    all[0]?.tag === CONTEXT ? all.slice(1) : all;
  const signature = content(bits, BITS);
  if (!inner || !same(inner.raw, algorithm!.raw) || signature[0] !== 0 || more.length || !key) {
    throw new NotVerified("a certificate in it cannot be read");
  }
  const number = content(serial, INTEGER);
  if (!number.length || number[0]! >= 0x80 || number.every((byte) => byte === 0)) {
    throw new NotVerified("a certificate in it has no number");
  }
  const [from, until] = children(validity, SEQUENCE).map(timeOf);
  const extended = rest.find((one) => one.tag === CONTEXT + 3);
  return {
    raw,
    serial: serial!.raw,
    issuer: issuer!.raw,
    subject: subject!.raw,
    key: key.raw,
    scheme: schemeOf(key),
    from: from ?? Infinity,
    until: until ?? -Infinity,
    extensions: extended ? children(single(extended.content), SEQUENCE).map(parts) : [],
    signed: body!.raw,
    algorithm: algorithm!.raw,
    signature: signature.slice(1),
  };
}

/** The AlgorithmIdentifier of signatures by this key over this hash. */
export function algorithmOf({ scheme }: Certificate, hash: Hash): Bytes {
  const at = HASHES.indexOf(hash);
  if (scheme.kind === "RSA") return make(SEQUENCE, RSA_WITH[at]!, make(NULL));
  if (scheme.kind === "EC") return make(SEQUENCE, ECDSA_WITH[at]!);
  return make(SEQUENCE, ED25519);
}

/** Whether the key of a certificate signed these bytes. */
export async function signedBy(
  { key, scheme }: Certificate,
  hash: Hash,
  signature: Bytes,
  signed: Bytes,
): Promise<boolean> {
  try {
    const name = { RSA: "RSASSA-PKCS1-v1_5", EC: "ECDSA", Ed25519: "Ed25519" }[scheme.kind];
    if (scheme.kind === "RSA" && signature.length < LEAST_RSA_BYTES) return false;
    const kind = scheme.curve ? { name, namedCurve: scheme.curve[0] } : { name, hash };
    const imported = await crypto.subtle.importKey("spki", key, kind, false, ["verify"]);
    const raw = scheme.curve ? plainSignature(signature, scheme.curve[1]) : signature;
    return await crypto.subtle.verify({ name, hash }, imported, raw, signed);
  } catch {
    return false;
  }
}

/** Whether the second certificate's key signed the first. */
export async function issued(one: Certificate, by: Certificate): Promise<boolean> {
  const hash = HASHES.find((name) => same(one.algorithm, algorithmOf(by, name)));
  if (!hash || !same(one.issuer, by.subject)) return false;
  return signedBy(by, hash, one.signature, one.signed);
}

/** Whether a certificate may issue others. */
export function mayIssue(one: Certificate): boolean {
  const constraints = extension(one, BASIC_CONSTRAINTS);
  const usage = extension(one, KEY_USAGE);
  if (!constraints) return false;
  const authority = children(single(constraints.value), SEQUENCE)[0];
  if (!authority || !same(authority.raw, TRUE)) return false;
  return !usage || ((content(single(usage.value), BITS)[1] ?? 0) & KEY_CERT_SIGN) !== 0;
}

/** Whether it is made for time-stamps and for nothing else (RFC 3161, 2.3). */
export function forTimeStamps(one: Certificate): boolean {
  const usage = extension(one, EXTENDED_KEY_USAGE);
  return usage !== null && usage.critical && same(usage.value, FOR_TIME_STAMPS);
}

/** Whose it is, in a word, printable: anybody made it. */
export function nameOf(one: Certificate): string {
  for (const set of children(single(one.subject), SEQUENCE)) {
    for (const pair of children(set, SET)) {
      const [kind, value] = children(pair, SEQUENCE);
      if (kind && value && same(kind.raw, COMMON_NAME)) return shown(textOf(value.content));
    }
  }
  return "an authority without a name";
}

function extension(one: Certificate, kind: Bytes): { critical: boolean; value: Bytes } | null {
  const found = one.extensions.find(([name]) => name && same(name.raw, kind));
  if (!found) return null;
  const critical = found[1]?.tag === BOOLEAN && same(found[1].raw, TRUE);
  return { critical, value: content(found.at(-1), OCTETS) };
}

function parts(one: Element): Element[] {
  return children(one, SEQUENCE);
}

function schemeOf(key: Element): Scheme {
  const [kind, parameter] = children(children(key, SEQUENCE)[0], SEQUENCE);
  const name = kind?.tag === OID ? kind.raw : new Uint8Array();
  if (same(name, RSA)) return { kind: "RSA", curve: null };
  if (same(name, ED25519)) return { kind: "Ed25519", curve: null };
  const curve = CURVES.find(([curveName]) => parameter && same(parameter.raw, curveName));
  if (same(name, ELLIPTIC) && curve) return { kind: "EC", curve: [curve[1], curve[2]] };
  throw new NotVerified("the key of its signer is of a kind that is not taken");
}

/** The two numbers of an ECDSA signature side by side (IEEE P1363), as WebCrypto wants them. */
function plainSignature(der: Bytes, size: number): Bytes {
  const plain = new Uint8Array(2 * size);
  const numbers = children(single(der), SEQUENCE);
  if (numbers.length !== 2) throw new NotVerified("it is no signature");
  numbers.forEach((number, i) => {
    const digits = content(number, INTEGER);
    const padded = digits[0] === 0;
    // One spelling: no sign, and a nought in front only where there would be one.
    if (!digits.length || digits[0]! >= 0x80 || (padded && (digits[1] ?? 0) < 0x80)) {
      throw new NotVerified("it is no signature");
    }
    const bare = padded ? digits.slice(1) : digits;
    plain.set(bare, (i + 1) * size - bare.length);
  });
  return plain;
}

function timeOf(one: Element): number {
  const text = textOf(one.content);
  const digits = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const short = one.tag === UTC_TIME;
  if (!digits || (!short && one.tag !== TIME) || (digits[1]!.length === 2) !== short) {
    throw new NotVerified("a certificate in it cannot be read");
  }
  const [year, month, day, hour, minute, second] = digits.slice(1).map(Number) as number[];
  // Two digits stand for the years from 1950 (RFC 5280, 4.1.2.5.1).
  const whole = short ? year! + (year! < 50 ? 2000 : 1900) : year!;
  return Date.UTC(whole, month! - 1, day, hour, minute, second);
}

/** The certificates of a token, as they stand in it. */
export function readCertificates(bytes: Bytes): Certificate[] {
  return elements(bytes).map((one) => readCertificate(one.raw));
}

/** By what some bytes are put in the order of a SET OF. */
export function inOrder(one: Bytes, other: Bytes): number {
  return hexOf(one) < hexOf(other) ? -1 : 1;
}

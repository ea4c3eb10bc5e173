// A time-stamp token (RFC 3161 over RFC 5652): who says that something was there, and when.
//
// It is taken in one form only, so that no byte of it can be changed unseen: one signature; what is
// not signed spelt one way; and as certificates the signer's alone, or the whole chain up to one
// that signed itself. Whether that authority deserves trust is not said here.

import { hexOf, joined, NotVerified, same, sha256, textOf, type Bytes } from "./bytes";
import {
  algorithmOf,
  forTimeStamps,
  inOrder,
  issued,
  mayIssue,
  nameOf,
  readCertificates,
  signedBy,
  type Certificate,
  type Hash,
} from "./certificate";
import {
  children,
  content,
  CONTEXT,
  INTEGER,
  make,
  NULL,
  OCTETS,
  oid,
  SEQUENCE,
  SET,
  single,
  TIME,
  type Element,
} from "./der";

const LARGEST = 64 * 1024;
const LONGEST_CHAIN = 6;
const SIGNED_DATA = oid("1.2.840.113549.1.7.2");
const TST_INFO = oid("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE = hexOf(oid("1.2.840.113549.1.9.3"));
const MESSAGE_DIGEST = hexOf(oid("1.2.840.113549.1.9.4"));
const NAMED = hexOf(oid("1.2.840.113549.1.9.16.2.47"));
const NAMED_BEFORE = hexOf(oid("1.2.840.113549.1.9.16.2.12"));
const RSA = oid("1.2.840.113549.1.1.1");
const EMPTY = make(NULL);
const HASHES: [Bytes, Hash][] = [
  [oid("2.16.840.1.101.3.4.2.1"), "SHA-256"],
  [oid("2.16.840.1.101.3.4.2.2"), "SHA-384"],
  [oid("2.16.840.1.101.3.4.2.3"), "SHA-512"],
];
const GENERALIZED = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?Z$/;

/** When a token was made, in milliseconds since 1970, and by whom, as they call themselves. */
export interface Stamped {
  at: number;
  authority: string;
}

/** The parts of a token that say something. */
interface Token {
  info: Bytes;
  hash: Hash;
  hashName: Bytes;
  /** The signed attributes, as the SET OF whose bytes are signed (RFC 5652, 5.4). */
  attributes: Bytes;
  byKind: ReadonlyMap<string, Bytes>;
  signature: Bytes;
  algorithm: Bytes;
  certificates: Certificate[];
}

/** Opens a token that is over some bytes. Throws NotVerified where it does not hold. */
export async function openToken(token: Bytes, over: Bytes): Promise<Stamped> {
  const parts = read(token);
  if (parts.certificates.length > LONGEST_CHAIN) {
    throw new NotVerified("the token is not in the form in which one is kept");
  }
  const chain = await chainOf(parts);
  const leaf = chain[0]!;
  if (!same(written(parts, chain), token)) {
    throw new NotVerified("the token is not in the form in which one is kept");
  }
  const at = said(parts.info, await sha256(over));
  const digest = new Uint8Array(await crypto.subtle.digest(parts.hash, parts.info));
  if (
    !isKind(parts, CONTENT_TYPE, TST_INFO) ||
    !isKind(parts, MESSAGE_DIGEST, make(OCTETS, digest))
  ) {
    throw new NotVerified("what it says was changed after it was signed");
  }
  const plain = single(algorithmOf(leaf, parts.hash));
  const fits = same(children(plain, SEQUENCE)[0]!.raw, parts.algorithm);
  if (!fits && !(leaf.scheme.kind === "RSA" && same(parts.algorithm, RSA))) {
    throw new NotVerified("its signature is of another kind than its key");
  }
  if (!(await signedBy(leaf, parts.hash, parts.signature, parts.attributes))) {
    throw new NotVerified("the authority's signature does not hold");
  }
  checkCertificates(chain, at);
  return { at, authority: nameOf(leaf) };
}

function read(token: Bytes): Token {
  if (token.length > LARGEST) throw new NotVerified("the token is too large");
  const [kind, wrapped] = some(children(single(token), SEQUENCE), 2);
  const signed = children(single(content(wrapped, CONTEXT)), SEQUENCE);
  if (!same(kind!.raw, SIGNED_DATA) || signed.length < 4) {
    throw new NotVerified("it is no time-stamp token");
  }
  const [inner, octets] = some(children(signed[2], SEQUENCE), 2);
  if (!same(inner!.raw, TST_INFO)) {
    throw new NotVerified("it is signed data, but no time-stamp token");
  }
  const bag = signed.slice(3, -1).find((one) => one.tag === CONTEXT);
  const signer = children(single(content(signed.at(-1), SET)), SEQUENCE);
  if (signer.length < 6) throw new NotVerified("its signer is not named as one");
  const attributes = make(SET, content(signer[3], CONTEXT));
  const [hashName, hash] = hashOf(signer[2]);
  return {
    info: content(single(content(octets, CONTEXT)), OCTETS),
    hash,
    hashName,
    attributes,
    byKind: attributesOf(attributes),
    signature: content(signer[5], OCTETS),
    algorithm: some(children(signer[4], SEQUENCE))[0]!.raw,
    certificates: bag ? readCertificates(bag.content) : [],
  };
}

/** Writes a token anew: what is signed stays to the byte, all else has one spelling. */
function written(parts: Token, chain: Certificate[]): Bytes {
  const leaf = chain[0]!;
  const digest = make(SEQUENCE, parts.hashName);
  const signer = make(
    SEQUENCE,
    make(INTEGER, Uint8Array.of(1)),
    make(SEQUENCE, leaf.issuer, leaf.serial),
    digest,
    joined(Uint8Array.of(CONTEXT), parts.attributes.subarray(1)),
    algorithmOf(leaf, parts.hash),
    make(OCTETS, parts.signature),
  );
  const kept = chain.map((one) => one.raw).sort(inOrder);
  const inner = make(SEQUENCE, TST_INFO, make(CONTEXT, make(OCTETS, parts.info)));
  const signed = make(
    SEQUENCE,
    make(INTEGER, Uint8Array.of(3)),
    make(SET, digest),
    inner,
    make(CONTEXT, ...kept),
    make(SET, signer),
  );
  return make(SEQUENCE, SIGNED_DATA, make(CONTEXT, signed));
}

/** The signer's certificate, with all above it if they lead to one that signed itself. */
async function chainOf(parts: Token): Promise<Certificate[]> {
  const known = parts.certificates;
  const [leaf] = await chosen(known, (one) => isNamed(one, parts));
  if (!leaf) throw new NotVerified("the certificate of its signer is not in the token");
  // The shortest way there is, for authorities let each other sign their roots. Each certificate
  // is looked at once: whoever writes a token may make ways without number.
  let left = known.filter((one) => one !== leaf);
  const ways = [[leaf]];
  for (let way = ways.shift(); way; way = ways.shift()) {
    const top = way.at(-1)!;
    if (await issued(top, top)) return way;
    if (way.length === LONGEST_CHAIN) continue;
    const above = await chosen(left, (one) => issued(top, one));
    left = left.filter((one) => !above.includes(one));
    ways.push(...above.map((one) => [...way!, one]));
  }
  return [leaf];
}

async function chosen(
  all: Certificate[],
  fits: (one: Certificate) => Promise<boolean>,
): Promise<Certificate[]> {
  const found: Certificate[] = [];
  for (const one of all) if (await fits(one)) found.push(one);
  return found;
}

/** The time that the TSTInfo says, if it is about this digest. */
function said(info: Bytes, digest: Bytes): number {
  const fields = children(single(info), SEQUENCE);
  if (fields.length < 5 || !same(fields[0]!.raw, make(INTEGER, Uint8Array.of(1)))) {
    throw new NotVerified("what it says is no time-stamp");
  }
  const [algorithm, hashed] = some(children(fields[2], SEQUENCE), 2);
  if (hashOf(algorithm)[1] !== "SHA-256" || !same(content(hashed, OCTETS), digest)) {
    throw new NotVerified("the time-stamp is about something else");
  }
  const time = GENERALIZED.exec(textOf(content(fields[4], TIME)));
  if (!time) throw new NotVerified("its time is not spelt as it should be");
  const [year, month, day, hour, minute, second] = time.slice(1, 7).map(Number) as number[];
  const whole = Date.UTC(year!, month! - 1, day, hour, minute, second);
  return whole + Number((time[7] ?? "").slice(0, 6).padEnd(6, "0")) / 1000;
}

/** Holds the chain together: made for this, in force at that time, each issued by the next. */
function checkCertificates(chain: Certificate[], at: number): void {
  if (!forTimeStamps(chain[0]!)) {
    throw new NotVerified("the certificate of its signer is not one for time-stamps");
  }
  for (const one of chain) {
    if (at < one.from || at > one.until) {
      throw new NotVerified(`the certificate of ${nameOf(one)} was not in force at that time`);
    }
  }
  if (!chain.slice(1).every(mayIssue)) {
    throw new NotVerified("the certificate of its signer was issued by one that may not issue any");
  }
}

/** The signed attributes by their kind; each must stand there once, with one value. */
function attributesOf(attributes: Bytes): Map<string, Bytes> {
  const found = new Map<string, Bytes>();
  for (const one of children(single(attributes), SET)) {
    const [kind, set] = some(children(one, SEQUENCE), 2);
    const values = children(set, SET);
    const name = hexOf(kind!.raw);
    if (found.has(name) || values.length !== 1) {
      throw new NotVerified("a signed attribute stands in it twice");
    }
    found.set(name, values[0]!.raw);
  }
  return found;
}

function isKind({ byKind }: Token, kind: string, value: Bytes): boolean {
  const found = byKind.get(kind);
  return found !== undefined && same(found, value);
}

/** Whether the signature names this certificate (RFC 5035, RFC 2634). */
async function isNamed(one: Certificate, { byKind }: Token): Promise<boolean> {
  const now = byKind.get(NAMED);
  if (now) {
    const fields = firstNamed(now);
    const plain = fields[0]?.tag === OCTETS;
    const hash = plain ? "SHA-256" : hashOf(fields[0])[1];
    return hashIs(one, hash, fields[plain ? 0 : 1]);
  }
  const before = byKind.get(NAMED_BEFORE);
  if (!before) throw new NotVerified("its signature names no certificate");
  // RFC 2634 knows no other hash; the signature itself is made with a better one.
  return hashIs(one, "SHA-1", firstNamed(before)[0]);
}

async function hashIs(
  one: Certificate,
  hash: string,
  named: Element | undefined,
): Promise<boolean> {
  const digest = new Uint8Array(await crypto.subtle.digest(hash, one.raw));
  return same(content(named, OCTETS), digest);
}

function firstNamed(value: Bytes): Element[] {
  const named = some(children(single(value), SEQUENCE))[0];
  return some(children(some(children(named, SEQUENCE))[0], SEQUENCE));
}

function hashOf(algorithm: Element | undefined): [Bytes, Hash] {
  const [kind, ...parameters] = some(children(algorithm, SEQUENCE));
  const known = HASHES.find(([name]) => same(name, kind!.raw));
  const plain = !parameters.length || (parameters.length === 1 && same(parameters[0]!.raw, EMPTY));
  if (!known || !plain) throw new NotVerified("it uses a hash that is not taken");
  return known;
}

/** The elements, if there are so many, or any at all. */
function some(found: Element[], count?: number): Element[] {
  if (!found.length || (count !== undefined && found.length !== count)) {
    throw new NotVerified("it has other parts than it should");
  }
  return found;
}

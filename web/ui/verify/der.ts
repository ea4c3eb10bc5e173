// As much of DER (ITU-T X.690) as a time-stamp token needs: definite lengths, one spelling only.

import { joined, NotVerified, type Bytes } from "./bytes";

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BITS = 0x03;
export const OCTETS = 0x04;
export const NULL = 0x05;
export const OID = 0x06;
export const UTC_TIME = 0x17;
export const TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;
/** The tag of `[0]`, constructed; `[n]` is `CONTEXT + n`. */
export const CONTEXT = 0xa0;
const LONG = 0x80;
const NO_NUMBER = 0x1f;
const LENGTH_BYTES = 4;

/** One element: its tag, what it holds, and its bytes as a whole. */
export interface Element {
  tag: number;
  content: Bytes;
  raw: Bytes;
}

/** The elements that some bytes are made of, to the last byte. Throws NotVerified. */
export function elements(bytes: Bytes): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const one = element(bytes, at);
    found.push(one);
    at += one.raw.length;
  }
  return found;
}

/** The one element that some bytes are. Throws NotVerified. */
export function single(bytes: Bytes): Element {
  const found = elements(bytes);
  if (found.length !== 1) throw new NotVerified("it is not one element");
  return found[0]!;
}

/** What an element of this tag holds. Throws NotVerified for one of another tag, and for none. */
export function content(one: Element | undefined, tag: number): Bytes {
  if (one?.tag !== tag) {
    throw new NotVerified("an element of it is of another kind than it should be");
  }
  return one.content;
}

/** What an element of this tag is made of. Throws NotVerified. */
export function children(one: Element | undefined, tag: number): Element[] {
  return elements(content(one, tag));
}

/** An element of these parts, in bytes. */
export function make(tag: number, ...parts: Bytes[]): Bytes {
  const inside = joined(...parts);
  const size = inside.length;
  if (size < LONG) return joined(Uint8Array.of(tag, size), inside);
  const length: number[] = [];
  for (let rest = size; rest; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  return joined(Uint8Array.of(tag, LONG | length.length, ...length), inside);
}

/** An OBJECT IDENTIFIER (X.690, 8.19), in bytes. */
export function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const inside = [40 * first + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left; left = Math.floor(left / 128)) {
      digits.unshift(LONG | (left % 128));
    }
    return digits;
  });
  return make(OID, Uint8Array.from(inside));
}

function element(bytes: Bytes, at: number): Element {
  const tag = bytes[at]!;
  let size = bytes[at + 1];
  if (size === undefined || (tag & NO_NUMBER) === NO_NUMBER) throw new NotVerified("it is not DER");
  let start = at + 2;
  if (size >= LONG) {
    const count = size - LONG;
    const length = bytes.subarray(start, start + count);
    start += count;
    size = length.reduce((sum, byte) => sum * 256 + byte, 0);
    // The shortest form, and no indefinite one, whose size would be nought.
    const short = count > 0 && count <= LENGTH_BYTES && length[0] !== 0 && size >= LONG;
    if (!short || length.length !== count) throw new NotVerified("it is not DER");
  }
  const end = start + size;
  if (end > bytes.length) throw new NotVerified("it is cut off");
  return { tag, content: bytes.slice(start, end), raw: bytes.slice(at, end) };
}

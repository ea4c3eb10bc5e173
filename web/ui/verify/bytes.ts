// Bytes and the texts that stand for them; each has one spelling only.

/** What does not hold; its message is a plain clause that ends a step's sentence. */
export class NotVerified extends Error {}

/** Bytes that WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

const ENCODER = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Bytes {
  return ENCODER.encode(text);
}

/** The text of UTF-8 bytes; a byte order mark stays in it. Throws NotVerified for others. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NotVerified("it is not UTF-8 text");
  }
}

/** Bytes as lower-case hex. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** The bytes of lower-case hex. Throws NotVerified for anything else. */
export function fromHex(text: string): Bytes {
  if (text.length % 2 || !/^[0-9a-f]*$/.test(text)) throw new NotVerified("it is not hex");
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** The bytes of a standard base64 text with its padding (RFC 4648, 4); one spelling only. */
export function fromBase64(text: string): Bytes {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new NotVerified("it is not base64");
  }
  if (btoa(binary) !== text) throw new NotVerified("it is not base64");
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** The bytes of base64url without padding (RFC 7515, appendix C); one spelling only. */
export function fromBase64url(text: string): Bytes {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new NotVerified("it is not base64url");
  const padding = "=".repeat((4 - (text.length % 4)) % 4);
  try {
    return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/") + padding);
  } catch {
    throw new NotVerified("it is not base64url");
  }
}

/** Bytes as base64url without padding. */
export function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** One after the other. */
export function joined(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether both hold the same bytes. */
export function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** The SHA-256 of some bytes. */
export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** The SHA-256 of some bytes as hex. */
export async function digest(bytes: Bytes): Promise<string> {
  return hexOf(await sha256(bytes));
}

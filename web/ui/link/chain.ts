// The chain of what a device records: each link names one chunk by its digest, and its head stands
// for all that came before. Who has told a head can no longer change what it stands for.

/** What a link says of its chunk; times are RFC 3339, UTC, on the server's clock. */
export interface Fact {
  n: number;
  from: string;
  to: string;
  sha256: string;
  size: number;
  type: string;
}

export interface Linked extends Fact {
  /** SHA-256, in hexadecimal, of the head before and of this link. */
  head: string;
}

const text = new TextEncoder();

/** SHA-256 in hexadecimal. */
export async function digest(bytes: BufferSource): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The head of a chain that has no link yet. */
export function opening(session: string, recording: string): Promise<string> {
  return digest(text.encode(`invigilation-local/1\n${session}\n${recording}`));
}

/** The link that follows `head`. */
export async function linked(head: string, fact: Fact): Promise<Linked> {
  const { n, from, to, sha256, size, type } = fact;
  // The one JSON text that is hashed: names in their order, nothing between.
  const line = text.encode(JSON.stringify({ from, n, sha256, size, to, type }));
  const before = Uint8Array.from(head.match(/../g) ?? [], (two) => parseInt(two, 16));
  const both = new Uint8Array(before.length + line.length);
  both.set(before);
  both.set(line, before.length);
  return { n, from, to, sha256, size, type, head: await digest(both) };
}

/** A new name for a recording. */
export function newRecording(): string {
  const drawn = crypto.getRandomValues(new Uint8Array(8));
  return `lc_${[...drawn].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** A clock that was set anew, or slept: not a delay on the way. */
const SET_ANEW_MS = 10_000;

/** The server's clock, as this page knows it from what the server has said. */
export class ServerClock {
  private ahead: number | null = null;

  get known(): boolean {
    return this.ahead !== null;
  }

  /** The server said that it is `now`; it was heard at `at`, in milliseconds of `performance`. */
  tell(now: string, at: number): void {
    const ahead = Date.parse(now) - at;
    if (Number.isNaN(ahead)) return;
    // What was long on the way says too early a time: the quickest message is the truest.
    const later = this.ahead === null ? 0 : this.ahead - ahead;
    if (later <= 0 || later > SET_ANEW_MS) this.ahead = ahead;
  }

  /** Milliseconds since 1970 when this page's `performance` says `at`. */
  at(at: number): number {
    return Math.round((this.ahead ?? 0) + at);
  }
}

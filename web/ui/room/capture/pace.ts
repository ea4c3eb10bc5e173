// Sending a picture beside a live stream over a thin link: what to send next, how much of it at once,
// and how long to wait, so that sound and picture go on.

export interface Part {
  sha256: string;
  size: number;
}

export interface Piece {
  part: number;
  from: number;
  to: number;
}

/** The next piece that the server does not have; null when it has all. */
export function nextPiece(
  parts: readonly Part[],
  have: readonly number[],
  most: number,
): Piece | null {
  for (const [part, { size }] of parts.entries()) {
    const from = have[part] ?? 0;
    if (from < size) return { part, from, to: Math.min(size, from + most) };
  }
  return null;
}

/** How much of all is there, 0 to 1. */
export function shareOf(parts: readonly Part[], have: readonly number[]): number {
  const total = parts.reduce((sum, { size }) => sum + size, 0);
  const there = parts.reduce((sum, { size }, i) => sum + Math.min(size, have[i] ?? 0), 0);
  return total ? there / total : 1;
}

/** How gently something is sent. */
export interface Manner {
  /** One piece is to hold the link up for about so long, in milliseconds. */
  hold: number;
  /** Bytes: a smaller piece would be mostly wrapping. */
  least: number;
}

const USUAL: Manner = { hold: 250, least: 4096 };
const LONGEST_WAIT_MS = 4000;
const RETRY_MS = [1000, 2000, 4000, 8000, 15_000];

/** A queue that a picture's own pieces make, in milliseconds. */
const OWN_QUEUE_MS = 300;
const LONGEST_CALM_MS = 2500;

/** How long to wait between two pieces where packets wait so long in a queue: in between, for the
 * voice goes first, but never long, for somebody looks at a bar. On the way of an answer the link
 * was free already. */
export function calm(pace: number, queue: number): number {
  return Math.min(LONGEST_CALM_MS, Math.max(pace / 2, 4 * (queue - OWN_QUEUE_MS)));
}

/** Learns from each answered piece how large the next may be and how long to wait before it. */
export class Pace {
  private size: number;

  /** `most`: what the server takes at once. `way`: how long an answer took, in milliseconds, to
   * something that was next to nothing: the way there and back. */
  constructor(
    private readonly most: number,
    private way: number,
    private readonly manner: Manner = USUAL,
  ) {
    this.size = Math.min(manner.least, most);
  }

  /** Bytes of the next piece. */
  get bytes(): number {
    return this.size;
  }

  /** Notes an answer that came after `took` milliseconds; returns how long to wait now. */
  sent(bytes: number, took: number): number {
    this.way = Math.min(this.way, took);
    const carried = took - this.way;
    const { hold, least } = this.manner;
    const fits = carried > 0 ? (bytes * hold) / carried : Infinity;
    // Half as much at once when it was too much, and twice as much when there is room.
    const wish = fits < this.size ? Math.max(fits, this.size / 2) : Math.min(fits, this.size * 2);
    this.size = Math.round(Math.max(Math.min(least, this.most), Math.min(this.most, wish)));
    // The link stays free for as long as the piece has filled it.
    return Math.min(LONGEST_WAIT_MS, carried);
  }

  /** How long to wait after the so-maniest failure in a row, from 1 on. */
  static retry(failures: number): number {
    return RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? 0;
  }
}

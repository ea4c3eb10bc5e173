// Where to begin before anything was measured: too high would fill the link for seconds, and with
// it the first words that are spoken.

import { MODEST, STEPS, STILLS, stepOf, WIDEST } from "./rungs";

const EXPECTED = "link:expected";
/** A rehearsal, and a session, say something about the link for so long. */
const FRESH_MS = 36 * 3600_000;
/** Files smaller than this come too fast to time. */
const ENOUGH_BYTES = 8000;
/** A link that looks so wide, on top of what a step takes, carries it. */
const CAUTION = 1.15;
const WIDE_KBIT = 1000;
const FAR_MS = 550;

/** What is known of the link when the page begins. Null: nothing. */
export interface Known {
  /** The step that a rehearsal found, or that the last session held. */
  expected: number | null;
  /** How fast the page's own files came, in kilobits a second. */
  kbit: number | null;
  /** How long the page itself let wait for its first byte, in milliseconds. */
  wait: number | null;
  /** The browser's own word for the link: "4g" or less. */
  kind: string | null;
  saving: boolean;
}

/** The step to begin with. */
export function first({ expected, kbit, wait, kind, saving }: Known): number {
  const measured = kbit === null ? null : carried(kbit);
  if (expected !== null) {
    // The link may be worse than when it was tried; it is not believed to be better.
    return Math.max(expected, measured ?? WIDEST);
  }
  if (measured !== null) return measured;
  // So far away is only a satellite.
  if (wait !== null && wait > FAR_MS) return stepOf(kind === "2g" || saving ? "stills" : "small");
  if (saving || kind === "2g" || kind === "slow-2g") return STILLS;
  if (kind === "3g") return stepOf("small");
  return kind === "4g" ? WIDEST : MODEST;
}

function carried(kbit: number): number {
  if (kbit >= WIDE_KBIT) return WIDEST;
  const step = STEPS.findIndex(({ up, down }) => Math.max(up, down) * CAUTION <= kbit);
  return step < 0 || step > STILLS ? STILLS : step;
}

/** True where nothing of this is more than a guess. */
export function guessed({ expected, kbit, wait }: Known): boolean {
  return expected === null && kbit === null && (wait ?? 0) <= FAR_MS;
}

interface Connectivity {
  effectiveType?: string;
  saveData?: boolean;
}

/** Gathers what the browser knows already, without sending a byte. */
export function known(now: number): Known {
  const connection = (navigator as { connection?: Connectivity }).connection;
  const [page] = performance.getEntriesByType("navigation") as PerformanceResourceTiming[];
  const wait = page ? page.responseStart - page.requestStart : null;
  return {
    expected: expected(now),
    wait,
    kbit: pace(performance.getEntriesByType("resource") as PerformanceResourceTiming[], wait),
    kind: connection?.effectiveType ?? null,
    saving: connection?.saveData === true,
  };
}

/** What a browser knows of a file that it has loaded; times in milliseconds. */
type Loaded = Pick<
  PerformanceResourceTiming,
  "transferSize" | "requestStart" | "responseStart" | "responseEnd"
>;

/**
 * How fast files came, in kilobits a second; null when all of them came out of the cache. `wait`:
 * how long the page itself let wait for its first byte.
 *
 * Counted from the request on, less the way there and back: where a packet was lost, all that came
 * behind it is there at once, and between first and last byte the link would look very wide.
 */
export function pace(files: readonly Loaded[], wait: number | null): number | null {
  const sent = files.filter(({ transferSize }) => transferSize > 0);
  const large = sent.filter(({ transferSize }) => transferSize >= ENOUGH_BYTES);
  if (!large.length) return null;
  const waits = sent.map(({ requestStart, responseStart }) => responseStart - requestStart);
  const way = Math.min(wait ?? Infinity, ...waits);
  const rate = (bytes: number, began: number, ended: number): number =>
    (8 * bytes) / Math.max(4, ended - began - way);
  const all = rate(
    sent.reduce((sum, { transferSize }) => sum + transferSize, 0),
    Math.min(...sent.map(({ requestStart }) => requestStart)),
    Math.max(...sent.map(({ responseEnd }) => responseEnd)),
  );
  const each = large.map((one) => rate(one.transferSize, one.requestStart, one.responseEnd));
  return Math.max(all, ...each);
}

function expected(now: number): number | null {
  try {
    const kept = JSON.parse(localStorage.getItem(EXPECTED) ?? "{}") as Record<string, unknown>;
    const { rung, step, at } = kept;
    const when = typeof at === "number" ? at : Date.parse(String(at));
    if (typeof rung !== "string" || !(now - when < FRESH_MS)) return null;
    return typeof step === "number" && STEPS[step]?.rung === rung ? step : stepOf(rung);
  } catch {
    return null;
  }
}

/** Remembers what the link has carried. */
export function expect(step: number, now: number): void {
  try {
    localStorage.setItem(EXPECTED, JSON.stringify({ rung: STEPS[step]?.rung, step, at: now }));
  } catch {
    // Nothing is remembered: the next page begins by what it sees.
  }
}

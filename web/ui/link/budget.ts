// What the person, or their ship, allows for a session, and what they choose to send. Kept on the
// device: whoever pays for each megabyte says so once.

import type { Budget, Rung } from "../lib/protocol";
import { LAST, STEPS, stepOf, WIDEST } from "./rungs";

const BUDGET = "link:budget";
const CHOICE = "link:choice";
const USED = "link:used:";
const FEWEST_KBIT = 8;
const MOST_KBIT = 10_000;
const MOST_MB = 100_000;
/** Estimates are not exact: so much of what is allowed is planned with. */
const CAUTION = 0.92;
/** To go up again, so much more than needed must be there, else it would go to and fro. */
const MARGIN = 1.2;
/** Of what is allowed, so much is for what is sent beside the stream. */
export const BESIDE = 0.1;
const LONGEST_WAIT_MS = 15_000;
/** Where no end is known, a session is taken to last so long yet. */
const LONG_S = 3600;

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A private window: it holds until the page is closed.
  }
}

/** A whole number in its bounds, else null: no limit. */
function within(value: unknown, least: number, most: number): number | null {
  const given = typeof value === "number" && Number.isFinite(value) ? Math.round(value) : 0;
  return given > 0 ? Math.min(most, Math.max(least, given)) : null;
}

export function storedBudget(): Budget {
  const { kbit, mb } = (read(BUDGET) ?? {}) as Record<string, unknown>;
  return { kbit: within(kbit, FEWEST_KBIT, MOST_KBIT), mb: within(mb, 1, MOST_MB) };
}

export function storeBudget(budget: Budget): void {
  keep(BUDGET, budget);
}

/** What the person wants to send at most. */
export function storedChoice(): Rung {
  const choice = read(CHOICE);
  return STEPS[stepOf(String(choice))]?.rung ?? "full";
}

export function storeChoice(rung: Rung): void {
  keep(CHOICE, rung);
}

/** Bytes that earlier loads of this page have used in this session. */
export function storedUse(session: string): number {
  return within(read(USED + session), 0, Number.MAX_SAFE_INTEGER) ?? 0;
}

/** Keeps what was used, and forgets what was kept of other sessions. */
export function storeUse(session: string, bytes: number): void {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(USED) && key !== USED + session) localStorage.removeItem(key);
    }
  } catch {
    return;
  }
  keep(USED + session, Math.round(bytes));
}

/**
 * Kilobits a second that may go out and come in together; null: as many as the link carries.
 * `used` in bytes of this session; `left_s`: how long it goes on, null when nobody knows.
 */
export function allowance(budget: Budget, used: number, left_s: number | null): number | null {
  const rates: number[] = [];
  if (budget.kbit !== null) rates.push(budget.kbit);
  if (budget.mb !== null) {
    const left = Math.max(0, budget.mb * 1_000_000 - used);
    rates.push((8 * left) / 1000 / Math.max(60, left_s ?? LONG_S));
  }
  return rates.length ? Math.min(...rates) : null;
}

/** What may go over the link now, as stored on this device: for what is no step of the ladder. */
export function kbitNow(session: string): number | null {
  return allowance(storedBudget(), storedUse(session), null);
}

/** Told to the window when something was sent beside the stream: so many bytes. */
export const SENT_BESIDE = "link:sent";

/**
 * Counts so many bytes that were sent beside the stream. Returns how long to wait after them, in
 * milliseconds, where only so much is allowed: they get what no step of the ladder plans with.
 */
export function countSent(bytes: number, session: string): number {
  window.dispatchEvent(new CustomEvent(SENT_BESIDE, { detail: bytes }));
  const kbit = kbitNow(session);
  return kbit === null ? 0 : Math.min(LONGEST_WAIT_MS, (8 * bytes) / (kbit * BESIDE));
}

/**
 * The widest step that keeps to `kbit` a second; `from` is the step that holds now. Where not even
 * words fit it is words all the same: nobody is left alone.
 */
export function fitting(kbit: number | null, from: number): number {
  if (kbit === null) return WIDEST;
  const fits = STEPS.findIndex(({ up, down }, step) => {
    const need = (up + down) * (step < from ? MARGIN : 1);
    return need <= kbit * CAUTION;
  });
  return fits < 0 ? LAST : fits;
}

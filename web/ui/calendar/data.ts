// What the server says of the days on show, and sums with the office's wall clock.

import { byId } from "../lib/page";

export interface Booking {
  id: string;
  /** Goes back with a move: the server refuses it when somebody else was faster. */
  sequence: number;
  staff: string;
  staff_name: string;
  /** Wall clock of the office, without a zone: the library knows only the browser's own. */
  start: string;
  end: string;
  learner: string;
  assessment: string;
  state: string;
  /** The state in a word or two. */
  short: string;
  kind: string;
  /** Until when a reserved time is held; empty for others. */
  held: string;
  /** What to expect of the learner's link; null where nothing is known. */
  link: { badge: string; kind: "good" | "warn" | "bad"; words: string } | null;
  movable: boolean;
  href: string;
  times: [place: string, words: string][];
}

interface Span {
  start: string;
  end: string;
}

export interface Shown {
  view: "week" | "day";
  /** The page's address says the same days so. */
  query: string;
  date: string;
  today: string;
  /** Days of the week that are not shown; 0 is Sunday. */
  hidden: (0 | 1 | 2 | 3 | 4 | 5 | 6)[];
  from: string;
  until: string;
  staff: { id: string; title: string }[];
  sittings: Booking[];
  closed: (Span & { why: string })[];
  away: (Span & { staff: string; why: string })[];
  /** When the office is open and somebody is not at work. */
  off: (Span & { staff: string })[];
  days: { date: string; words: string; empty: string; absent: string[] }[];
}

/** Where a booking is to go; no `staff` means whoever is free. */
export interface Target {
  day: string;
  time: string;
  staff: string;
}

export interface Moved {
  booking: Booking;
  sentence: string;
  back: Target;
}

export interface Place {
  time: string;
  staff: string[];
}

/** A refusal of the server, or its silence, in a plain sentence. */
export class Refusal extends Error {}

const NO_ANSWER =
  "The server did not answer, so we do not know what it did. Look again in a moment.";
const SIGNED_OUT = "You are no longer signed in. Load the page again.";
const LIMIT_MS = 10_000;

async function ask<T>(url: string, body?: unknown): Promise<T> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]');
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": token?.content ?? "" };
  const post = { method: "POST", headers, body: JSON.stringify(body) };
  const limit = { signal: AbortSignal.timeout(LIMIT_MS), redirect: "manual" as const };
  const answer = await fetch(url, body === undefined ? limit : { ...post, ...limit }).catch(
    () => undefined,
  );
  if (!answer) throw new Refusal(NO_ANSWER);
  if (answer.type === "opaqueredirect" || [401, 403].includes(answer.status))
    throw new Refusal(SIGNED_OUT);
  const said: unknown = await answer.json().catch(() => undefined);
  if (answer.ok && said) return said as T;
  const refused = said as { error?: { detail?: string } } | undefined;
  throw new Refusal(refused?.error?.detail ?? NO_ANSWER);
}

export const move = (one: Booking, to: Target): Promise<Moved> =>
  ask(`${one.href}/place`, { ...to, sequence: one.sequence, was: one.staff });

export const places = (one: Booking, day: string): Promise<{ places: Place[] }> =>
  ask(`${one.href}/places?day=${day}`);

export const reread = (query: string): Promise<Shown> => ask(`/staff/calendar/data?${query}`);

export const dayOf = (wall: string): string => wall.slice(0, 10);
export const timeOf = (wall: string): string => wall.slice(11, 16);

/** A wall clock later by days and seconds. It is taken for UTC, where every day has 24 hours. */
export function later(wall: string, days: number, seconds: number): string {
  const at = Date.parse(`${wall}Z`) + (days * 86_400 + seconds) * 1000;
  return new Date(at).toISOString().slice(0, 19);
}

/** "Tue 24 Nov 10:00" */
export function spoken(wall: string): string {
  const day = new Date(`${dayOf(wall)}T00:00Z`).toLocaleDateString("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  });
  return `${day.replace(",", "")} ${timeOf(wall)}`;
}

export function line(tag: string, text: string, className = ""): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

/** Lets every button of a dialog that says so close it. */
export function closable(id: string): HTMLDialogElement {
  const dialog = byId<HTMLDialogElement>(id);
  for (const button of dialog.querySelectorAll("[data-close]"))
    button.addEventListener("click", () => dialog.close());
  return dialog;
}

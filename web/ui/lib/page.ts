// Small helpers that both pages share: elements by id, times and texts.

import type { Boot, SessionState } from "./protocol";

/** The element of this id. A page without it is a mistake in its template: throws. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as E;
}

/** What the server wrote into the page. */
export function bootData<B = Boot>(): B {
  return JSON.parse(byId("boot").textContent ?? "{}") as B;
}

/** Sets text only where it differs, so that a screen reader is not told the same thing twice. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** "14:05" in the zone of this device. */
export function clockTime(iso: string): string {
  return new Date(iso).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** "1:28:05" or "28:05". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** Seconds left now, given what the server said and how long ago (milliseconds) it said so. */
export function remaining(clock: { running: boolean; remaining_s: number }, age: number): number {
  return clock.running ? clock.remaining_s - age / 1000 : clock.remaining_s;
}

/** A new identifier for one chat line, so that sending it twice stores it once. */
export function newId(): string {
  return crypto.randomUUID();
}

export const STATE_WORDS: Record<SessionState, string> = {
  scheduled: "Booked",
  checked_in: "Checked in",
  identified: "Identified",
  in_progress: "In progress",
  paused: "Paused",
  refused: "Refused",
  stopped: "Stopped",
  ended: "Ended",
  attested: "Attested",
  closed: "Closed",
};

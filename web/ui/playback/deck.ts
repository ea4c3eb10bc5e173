// One source on its own media element, which follows the player's time.

import { partAt } from "./line";
import type { Lane, Part } from "./line";

/** Seconds off the player's time that are too many; in step again below the second. */
const OFF = 0.2;
const IN_STEP = 0.05;
/** Further off than this, it is sought; less is made good by playing a little faster or slower. */
const FAR = 0.8;
const HURRY = 0.15;

/** `never`: this browser plays no such file, and has not asked for it. */
export type DeckState = "hole" | "waiting" | "ready" | "broken" | "never";

/** What the player leads through time. */
export interface Deck {
  readonly lane: Lane;
  readonly element: HTMLElement;
  readonly part: Part | null;
  /** It has a picture. */
  readonly seen: boolean;
  readonly heard: boolean;
  /** Brings it to this moment; `moving` while the player's time goes on. */
  follow(at: number, speed: number, moving: boolean): DeckState;
  mute(muted: boolean): void;
}

export class MediaDeck implements Deck {
  readonly element: HTMLMediaElement;
  part: Part | null = null;
  private hurrying = false;

  constructor(readonly lane: Lane) {
    const seen = lane.parts.some((part) => part.picture);
    this.element = document.createElement(seen ? "video" : "audio");
    this.element.preload = "auto";
    if (this.element instanceof HTMLVideoElement) this.element.playsInline = true;
  }

  get seen(): boolean {
    return this.element instanceof HTMLVideoElement;
  }

  get heard(): boolean {
    return this.lane.parts.some((part) => part.sound);
  }

  mute(muted: boolean): void {
    this.element.muted = muted;
  }

  follow(at: number, speed: number, moving: boolean): DeckState {
    const part = partAt(this.lane, at);
    const element = this.element;
    if (!part) {
      element.pause();
      this.part = null;
      return "hole";
    }
    if (!element.canPlayType(part.type)) {
      element.pause();
      this.part = part;
      return "never";
    }
    if (part !== this.part) {
      this.part = part;
      const source = `/staff/evidence/${encodeURIComponent(part.id)}`;
      if (element.getAttribute("src") !== source) element.src = source;
    }
    if (element.error) return "broken";
    if (element.readyState < HTMLMediaElement.HAVE_METADATA) return "waiting";
    const wanted = (at - part.start) / 1000;
    if (wanted >= element.duration - IN_STEP) {
      element.pause();
      return "ready";
    }
    this.correct(wanted, speed, moving);
    const waits = element.seeking || element.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    // Where a page may not play, the next press of the button asks again.
    if (moving && element.paused) element.play().catch(() => undefined);
    if (!moving && !element.paused) element.pause();
    return waits ? "waiting" : "ready";
  }

  private correct(wanted: number, speed: number, moving: boolean): void {
    const element = this.element;
    const off = element.currentTime - wanted;
    const tolerated = moving ? FAR * speed : IN_STEP;
    if (Math.abs(off) > tolerated) {
      if (!element.seeking) element.currentTime = wanted;
      this.hurrying = false;
    } else if (Math.abs(off) > OFF / 2) {
      this.hurrying = true;
    } else if (Math.abs(off) < IN_STEP) {
      this.hurrying = false;
    }
    const rate = this.hurrying ? speed * (1 - Math.sign(off) * HURRY) : speed;
    if (element.playbackRate !== rate) element.playbackRate = rate;
  }
}

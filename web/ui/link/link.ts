// What of this page goes over the link: how large the pictures are, how thin the voice, and in
// parts of its own all that a thin link needs besides. The room tells it what happens.

import type { Devices } from "../lib/devices";
import type { Media } from "../lib/media-link";
import type { Boot, RoomState, SessionState } from "../lib/protocol";
import type { RoomLink } from "../lib/room-link";

/** What is sent, as `invigilation/ladder.py` tells it. */
export type Rung = "full" | "small" | "slow" | "stills" | "sound" | "text";
/** How sound and picture travel. */
export type Way = "direct" | "relay" | "socket" | "none";
export type Why = "start" | "link" | "proved" | "budget" | "person";

/** Large and sharp while the identity document is read; light on the link after admission. */
const FOR_READING = { maxBitrate: 900_000, maxFramerate: 10 };
const FOR_WATCHING = { maxBitrate: 400_000, maxFramerate: 15 };
const READING_WIDTH = 1280;
const WATCHING_WIDTH = 640;
const BEFORE: SessionState[] = ["scheduled", "checked_in", "identified"];

/** What the link needs of the page. */
export interface LinkHost {
  room: RoomLink;
  devices: Devices;
  boot: Boot;
  /** Something that the page shows has changed. */
  changed(): void;
}

/** Something that works beside the stream: every method is called as the page is told of it. */
export interface LinkPart {
  state?(state: RoomState): void;
  /** After every change of what is sent, or of how. */
  step?(rung: Rung, way: Way): void;
  joined?(): void;
  /** The session is over: nothing of it is sent any more. */
  hangUp?(): void;
  /** What this part has sent and got so far, in bytes. */
  bytes?(): number;
}

export class Link {
  rung: Rung = "full";
  way: Way = "none";
  /** The page records on the device now. */
  keeps = false;
  private readonly parts: LinkPart[] = [];
  private last: RoomState | null = null;
  /** Until when a picture is being taken, in milliseconds of `performance.now()`. */
  private sharpUntil = 0;

  constructor(readonly host: LinkHost) {}

  /** Adds a part; it is told at once where things stand. */
  add(part: LinkPart): void {
    this.parts.push(part);
    if (this.last) part.state?.(this.last);
    part.step?.(this.rung, this.way);
  }

  state(state: RoomState): void {
    this.last = state;
    this.aim();
    for (const part of this.parts) part.state?.(state);
  }

  media(_media: Media): void {
    this.aim();
  }

  joined(): void {
    for (const part of this.parts) part.joined?.();
  }

  /** A picture is being taken: the camera is sent in full size for so many seconds. */
  sharpen(seconds: number): void {
    this.sharpUntil = performance.now() + seconds * 1000;
    this.aim();
    setTimeout(() => this.aim(), seconds * 1000 + 50);
  }

  hangUp(): void {
    for (const part of this.parts) part.hangUp?.();
  }

  /** Sends a picture fit for what it is needed for; to be called when the camera is another one. */
  aim(): void {
    const { last } = this;
    const { room, devices } = this.host;
    const reading = last?.inspection?.kind === "identity" || performance.now() < this.sharpUntil;
    const width = devices.camera?.getSettings().width ?? WATCHING_WIDTH;
    const sharp = !last || reading || BEFORE.includes(last.state);
    const widest = sharp ? READING_WIDTH : WATCHING_WIDTH;
    const scaleResolutionDownBy = Math.max(1, width / widest);
    room.setEncoding("camera", { ...(sharp ? FOR_READING : FOR_WATCHING), scaleResolutionDownBy });
  }
}

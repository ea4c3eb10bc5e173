// What of this page goes over the link: how large the pictures are, how thin the voice, and in
// parts of its own all that a thin link needs besides. The room tells it what happens.
// What is not needed to be seen and heard is loaded afterwards.

import type { Devices } from "../lib/devices";
import type { Media } from "../lib/media-link";
import type { Boot, RoomState, Rung, SessionState, Way, Why } from "../lib/protocol";
import type { RoomLink } from "../lib/room-link";
import { allowance, fitting, storedBudget, storedChoice } from "./budget";
import type { Climb } from "./climb";
import { first, guessed, known } from "./hint";
import type { Panel } from "./panel";
import { encoding, felt, startBitrate, STEPS, stepOf, WIDEST, type Picture } from "./rungs";

/** While the identity document is read: large and sharp where the link is wide, else large. */
const FOR_READING: Picture = { maxBitrate: 900_000, maxFramerate: 10, width: 1280 };
const FOR_READING_SLOWLY: Picture = { maxBitrate: 320_000, maxFramerate: 5, width: 1280 };
const BEFORE: SessionState[] = ["scheduled", "checked_in", "identified"];
/** As wide as a screen is taken at most. */
const SCREEN_WIDTH = 1280;
const CAMERA_WIDTH = 640;
const AGAIN_MS = 5000;

export type { Rung, Way, Why };

/** What the link needs of the page. */
export interface LinkHost {
  room: RoomLink;
  devices: Devices;
  boot: Boot;
  /** Something that the page shows has changed. */
  changed(): void;
  /** The service has a newer build, and no longer what this page would load. */
  outdated(): void;
}

/** Something that works beside the stream: every method is called as the page is told of it. */
export interface LinkPart {
  state?(state: RoomState): void;
  /** After every change of what is sent, or of how. */
  step?(rung: Rung, way: Way): void;
  joined?(): void;
  /** The connection to the server is gone; it comes back by itself. */
  lost?(): void;
  /** A picture is being taken. */
  sharpen?(): void;
  /** The session is over: nothing of it is sent any more. */
  hangUp?(): void;
  /** Another window of the same person goes on. */
  replaced?(): void;
  /** What this part has sent and got so far, in bytes. */
  bytes?(): number;
}

export class Link {
  /** The step of `STEPS` that holds now. */
  at: number;
  way: Way = "none";
  why: Why = "start";
  /** The page records on the device now. */
  keeps = false;
  /** The session is over, and what the device has recorded is still on its way. */
  owes = false;
  /** Nothing but a guess led to the first step. */
  readonly guessed: boolean;
  /** So much may be sent that a document can be read in the stream itself. */
  wide: boolean;
  private isConnected = false;
  private readonly parts: LinkPart[] = [];
  private climb: Climb | null = null;
  private panel: Panel | null = null;
  private loading = false;
  private joinedOnce = false;
  private isWhole = false;
  private over = false;
  private last: RoomState | null = null;
  private messages = 0;
  /** Until when a picture is being taken, in milliseconds of `performance.now()`. */
  private sharpUntil = 0;
  private set = "";
  /** Pictures that the server asked for before that part of the page was here. */
  private early: string[] = [];
  private take: (wanted: string) => void = (wanted) => this.early.push(wanted);

  constructor(readonly host: LinkHost) {
    const seen = known(Date.now());
    const hint = first(seen);
    this.guessed = guessed(seen);
    const allowed = fitting(allowance(storedBudget(), 0, null), hint);
    this.at = Math.max(hint, allowed, stepOf(storedChoice()));
    this.wide = this.at === WIDEST && storedBudget().kbit === null;
    host.room.live.setStart(startBitrate(this.at));
    host.room.on<{ id: string }>("picture_wanted", ({ id }) => this.take(id));
    void this.load();
    this.aim();
  }

  get rung(): Rung {
    return STEPS[this.at]?.rung ?? "full";
  }

  /** Media are up. */
  get isUp(): boolean {
    return this.isConnected;
  }

  /** Who takes pictures in full size: those that were asked for, and those to come. */
  takes(take: (wanted: string) => void): void {
    this.take = take;
    this.early.splice(0).forEach(take);
  }

  /** Adds a part; it is told at once where things stand. */
  add(part: LinkPart): void {
    this.parts.push(part);
    if (this.last) part.state?.(this.last);
    part.step?.(this.rung, this.way);
  }

  state(state: RoomState): void {
    this.last = state;
    this.messages += JSON.stringify(state).length;
    this.aim();
    for (const part of this.parts) part.state?.(state);
  }

  media(media: Media): void {
    this.isConnected = media === "connected";
    this.aim();
  }

  joined(): void {
    this.joinedOnce = true;
    for (const part of this.parts) part.joined?.();
    if (!this.isWhole) void this.load();
  }

  lost(): void {
    for (const part of this.parts) part.lost?.();
  }

  /** A picture is being taken: the camera is sent in full size for so many seconds. */
  sharpen(seconds: number): void {
    this.sharpUntil = performance.now() + seconds * 1000;
    this.aim();
    for (const part of this.parts) part.sharpen?.();
    setTimeout(() => this.aim(), seconds * 1000 + 50);
  }

  hangUp(): void {
    if (this.over) return;
    this.over = true;
    for (const part of this.parts) part.hangUp?.();
    this.panel?.draw();
  }

  replaced(): void {
    this.over = true;
    for (const part of this.parts) {
      if (part.replaced) part.replaced();
      else part.hangUp?.();
    }
    this.panel?.draw();
  }

  /** How long packets wait in a queue now, in milliseconds; 0 while nobody knows. */
  get queue_ms(): number {
    return this.climb?.figures?.queue_ms ?? 0;
  }

  /** A picture in full size is on its way, beside the stream. */
  get brings(): boolean {
    return this.climb?.brings ?? false;
  }

  /** What the parts and the messages of the room took, in bytes. */
  bytes(): number {
    return this.parts.reduce((sum, part) => sum + (part.bytes?.() ?? 0), this.messages);
  }

  /** Takes another step. */
  go(at: number, why: Why, way: Way): void {
    Object.assign(this, { at, why, way });
    this.host.room.live.setStart(startBitrate(at));
    this.aim();
    for (const part of this.parts) part.step?.(this.rung, way);
    this.panel?.draw();
    this.host.changed();
  }

  /** The link was looked at, as it is once a second. */
  looked(): void {
    this.panel?.draw();
  }

  /** Sends what fits the step; to be called when the camera is another one. */
  aim(): void {
    const { last } = this;
    const { room, devices } = this.host;
    const reading = last?.inspection?.kind === "identity" || performance.now() < this.sharpUntil;
    const sharp = !last || reading || BEFORE.includes(last.state);
    const { screen = null, voice = null } = STEPS[this.at] ?? {};
    const camera = felt(this.at, this.climb?.feel ?? 0);
    const read = this.wide ? FOR_READING : FOR_READING_SLOWLY;
    const picture = sharp && this.at === WIDEST ? read : camera;
    const width = devices.camera?.getSettings().width ?? CAMERA_WIDTH;
    const paid = this.climb?.budget ?? storedBudget();
    // In silence nothing is sent where bytes are paid for; else the voice is a little smoother.
    const dtx = paid.kbit !== null || paid.mb !== null;
    const wanted = {
      camera: encoding(picture, width),
      screen: encoding(screen, SCREEN_WIDTH),
      voice: voice && { ...voice, dtx },
    };
    const set = JSON.stringify(wanted);
    if (set === this.set) return;
    this.set = set;
    room.setEncoding("camera", wanted.camera);
    room.setEncoding("screen", wanted.screen);
    room.live.setVoice(wanted.voice);
  }

  /** What climbs, first; once the page is in the room, what works beside the stream. */
  private async load(): Promise<void> {
    if (this.loading || this.over) return;
    this.loading = true;
    try {
      const { Climb, Panel } = await import("./late");
      this.panel ??= new Panel(this);
      this.panel.draw();
      if (!this.joinedOnce) return;
      if (!this.climb) this.add((this.climb = this.panel.climb = new Climb(this)));
      const { others } = await import("./beside");
      for (const part of others(this)) this.add(part);
      this.isWhole = true;
    } catch {
      // The link has swallowed it: once more. Or it is not there any more.
      if (this.joinedOnce && (await isGone())) this.host.outdated();
      setTimeout(() => void this.load(), AGAIN_MS);
    } finally {
      this.loading = false;
    }
  }
}

/** Says whether the service no longer has the build that this page is of. */
async function isGone(): Promise<boolean> {
  const options: RequestInit = { method: "HEAD", cache: "no-store" };
  return fetch(import.meta.url, options).then(
    ({ status }) => status === 404,
    () => false,
  );
}

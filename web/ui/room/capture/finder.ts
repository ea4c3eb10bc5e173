// The camera's view with an outline to fill: looks at the picture some eight times a second, says one
// thing at a time, and calls for the picture when it is good.

import type { DocumentKind } from "../../lib/protocol";
import { make } from "../make";
import { Guide, Speech, WORDS, widthOf, type Moment } from "./advice";
import { look, LOOK_SIDE, shapeOf } from "./look";
import { boxAround, scaled, type Box, type Corners } from "./picture";
import { drawn, sharpnessOf } from "./shoot";
import { sameSide } from "./turned";

const EVERY_MS = 120;
/** The picture is shown no flatter and no taller than this; the rest is neither looked at nor taken. */
const FLATTEST = 1.78;
const SQUAREST = 1.15;
/** The share of the view's width and height that the outline fills. */
const FILL = { width: 0.94, height: 0.9 };
/** Pixels across a document whose letters are then 11 pixels wide: a card has fewer letters. */
const READABLE = { card: 380, page: 560 };
/** Of the outline's width, at least and at most what is asked for. */
const NEAR = { least: 0.65, most: 0.86 };
/** Kept around the document: its outline may be a little off. */
const MARGIN = 0.12;
const SVG = "http://www.w3.org/2000/svg";
const BY_HAND = "You can also press the button when you can read the document.";

/** What is to be taken: a box of the video, and what is known of it. */
export interface Found {
  box: Box;
  auto: boolean;
  size: number;
  glare: number;
  light: number;
  /** What it looks like, made very small; null where no outline was found. */
  thumbnail: number[] | null;
}

/** The side that was taken before; its thumbnail is null where no outline was found then. */
export interface Before {
  thumbnail: number[] | null;
}

export class Finder {
  readonly element = make("div", "finder");
  private readonly video = make("video");
  private readonly drawing = document.createElementNS(SVG, "svg");
  private readonly frame = document.createElementNS(SVG, "rect");
  private readonly found = document.createElementNS(SVG, "polygon");
  private readonly words = make("p", "finder-words");
  /** Told below the button, which must not move. */
  readonly hint = make("p", "finder-hint small");
  private readonly spoken = make("p", "visually-hidden");
  private guide = new Guide();
  private readonly speech = new Speech();
  private timer = 0;
  private last: Moment | null = null;
  private thumbnail: number[] | null = null;
  /** The document was out of sight since the side before was taken. */
  private away = false;

  constructor(
    private readonly kind: DocumentKind,
    private readonly before: Before | null,
    private readonly take: (found: Found) => void,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.setAttribute("aria-label", "What your camera sees");
    this.drawing.setAttribute("aria-hidden", "true");
    this.drawing.append(this.frame, this.found);
    this.frame.setAttribute("class", "finder-frame");
    this.found.setAttribute("class", "finder-found");
    this.words.setAttribute("aria-hidden", "true");
    this.spoken.setAttribute("role", "status");
    const picture = make("div", "finder-picture");
    picture.append(this.video, this.drawing);
    this.element.append(picture, this.words, this.spoken);
  }

  get camera(): HTMLVideoElement {
    return this.video;
  }

  /** Shows this camera; one's own face is a mirror, a document at the back of a phone is not. */
  show(track: MediaStreamTrack | null, back: boolean): void {
    const now = this.video.srcObject as MediaStream | null;
    if (track && now?.getVideoTracks()[0] === track) return;
    this.video.srcObject = track && new MediaStream([track]);
    this.element.classList.toggle("mirrored", !back);
    if (track) this.video.play().catch(() => undefined);
    this.guide = new Guide();
  }

  start(): void {
    this.stop();
    this.tick();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  /** By the button: what is seen now, good or not. */
  press(): void {
    this.fire(false);
  }

  /** The part of the video that is shown, looked at and taken, in its pixels. */
  private get view(): Box {
    const { videoWidth: width, videoHeight: height } = this.video;
    const shape = Math.min(FLATTEST, Math.max(SQUAREST, width / height));
    const across = Math.min(width, height * shape);
    const down = Math.min(height, width / shape);
    return { x: (width - across) / 2, y: (height - down) / 2, width: across, height: down };
  }

  private tick(): void {
    this.timer = window.setTimeout(() => this.tick(), EVERY_MS);
    if (!this.video.videoWidth || document.hidden) return;
    const now = performance.now();
    const moment = this.see(now);
    this.last = moment;
    const ready = this.guide.see(moment);
    this.draw(moment, now);
    if (ready) this.fire(true);
  }

  private see(at: number): Moment {
    const view = this.view;
    const canvas = drawn(this.video, view, LOOK_SIDE);
    const pen = canvas.getContext("2d");
    const ratio = canvas.height / canvas.width;
    const least = this.least(view, ratio);
    const nothing = {
      at,
      corners: null,
      ratio,
      light: 128,
      glare: 0,
      sharpness: null,
      same: false,
      least,
    };
    if (!pen) return nothing;
    const { outline, light, glare, thumbnail } = look(
      pen.getImageData(0, 0, canvas.width, canvas.height),
      this.kind,
    );
    this.thumbnail = thumbnail;
    this.away ||= !outline;
    if (!outline) return { ...nothing, light };
    const corners = outline.corners.map(({ x, y }) => ({
      x: x / canvas.width,
      y: y / canvas.width,
    })) as unknown as Corners;
    const close = widthOf(corners) >= least;
    const box = close ? this.cut(corners, 0) : null;
    const sharpness = box && sharpnessOf(this.video, box);
    return { ...nothing, corners, light, glare, sharpness, same: this.same() };
  }

  private same(): boolean {
    if (!this.before) return false;
    const { thumbnail } = this.before;
    return thumbnail && this.thumbnail ? sameSide(thumbnail, this.thumbnail) : !this.away;
  }

  /** How wide the document is to be, as a share of the view's width. */
  private least(view: Box, ratio: number): number {
    const card = shapeOf(this.kind).least > 1.2;
    const wanted = (card ? READABLE.card : READABLE.page) / view.width;
    const outline = this.outline(ratio).width;
    return Math.min(NEAR.most * outline, Math.max(NEAR.least * outline, wanted));
  }

  /** The outline to fill, in shares of the view's width. */
  private outline(ratio: number): Box {
    const { least, most } = shapeOf(this.kind);
    const aspect = (least + most) / 2;
    const width = Math.min(FILL.width, FILL.height * ratio * aspect);
    const height = width / aspect;
    return { x: (1 - width) / 2, y: (ratio - height) / 2, width, height };
  }

  /** The box of the video around these corners. */
  private cut(corners: Corners, margin: number): Box {
    const view = this.view;
    const box = scaled(boxAround(corners, margin), view.width);
    return { ...box, x: box.x + view.x, y: box.y + view.y };
  }

  private draw(moment: Moment, now: number): void {
    const { ratio, corners } = moment;
    const picture = this.drawing.parentElement;
    if (picture) picture.style.aspectRatio = String(1 / ratio);
    this.drawing.setAttribute("viewBox", `0 0 1000 ${Math.round(1000 * ratio)}`);
    const { x, y, width, height } = scaled(this.outline(ratio), 1000);
    for (const [name, value] of Object.entries({ x, y, width, height, rx: 18 })) {
      this.frame.setAttribute(name, value.toFixed(0));
    }
    const points = corners?.map(
      (one) => `${(1000 * one.x).toFixed(0)},${(1000 * one.y).toFixed(0)}`,
    );
    this.found.setAttribute("points", points?.join(" ") ?? "");
    const { advice } = this.guide;
    this.element.classList.toggle("good", advice === "good");
    this.element.dataset["advice"] = advice;
    if (this.words.textContent !== WORDS[advice]) this.words.textContent = WORDS[advice];
    const hint = this.guide.byHand(now) ? BY_HAND : "";
    if (this.hint.textContent !== hint) this.hint.textContent = hint;
    const say = this.speech.next(WORDS[advice], now);
    if (say !== null) this.spoken.textContent = say;
  }

  private fire(auto: boolean): void {
    if (!this.video.videoWidth) return;
    const { corners, glare, light } = this.last ?? { corners: null, glare: 0, light: 0 };
    const box = corners ? this.cut(corners, MARGIN) : this.view;
    this.stop();
    const thumbnail = corners ? this.thumbnail : null;
    this.take({ box, auto, size: corners ? widthOf(corners) : 0, glare, light, thumbnail });
  }
}

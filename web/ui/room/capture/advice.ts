// From what is measured to what is said: one instruction at a time, the most helpful first, and none
// that flickers; and the moment in which the picture is taken by itself.

import { boxAround, distance, type Corners } from "./picture";

export type Advice =
  | "dark"
  | "place"
  | "turn"
  | "closer"
  | "away"
  | "straight"
  | "glare"
  | "bright"
  | "still"
  | "blurred"
  | "good";

/** The plain words of each. Short ones: they are spoken. */
export const WORDS: Record<Advice, string> = {
  dark: "More light, please",
  place: "Put it inside the frame",
  turn: "Turn it over",
  closer: "Closer",
  away: "A little further away",
  straight: "Hold it straight",
  glare: "Tilt it to lose the glare",
  bright: "Less light, please",
  still: "Hold still",
  blurred: "Not sharp: move back a bit",
  good: "Good. Hold still",
};

/** What is known of one moment; corners are shares (0 to 1) of the picture's width. */
export interface Moment {
  /** In milliseconds of a clock that never goes back. */
  at: number;
  corners: Corners | null;
  /** Height by width of the picture. */
  ratio: number;
  light: number;
  glare: number;
  /** Null where it was not measured, because something else is wrong. */
  sharpness: number | null;
  /** It is still the side that was taken before. */
  same: boolean;
  /** The least width of the document, as a share of the picture's. */
  least: number;
}

const DARK = 55;
const BRIGHT = 236;
/** Share of the document that shines back as white. */
const GLARE = 0.012;
/** Opposite edges differ by at most this share, and lean by at most this tangent. */
const UNEVEN = 0.2;
const LEANS = 0.16;
/** Corners nearer to the edge of the picture than this share of its width: it may be cut off. */
const EDGE = 0.004;
/** Corners that move further than this share of the picture's width from one look to the next. */
const MOVES = 0.012;
/** Sharpness below this cannot be read; simulated captures: good 18 and more, medium 3 to 40, poor
 * below 7. */
export const SHARP = 8;
/** After so long without a sharp picture this camera may not give a better one: half is taken. */
const PATIENCE_MS = 6000;

/** The most helpful thing to say of a moment, given the one before. */
export function advise(now: Moment, before: Moment | null, sharp = SHARP): Advice {
  const { corners, light, glare } = now;
  if (light < DARK) return "dark";
  if (!corners) return "place";
  if (now.same) return "turn";
  // First straight: what is turned away looks smaller than it is.
  if (askew(corners)) return "straight";
  if (widthOf(corners) < now.least) return "closer";
  const { x, y, width, height } = boxAround(corners);
  const cut = x < EDGE || y < EDGE || x + width > 1 - EDGE || y + height > now.ratio - EDGE;
  if (cut) return "away";
  if (glare > GLARE) return "glare";
  if (light > BRIGHT) return "bright";
  if (!before?.corners || moved(corners, before.corners) > MOVES) return "still";
  if (now.sharpness !== null && now.sharpness < sharp) return "blurred";
  return "good";
}

/** The mean of the two long edges. */
export function widthOf([a, b, c, d]: Corners): number {
  return (distance(a, b) + distance(d, c)) / 2;
}

function askew([a, b, c, d]: Corners): boolean {
  const unlike = (one: number, other: number): boolean =>
    Math.abs(one - other) > UNEVEN * Math.max(one, other);
  const leans = Math.abs(b.y + c.y - a.y - d.y) > LEANS * Math.abs(b.x + c.x - a.x - d.x);
  return leans || unlike(distance(a, b), distance(d, c)) || unlike(distance(a, d), distance(b, c));
}

/** How far the corners have moved, the median of the four: one of them may be a finger. */
export function moved(now: Corners, before: Corners): number {
  const ways = now.map((point, i) => distance(point, before[i]!)).sort((a, b) => a - b);
  return (ways[1]! + ways[2]!) / 2;
}

const HOLD_MS = 1000;
/** An instruction is shown when it has stood this long, and stays at least so long. */
const SETTLE_MS = 250;
const SHOWN_MS = 900;
/** Somebody is told how to go on by hand after this long. */
const BY_HAND_MS = 15_000;

/** Follows one moment after another, from the opening of the camera to the picture. */
export class Guide {
  private before: Moment | null = null;
  private wish: Advice = "place";
  private wishAt = 0;
  private shownAt = -Infinity;
  private started: number | null = null;
  private goodSince: number | null = null;
  private unsharpSince: number | null = null;
  /** What is shown now. */
  advice: Advice = "place";

  /** Takes in one moment; true when the picture is to be taken now. */
  see(now: Moment): boolean {
    this.started ??= now.at;
    const patient = this.unsharpSince === null || now.at - this.unsharpSince < PATIENCE_MS;
    const said = advise(now, this.before, patient ? SHARP : SHARP / 2);
    this.before = now;
    if (said === "blurred") this.unsharpSince ??= now.at;
    else if (said !== "still" && said !== "good") this.unsharpSince = null;
    this.goodSince = said === "good" ? (this.goodSince ?? now.at) : null;
    this.settle(said, now.at);
    return this.goodSince !== null && now.at - this.goodSince >= HOLD_MS;
  }

  /** True when it takes so long that the button is the better way. */
  byHand(at: number): boolean {
    return this.started !== null && at - this.started > BY_HAND_MS;
  }

  /** How far the time of holding still has gone, 0 to 1. */
  held(at: number): number {
    return this.goodSince === null ? 0 : Math.min(1, (at - this.goodSince) / HOLD_MS);
  }

  private settle(said: Advice, at: number): void {
    if (said !== this.wish) {
      this.wish = said;
      this.wishAt = at;
    }
    if (said === this.advice || at - this.wishAt < SETTLE_MS) return;
    if (at - this.shownAt < SHOWN_MS) return;
    this.advice = said;
    this.shownAt = at;
  }
}

const SPOKEN_MS = 2000;

/** What a screen reader is told: the newest words, at most one every two seconds, none twice. */
export class Speech {
  private last = "";
  private at = -Infinity;

  /** Returns what to say now; null: nothing. */
  next(words: string, at: number): string | null {
    if (words === this.last || at - this.at < SPOKEN_MS) return null;
    this.last = words;
    this.at = at;
    return words;
  }
}

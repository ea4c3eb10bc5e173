// Which step of the ladder the link carries. Decides and nothing else: no clock, no browser.
// Down at once when packets queue up, for the voice must stay in time; up only after the link has
// proved itself, and ever more rarely to a step that has failed.

import type { Why } from "../lib/protocol";
import { LAST, SOUND, STEPS, STILLS } from "./rungs";

/** What was seen of the link in one second. A value that nothing new is known of is null. */
export interface Sample {
  /** How much later than on the empty link packets arrive, in milliseconds. */
  queue_ms: number | null;
  /** Of what was sent, 0 to 1000. */
  lost_permille: number | null;
  /** False while nothing at all comes: an outage says nothing about the link's width. */
  heard: boolean;
}

const QUEUE_MS = 300;
const LONG_QUEUE_MS = 1000;
const GOOD_QUEUE_MS = 150;
/** A satellite loses some; more than this is lost at a queue that is full. */
const LOSSY = 180;
const VERY_LOSSY = 350;
const GOOD_LOSS = 120;
/** So many bad samples in a row are believed: a file that is sent makes one, here and there. */
const BAD = 2;
/** So many in a row that are not good, and what was good before counts no more. */
const POOR = 3;
/** After a step down the queue gets this long to drain before the next; longer while it does. */
const DRAIN_MS = 5000;
const LONGEST_DRAIN_MS = 12_000;
/** Good for so long: one step up. */
const PROOF_MS = 18_000;
/** Where nothing was known of the link it is found out faster, until it has failed once. */
const FIRST_PROOF_MS = 6000;
/** A step that fails within this time after it was taken upwards is tried more rarely. */
const TRIAL_MS = 180_000;
/** The first picture of another size is large: what it fills for a moment is let pass. */
const FIRST_PICTURE_MS = 2500;
/** What fails so soon was only tried. */
const TRIED_MS = 20_000;
/** By this its next try is put off. */
const LATER = 3;
const LONGEST_PROOF_MS = 300_000;
/** After an outage the first answers bring old delays. */
const AFTER_OUTAGE_MS = 3000;

export class Ladder {
  why: Why = "start";
  private bad = 0;
  private poor = 0;
  private worst = 0;
  private queue = 0;
  /** Since when all is good. */
  private good: number | null = null;
  private changed: number;
  private ceiling = 0;
  private outage = false;
  private holdUntil = 0;
  /** A step upwards that is still on trial. */
  private trial: { step: number; until: number } | null = null;
  /** How long the link must be good before each step is tried. */
  private readonly proof: number[];
  private failed: boolean;

  /**
   * `step`: where to begin; `now` in milliseconds of any steady clock; `guessed`: nothing but a
   * guess led to this step.
   */
  constructor(
    public step: number,
    now: number,
    guessed = true,
  ) {
    this.changed = now;
    this.failed = !guessed;
    this.proof = STEPS.map(() => this.usual);
  }

  /** The widest step that budget and person allow. Goes down at once; up by proof, as ever. */
  limit(ceiling: number, why: "budget" | "person", now: number): boolean {
    const raised = ceiling < this.ceiling;
    this.ceiling = ceiling;
    if (raised) this.good = null;
    return this.step < ceiling ? this.go(ceiling, why, now) : false;
  }

  /** The way has become another: what failed on the old one says nothing of it. */
  otherWay(): void {
    this.proof.fill(PROOF_MS);
  }

  /** Takes in one second of the link. True: another step from here on. */
  sample(sample: Sample, now: number): boolean {
    if (!sample.heard) {
      this.outage = true;
      this.bad = 0;
      this.good = null;
      return false;
    }
    if (this.outage) {
      this.outage = false;
      this.holdUntil = now + AFTER_OUTAGE_MS;
    }
    if (now < this.holdUntil) return false;
    const fresh = this.why === "proved" && now - this.changed < FIRST_PICTURE_MS;
    const depth = badness(sample);
    const drains = this.drains(sample.queue_ms ?? 0, now);
    if (depth > (fresh ? 1 : 0) && !drains) return this.isBad(depth, now);
    this.bad = 0;
    this.worst = 0;
    this.poor = isGood(sample) ? 0 : this.poor + 1;
    if (this.poor >= POOR) this.good = null;
    return this.poor === 0 && this.isGood(now);
  }

  /** A step down was taken, and what stands in the queue is not of this step. */
  private drains(queue: number, now: number): boolean {
    const falls = queue > 0 && queue < this.queue - 20;
    this.queue = queue || this.queue;
    const since = now - this.changed;
    return this.why === "link" && (since < DRAIN_MS || (falls && since < LONGEST_DRAIN_MS));
  }

  private isBad(depth: number, now: number): boolean {
    this.bad += 1;
    if (this.bad >= BAD) this.good = null;
    this.worst = Math.max(this.worst, depth);
    if (this.bad < BAD || this.step >= LAST) return false;
    // Before a step that was only tried, the one below it has held.
    const tried = this.why === "proved" && now - this.changed < TRIED_MS;
    const wanted = Math.min(this.step + (tried ? 1 : this.worst), LAST);
    // Only a link that does not even carry a voice takes the voice away.
    const lowest = this.step < STILLS ? STILLS : this.step < SOUND ? SOUND : LAST;
    if (lowest === LAST && this.worst < 2) return false;
    this.punish(now);
    return this.go(Math.min(wanted, lowest), "link", now);
  }

  private isGood(now: number): boolean {
    this.good ??= now;
    if (this.trial && now > this.trial.until) {
      // It held: the next time it is trusted as at first.
      this.proof[this.trial.step] = this.usual;
      this.trial = null;
    }
    const next = this.step - 1;
    if (next < this.ceiling) return false;
    if (now - this.good < (this.proof[next] ?? PROOF_MS)) return false;
    this.trial = { step: next, until: now + TRIAL_MS };
    return this.go(next, "proved", now);
  }

  private get usual(): number {
    return this.failed ? PROOF_MS : FIRST_PROOF_MS;
  }

  /** The step that has just failed is tried later, and later each time. */
  private punish(now: number): void {
    if (!this.failed) this.proof.fill(PROOF_MS);
    this.failed = true;
    const { trial, step } = this;
    if (trial && now <= trial.until) {
      this.proof[step] = Math.min(LATER * (this.proof[step] ?? PROOF_MS), LONGEST_PROOF_MS);
    }
    this.trial = null;
  }

  private go(step: number, why: Why, now: number): boolean {
    this.step = step;
    this.why = why;
    this.changed = now;
    this.bad = 0;
    this.poor = 0;
    this.worst = 0;
    this.good = null;
    return true;
  }
}

/** How many steps down this sample asks for. */
function badness({ queue_ms, lost_permille }: Sample): number {
  const queue = queue_ms ?? 0;
  const lost = lost_permille ?? 0;
  if (queue > LONG_QUEUE_MS || lost > VERY_LOSSY) return 2;
  return queue > QUEUE_MS || lost > LOSSY ? 1 : 0;
}

function isGood({ queue_ms, lost_permille }: Sample): boolean {
  return (queue_ms ?? 0) < GOOD_QUEUE_MS && (lost_permille ?? 0) < GOOD_LOSS;
}

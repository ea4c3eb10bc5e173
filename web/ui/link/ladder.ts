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
/** Where packets wait very long, at most this part of what was sent is sent on. */
const FAR_BELOW = 0.45;
/** After a step down the queue gets this long to drain before the next; longer while it does. */
const DRAIN_MS = 5000;
const LONGEST_DRAIN_MS = 12_000;
/** Good for so long: one step up is tried. */
const PROOF_MS = 18_000;
/** Where nothing was known of the link it is found out faster, until it has failed once. */
const FIRST_PROOF_MS = 6000;
/** A larger picture is felt for first: so often by so much more is sent. Browsers grow as slowly. */
const FEEL_MS = 3000;
const FEEL = 0.1;
/** All of the next step is sent for so long before it is taken. */
const FELT_MS = 5000;
/** What is felt for needs less proof before: so much of it comes on the way, but never none. */
const ON_THE_WAY_MS = 10_000;
const LEAST_PROOF_MS = 3000;
/** Packets that wait so long let it grow no further; and so long, twice or more, are too much. */
const CALM_QUEUE_MS = 110;
const FELT_QUEUE_MS = 150;
/** No key frame alone keeps them waiting so long. */
const MUCH_FELT_QUEUE_MS = 450;
/** A step that fails within this time after it was taken upwards is tried more rarely. */
const TRIAL_MS = 180_000;
/** The first picture of another size is large: what it fills for a moment is let pass. */
const FIRST_PICTURE_MS = 2500;
/** What fails so soon was only tried. */
const TRIED_MS = 20_000;
/** By this its next try is put off. */
const LATER = 3;
/** What was only felt for has done no harm. */
const LATER_FELT = 2;
const LONGEST_PROOF_MS = 300_000;
/** After an outage the first answers bring old delays. */
const AFTER_OUTAGE_MS = 3000;
/** A silence so short may be two reports that were lost: it is waited for, and nothing else. */
const OUTAGE_MS = 4000;
/** What held before an outage holds again once all was good for so long. */
const BACK_MS = 4000;
/** A step down so soon before the silence was the outage's beginning. */
const FADING_MS = 8000;

export class Ladder {
  why: Why = "start";
  /** How far what is sent is on its way to the next step up: 0 to 1, before that step is taken. */
  feel = 0;
  private feltAt = 0;
  /** So many samples in a row told that what is felt for is too much. */
  private much = 0;
  private bad = 0;
  private poor = 0;
  private worst = 0;
  private queue = 0;
  /** Since when all is good. */
  private good: number | null = null;
  private changed: number;
  private ceiling = 0;
  private outage = false;
  private silentAt = 0;
  private holdUntil = 0;
  /** The step before this one. */
  private from: number;
  /** The step that held before the last outage, until it is reached again or has failed. */
  private back: number | null = null;
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
    this.from = step;
    this.failed = !guessed;
    this.proof = STEPS.map(() => this.usual);
  }

  /** The widest step that may be taken now. Goes down at once; up by proof, as ever. */
  limit(ceiling: number, why: "budget" | "person" | "picture", now: number): boolean {
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
      this.silent(now);
      return false;
    }
    if (this.outage) return this.returns(now);
    if (now < this.holdUntil) return false;
    // Nothing new is known of this second.
    if (sample.queue_ms === null && sample.lost_permille === null) return false;
    const depth = badness(sample);
    const falls = this.falls(sample.queue_ms ?? 0);
    const much = this.feel > 0 && !falls && feelsTooMuch(sample);
    this.much = much ? this.much + 1 : 0;
    // One alone is a key frame.
    const surely = (sample.queue_ms ?? 0) > MUCH_FELT_QUEUE_MS || depth > 1;
    if (this.much >= BAD || (much && surely)) {
      this.recoil(now, depth > 1 ? 0 : DRAIN_MS);
      if (depth < 2) return false;
    }
    const fresh = this.why === "proved" && now - this.changed < FIRST_PICTURE_MS;
    const drains = (falls && depth < 2) || this.drains(falls, now);
    if (depth > (fresh ? 1 : 0) && !drains) return this.isBad(depth, now);
    this.bad = 0;
    this.worst = 0;
    this.poor = isGood(sample) ? 0 : this.poor + 1;
    if (this.poor >= POOR) {
      this.good = null;
      if (this.feel > 0) this.recoil(now, DRAIN_MS);
    }
    const calm = this.feel === 0 || (sample.queue_ms ?? 0) < CALM_QUEUE_MS;
    return this.poor === 0 && calm && this.isGood(now);
  }

  /** The link is gone: nothing can be learned from silence, and nothing is changed in it. */
  private silent(now: number): void {
    if (!this.outage) {
      const faded = this.why === "link" && now - this.changed < FADING_MS;
      this.back = Math.min(this.back ?? LAST, faded ? this.from : this.step);
      this.silentAt = now;
    }
    this.outage = true;
    this.bad = 0;
    this.good = null;
    this.feel = 0;
  }

  /** The link is there again: one step below the one that held, for a few seconds. */
  private returns(now: number): boolean {
    this.outage = false;
    this.holdUntil = now + AFTER_OUTAGE_MS;
    if (now - this.silentAt < OUTAGE_MS) return false;
    const back = this.back ?? this.step;
    // Moving pictures stay: a still comes later than they do. And single ones take next to nothing.
    const step = Math.max(this.ceiling, back < STILLS - 1 ? back + 1 : back);
    return step === this.step ? false : this.go(step, "link", now);
  }

  /** What was felt for is too much. The step that holds was never left; its queue drains first. */
  private recoil(now: number, drain: number): void {
    this.feel = 0;
    this.good = null;
    this.bad = 0;
    this.back = null;
    this.later(this.step - 1, LATER_FELT);
    this.holdUntil = now + drain;
  }

  /** The queue becomes shorter: what has filled it, like a key frame, is over. */
  private falls(queue: number): boolean {
    const falls = queue > 0 && queue < this.queue - 20;
    this.queue = queue || this.queue;
    return falls;
  }

  /** A step down was taken, and what stands in the queue is not of this step. */
  private drains(falls: boolean, now: number): boolean {
    const since = now - this.changed;
    return this.why === "link" && (since < DRAIN_MS || (falls && since < LONGEST_DRAIN_MS));
  }

  private isBad(depth: number, now: number): boolean {
    this.bad += 1;
    if (this.bad >= BAD) {
      this.good = null;
      this.feel = 0;
    }
    this.worst = Math.max(this.worst, depth);
    if (this.bad < BAD || this.step >= LAST) return false;
    // Before a step that was only tried, the one below it has held.
    const tried = this.why === "proved" && now - this.changed < TRIED_MS;
    const wanted = tried || this.worst < 2 ? this.step + 1 : farBelow(this.step);
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
    if (this.back !== null && next < this.back) this.back = null;
    if (next < this.ceiling) return this.stay();
    const returns = this.back !== null;
    const patience = this.feel >= 1 ? FELT_MS : FEEL_MS;
    const feels = !returns && STEPS[this.step]?.camera !== null;
    let proof = returns ? BACK_MS : (this.proof[next] ?? PROOF_MS);
    if (feels) proof = Math.max(LEAST_PROOF_MS, proof - ON_THE_WAY_MS);
    if (this.feel > 0 ? now - this.feltAt < patience : now - this.good < proof) return false;
    if (feels && this.feel < 1) return this.feelOn(next, now);
    this.trial = { step: next, until: now + TRIAL_MS };
    return this.go(next, "proved", now);
  }

  /** A little more of the next step is sent. The step stays the same. */
  private feelOn(next: number, now: number): false {
    const up = (step: number): number => STEPS[step]?.up ?? 0;
    const wider = Math.max(1, up(next) - up(this.step));
    const sent = up(this.step) + this.feel * wider;
    this.feel = Math.min(1, this.feel + (FEEL * sent) / wider);
    this.feltAt = now;
    return false;
  }

  private stay(): boolean {
    this.feel = 0;
    return false;
  }

  private get usual(): number {
    return this.failed ? PROOF_MS : FIRST_PROOF_MS;
  }

  /** The step that has just failed is tried later, and later each time. */
  private punish(now: number): void {
    const { trial, step } = this;
    if (trial && now <= trial.until) this.later(step, LATER);
    else this.fail();
    this.trial = null;
    this.back = null;
  }

  private later(step: number, times: number): void {
    this.fail();
    this.proof[step] = Math.min(times * (this.proof[step] ?? PROOF_MS), LONGEST_PROOF_MS);
  }

  private fail(): void {
    if (!this.failed) this.proof.fill(PROOF_MS);
    this.failed = true;
  }

  private go(step: number, why: Why, now: number): boolean {
    this.from = this.step;
    this.step = step;
    this.why = why;
    this.feel = 0;
    this.changed = now;
    this.bad = 0;
    this.poor = 0;
    this.worst = 0;
    this.good = null;
    return true;
  }
}

/** Two steps down, and more where that is not much less. */
function farBelow(step: number): number {
  const most = FAR_BELOW * (STEPS[step]?.up ?? 0);
  const below = STEPS.findIndex(({ up }) => up <= most);
  return Math.min(LAST, Math.max(step + 2, below));
}

/** How bad this sample is: 2 asks for much less at once. */
function badness({ queue_ms, lost_permille }: Sample): number {
  const queue = queue_ms ?? 0;
  const lost = lost_permille ?? 0;
  if (queue > LONG_QUEUE_MS || lost > VERY_LOSSY) return 2;
  return queue > QUEUE_MS || lost > LOSSY ? 1 : 0;
}

function feelsTooMuch({ queue_ms, lost_permille }: Sample): boolean {
  return (queue_ms ?? 0) > FELT_QUEUE_MS || (lost_permille ?? 0) > LOSSY;
}

function isGood({ queue_ms, lost_permille }: Sample): boolean {
  return (queue_ms ?? 0) < GOOD_QUEUE_MS && (lost_permille ?? 0) < GOOD_LOSS;
}

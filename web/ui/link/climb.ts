// Climbs the ladder: looks at the link once a second, decides, and tells the server. The budget
// and the person's choice set how high it may go.

import type { Budget, LinkTold, RoomState, Rung, Way, Why } from "../lib/protocol";
import { isOver } from "../lib/protocol";
import {
  allowance,
  fitting,
  SENT_BESIDE,
  storeBudget,
  storeChoice,
  storedBudget,
  storedChoice,
  storedUse,
  storeUse,
} from "./budget";
import { expect } from "./hint";
import { Ladder, type Sample } from "./ladder";
import type { Link, LinkPart } from "./link";
import { Meter, type Figures } from "./meter";
import { besidePicture, LAST, stepOf, STILLS, WIDEST } from "./rungs";

const LOOK_MS = 1000;
/** A page that was held up this long has measured itself, not the link. */
const LATE_MS = 2500;
const TELL_MS = 10_000;
/** The budget in megabytes is looked at so often; in kilobits a second over so long. */
const BUDGET_MS = 10_000;
/** After one of its pieces, a picture in full size is taken to be still on its way for so long. */
const PICTURE_MS = 10_000;
/** Its pieces make packets wait by so much: that says nothing of the stream beside it, and less still
 * of single pictures. */
const PIECES_MS = 300;
const PIECES_STILLS_MS = 500;
/** Media that does not come up within this time, while messages do, goes by the socket. */
const NO_MEDIA_MS = 25_000;
/** What held for so long is remembered for the next time. */
const HELD_MS = 60_000;
/** Time before and after the assessment itself, of which the budget must carry a part, too. */
const AROUND_S = 600;
/** A connection more than so many bytes over its rate goes a step down for a while. */
const OVER = 1.03;
const STRICT_MS = 60_000;
const ASKED_BYTES = 500;
/** A satellite's round trip takes longer: there, a picture is not made large for a moment. */
const WIDE_MS = 250;
/** Nothing is known of the link: media are not up. */
const GONE: Sample = { queue_ms: null, lost_permille: null, heard: false };
/** A round so much shorter than before goes another way: no satellite comes nearer. */
const NEARER = 0.6;

export class Climb implements LinkPart {
  budget: Budget = storedBudget();
  choice: Rung = storedChoice();
  figures: Figures | null = null;
  private readonly files = new Files();
  private readonly meter = new Meter();
  private readonly ladder: Ladder;
  private readonly before: number;
  last: RoomState | null = null;
  private lastAt = 0;
  private lookedAt = performance.now();
  private toldAt = -Infinity;
  private stepAt = performance.now();
  private waitsSince: number | null = null;
  private budgetAt = -Infinity;
  /** Bytes used at that time. */
  private usedThen = 0;
  private strictUntil = 0;
  private strict = 0;
  private pieceAt = -Infinity;
  private made = false;
  private timer = 0;
  private base = 0;
  private telling = false;
  private isLost = false;

  constructor(private readonly link: Link) {
    this.ladder = new Ladder(link.at, performance.now(), link.guessed);
    this.before = storedUse(link.host.room.session);
    window.addEventListener(SENT_BESIDE, () => (this.pieceAt = performance.now()));
    this.limit();
    this.timer = window.setInterval(() => void this.look(), LOOK_MS);
    this.joined();
  }

  state(state: RoomState): void {
    this.last = state;
    this.lastAt = performance.now();
  }

  /** While not even messages go through, there is nothing to decide and nobody to tell. */
  lost(): void {
    this.isLost = true;
  }

  joined(): void {
    this.isLost = false;
    this.waitsSince = performance.now();
    void this.tell();
  }

  hangUp(): void {
    clearInterval(this.timer);
    storeUse(this.link.host.room.session, this.used);
  }

  /** How far the next step up is being felt for: 0 to 1. */
  get feel(): number {
    return this.ladder.feel;
  }

  /** A picture in full size is on its way, beside the stream. */
  get brings(): boolean {
    return performance.now() - this.pieceAt < PICTURE_MS;
  }

  /** Bytes that went out and came in for this session on this device. */
  get used(): number {
    return this.before + this.link.bytes() + (this.figures?.bytes ?? 0) + this.files.bytes;
  }

  /** Sets what is allowed, for this session and later ones. */
  allow(budget: Budget): void {
    this.budget = budget;
    storeBudget(budget);
    this.budgetAt = -Infinity;
    this.limit();
    void this.tell();
  }

  /** Sets what the person wants to send at most. */
  choose(rung: Rung): void {
    this.choice = rung;
    storeChoice(rung);
    this.limit();
    void this.tell();
  }

  private async look(): Promise<void> {
    const now = performance.now();
    const late = now - this.lookedAt > LATE_MS;
    this.lookedAt = now;
    const entries = await this.link.host.room.live.stats();
    const found = entries.length ? this.meter.take(entries, now) : null;
    if (!entries.length) this.meter.restart();
    if (!entries.length && this.figures) this.ladder.sample(GONE, now);
    if (found) {
      const { feel } = this.ladder;
      const changed = !late && this.ladder.sample(this.streams(found), now);
      if (!late && this.figures?.heard && !found.heard) this.link.host.room.silent();
      this.figures = found;
      if (found.base_ms !== null) {
        if (found.base_ms < NEARER * this.base) this.ladder.otherWay();
        this.base = found.base_ms;
        this.link.wide = found.base_ms < WIDE_MS && this.budget.kbit === null;
      }
      if (changed) this.stepped();
      else if (feel !== this.ladder.feel) this.link.aim();
    }
    this.findWay(found, now);
    if (this.brings !== this.made) this.limit();
    if (!this.isLost) {
      if (now - this.budgetAt > BUDGET_MS) this.limit();
      if (now - this.toldAt > TELL_MS) void this.tell();
    }
    if (now - this.stepAt > HELD_MS && found) this.remember();
    this.link.looked();
  }

  /** What was seen, without what the pieces of a picture do that is on its way. */
  private streams(seen: Figures): Sample {
    if (!this.brings || seen.queue_ms === null) return seen;
    const own = this.ladder.step === STILLS ? PIECES_STILLS_MS : PIECES_MS;
    return { ...seen, queue_ms: Math.max(0, seen.queue_ms - own) };
  }

  /** Direct, by a relay, or by the socket where no media come up though messages do. */
  private findWay(found: Figures | null, now: number): void {
    const up = this.link.isUp;
    if (up) this.waitsSince = null;
    else this.waitsSince ??= now;
    let way: Way = this.link.way;
    if (up && found) way = found.way;
    else if (!up && now - (this.waitsSince ?? now) > NO_MEDIA_MS) way = "socket";
    if (way === this.link.way) return;
    this.link.go(this.ladder.step, this.ladder.why, way);
    void this.tell();
  }

  /** Keeps the ladder under what budget and person allow, and a picture that is on its way. */
  private limit(): void {
    const now = performance.now();
    this.beStrict(now);
    const kbit = allowance(this.budget, this.used, this.left());
    const strict = now < this.strictUntil ? this.strict : 0;
    const fits = Math.min(LAST, fitting(kbit, this.ladder.step) + strict);
    const chosen = stepOf(this.choice);
    this.made = this.brings;
    const room = this.made ? besidePicture(this.ladder.step) : WIDEST;
    const ceiling = Math.max(fits, chosen, room);
    const why: Why = ceiling === chosen ? "person" : ceiling === fits ? "budget" : "picture";
    if (this.ladder.limit(ceiling, why, now)) this.stepped();
    storeUse(this.link.host.room.session, this.used);
  }

  /** What was really sent and got in the last seconds was too much: a step further down. */
  private beStrict(now: number): void {
    // A step down makes no file smaller: those count where megabytes do.
    const used = this.link.bytes() + (this.figures?.bytes ?? 0);
    const span = now - this.budgetAt;
    const rate = (8 * (used - this.usedThen)) / span;
    const over = this.budget.kbit !== null && rate > this.budget.kbit * OVER;
    if (span >= BUDGET_MS && span < 3 * BUDGET_MS && over) {
      this.strict = now < this.strictUntil ? this.strict + 1 : 1;
      this.strictUntil = now + STRICT_MS;
    }
    this.budgetAt = now;
    this.usedThen = used;
  }

  /** Seconds until the session's end, as far as anybody knows. */
  private left(): number | null {
    if (!this.last) return null;
    const { clock, assessment, state } = this.last;
    if (isOver(state)) return 0;
    if (clock.started === null) return assessment.minutes * 60 + AROUND_S;
    const since = clock.running ? (performance.now() - this.lastAt) / 1000 : 0;
    return Math.max(0, clock.remaining_s - since) + AROUND_S / 2;
  }

  private stepped(): void {
    this.stepAt = performance.now();
    this.link.go(this.ladder.step, this.ladder.why, this.link.way);
    void this.tell();
  }

  private remember(): void {
    this.stepAt = performance.now();
    // A budget or a choice says nothing of the link.
    if (this.ladder.why === "link" || this.ladder.why === "proved" || this.ladder.step === WIDEST)
      expect(Math.min(this.ladder.step, STILLS), Date.now());
  }

  private async tell(): Promise<void> {
    if (this.telling) return;
    this.telling = true;
    this.toldAt = performance.now();
    const { rung, way, keeps } = this.link;
    const seen = this.figures;
    const told: LinkTold = {
      rung,
      way,
      why: this.ladder.why,
      keeps,
      used_kb: Math.round(this.used / 1000),
      budget: this.budget,
      figures: {
        sent_kbit: Math.max(0, seen?.sent_kbit ?? 0),
        got_kbit: Math.max(0, seen?.got_kbit ?? 0),
        lost_permille: seen?.lost_permille ?? 0,
        rtt_ms: seen?.rtt_ms ?? 0,
        queue_ms: seen?.queue_ms ?? 0,
      },
    };
    await this.link.host.room.request("link", told).catch(() => undefined);
    this.telling = false;
    // It went on while this was on its way.
    if (rung !== this.link.rung || way !== this.link.way || keeps !== this.link.keeps) {
      void this.tell();
    }
  }
}

/** What the page has loaded and sent by HTTP, with something for headers and for what it asked. */
class Files {
  bytes = 0;

  constructor() {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
        // Out of the cache comes nothing over the link.
        if (entry.transferSize > 0) this.bytes += entry.transferSize + ASKED_BYTES;
      }
    }).observe({ type: "resource", buffered: true });
    window.addEventListener(SENT_BESIDE, (event) => {
      this.bytes += (event as CustomEvent<number>).detail;
    });
  }
}

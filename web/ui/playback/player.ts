// The player's time, which all sources follow.

import { MediaDeck } from "./deck";
import type { Deck, DeckState } from "./deck";
import type { TimeLine } from "./line";
import { StillsDeck } from "./stills";

const TICK_MS = 100;
/** So long all wait for one that does not load; then it has to catch up. */
const PATIENCE_MS = 8_000;

export class Player {
  readonly decks: Deck[];
  readonly states = new Map<Deck, DeckState>();
  at: number;
  playing = false;
  speed = 1;
  /** Nothing is loaded before somebody plays or seeks: each look is noted in the record. */
  engaged = false;
  private last = 0;
  private waited = 0;
  private ticking: number | null = null;

  constructor(
    readonly line: TimeLine,
    private readonly changed: () => void,
  ) {
    this.decks = line.lanes.map((lane) =>
      lane.source === "stills" ? new StillsDeck(lane) : new MediaDeck(lane),
    );
    this.at = line.start;
  }

  get waiting(): boolean {
    return [...this.states.values()].includes("waiting") && this.waited < PATIENCE_MS;
  }

  toggle(): void {
    if (!this.playing && this.at >= this.line.end) this.at = this.line.start;
    this.playing = !this.playing;
    this.engage();
  }

  seek(at: number): void {
    this.at = Math.min(this.line.end, Math.max(this.line.start, at));
    this.waited = 0;
    this.engage();
  }

  private engage(): void {
    this.engaged = true;
    if (this.ticking === null) {
      this.last = performance.now();
      this.ticking = window.setInterval(() => this.tick(), TICK_MS);
    }
    this.tick();
  }

  private tick(): void {
    const now = performance.now();
    const passed = now - this.last;
    this.last = now;
    this.waited = this.waiting ? this.waited + passed : Math.max(0, this.waited - passed);
    const moving = this.playing && !this.waiting;
    if (moving) this.at = Math.min(this.line.end, this.at + passed * this.speed);
    if (this.at >= this.line.end) this.playing = false;
    for (const deck of this.decks) {
      this.states.set(deck, deck.follow(this.at, this.speed, moving && this.playing));
    }
    this.changed();
  }
}

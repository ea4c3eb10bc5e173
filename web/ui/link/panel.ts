// What the learner sees of the link: one sentence, what was used, and the limits they may set.

import { byId, setText } from "../lib/page";
import { isOver, type Rung } from "../lib/protocol";
import { storeBudget, storeChoice, storedBudget, storedChoice } from "./budget";
import type { Climb } from "./climb";
import type { Link } from "./link";
import { amount, BETTER, linkWords } from "./words";

/** A step must hold this long before it is spoken of: flicker helps nobody. */
const HOLD_MS = 3000;
/** So long stays the good news. */
const BETTER_MS = 20_000;

const number = (id: string): number | null => Number(byId<HTMLSelectElement>(id).value) || null;

export class Panel {
  climb: Climb | null = null;
  private shown = "";
  private next = { words: "", since: -Infinity };
  private betterUntil = 0;

  constructor(private readonly link: Link) {
    const { kbit, mb } = storedBudget();
    choose("limit-kbit", kbit === null ? "" : String(kbit), `${kbit} kbit/s`);
    choose("limit-mb", mb === null ? "" : String(mb), `${mb} MB`);
    choose("choice", storedChoice(), "");
    for (const id of ["limit-kbit", "limit-mb"]) {
      byId(id).addEventListener("change", () => this.limited());
    }
    byId("choice").addEventListener("change", () => this.chosen());
  }

  draw(): void {
    const now = performance.now();
    const { rung, way, why } = this.link;
    const speaks = this.link.host.devices.microphone !== null && this.link.isUp;
    let words = this.climb && !this.isOver ? linkWords(rung, way, why, speaks) : "";
    if (words !== this.next.words) this.next = { words, since: now };
    const byPerson = why === "person" || why === "budget";
    // Nothing is drawn any more once the session is over: its last words must not stay.
    if (now - this.next.since >= HOLD_MS || byPerson || this.isOver) {
      if (this.shown && !words && this.link.rung === "full") this.betterUntil = now + BETTER_MS;
      this.shown = words;
    }
    words = this.shown || (now < this.betterUntil && !this.isOver ? BETTER : "");
    byId("link-words").hidden = words === "";
    setText(byId("link-words"), words);
    this.drawUse();
  }

  private get isOver(): boolean {
    const state = this.climb?.last?.state;
    return state !== undefined && isOver(state);
  }

  private drawUse(): void {
    const { climb } = this;
    byId("data-use").hidden = climb === null;
    if (!climb) return;
    const { mb } = climb.budget;
    const of = mb === null ? "" : ` of ${mb} MB`;
    const { sent_kbit, got_kbit } = climb.figures ?? { sent_kbit: 0, got_kbit: 0 };
    const rate = this.link.isUp ? ` Now: ${sent_kbit + got_kbit} kbit/s.` : "";
    setText(byId("data-use"), `Used so far: ${amount(climb.used)}${of}.${rate}`);
  }

  private limited(): void {
    const budget = { kbit: number("limit-kbit"), mb: number("limit-mb") };
    if (this.climb) this.climb.allow(budget);
    else storeBudget(budget);
    this.draw();
  }

  private chosen(): void {
    const rung = byId<HTMLSelectElement>("choice").value as Rung;
    if (this.climb) this.climb.choose(rung);
    else storeChoice(rung);
    this.draw();
  }
}

/** Chooses a value; one that is not offered is offered from here on. */
function choose(id: string, value: string, words: string): void {
  const select = byId<HTMLSelectElement>(id);
  if (![...select.options].some((option) => option.value === value)) {
    select.add(new Option(words, value));
  }
  select.value = value;
}

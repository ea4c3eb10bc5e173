// The lines under the status: what is going on beside it, and what has changed a moment ago.

import { byId } from "../lib/page";
import type { RoomState } from "../lib/protocol";
import { make } from "./make";
import { changes, looking, troubles, type News } from "./words";

/** How long a change stays to be read. */
const SHOWN_MS = 120_000;
const MOST = 3;

export class NewsLines {
  private before: RoomState | null = null;
  private recent: { news: News; until: number }[] = [];
  private drawn = "";

  /** Draws what is true in this state and what has changed to it; null when it is over. */
  draw(state: RoomState | null): void {
    const now = performance.now();
    if (state && this.before && state !== this.before) {
      for (const news of changes(this.before, state)) {
        this.recent.push({ news, until: now + SHOWN_MS });
      }
    }
    this.before = state;
    this.recent = this.recent.filter(({ until }) => until > now).slice(-MOST);
    const recent = this.recent.map(({ news }) => news);
    const lines = state ? [...troubles(state), ...looking(state), ...recent] : [];
    const key = lines.map(({ words }) => words).join("\n");
    if (key === this.drawn) return;
    this.drawn = key;
    const list = byId("news");
    list.hidden = lines.length === 0;
    list.replaceChildren(...lines.map(({ tone, words }) => make("li", tone, words)));
  }
}

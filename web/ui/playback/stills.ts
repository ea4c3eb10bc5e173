// Still pictures in place of a video: each is shown from when it was taken until the next.

import type { Deck, DeckState } from "./deck";
import { partAt } from "./line";
import type { Lane, Part } from "./line";

interface Still {
  at: number;
  jpeg: Blob;
}

const MAGIC = "INVSTILL1\n";
const NEWLINE = 10;

/** Reads a file of stills (recordings/stills.py says what it is); throws for what is none. */
export function stillsOf(file: Uint8Array<ArrayBuffer>): Still[] {
  const text = new TextDecoder();
  if (text.decode(file.subarray(0, MAGIC.length)) !== MAGIC) throw new Error("no stills");
  const found: Still[] = [];
  let at = MAGIC.length;
  while (at < file.length) {
    const end = file.indexOf(NEWLINE, at);
    const head = JSON.parse(text.decode(file.subarray(at, end))) as { at: string; size: number };
    at = end + 1 + head.size;
    const jpeg = new Blob([file.subarray(end + 1, at)], { type: "image/jpeg" });
    found.push({ at: Date.parse(head.at), jpeg });
  }
  return found.sort((a, b) => a.at - b.at);
}

/** The newest that had been taken by then. */
export function newest<One extends { at: number }>(stills: readonly One[], at: number): One | null {
  let found: One | null = null;
  for (const one of stills) if (one.at <= at) found = one;
  return found;
}

export class StillsDeck implements Deck {
  readonly element = new Image();
  readonly seen = true;
  readonly heard = false;
  part: Part | null = null;
  private readonly files = new Map<string, Still[] | "loading" | "broken">();
  private shown: Still | null = null;

  constructor(readonly lane: Lane) {
    this.element.alt = lane.name;
    this.element.hidden = true;
    const free = (): void => URL.revokeObjectURL(this.element.src);
    this.element.addEventListener("load", free);
    this.element.addEventListener("error", free);
  }

  follow(at: number): DeckState {
    this.part = partAt(this.lane, at);
    if (!this.part) {
      this.show(null);
      return "hole";
    }
    const file = this.files.get(this.part.id);
    if (!file) void this.load(this.part.id);
    if (file === "broken") return "broken";
    if (!file || file === "loading") return "waiting";
    this.show(newest(file, at));
    return "ready";
  }

  mute(): void {
    // There is no sound.
  }

  private show(still: Still | null): void {
    if (still === this.shown) return;
    this.shown = still;
    this.element.hidden = !still;
    if (still) this.element.src = URL.createObjectURL(still.jpeg);
  }

  private async load(id: string): Promise<void> {
    this.files.set(id, "loading");
    try {
      const answer = await fetch(`/staff/evidence/${encodeURIComponent(id)}`);
      if (!answer.ok) throw new Error(String(answer.status));
      this.files.set(id, stillsOf(new Uint8Array(await answer.arrayBuffer())));
    } catch {
      this.files.set(id, "broken");
    }
  }
}

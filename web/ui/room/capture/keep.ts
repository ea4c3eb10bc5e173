// Keeps a picture on the device until the server has it: over a lost link and a reload. It is a
// picture of somebody's document: it goes as soon as it is not needed, and does not outlive an hour.

import type { CaptureSide, DocumentKind } from "../../lib/protocol";
import type { Part } from "./pace";

export interface Quality {
  /** Taken by itself, not by the button. */
  auto: boolean;
  sharpness: number;
  size: number;
  glare: number;
  light: number;
  width: number;
  height: number;
  /** Taken by the camera at the back of a phone. */
  back: boolean;
}

/** A picture, `parts[0]`, and what only helps to read it, on its way to the server. */
export interface Waiting {
  session: string;
  /** Of a document alone. */
  kind?: DocumentKind;
  side: CaptureSide | "face";
  /** Of a face: by which name the server asked for it. */
  wanted?: string;
  parts: Part[];
  blobs: Blob[];
  quality?: Quality;
  /** When it was taken, in milliseconds since 1970. */
  at: number;
}

type Key = Pick<Waiting, "session" | "side" | "wanted">;

const NAME = "capture";
const STORE = "waiting";
const OLD_MS = 60 * 60_000;

/** One of each may wait. */
export function keyOf({ session, side, wanted }: Key): string {
  return `${session}:${side}${wanted ?? ""}`;
}

/** What waits, in the browser's database; where that is closed to us, until the page is. */
export class Keep {
  private readonly here = new Map<string, Waiting>();
  private base: Promise<IDBDatabase | null> | null = null;

  constructor(private readonly name = NAME) {}

  /** What waits of this session, the front first; all else is erased. */
  async of(session: string): Promise<Waiting[]> {
    const stored = await this.ask<Waiting[]>("readonly", (store) => store.getAll());
    for (const one of stored ?? []) {
      const late = Date.now() - one.at > OLD_MS;
      if (late || one.session !== session) await this.drop(one);
      else this.here.set(keyOf(one), one);
    }
    return [...this.here.values()].sort((a, b) => a.at - b.at);
  }

  async put(one: Waiting): Promise<void> {
    this.here.set(keyOf(one), one);
    await this.ask("readwrite", (store) => store.put(one, keyOf(one)));
  }

  async drop(one: Key): Promise<void> {
    this.here.delete(keyOf(one));
    await this.ask("readwrite", (store) => store.delete(keyOf(one)));
  }

  /** Erases all. */
  async clear(): Promise<void> {
    this.here.clear();
    await this.ask("readwrite", (store) => store.clear());
  }

  private async ask<T>(
    mode: IDBTransactionMode,
    what: (store: IDBObjectStore) => IDBRequest,
  ): Promise<T | null> {
    this.base ??= opened(this.name);
    const base = await this.base;
    if (!base) return null;
    try {
      const request = what(base.transaction(STORE, mode).objectStore(STORE));
      return await new Promise<T | null>((done) => {
        request.addEventListener("success", () => done(request.result as T));
        request.addEventListener("error", () => done(null));
      });
    } catch {
      return null;
    }
  }
}

function opened(name: string): Promise<IDBDatabase | null> {
  return new Promise((done) => {
    try {
      const request = indexedDB.open(name, 1);
      request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
      request.addEventListener("success", () => done(request.result));
      request.addEventListener("error", () => done(null));
      request.addEventListener("blocked", () => done(null));
    } catch {
      done(null);
    }
  });
}

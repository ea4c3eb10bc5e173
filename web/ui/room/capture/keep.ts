// Keeps a picture on the device until the server has it: over a lost link and a reload. It is a
// picture of somebody's document: it goes as soon as it is not needed, and does not outlive an hour.
// Its bytes lie in the browser's database encrypted.

import type { AtRest } from "../../lib/at-rest";
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

/** As it lies in the database: an older build kept its blobs as they are. */
type Stored = Omit<Waiting, "blobs"> & { blobs: (ArrayBuffer | Blob)[] };
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
  private loaded: Promise<void> | null = null;

  /** `rest` null: there is no key, so nothing outlives this page. */
  constructor(
    private readonly rest: AtRest | null,
    private readonly name = NAME,
  ) {}

  /** What waits of this session, the front first; all else is erased. */
  async of(session: string): Promise<Waiting[]> {
    await (this.loaded ??= this.load());
    for (const one of [...this.here.values()]) {
      const late = Date.now() - one.at > OLD_MS;
      if (late || one.session !== session) await this.drop(one);
    }
    return [...this.here.values()].sort((a, b) => a.at - b.at);
  }

  async put(one: Waiting): Promise<void> {
    const key = keyOf(one);
    this.here.set(key, one);
    const { rest } = this;
    if (!rest) return;
    const blobs = await Promise.all(
      one.blobs.map(async (blob, i) => rest.seal(await blob.arrayBuffer(), placeOf(key, i))),
    );
    // It was dropped meanwhile, or a newer one has come.
    if (this.here.get(key) !== one) return;
    await this.ask("readwrite", (store) => store.put({ ...one, blobs } satisfies Stored, key));
  }

  async drop(one: Key): Promise<void> {
    this.here.delete(keyOf(one));
    await this.ask("readwrite", (store) => store.delete(keyOf(one)));
  }

  /** Erases all. */
  async clear(): Promise<void> {
    await (this.loaded ??= Promise.resolve());
    this.here.clear();
    await this.ask("readwrite", (store) => store.clear());
  }

  /** Reads what an earlier page has left; what does not open is erased. */
  private async load(): Promise<void> {
    for (const one of (await this.ask<Stored[]>("readonly", (store) => store.getAll())) ?? []) {
      const key = keyOf(one);
      const blobs = await Promise.all(one.blobs.map((blob, i) => this.opened(blob, key, i)));
      if (this.here.has(key)) continue;
      const whole = blobs.filter((blob) => blob !== null);
      if (whole.length === blobs.length) this.here.set(key, { ...one, blobs: whole });
      else await this.drop(one);
    }
  }

  private async opened(stored: ArrayBuffer | Blob, key: string, i: number): Promise<Blob | null> {
    if (stored instanceof Blob) return stored;
    const bytes = await this.rest?.open(stored, placeOf(key, i));
    return bytes ? new Blob([bytes]) : null;
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

function placeOf(key: string, part: number): string {
  return `${key}:${part}`;
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

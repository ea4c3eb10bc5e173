// The browser's database, as the place where a shelf stands; bytes lie in it encrypted.

import type { AtRest } from "../lib/at-rest";
import { Sealed } from "./sealed";
import type { Base, Chunk, Room } from "./shelf";

const NAME = "kept";
const LINKS = "links";
const BYTES = "bytes";

/** Null when it is closed to us, as in some private windows, or there is no key. */
export async function disk(rest: AtRest | null): Promise<Base | null> {
  const base = rest && (await opened());
  return base && new Sealed(base, rest);
}

function opened(): Promise<Base | null> {
  return new Promise((done) => {
    try {
      const request = indexedDB.open(NAME, 1);
      request.addEventListener("upgradeneeded", () => {
        for (const store of [LINKS, BYTES]) request.result.createObjectStore(store);
      });
      request.addEventListener("success", () => done(new Disk(request.result)));
      for (const bad of ["error", "blocked"]) request.addEventListener(bad, () => done(null));
    } catch {
      done(null);
    }
  });
}

class Disk implements Base {
  constructor(private readonly base: IDBDatabase) {}

  async all(): Promise<Chunk[]> {
    const got = await this.run("readonly", (links) => links.getAll());
    return (got.result as Chunk[] | undefined) ?? [];
  }

  async put(key: string, chunk: Chunk, bytes?: ArrayBuffer): Promise<Room> {
    const done = await this.run("readwrite", (links, store) => {
      if (bytes) store.put(bytes, key);
      return links.put(chunk, key);
    });
    return done.room;
  }

  async bytes(key: string): Promise<ArrayBuffer | null> {
    const got = await this.run("readonly", (_, bytes) => bytes.get(key));
    return (got.result as ArrayBuffer | undefined) ?? null;
  }

  async erase(key: string, bytesOnly: boolean): Promise<void> {
    await this.run("readwrite", (links, bytes) => {
      if (!bytesOnly) links.delete(key);
      else mark(links, key);
      return bytes.delete(key);
    });
  }

  /** One transaction over both stores; it never throws: `room` says whether it was carried out. */
  private run(
    mode: IDBTransactionMode,
    what: (links: IDBObjectStore, bytes: IDBObjectStore) => IDBRequest,
  ): Promise<{ room: Room; result?: unknown }> {
    return new Promise((done) => {
      try {
        const across = this.base.transaction([LINKS, BYTES], mode);
        const request = what(across.objectStore(LINKS), across.objectStore(BYTES));
        across.addEventListener("complete", () => done({ room: "enough", result: request.result }));
        across.addEventListener("abort", () => {
          done({ room: across.error?.name === "QuotaExceededError" ? "full" : "closed" });
        });
      } catch {
        done({ room: "closed" });
      }
    });
  }
}

/** Notes that the bytes are gone. */
function mark(links: IDBObjectStore, key: string): void {
  const request = links.get(key);
  request.addEventListener("success", () => {
    const chunk = request.result as Chunk | undefined;
    if (chunk) links.put({ ...chunk, here: false }, key);
  });
}

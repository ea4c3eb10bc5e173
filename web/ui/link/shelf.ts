// What the device has recorded, until the server has it or does not need it: in the browser's
// database, so that it survives a reload; where that is closed to us or full, in this page alone.

import { digest, linked, opening, type Fact, type Linked } from "./chain";

/** One chunk, without its bytes. */
export interface Chunk {
  session: string;
  recording: string;
  /** Without a head: it is not finished, and stands in no chain yet. */
  link: Linked;
  /** When it was put here, by this device's clock, in milliseconds since 1970. */
  at: number;
  /** The server wants it, or has not heard of it yet. */
  precious: boolean;
  /** Its bytes are here. */
  here: boolean;
}

/** `closed`: nothing outlives this page; `full`: only the newest is kept. */
export type Room = "enough" | "full" | "closed";

/** Where a shelf stands: something that keeps chunks by key. */
export interface Base {
  all(): Promise<Chunk[]>;
  /** Without bytes, those that are there stay. */
  put(key: string, chunk: Chunk, bytes?: ArrayBuffer): Promise<Room>;
  bytes(key: string): Promise<ArrayBuffer | null>;
  erase(key: string, bytesOnly: boolean): Promise<void>;
}

export interface Limits {
  /** Bytes of what nobody has asked for; the oldest go first. */
  most: number;
  /** And for how long, in milliseconds. */
  long: number;
  /** Bytes of everything. */
  all: number;
}

const LIMITS: Limits = { most: 40_000_000, long: 60 * 60_000, all: 160_000_000 };
/** So many old chunks are given up for the room of a new one. */
const GIVEN_UP = 8;
/** So long after its last chunk nothing of a session is kept. */
const OLD_MS = 72 * 60 * 60_000;

export function keyOf(recording: string, n: number): string {
  return `${recording}:${String(n).padStart(6, "0")}`;
}

/** Keeps chunks in this page; `room` in bytes. */
export class Memory implements Base {
  private readonly chunks = new Map<string, [Chunk, ArrayBuffer | null]>();

  constructor(private readonly room = Infinity) {}

  async all(): Promise<Chunk[]> {
    return [...this.chunks.values()].map(([chunk]) => ({ ...chunk }));
  }

  async put(key: string, chunk: Chunk, bytes?: ArrayBuffer): Promise<Room> {
    let used = bytes?.byteLength ?? 0;
    for (const [other, [, kept]] of this.chunks) if (other !== key) used += kept?.byteLength ?? 0;
    if (used > this.room) return "full";
    this.chunks.set(key, [{ ...chunk }, bytes ?? this.chunks.get(key)?.[1] ?? null]);
    return "enough";
  }

  async bytes(key: string): Promise<ArrayBuffer | null> {
    return this.chunks.get(key)?.[1] ?? null;
  }

  async erase(key: string, bytesOnly: boolean): Promise<void> {
    const kept = this.chunks.get(key);
    if (bytesOnly && kept) this.chunks.set(key, [{ ...kept[0], here: false }, null]);
    else this.chunks.delete(key);
  }
}

export class Shelf {
  room: Room = "enough";
  private readonly chunks = new Map<string, Chunk>();
  private readonly beside = new Memory();
  private drafted: string | null = null;

  /** `base` null: the browser keeps nothing for us. */
  constructor(
    private readonly session: string,
    private readonly base: Base | null,
    private readonly limits: Limits = LIMITS,
  ) {
    if (!base) this.room = "closed";
  }

  /**
   * Reads what an earlier page has left of this session. Erased is what is old, and of other
   * sessions what nobody waits for: on a ship many people share one computer.
   */
  async open(now: number): Promise<void> {
    const every = (await this.base?.all()) ?? [];
    const last = new Map<string, number>();
    for (const { session, at } of every) last.set(session, Math.max(last.get(session) ?? 0, at));
    const drafts: Chunk[] = [];
    for (const chunk of every) {
      const key = keyOf(chunk.recording, chunk.link.n);
      const old = now - (last.get(chunk.session) ?? 0) > OLD_MS;
      const mine = chunk.session === this.session && !old;
      if (mine && !chunk.link.head) drafts.push(chunk);
      else if (mine) this.chunks.set(key, chunk);
      else if (old || !chunk.precious) await this.base?.erase(key, false);
    }
    for (const draft of drafts) await this.finish(draft);
  }

  /** Keeps what there is of a chunk that goes on, should this page end before it does. */
  async draft(recording: string, said: Omit<Fact, "sha256">, bytes: ArrayBuffer): Promise<void> {
    const { session } = this;
    const link = { ...said, sha256: "", head: "" };
    const at = Date.now();
    this.drafted = keyOf(recording, said.n);
    const chunk: Chunk = { session, recording, link, at, precious: true, here: true };
    await this.base?.put(this.drafted, chunk, bytes);
  }

  /** A page ended in the middle of this chunk: what there is of it is the last of its chain. */
  private async finish({ recording, link, at }: Chunk): Promise<void> {
    const links = this.links(recording);
    const bytes = await this.base?.bytes(keyOf(recording, link.n));
    if (!bytes || links.length !== link.n) return;
    const head = links.at(-1)?.head ?? (await opening(this.session, recording));
    const sha256 = await digest(bytes);
    await this.put(recording, await linked(head, { ...link, sha256 }), bytes, at);
  }

  /** The recordings of this session, the oldest first. */
  recordings(): string[] {
    const sorted = [...this.chunks.values()].sort((a, b) => a.at - b.at);
    return [...new Set(sorted.map(({ recording }) => recording))];
  }

  /** The links of one recording in their order. */
  links(recording: string): Linked[] {
    return this.of(recording).map(({ link }) => link);
  }

  /** Puts a chunk on the shelf; what has to go for it is erased. */
  async put(recording: string, link: Linked, bytes: ArrayBuffer, now: number): Promise<void> {
    const { session } = this;
    const chunk: Chunk = { session, recording, link, at: now, precious: true, here: true };
    const key = keyOf(recording, link.n);
    if (this.drafted === key) this.drafted = null;
    this.chunks.set(key, chunk);
    await this.roll(now);
    for (let given = 0; this.base; given += 1) {
      const done = await this.base.put(key, chunk, bytes);
      if (done === "enough") return;
      this.room = done;
      if (done === "closed" || given === GIVEN_UP || !(await this.sacrifice(key))) break;
    }
    await this.beside.put(key, chunk, bytes);
  }

  /** True when the bytes of this chunk are here. */
  has(recording: string, n: number): boolean {
    return this.chunks.get(keyOf(recording, n))?.here === true;
  }

  async bytes(recording: string, n: number): Promise<ArrayBuffer | null> {
    const key = keyOf(recording, n);
    return (await this.beside.bytes(key)) ?? (await this.base?.bytes(key)) ?? null;
  }

  /** The server knows the first `have` links, and of these wants `wanted`. */
  async wanted(recording: string, have: number, wanted: ReadonlySet<number>): Promise<void> {
    for (const chunk of this.of(recording).slice(0, have)) {
      const precious = wanted.has(chunk.link.n);
      if (chunk.precious === precious) continue;
      chunk.precious = precious;
      await this.base?.put(keyOf(recording, chunk.link.n), chunk);
    }
  }

  /** Erases the bytes of every chunk below `n`. */
  async drop(recording: string, n: number): Promise<void> {
    for (const chunk of this.of(recording)) if (chunk.link.n < n) await this.strip(chunk);
  }

  /** Erases the bytes of one chunk: the server has it. */
  async sent(recording: string, n: number): Promise<void> {
    const chunk = this.chunks.get(keyOf(recording, n));
    if (chunk) await this.strip(chunk);
  }

  /** Erases one recording with its links. */
  async forget(recording: string): Promise<void> {
    for (const { link } of this.of(recording)) {
      const key = keyOf(recording, link.n);
      this.chunks.delete(key);
      await this.beside.erase(key, false);
      await this.base?.erase(key, false);
    }
  }

  /** Erases all of this session. */
  async clear(): Promise<void> {
    for (const recording of this.recordings()) await this.forget(recording);
    if (this.drafted) await this.base?.erase(this.drafted, false);
  }

  /** Something is here that the server wants, or has not heard of. */
  get precious(): boolean {
    return [...this.chunks.values()].some(({ here, precious }) => here && precious);
  }

  /** Bytes that are here. */
  get size(): number {
    return this.sum(() => true);
  }

  private of(recording: string): Chunk[] {
    const mine = [...this.chunks.values()].filter((one) => one.recording === recording);
    return mine.sort((a, b) => a.link.n - b.link.n);
  }

  private sum(which: (chunk: Chunk) => boolean): number {
    const here = [...this.chunks.values()].filter((one) => one.here && which(one));
    return here.reduce((total, { link }) => total + link.size, 0);
  }

  /** Keeps within the limits. */
  private async roll(now: number): Promise<void> {
    const { most, long, all } = this.limits;
    for (const chunk of [...this.chunks.values()]) {
      if (!chunk.precious && now - chunk.at > long) await this.strip(chunk);
    }
    while (this.sum(({ precious }) => !precious) > most) {
      if (!(await this.sacrifice(""))) break;
    }
    while (this.size > all) {
      this.room = "full";
      if (!(await this.sacrifice(""))) break;
    }
  }

  /** Erases the bytes of the oldest chunk, what nobody asked for first; false: there is no other. */
  private async sacrifice(but: string): Promise<boolean> {
    const [first] = [...this.chunks.values()]
      .filter(({ here, recording, link }) => here && keyOf(recording, link.n) !== but)
      .sort((a, b) => Number(a.precious) - Number(b.precious) || a.at - b.at);
    if (first) await this.strip(first);
    return first !== undefined;
  }

  private async strip(chunk: Chunk): Promise<void> {
    if (!chunk.here) return;
    chunk.here = false;
    const key = keyOf(chunk.recording, chunk.link.n);
    await this.beside.erase(key, false);
    await this.base?.erase(key, true);
  }
}

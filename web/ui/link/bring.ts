// Brings to the server what was recorded on the device: the chain of every chunk as soon as it is
// made, and of the chunks only those that the server asks for, since nothing else came to it then.

import { call, Refusal, sleep } from "../lib/call";
import { nextPiece, Pace, shareOf, type Part } from "../room/capture/pace";
import type { Shelf } from "./shelf";

interface Wanted {
  n: number;
  have: number;
}

/** What the server says of one recording. */
interface Told {
  /** So many links it knows. */
  have: number;
  wanted: Wanted[];
  /** Below this chunk it needs nothing any more. */
  drop: number;
  /** False when the learner has taken back that they are recorded. */
  keep?: boolean;
}

interface Everything {
  recordings: Record<string, Told>;
  keep?: boolean;
  segment_s?: number;
}

/** What the server says of a piece; `wanted`: false when the chunk is of no use any more; `later`:
 * in so many seconds, when there is no room for it now. */
interface Took {
  have: number;
  kept?: boolean;
  wanted?: false;
  later?: number;
}

/** One chunk on its way. */
interface Way extends Part {
  recording: string;
  n: number;
  have: number;
}

/** What the bringer needs of its page. */
export interface BringHost {
  session: string;
  url: string;
  shelf: Shelf;
  /** Messages reach the server. */
  reachable(): boolean;
  /** How long what is sent lies in the queue of the link, in milliseconds. */
  queue(): number;
  /** How much may be sent at most, in kbit/s; null: as much as the link carries. */
  kbit(): number | null;
  /** The session is over: no stream has to be spared, and nothing more is recorded. */
  over(): boolean;
  /** Something has changed that the page shows. */
  changed(): void;
  /** Whether the learner is to be recorded: they may take back that they agreed. */
  allowed(is: boolean): void;
}

/** `done`: the session is over and the server has all; `away`: this service does not take any;
 * `closed`: who is here is not signed in any more. */
export type Standing = "waiting" | "bringing" | "done" | "away" | "closed";

/** What the server takes at once. */
const MOST = 32_768;
/** Links in one message: some 12 kB. */
const LINKS = 40;
/** After the link is back, sound and picture first. */
const SETTLE_MS = 5000;
/** Until we ask again what is wanted, while there is nothing to do. */
const ASK_MS = 30_000;
/** Until we look again whether more may be sent. */
const LIMITED_MS = 10_000;
const BESIDE = { hold: 500, least: 2048 };
const ALONE = { hold: 1500, least: 4096 };
/** A queue that is no trouble, in milliseconds. */
const CALM_MS = 150;
const LONGEST_MS = 8000;
/** So often the server may have forgotten or mistaken one chunk. */
const ANEW = 3;
/** Answers that say: not this, and not the next time either. */
const REFUSED = [400, 404, 409, 410, 413, 422];

/** Of what somebody allows to be sent, so much is for this; less than the least is for words only. */
const SHARE = 0.1;
const LEAST_KBIT = 4;

/** How long to wait between two pieces: as the pace has it, and longer while the link is full. */
export function patience(pace: number, queue: number): number {
  return Math.max(pace, Math.min(LONGEST_MS, Math.max(0, queue - CALM_MS) * 10));
}

/** How long so many bytes take, in milliseconds, where only so much may be sent. */
export function spread(bytes: number, kbit: number | null, alone: boolean): number {
  return kbit === null ? 0 : (8 * bytes) / (kbit * (alone ? 1 - SHARE : SHARE));
}

export class Bringer {
  standing: Standing = "waiting";
  /** Seconds of a segment, as the server wishes. */
  segment = 20;
  /** Bytes sent, without what wraps them. */
  bytes = 0;
  private ways: Way[] = [];
  private readonly have = new Map<string, number>();
  private readonly mistaken = new Map<string, number>();
  /** Recordings whose chain the server does not take. */
  private readonly broken = new Set<string>();
  private asked = false;
  private allowed = true;
  private woken = false;
  private stopped = false;
  private settled = 0;
  /** Until then the server has no room. */
  private full = 0;
  private failures = 0;
  private pace: Pace | null = null;
  /** The shortest that an answer took: the way there and back. */
  private way = Infinity;
  private paceAlone = false;
  private rouse: () => void = () => undefined;

  constructor(private readonly host: BringHost) {}

  /** How much of what is wanted is there, 0 to 1; 1 when nothing is. */
  get share(): number {
    return shareOf(
      this.ways,
      this.ways.map(({ have }) => have),
    );
  }

  /** The server waits for something that is here. */
  get pending(): boolean {
    return this.ways.some(({ have, size }) => have < size);
  }

  /** Nothing more may be sent, as somebody has limited it. */
  get limited(): boolean {
    const kbit = this.host.kbit();
    return kbit !== null && kbit < LEAST_KBIT;
  }

  /** There is something to do: a new chunk, or the session is over. */
  wake(): void {
    this.woken = true;
    this.rouse();
  }

  /** The link is back: what is wanted may have changed. */
  back(): void {
    this.asked = false;
    // It may be another link.
    this.way = Infinity;
    this.pace = null;
    this.settled = performance.now() + SETTLE_MS;
    this.wake();
  }

  stop(): void {
    this.stopped = true;
    this.wake();
  }

  /** Goes on until all is there, or for good. */
  async run(): Promise<void> {
    while (!this.stopped) {
      try {
        if (!this.host.reachable()) await this.pause(ASK_MS);
        else if (await this.step()) return;
        this.failures = 0;
      } catch (error) {
        if (!(await this.failed(error))) return;
      }
    }
  }

  /** Does the next thing there is to do; true when there never will be any. */
  private async step(): Promise<boolean> {
    if (!this.asked) await this.ask();
    if (await this.tellChain()) return false;
    const way = this.ways.find(({ have, size }) => have < size);
    if (way) {
      if (!this.host.over() && performance.now() < this.settled) {
        await this.pause(this.settled - performance.now());
      } else if (performance.now() < this.full) {
        await this.pause(this.full - performance.now());
      } else if (this.limited) {
        this.tell("waiting");
        await this.pause(LIMITED_MS);
      } else {
        await this.send(way);
      }
      return false;
    }
    if (this.host.over()) {
      await this.ask();
      if (this.pending) return false;
      await this.host.shelf.clear();
      this.tell("done");
      return true;
    }
    this.ways = [];
    this.tell("waiting");
    await this.pause(ASK_MS);
    if (!this.allowed) this.asked = false;
    return false;
  }

  /** Asks what the server has of every recording, and what it wants. */
  private async ask(): Promise<void> {
    const { session, url, shelf } = this.host;
    const query = new URLSearchParams({ session });
    const said = await this.talk<Everything>(`${url}?${query.toString()}`, "GET");
    this.asked = true;
    this.segment = said.segment_s ?? this.segment;
    this.allowed = said.keep !== false;
    this.host.allowed(this.allowed);
    if (!this.allowed) return;
    for (const recording of shelf.recordings()) {
      const told = said.recordings[recording] ?? { have: 0, wanted: [], drop: 0 };
      await this.learn(recording, told);
    }
  }

  /** Tells the links that the server does not know; true when there were any. */
  private async tellChain(): Promise<boolean> {
    const { session, url, shelf } = this.host;
    for (const recording of shelf.recordings()) {
      if (this.broken.has(recording)) continue;
      const from = this.have.get(recording) ?? 0;
      const links = shelf.links(recording).slice(from, from + LINKS);
      if (!links.length) continue;
      const body = { session, from, links };
      try {
        const told = await this.talk<Told>(`${url}/${recording}/chain`, "POST", body);
        // Who does not take in what was told is not told it over and over.
        if (told.have <= from) this.broken.add(recording);
        await this.learn(recording, told);
        if (told.keep === false) this.host.allowed((this.allowed = false));
      } catch (error) {
        if (!(error instanceof Refusal) || !REFUSED.includes(error.status)) throw error;
        if (error.code === "too_late") throw error;
        this.broken.add(recording);
      }
      return true;
    }
    return false;
  }

  /** Takes in what the server said of one recording. */
  private async learn(recording: string, told: Told): Promise<void> {
    const { shelf } = this.host;
    this.have.set(recording, told.have);
    const wanted = new Map(told.wanted.map(({ n, have }) => [n, have]));
    await shelf.wanted(recording, told.have, new Set(wanted.keys()));
    await shelf.drop(recording, told.drop);
    const old = new Map(this.ways.map((way) => [`${way.recording}:${way.n}`, way]));
    const ways: Way[] = [];
    for (const { n, sha256, size } of shelf.links(recording)) {
      const known = old.get(`${recording}:${n}`);
      const have = wanted.get(n);
      if (have !== undefined && shelf.has(recording, n)) {
        ways.push({ recording, n, sha256, size, have: Math.min(have, size) });
      } else if (known) {
        // It has come, or is no longer wanted: it counts as there.
        ways.push({ ...known, have: size });
      }
    }
    this.ways = [...this.ways.filter((way) => way.recording !== recording), ...ways];
    this.tell(this.pending ? "bringing" : "waiting");
  }

  /** Sends one piece of a chunk, and waits as long as it is good for the link. */
  private async send(way: Way): Promise<void> {
    const { shelf, url } = this.host;
    const pace = this.paced();
    const piece = nextPiece([way], [way.have], pace.bytes);
    const all = await shelf.bytes(way.recording, way.n);
    if (!piece || !all) {
      way.have = way.size;
      return;
    }
    const bytes = all.slice(piece.from, piece.to);
    const began = performance.now();
    const path = `${url}/${way.recording}/${way.n}/${piece.from}`;
    try {
      const said = await this.talk<Took>(path, "PUT", bytes);
      if (said.later) {
        this.full = performance.now() + said.later * 1000;
        return;
      }
      const ends = said.kept === true || said.wanted === false;
      way.have = ends ? way.size : Math.min(said.have, way.size);
      if (said.kept) await shelf.sent(way.recording, way.n);
      // The server has forgotten what had come: it was started again.
      if (way.have < piece.to) this.mistake(way);
    } catch (error) {
      if (!(error instanceof Refusal) || !this.mend(way, error)) throw error;
      return;
    }
    this.tell("bringing");
    // While the answer is on its way the link is free already.
    const calm = pace.sent(bytes.byteLength, performance.now() - began) - this.way;
    const over = this.host.over();
    const wait = over ? 0 : patience(calm, this.host.queue());
    await sleep(Math.max(wait, spread(bytes.byteLength, this.host.kbit(), over)));
  }

  /** What to do when a piece was refused; false when it is not about this chunk. */
  private mend(way: Way, { status, code }: Refusal): boolean {
    if (!REFUSED.includes(status) || code === "too_late") return false;
    // The server is asked what it has; what it does not take, it does not get.
    if (!this.mistake(way)) this.asked = false;
    return true;
  }

  /** Counts that a chunk did not go on as it should; true when it is given up. */
  private mistake(way: Way): boolean {
    const key = `${way.recording}:${way.n}`;
    const times = (this.mistaken.get(key) ?? 0) + 1;
    this.mistaken.set(key, times);
    if (times >= ANEW) way.have = way.size;
    return times >= ANEW;
  }

  private paced(): Pace {
    const alone = this.host.over();
    if (!this.pace || alone !== this.paceAlone) {
      this.pace = new Pace(MOST, this.way, alone ? ALONE : BESIDE);
    }
    this.paceAlone = alone;
    return this.pace;
  }

  private async talk<T>(url: string, method: string, body?: object): Promise<T> {
    const began = performance.now();
    if (body instanceof ArrayBuffer) this.bytes += body.byteLength;
    else if (body) this.bytes += JSON.stringify(body).length;
    const said = await call<T>(url, method, body);
    this.way = Math.min(this.way, performance.now() - began);
    return said;
  }

  /** Notes a failure and waits; false when there is no use in going on. */
  private async failed(error: unknown): Promise<boolean> {
    const { status, code } = error instanceof Refusal ? error : { status: 0, code: "" };
    if (code === "too_late") await this.host.shelf.clear();
    if (code === "too_late") this.tell("done");
    else if (status === 404) this.tell("away");
    else if (status === 401) this.tell("closed");
    else {
      // Perhaps they took back that they are recorded: the answer to that question says so.
      if (status === 403) this.asked = false;
      this.failures += 1;
      await this.pause(Pace.retry(this.failures));
      return true;
    }
    return false;
  }

  private pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(() => this.rouse(), ms);
      this.rouse = () => {
        clearTimeout(timer);
        this.woken = false;
        done();
      };
      if (this.woken) this.rouse();
    });
  }

  private tell(standing: Standing): void {
    this.standing = standing;
    this.host.changed();
  }
}

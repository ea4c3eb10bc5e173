// Keeps on the learner's device what a lost link would lose, and brings it when the link is back.

import { atRest } from "../lib/at-rest";
import type { RoomState } from "../lib/protocol";
import { kbitNow } from "./budget";
import { Bringer } from "./bring";
import { digest, linked, newRecording, opening, ServerClock, type Fact } from "./chain";
import { disk } from "./disk";
import { Keeper, type Segment } from "./keeper";
import { Box } from "./kept-box";
import { keptWords } from "./kept-words";
import type { Link, LinkPart } from "./link";
import { Shelf } from "./shelf";

const LOCAL = "/room/local";
/** Until when the server is waited for, to say whether and how it wants things to be kept. */
const ASKED_MS = 10_000;
/** A segment that says it is longer was asleep. */
const LONGEST_MS = 60_000;

export class Kept implements LinkPart {
  private readonly clock = new ServerClock();
  private readonly box: Box;
  private readonly keeper: Keeper;
  private shelf: Shelf | null = null;
  private bringer: Bringer | null = null;
  /** Segments become links one after the other. */
  private chain: Promise<void> = Promise.resolve();
  private recording = newRecording();
  private head = "";
  private n = 0;
  private newest = -Infinity;
  /** Since when the link is gone, in milliseconds since 1970. */
  private out: number | null = null;
  private allowed = true;
  private over = false;
  /** Over, and the last segment is made. */
  private finished = false;
  private owed = false;
  /** They let more be sent than they had allowed. */
  private anyway = false;

  constructor(private readonly link: Link) {
    const place = document.createElement("div");
    document.getElementById("status")?.after(place);
    this.box = new Box(place, () => {
      this.anyway = true;
      this.bringer?.wake();
    });
    const { devices } = link.host;
    this.keeper = new Keeper(
      () => ({ camera: devices.camera, microphone: devices.microphone }),
      (segment) => (this.chain = this.chain.then(() => this.made(segment))),
      (soFar) => (this.chain = this.chain.then(() => this.grown(soFar))),
      () => this.draw(),
    );
    void this.open();
  }

  state(state: RoomState): void {
    this.clock.tell(state.now, performance.now());
  }

  joined(): void {
    this.out = null;
    this.bringer?.back();
    this.draw();
  }

  lost(): void {
    // The device's own clock may be wrong: messages beside this carry the server's time.
    this.out ??= this.clock.known ? this.clock.at(performance.now()) : Date.now();
    this.draw();
  }

  hangUp(): void {
    if (this.over) return;
    this.over = true;
    void this.finish();
  }

  /** Another window of the same person goes on. */
  replaced(): void {
    this.bringer?.stop();
    void this.keeper.stop();
    this.box.show(null);
  }

  bytes(): number {
    return this.bringer?.bytes ?? 0;
  }

  private get session(): string {
    return this.link.host.room.session;
  }

  private async open(): Promise<void> {
    const { session } = this;
    const shelf = new Shelf(session, await disk(atRest(this.link.host.boot.kept_key)));
    await shelf.open(Date.now());
    this.shelf = shelf;
    this.bringer = new Bringer({
      session,
      url: LOCAL,
      shelf,
      reachable: () => this.out === null,
      queue: () => this.link.queue_ms,
      kbit: () => (this.anyway ? null : kbitNow(session)),
      over: () => this.finished,
      changed: () => this.draw(),
      allowed: (is) => this.allow(is),
    });
    setTimeout(() => this.begin(), ASKED_MS);
    await this.bringer.run();
    if (this.bringer.standing === "away") await this.keeper.stop();
  }

  /** Begins to record, unless it does, or must not. */
  private begin(): void {
    const away = this.bringer?.standing === "away";
    if (this.over || away || !this.allowed || !this.bringer) return;
    this.keeper.start(this.bringer.segment);
  }

  private allow(is: boolean): void {
    if (!is && this.allowed) {
      void this.keeper.stop();
      this.chain = this.chain.then(() => this.shelf?.clear());
      this.anew();
    }
    this.allowed = is;
    this.begin();
  }

  private anew(): void {
    this.recording = newRecording();
    this.n = 0;
    this.newest = -Infinity;
  }

  /** Puts a segment on the shelf, and its link at the end of the chain. */
  private async made(segment: Segment): Promise<void> {
    const { shelf } = this;
    const said = this.said(segment);
    if (!shelf || !said) return;
    const { recording } = this;
    if (this.n === 0) this.head = await opening(this.session, recording);
    const bytes = await segment.blob.arrayBuffer();
    const made = await linked(this.head, { ...said, sha256: await digest(bytes) });
    this.newest = Date.parse(said.from);
    this.head = made.head;
    this.n += 1;
    await shelf.put(recording, made, bytes, Date.now());
    this.bringer?.wake();
    this.draw();
  }

  /** Keeps what there is of a segment. */
  private async grown(segment: Segment): Promise<void> {
    const said = this.said(segment);
    if (said) await this.shelf?.draft(this.recording, said, await segment.blob.arrayBuffer());
  }

  /** What the next link says of a segment; null when it is not to be kept. */
  private said({ from, to, type, blob }: Segment): Omit<Fact, "sha256"> | null {
    if (!this.allowed || !this.clock.known) return null;
    const begins = this.clock.at(from);
    // A clock that went back begins another chain: in one, all times follow each other.
    if (begins <= this.newest) this.anew();
    const ends = begins + Math.min(LONGEST_MS, Math.round(to - from));
    const [first, last] = [new Date(begins).toISOString(), new Date(ends).toISOString()];
    return { n: this.n, from: first, to: last, size: blob.size, type };
  }

  private async finish(): Promise<void> {
    await this.keeper.stop();
    await this.chain;
    this.finished = true;
    this.bringer?.back();
  }

  private draw(): void {
    const { keeps } = this.keeper;
    const { bringer } = this;
    const pending = bringer?.pending === true;
    // Nobody knows yet whether the server wants it.
    const unsaid = this.over && this.out !== null && this.shelf?.precious === true;
    this.owed ||= this.over && (pending || unsaid);
    const done = bringer?.standing === "done";
    this.box.show(
      keptWords({
        out: this.out === null ? null : new Date(this.out).toLocaleTimeString("en-GB"),
        keeps,
        room: this.shelf?.room ?? "enough",
        share: pending ? (bringer?.share ?? 0) : unsaid ? 0 : null,
        over: this.over,
        done: this.owed && done,
        closed: bringer?.standing === "closed",
        limited: bringer?.limited === true,
      }),
    );
    const owes = this.owed && !done;
    if (this.link.keeps === keeps && this.link.owes === owes) return;
    Object.assign(this.link, { keeps, owes });
    this.link.host.changed();
  }
}

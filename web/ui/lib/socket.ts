// Socket.IO 5 over Engine.IO 4, as far as signalling/PROTOCOL.md goes: one WebSocket, text frames,
// one namespace, acknowledgements. The stock client weighs more than all the rest of the learner's
// page, and waits for an answer before each step: here messages may follow the ticket at once, for
// the server takes the frames of a connection in their order.

import type { Accepted, Boot, Refused } from "./protocol";
import { NO_ANSWER, RoomError } from "./wire";

const NAMESPACE = "/room,";
/** The server asks for a sign of life every 5 seconds; one that does not for so long is gone. */
const SILENT_MS = 13_000;
/**
 * A dial knocks (sends its first packet) again and again; once it is heard it needs three round
 * trips more. Windows knocks after 0, 1, 3 and 7 seconds (RFC 6298), all others once a second.
 */
const DOUBLES = navigator.userAgent.includes("Windows");
const KNOCKS_MS = DOUBLES ? [0, 1000, 3000, 7000] : [0, 1000, 2000, 3000, 4000, 5000, 7000];
/** How long one dial after the other may take; every third has the patience of a full link. */
const DIALS_MS = DOUBLES ? [5500, 5500, 10_000] : [6000, 6000, 12_000];
/** A knock that was not answered for so long was not heard. */
const UNHEARD_MS = 1200;
/** One that was heard may take this much longer. */
const HEARD_MS = 4000;

/** Where `entries/dial.ts` has left the connection that it began before this script was here. */
export interface Dialled {
  dialled?: WebSocket | null;
}

type Ack = Accepted | Refused;
type Take = (body: never) => void;

export class Socket {
  /** When the last frame came, in milliseconds of `performance.now()`. */
  heardAt = performance.now();
  /** Settled when the ticket was taken; rejected with the reason when it was not. */
  readonly entered: Promise<void>;
  /** Settled when the connection has ended. */
  readonly gone: Promise<void>;
  /** Characters sent and got. */
  bytes = 0;
  private ended = false;
  private next = 0;
  private silence = 0;
  private readonly waiting = new Map<number, (ack: Ack | null) => void>();
  private readonly takers = new Map<string, Take>();
  private onGone: () => void = () => undefined;
  private onEntered: (refusal: RoomError | null) => void = () => undefined;

  /** Over a WebSocket that is open. */
  constructor(private readonly ws: WebSocket) {
    this.gone = new Promise((done) => (this.onGone = done));
    this.entered = new Promise((done, fail) => {
      this.onEntered = (refusal) => (refusal ? fail(refusal) : done());
    });
    this.entered.catch(() => undefined);
    ws.onmessage = ({ data }) => this.hear(String(data));
    ws.onclose = ws.onerror = () => this.close();
    this.listen();
  }

  get alive(): boolean {
    return !this.ended;
  }

  /** Gives the ticket; messages may be sent at once. */
  enter(ticket: string): void {
    this.put(`40${NAMESPACE}${JSON.stringify({ ticket })}`);
  }

  /** Calls `take` with each message of this name. */
  on(event: string, take: Take): void {
    this.takers.set(event, take);
  }

  /** Sends one message; null when it was not answered within `limit` milliseconds. */
  ask(event: string, body: object, limit: number): Promise<Ack | null> {
    if (this.ended) return Promise.resolve(null);
    const id = this.next++;
    return new Promise((done) => {
      const timer = setTimeout(() => settle(null), limit);
      const settle = (ack: Ack | null): void => {
        clearTimeout(timer);
        this.waiting.delete(id);
        done(ack);
      };
      this.waiting.set(id, settle);
      this.put(`42${NAMESPACE}${id}${JSON.stringify([event, body])}`);
    });
  }

  /** Ends it here and now: a dead link would not carry a farewell. */
  close(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.silence);
    this.ws.onmessage = this.ws.onclose = this.ws.onerror = null;
    this.ws.close();
    this.onEntered(new RoomError("no_answer", NO_ANSWER));
    for (const settle of [...this.waiting.values()]) settle(null);
    this.onGone();
  }

  private put(frame: string): void {
    if (this.ended) return;
    this.bytes += frame.length;
    this.ws.send(frame);
  }

  private listen(): void {
    clearTimeout(this.silence);
    this.silence = window.setTimeout(() => this.close(), SILENT_MS);
  }

  private hear(frame: string): void {
    this.heardAt = performance.now();
    this.bytes += frame.length;
    this.listen();
    if (frame === "2") this.put("3");
    else if (frame.startsWith("1") || frame.startsWith("41")) this.close();
    else if (frame.startsWith("4") && frame.startsWith(NAMESPACE, 2)) {
      this.take(frame[1], frame.slice(2 + NAMESPACE.length));
    }
  }

  private take(kind: string | undefined, rest: string): void {
    const digits = /^\d*/.exec(rest)?.[0] ?? "";
    const body = JSON.parse(rest.slice(digits.length) || "null") as unknown;
    if (kind === "0") this.onEntered(null);
    else if (kind === "2") {
      const [event, said] = body as [string, never];
      this.takers.get(event)?.(said);
    } else if (kind === "3") this.waiting.get(Number(digits))?.((body as [Ack])[0]);
    else if (kind === "4") {
      const said = (body as { message?: string } | null)?.message;
      this.onEntered(new RoomError("refused", said ?? NO_ANSWER));
      this.close();
    }
  }
}

/** One attempt to open a connection; `done` is null when it failed, or was given up. */
export class Dial {
  readonly done: Promise<Socket | null>;
  private readonly began = performance.now();
  private readonly ws: WebSocket;
  private timer: number;
  private settle: (socket: Socket | null) => void = () => undefined;

  /** `tries`: how many were in vain before. */
  constructor(boot: Boot, tries: number) {
    this.ws = begun() ?? new WebSocket(address(boot));
    this.done = new Promise((done) => (this.settle = done));
    const limit = DIALS_MS[tries % DIALS_MS.length];
    this.timer = window.setTimeout(() => this.giveUp(), limit);
    this.ws.onclose = this.ws.onerror = () => this.giveUp();
    this.ws.onopen = () => this.open();
    if (this.ws.readyState === WebSocket.OPEN) this.open();
  }

  giveUp(): void {
    clearTimeout(this.timer);
    this.ws.onopen = this.ws.onclose = this.ws.onerror = null;
    this.ws.close();
    this.settle(null);
  }

  /**
   * The link is back, another way tells. A dial that knocked in vain, and is to knock again only
   * seconds later, is given up for a new one; one that is being answered gets the time it needs.
   */
  hurry(): void {
    const age = performance.now() - this.began;
    const last = Math.max(...KNOCKS_MS.filter((at) => at <= age));
    clearTimeout(this.timer);
    if (age - last > UNHEARD_MS) this.giveUp();
    else this.timer = window.setTimeout(() => this.giveUp(), HEARD_MS);
  }

  private open(): void {
    clearTimeout(this.timer);
    this.settle(new Socket(this.ws));
  }
}

function address(boot: Boot): string {
  const url = new URL(`${boot.socket_path}/?EIO=4&transport=websocket`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** The connection that was begun while this script was still on its way, once. */
function begun(): WebSocket | null {
  const place = window as Dialled;
  const ws = place.dialled ?? null;
  place.dialled = null;
  return ws && ws.readyState <= WebSocket.OPEN ? ws : null;
}

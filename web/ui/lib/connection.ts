// The client side of signalling/PROTOCOL.md: one connection of a page to the server, and over it as
// many sessions as the page opens. It comes back by itself from everything: a lost link, a server
// that was killed and started again, media that died while messages still flow. No click is needed.

import type { Accepted, Boot, LobbyBody, RoomState } from "./protocol";
import { RoomLink, type RoomPage, type Shape } from "./room-link";
import { Dial, type Socket } from "./socket";
import { Turnstile } from "./turnstile";
import { Closed, fetchTicket, NO_ANSWER, RoomError } from "./wire";

const ACK_LIMIT_MS = 8000;
const RETRY_FIRST_MS = 300;
const RETRY_LAST_MS = 1000;
/** A dial that failed sooner than this was refused, not lost: the next one waits a little. */
const REFUSED_MS = 300;
/** Media stopped: a server that then says nothing for so long, though asked, is out of reach. */
const DOUBT_MS = 3000;
/** The page's own ticket is good for 30 seconds, of which some are needed to hand it in. */
const FRESH_MS = 22_000;
/** Credentials of relays are good for an hour at least. They are fetched anew in good time. */
const ICE_AGE_MS = 55 * 60_000;
const ICE_EVERY_MS = 25 * 60_000;
const BUSY_TRIES = 5;
/** How many sessions bring up their media at the same time. */
const HANDSHAKES = 3;

/** What rooms pass on to whoever asked for it by `RoomLink.on`. */
const ASIDES = ["still", "sound", "picture_wanted"];

export type Link = "connecting" | "connected" | "lost";

/** What a page is told of its connection. Every method may be called at any time after `start`. */
export interface ConnectionPage {
  link(link: Link): void;
  /** The server refused entry for good (signed out): `detail` is a plain sentence. */
  refused(code: string, detail: string): void;
  lobby?(body: LobbyBody): void;
  /** The service is about to start again; the link is lost next, and comes back by itself. */
  restarting?(): void;
}

interface About {
  session: string;
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export class Connection {
  /** The session that is joined, and gets its media, before the others. */
  first: string | null = null;
  private socket: Socket | null = null;
  private dialling: Dial | null = null;
  /** Came about before `start`: open, and let in. */
  private prepared: Promise<Socket | null> | null = null;
  private running = false;
  private entering = false;
  private doubting = 0;
  /** Good once, for the next connection: of the page itself, then from the answer to `join`. */
  private ticket: string | null = null;
  private ice: { servers: RTCIceServer[]; at: number } = { servers: [], at: -Infinity };
  private readonly rooms = new Map<string, RoomLink>();
  private readonly turnstile = new Turnstile(HANDSHAKES, () => this.first);
  private wake: () => void = () => undefined;

  constructor(
    private readonly boot: Boot,
    private readonly page: ConnectionPage,
  ) {
    if (boot.ice_servers) this.ice = { servers: boot.ice_servers, at: 0 };
    if (boot.ticket && performance.now() < FRESH_MS) this.ticket = boot.ticket;
  }

  /** Connects already, and waits before the rooms until `start`. One that is lost is not missed. */
  prepare(): void {
    if (!this.running) this.prepared ??= this.connect(0).catch(() => null);
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.running) return;
    this.running = true;
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.doubt());
    setInterval(() => void this.freshen(), ICE_EVERY_MS);
    void this.run();
  }

  /** Ends everything: no message, no media, no retry. */
  stop(): void {
    this.running = false;
    for (const room of [...this.rooms.values()]) room.quit();
    this.socket?.close();
    this.dialling?.giveUp();
    this.wake();
  }

  /** A session, not joined yet: `open` it. One session has one room in a page. */
  room(session: string, shape: Shape, page: RoomPage): RoomLink {
    return new RoomLink(
      {
        send: (event, body) => this.request(event, body),
        iceServers: () => this.iceServers(),
        inTurn: (who, work) => this.turnstile.pass(who, work),
        unanswered: () => this.socket?.close(),
        stirred: () => this.hurry(),
        silent: () => void this.silent(),
        media: (media) => {
          if (media === "lost") this.doubt();
          if (media === "connected") this.hurry();
        },
        carry: (room) => {
          this.rooms.set(room.session, room);
          void this.enterRooms();
        },
        drop: (room) => {
          if (this.rooms.get(room.session) === room) this.rooms.delete(room.session);
        },
      },
      session,
      shape,
      page,
    );
  }

  /**
   * Sends one message and returns its acknowledgement; a busy server is asked again.
   * Throws `RoomError` when the server refuses or does not answer within 8 seconds.
   */
  async request(event: string, body: object): Promise<Accepted> {
    for (let attempt = 1; ; attempt += 1) {
      const ack = await this.socket?.ask(event, body, ACK_LIMIT_MS);
      if (!ack) throw new RoomError("no_answer", NO_ANSWER);
      if ("again" in ack) this.ticket = String(ack.again);
      if (ack.ok) return ack;
      if (ack.error.code !== "busy" || attempt === BUSY_TRIES) {
        throw new RoomError(ack.error.code, ack.error.detail);
      }
      await sleep(200 * attempt);
    }
  }

  /** One turn a connection: a socket, a ticket, the rooms; then wait until it is gone. */
  private async run(): Promise<void> {
    let delay = 0;
    let tries = 0;
    this.page.link("connecting");
    while (this.running) {
      const began = performance.now();
      try {
        const socket = (await this.prepared) ?? (await this.connect(tries));
        this.prepared = null;
        tries += 1;
        if (socket && this.running && (await this.use(socket))) delay = tries = 0;
        else if (performance.now() - began > REFUSED_MS) delay = 0;
      } catch (error) {
        if (error instanceof Closed) this.closed(error);
      }
      this.lost();
      if (this.running && delay) await this.pause(delay);
      delay = Math.min(delay ? delay * 1.5 : RETRY_FIRST_MS, RETRY_LAST_MS);
    }
  }

  /**
   * Opens a socket and gives the ticket, without waiting for an answer; null when it did not open.
   * Throws as `fetchTicket` does: where the page has no ticket, one is fetched meanwhile.
   */
  private async connect(tries: number): Promise<Socket | null> {
    const ticket = this.ticket;
    this.ticket = null;
    const dial = (this.dialling ??= new Dial(this.boot, tries));
    try {
      const [socket, fetched] = await Promise.all([dial.done, ticket ?? this.fetchTicket()]);
      // Not handed in, and perhaps still good.
      if (!socket) this.ticket = ticket;
      else this.attach(socket);
      socket?.enter(fetched);
      return socket;
    } catch (error) {
      dial.giveUp();
      throw error;
    } finally {
      this.dialling = null;
    }
  }

  /** Lives over this socket until it is gone; true when it was of use. */
  private async use(socket: Socket): Promise<boolean> {
    let entered = false;
    this.socket = socket;
    void socket.entered.then(
      () => {
        entered = true;
        if (this.socket === socket) this.page.link("connected");
      },
      () => undefined,
    );
    await this.enterRooms();
    await socket.gone;
    return entered;
  }

  private closed(error: Closed): void {
    this.running = false;
    // Whoever may not come in any more is not left watching either.
    for (const room of this.rooms.values()) room.hangUp();
    this.page.refused(error.code, error.message);
  }

  /** Media stopped: unless the server says something soon, its socket is dead as well. */
  private doubt(): void {
    const socket = this.socket;
    const asked = performance.now();
    clearTimeout(this.doubting);
    this.doubting = window.setTimeout(() => {
      if (socket && socket.heardAt < asked) socket.close();
    }, DOUBT_MS);
  }

  /**
   * The link is gone, or the device has another one by now: a new socket is dialled beside the one
   * that is there, and takes its place if that has not said a word by then.
   */
  private async silent(): Promise<void> {
    const { socket } = this;
    if (!socket?.alive || this.dialling) return;
    const asked = performance.now();
    const dial = (this.dialling = new Dial(this.boot, 0));
    const fresh = await dial.done;
    // It was lost meanwhile, and `connect` goes on with this dial.
    if (this.socket !== socket || this.dialling !== dial) return;
    if (fresh && socket.heardAt < asked) {
      socket.close();
      return;
    }
    this.dialling = null;
    fresh?.close();
  }

  /** Something says that the link is there again. */
  private hurry(): void {
    this.dialling?.hurry();
    this.wake();
  }

  private lost(): void {
    this.socket?.close();
    this.socket = null;
    clearTimeout(this.doubting);
    for (const room of this.rooms.values()) room.socketLost();
    if (this.running) this.page.link("lost");
  }

  /** Waits, but no longer than until the device says that it is online again. */
  private pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  private async fetchTicket(): Promise<string> {
    const { ticket, iceServers } = await fetchTicket(this.boot);
    this.ice = { servers: iceServers, at: performance.now() };
    return ticket;
  }

  private async iceServers(): Promise<RTCIceServer[]> {
    if (performance.now() - this.ice.at > ICE_AGE_MS) await this.freshen();
    return this.ice.servers;
  }

  /** Where relays are, asked anew; what is known stays when nobody answers. */
  private async freshen(): Promise<void> {
    if (this.running) await this.fetchTicket().catch(() => undefined);
  }

  private attach(socket: Socket): void {
    const room = ({ session }: About): RoomLink | undefined => this.rooms.get(session);
    const heard = (event: string) => (body: About) => room(body)?.heard(event, body);
    for (const event of ASIDES) socket.on(event, heard(event));
    socket.on("state", (state: RoomState) => room(state)?.show(state));
    socket.on("sharpen", (body: About & { seconds: number }) => room(body)?.sharpen(body.seconds));
    socket.on("released", (body: About & { to: string }) => room(body)?.released(body.to));
    socket.on("replaced", (body: About) => {
      room(body)?.replaced();
      // Staff stay in the lobby; for all others the session was everything.
      if (this.boot.role !== "invigilator") this.stop();
    });
    socket.on("lobby", (body: LobbyBody) => this.page.lobby?.(body));
    socket.on("draining", () => {
      this.page.restarting?.();
      for (const each of this.rooms.values()) each.live.doom();
      socket.close();
    });
  }

  /** Joins what waits, one room after another, so that a dozen do not ask at the same moment. */
  private async enterRooms(): Promise<void> {
    if (this.entering) return;
    this.entering = true;
    try {
      for (;;) {
        const socket = this.socket;
        const waiting = [...this.rooms.values()].filter((room) => room.waits);
        const next = waiting.find(({ session }) => session === this.first) ?? waiting[0];
        if (!socket?.alive || !next) return;
        if (!(await next.enter(socket))) socket.close();
      }
    } finally {
      this.entering = false;
    }
  }
}

// The client side of signalling/PROTOCOL.md: one connection of a page to the server, and over it as
// many sessions as the page opens. It comes back by itself from everything: a lost link, a server
// that was killed and started again, media that died while messages still flow. No click is needed.

import type { Socket } from "socket.io-client";
import type { Accepted, Boot, LobbyBody, Refused, RoomState } from "./protocol";
import { RoomLink, type RoomPage, type Shape } from "./room-link";
import { Turnstile } from "./turnstile";
import { Closed, dial, fetchTicket, NO_ANSWER, RoomError } from "./wire";

const ACK_LIMIT_MS = 8000;
const RETRY_FIRST_MS = 300;
const RETRY_LAST_MS = 1000;
/** TURN credentials older than this are fetched anew before they are used. */
const ICE_AGE_MS = 10 * 60_000;
const BUSY_TRIES = 5;
/** How many sessions bring up their media at the same time. */
const HANDSHAKES = 3;

export type Link = "connecting" | "connected" | "lost";

/** What a page is told of its connection. Every method may be called at any time after `start`. */
export interface ConnectionPage {
  link(link: Link): void;
  /** The server refused entry for good (signed out): `detail` is a plain sentence. */
  refused(code: string, detail: string): void;
  lobby?(body: LobbyBody): void;
}

interface About {
  session: string;
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export class Connection {
  /** The session that is joined, and gets its media, before the others. */
  first: string | null = null;
  private socket: Socket | null = null;
  private running = false;
  private entering = false;
  private ice: { servers: RTCIceServer[]; at: number } = { servers: [], at: -Infinity };
  private readonly rooms = new Map<string, RoomLink>();
  private readonly turnstile = new Turnstile(HANDSHAKES, () => this.first);
  private wake: () => void = () => undefined;

  constructor(
    private readonly boot: Boot,
    private readonly page: ConnectionPage,
  ) {}

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.running) return;
    this.running = true;
    addEventListener("online", () => this.wake());
    void this.run();
  }

  /** Ends everything: no message, no media, no retry. */
  stop(): void {
    this.running = false;
    for (const room of [...this.rooms.values()]) room.quit();
    this.socket?.disconnect();
    this.wake();
  }

  /** A session, not joined yet: `open` it. One session has one room in a page. */
  room(session: string, shape: Shape, page: RoomPage): RoomLink {
    return new RoomLink(
      {
        send: (event, body) => this.request(event, body),
        iceServers: () => this.iceServers(),
        inTurn: (who, work) => this.turnstile.pass(who, work),
        unanswered: () => this.socket?.disconnect(),
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
      const socket = this.socket;
      if (!socket?.connected) throw new RoomError("no_answer", NO_ANSWER);
      let ack: Accepted | Refused;
      try {
        ack = (await socket.timeout(ACK_LIMIT_MS).emitWithAck(event, body)) as Accepted | Refused;
      } catch {
        throw new RoomError("no_answer", NO_ANSWER);
      }
      if (ack.ok) return ack;
      if (ack.error.code !== "busy" || attempt === BUSY_TRIES) {
        throw new RoomError(ack.error.code, ack.error.detail);
      }
      await sleep(200 * attempt);
    }
  }

  /** One turn a connection: a ticket, a socket, the rooms; then wait until it is gone. */
  private async run(): Promise<void> {
    let delay = 0;
    this.page.link("connecting");
    while (this.running) {
      if (delay) await this.pause(delay);
      delay = Math.min(delay ? delay * 1.5 : RETRY_FIRST_MS, RETRY_LAST_MS);
      try {
        const ticket = await this.ticket();
        if (!this.running) break;
        const socket = await dial(this.boot, ticket, (made) => this.attach(made));
        const gone = new Promise<void>((done) => socket.once("disconnect", () => done()));
        this.socket = socket;
        this.page.link("connected");
        await this.enterRooms();
        if (socket.connected) delay = 0;
        await gone;
      } catch (error) {
        if (error instanceof Closed) {
          this.running = false;
          // Whoever may not come in any more is not left watching either.
          for (const room of this.rooms.values()) room.hangUp();
          this.page.refused(error.code, error.message);
        }
      }
      this.lost();
      if (!delay) delay = RETRY_FIRST_MS;
    }
  }

  private lost(): void {
    this.socket?.disconnect();
    this.socket = null;
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

  private async ticket(): Promise<string> {
    const { ticket, iceServers } = await fetchTicket(this.boot);
    this.ice = { servers: iceServers, at: performance.now() };
    return ticket;
  }

  private async iceServers(): Promise<RTCIceServer[]> {
    if (performance.now() - this.ice.at > ICE_AGE_MS) await this.ticket();
    return this.ice.servers;
  }

  private attach(socket: Socket): void {
    const room = ({ session }: About): RoomLink | undefined => this.rooms.get(session);
    socket.on("state", (state: RoomState) => room(state)?.show(state));
    socket.on("sharpen", (body: About & { seconds: number }) => room(body)?.sharpen(body.seconds));
    socket.on("released", (body: About & { to: string }) => room(body)?.released(body.to));
    socket.on("replaced", (body: About) => {
      room(body)?.replaced();
      // Staff stay in the lobby; for all others the session was everything.
      if (this.boot.role !== "invigilator") this.stop();
    });
    socket.on("lobby", (body: LobbyBody) => this.page.lobby?.(body));
    socket.on("draining", () => socket.disconnect());
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
        if (!socket?.connected || !next) return;
        if (!(await next.enter(socket))) socket.disconnect();
      }
    } finally {
      this.entering = false;
    }
  }
}

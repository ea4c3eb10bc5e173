// One session over a connection to the server: being in it, its state, its messages, its media.
// It stays joined by itself, over every loss of the connection, until `leave`.

import { MediaLink, type Media, type Remote, type Tracks } from "./media-link";
import type { Accepted, ChatLine, Role, RoomState } from "./protocol";
import type { Socket } from "./socket";
import { NO_ANSWER, RoomError } from "./wire";

/** Refusals that say nothing about the person: the same may be accepted a moment later. */
const PASSING = ["busy", "timeout", "internal"];
const AGAIN_MS = 3000;

/** As what one joins. Staff learn from the answer whether they invigilate or look in. */
export type Shape = "learner" | "staff" | "second";

/** What a page is told of one session. Every method may be called at any time after `open`. */
export interface RoomPage {
  media(media: Media): void;
  state(state: RoomState): void;
  /** Pictures and sound of the others; told again whenever they come over a new connection. */
  remote(remote: Remote): void;
  /** In the room (again): messages can be sent. The state is told right before. */
  joined?(): void;
  /** Another page of ours took over this side of this session; `open` takes it back. */
  replaced?(): void;
  /** A colleague of this name has taken over. */
  released?(to: string): void;
  /** A picture is about to be taken: send the camera in full size for so many seconds. */
  sharpen?(seconds: number): void;
  /** Entry refused (not ours, over): `detail` is a plain sentence. It is not asked again. */
  refused(code: string, detail: string): void;
}

/** What a room needs from the connection that carries it. */
export interface Carrier {
  send(event: string, body: object): Promise<Accepted>;
  iceServers(): Promise<RTCIceServer[]>;
  inTurn(session: string, work: () => Promise<void>): Promise<void>;
  /** Makes the connection anew. */
  unanswered(): void;
  /** The link is there again, as something tells that came by another way. */
  stirred(): void;
  /** Nothing at all has come over media for some seconds. */
  silent(): void;
  /** How media fare, which tells something of the link. */
  media(media: Media): void;
  /** Keeps the room, and joins it as soon as it can be. */
  carry(room: RoomLink): void;
  drop(room: RoomLink): void;
}

/** Whether a line of this number is not before all of these. */
function after(lines: ChatLine[], seq: number): boolean {
  return lines[0] !== undefined && seq >= lines[0].seq;
}

type Place = "out" | "waiting" | "joining" | "joined" | "refused";

export class RoomLink {
  private place: Place = "out";
  private role: Role | null = null;
  private seq = -1;
  private chat: ChatLine[] = [];
  private timer = 0;
  private readonly takers = new Map<string, (body: object) => void>();
  /** Its media: how they are sent, and what is known of the way. */
  readonly live: MediaLink;

  constructor(
    private readonly carrier: Carrier,
    readonly session: string,
    readonly shape: Shape,
    private readonly page: RoomPage,
  ) {
    this.live = new MediaLink({
      role: () => (this.inside ? this.role : null),
      request: (event, body) => this.request(event, body),
      iceServers: () => carrier.iceServers(),
      inTurn: (work) => carrier.inTurn(session, work),
      unanswered: () => carrier.unanswered(),
      stirred: () => carrier.stirred(),
      media: (media) => {
        carrier.media(media);
        page.media(media);
      },
      remote: (remote) => page.remote(remote),
    });
  }

  /** Joins, and stays joined until `leave`. Joins anew when it was in already. */
  open(): void {
    clearTimeout(this.timer);
    if (this.place === "out") {
      this.seq = -1;
      this.chat = [];
    }
    this.place = "waiting";
    this.carrier.carry(this);
  }

  /** Leaves: no message, no media, no retry. */
  async leave(): Promise<void> {
    const wasJoined = this.place === "joined";
    this.quit();
    if (!wasJoined) return;
    await this.carrier.send("leave", { session: this.session }).catch(() => undefined);
  }

  /** Ends media for good and keeps the messages: the session is over. */
  hangUp(): void {
    this.live.hangUp();
  }

  /**
   * Sends one message about this session and returns its acknowledgement.
   * Throws `RoomError` when the server refuses or does not answer within 8 seconds.
   */
  async request(event: string, body: object = {}): Promise<Accepted> {
    if (!this.inside) throw new RoomError("not_joined", NO_ANSWER);
    return this.carrier.send(event, { session: this.session, ...body });
  }

  /** Sets what this side sends; null sends nothing of that kind, a track not named stays. */
  setTracks(tracks: Tracks): Promise<void> {
    return this.live.setTracks(tracks);
  }

  /** Caps what one picture sends; applies at once and to every later connection. */
  setEncoding(name: "camera" | "screen", encoding: RTCRtpEncodingParameters): void {
    this.live.setEncoding(name, encoding);
  }

  /** Tells the others which devices are on; call it when a track is muted or unmuted. */
  tellMedia(): void {
    this.live.tell();
  }

  /** Nothing at all has come over media for some seconds, though the server reports every one. */
  silent(): void {
    // Where only media are gone this is answered before a new socket is open.
    this.live.tell();
    this.live.silent();
    this.carrier.silent();
  }

  /** How loud the other side is now, 0 to 1. */
  loudness(): Promise<number> {
    return this.live.loudness();
  }

  /** Calls `take` with each message of this name: `still`, `sound`. */
  on<Body>(event: string, take: (body: Body) => void): void {
    this.takers.set(event, take as (body: object) => void);
  }

  /** Messages can be sent: in the room, or right behind the `join` of whose role is known. */
  private get inside(): boolean {
    return this.place === "joined" || (this.place === "joining" && this.role !== null);
  }

  // For the connection that carries this room.

  /** True while it is to be joined as soon as there is a connection. */
  get waits(): boolean {
    return this.place === "waiting";
  }

  /** Joins over this socket; false when the server did not answer. */
  async enter(socket: Socket): Promise<boolean> {
    this.place = "joining";
    // What staff are in a room they learn from the answer. All others offer their media at once.
    this.role = this.shape === "staff" ? null : this.shape;
    const mine = (): boolean => this.place === "joining" && socket.alive;
    try {
      // Who comes back knows what was said before.
      const since = this.seq < 0 ? {} : { since: this.seq };
      const joining = this.carrier.send("join", { session: this.session, ...since });
      if (this.role) void this.live.revive();
      const answer = await joining;
      if (!mine()) return true;
      const state = answer.state as RoomState;
      this.place = "joined";
      this.role = state.role;
      const fresh = state.chat ?? [];
      state.chat = [...this.chat.filter(({ seq }) => !after(fresh, seq)), ...fresh];
      this.show(state);
    } catch (error) {
      if (!mine()) return true;
      return this.onRefused(error instanceof RoomError ? error : new RoomError("internal", ""));
    }
    this.page.joined?.();
    if (this.shape === "staff") void this.live.revive();
    return true;
  }

  private onRefused(error: RoomError): boolean {
    this.place = error.code === "no_answer" ? "waiting" : "refused";
    if (error.code === "no_answer") return false;
    this.live.close("none");
    if (PASSING.includes(error.code)) this.timer = window.setTimeout(() => this.open(), AGAIN_MS);
    else this.page.refused(error.code, error.message);
    return true;
  }

  /** The connection is gone. */
  socketLost(): void {
    clearTimeout(this.timer);
    if (this.place === "out") return;
    this.place = "waiting";
    this.live.socketLost();
  }

  /** Passes on what came beside the states. */
  heard(event: string, body: object): void {
    this.takers.get(event)?.(body);
  }

  /** Takes a state of this session; one that is older than what is shown is dropped. */
  show(state: RoomState): void {
    if (this.place === "out" || state.seq < this.seq) return;
    this.seq = state.seq;
    this.chat = state.chat ?? [];
    this.page.state(state);
  }

  replaced(): void {
    this.quit();
    this.page.replaced?.();
  }

  released(to: string): void {
    this.quit();
    this.page.released?.(to);
  }

  sharpen(seconds: number): void {
    this.page.sharpen?.(seconds);
  }

  /** The page is going: no more media. */
  quit(): void {
    clearTimeout(this.timer);
    this.place = "out";
    this.live.close("none");
    this.carrier.drop(this);
  }
}

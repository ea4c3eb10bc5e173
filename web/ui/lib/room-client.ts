// The client side of signalling/PROTOCOL.md: one connection to the server, one session at a time,
// one peer connection. It comes back by itself from everything: a lost link, a server that was
// killed and started again, media that died while messages still flow. No click is ever needed.

import type { Socket } from "socket.io-client";
import type { Accepted, Boot, LobbyEntry, Refused, RoomState } from "./protocol";
import { Closed, dial, fetchTicket, heard, NO_ANSWER, preferVp8, RoomError } from "./wire";

const ACK_LIMIT_MS = 8000;
const RETRY_FIRST_MS = 300;
const RETRY_LAST_MS = 1000;
/** Media that is not up after this long is tried anew: without TURN, ICE would stay `checking`. */
const MEDIA_LIMIT_MS = 8000;
/** A path over TURN on a slow link takes longer: later tries wait up to this many times as long. */
const MEDIA_PATIENCE = 3;
/** How long an interrupted peer connection may take to heal by itself. */
const HEAL_MS = 2500;
/** How long to listen whether the old peer connection outlived a lost socket. */
const LISTEN_MS = 1500;
/** TURN credentials older than this are fetched anew before they are used. */
const ICE_AGE_MS = 10 * 60_000;
const BUSY_TRIES = 5;

export type Link = "connecting" | "joined" | "lost" | "replaced";
export type Media = "none" | "connecting" | "connected" | "lost";

/** What a page is told. Every method may be called at any time after `start`. */
export interface RoomPage {
  link(link: Link): void;
  media(media: Media): void;
  state(state: RoomState): void;
  remote(stream: MediaStream): void;
  /** The server refused entry for good (not ours, over, signed out): `detail` is a plain sentence. */
  refused(code: string, detail: string): void;
  lobby?(sessions: LobbyEntry[]): void;
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export class RoomClient {
  private socket: Socket | null = null;
  private pc: RTCPeerConnection | null = null;
  private senders: { audio: RTCRtpSender; video: RTCRtpSender } | null = null;
  private audio: MediaStreamTrack | null = null;
  private video: MediaStreamTrack | null = null;
  private encoding: RTCRtpEncodingParameters = {};
  private iceServers: RTCIceServer[] = [];
  private iceAt = -Infinity;
  private session: string | null;
  private seq = -1;
  private joined = false;
  private running = false;
  /** False once the page has hung up. */
  private sendsMedia = true;
  /** Grows with each attempt at media, so that a late answer of an older one is dropped. */
  private attempt = 0;
  /** Attempts since media was last up. */
  private tries = 0;
  private timer = 0;
  private lossAt = 0;
  private heardAtLoss: Promise<number> | null = null;
  private wake: () => void = () => undefined;
  private remote: MediaStream | null = null;

  constructor(
    private readonly boot: Boot,
    private readonly page: RoomPage,
  ) {
    this.session = boot.session ?? null;
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.running) return;
    this.running = true;
    addEventListener("online", () => this.wake());
    void this.run();
  }

  /** Leaves for good: no message, no media, no retry. */
  stop(): void {
    this.running = false;
    this.closeMedia("none");
    this.socket?.disconnect();
    this.wake();
  }

  /** Changes to another session (the invigilator's console), leaving the one that is open. */
  async open(session: string | null): Promise<void> {
    if (session === this.session) return;
    const before = this.session;
    this.session = session;
    this.seq = -1;
    this.closeMedia("none");
    const wasJoined = this.joined;
    this.joined = false;
    if (before && wasJoined) await this.send("leave", { session: before }).catch(() => undefined);
    if (this.socket?.connected) await this.enter(this.socket);
  }

  /** Sets what this side sends; null sends nothing of that kind. Needs no new offer. */
  async setTracks(audio: MediaStreamTrack | null, video: MediaStreamTrack | null): Promise<void> {
    this.audio = audio;
    this.video = video;
    await this.senders?.audio.replaceTrack(audio).catch(() => undefined);
    await this.senders?.video.replaceTrack(video).catch(() => undefined);
    this.tellMedia();
  }

  /** Caps what the camera sends; applies at once and to every later connection. */
  setEncoding(encoding: RTCRtpEncodingParameters): void {
    this.encoding = encoding;
    void this.applyEncoding();
  }

  /** Tells the other side which devices are on; called by `setTracks` and on `mute` and `unmute`. */
  tellMedia(): void {
    if (!this.joined) return;
    this.sayMedia().catch(() => undefined);
  }

  /** Ends media for good and keeps the messages: the session is over. */
  hangUp(): void {
    this.closeMedia("none");
    this.audio = this.video = null;
    this.sendsMedia = false;
    this.tellMedia();
  }
  /**
   * Sends one message about the open session and returns its acknowledgement.
   * Throws `RoomError` when the server refuses or does not answer within 8 seconds.
   */
  async request(event: string, body: object = {}): Promise<Accepted> {
    if (!this.joined || !this.session) throw new RoomError("not_joined", NO_ANSWER);
    return this.send(event, { session: this.session, ...body });
  }

  private async send(event: string, body: object): Promise<Accepted> {
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

  // The connection

  /** One turn a connection: a ticket, a socket, the room; then wait until it is gone. */
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
        await this.enter(socket);
        if (socket.connected) delay = 0;
        await gone;
      } catch (error) {
        if (error instanceof Closed) {
          this.running = false;
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
    this.joined = false;
    if (this.pc && !this.heardAtLoss) {
      this.lossAt = performance.now();
      this.heardAtLoss = heard(this.pc);
    }
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
    this.iceServers = iceServers;
    this.iceAt = performance.now();
    return ticket;
  }

  private attach(socket: Socket): void {
    socket.on("state", (state: RoomState) => this.show(state));
    socket.on("lobby", (body: { sessions: LobbyEntry[] }) => this.page.lobby?.(body.sessions));
    socket.on("draining", () => socket.disconnect());
    socket.on("replaced", () => {
      this.running = false;
      this.closeMedia("none");
      this.page.link("replaced");
      socket.disconnect();
    });
  }

  /** Joins the chosen session, if there is one, and brings media up. */
  private async enter(socket: Socket): Promise<void> {
    const session = this.session;
    if (!session) {
      this.page.link("joined");
      return;
    }
    try {
      const answer = await this.send("join", { session });
      if (this.socket !== socket || this.session !== session) return;
      this.joined = true;
      this.show(answer.state as RoomState);
    } catch (error) {
      if (this.socket !== socket || this.session !== session) return;
      if (error instanceof RoomError && error.code === "no_answer") socket.disconnect();
      else if (error instanceof RoomError) this.page.refused(error.code, error.message);
      return;
    }
    this.page.link("joined");
    this.tellMedia();
    await this.revive();
  }

  private show(state: RoomState): void {
    if (state.session !== this.session || state.seq < this.seq) return;
    this.seq = state.seq;
    this.page.state(state);
  }

  // Media

  /** After a (re)join: keeps a peer connection that still lives, else makes a new one. */
  private async revive(): Promise<void> {
    const pc = this.pc;
    const before = await this.heardAtLoss;
    this.heardAtLoss = null;
    if (pc && before !== null && pc === this.pc) {
      const alive = async (): Promise<boolean> =>
        pc.connectionState !== "failed" && (await heard(pc)) > before;
      const listened = performance.now() - this.lossAt;
      if (listened < LISTEN_MS && !(await alive())) await sleep(LISTEN_MS - listened);
      if (await alive()) {
        this.watch(HEAL_MS);
        return;
      }
    }
    if (pc === this.pc) void this.offer();
  }

  /** Makes a new peer connection in place of the old one. The old picture stays until then. */
  private async offer(): Promise<void> {
    if (!this.joined || !this.session || !this.sendsMedia) return;
    this.attempt += 1;
    this.tries += 1;
    const attempt = this.attempt;
    const current = (): boolean => attempt === this.attempt && this.joined;
    this.watch(MEDIA_LIMIT_MS * Math.min(this.tries, MEDIA_PATIENCE));
    this.page.media(this.pc ? "lost" : "connecting");
    const old = this.pc;
    try {
      if (performance.now() - this.iceAt > ICE_AGE_MS) await this.ticket();
      const pc = this.peer();
      this.pc = pc;
      await pc.setLocalDescription(await pc.createOffer());
      const answer = await this.request("offer", { sdp: pc.localDescription?.sdp ?? "" });
      old?.close();
      if (!current() || this.pc !== pc) {
        pc.close();
        return;
      }
      await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp as string });
      await this.applyEncoding();
    } catch {
      old?.close();
      // The watch set above tries again; a refused offer is tried again a little sooner.
      if (current()) this.watch(RETRY_LAST_MS);
    }
  }

  /** Exactly two m-lines: audio, then camera. An absent device keeps its line and sends nothing. */
  private peer(): RTCPeerConnection {
    const pc = new RTCPeerConnection({ iceServers: this.iceServers, bundlePolicy: "max-bundle" });
    const audio = pc.addTransceiver("audio", { direction: "sendrecv" });
    const video = pc.addTransceiver("video", { direction: "sendrecv" });
    preferVp8(video);
    void audio.sender.replaceTrack(this.audio);
    void video.sender.replaceTrack(this.video);
    this.senders = { audio: audio.sender, video: video.sender };
    this.remote = new MediaStream([audio.receiver.track, video.receiver.track]);
    pc.addEventListener("connectionstatechange", () => this.onPeerChange(pc));
    return pc;
  }

  private onPeerChange(pc: RTCPeerConnection): void {
    if (pc !== this.pc) return;
    switch (pc.connectionState) {
      case "connected":
        clearTimeout(this.timer);
        this.tries = 0;
        if (this.remote) this.page.remote(this.remote);
        this.page.media("connected");
        void this.applyEncoding();
        break;
      case "disconnected":
        this.page.media("lost");
        void this.probe(pc);
        break;
      case "failed":
        this.page.media("lost");
        void this.offer();
        break;
      default:
    }
  }

  /**
   * Media was interrupted. While the server answers, the peer connection gets a moment to heal;
   * when it does not answer, the link is down and the socket is made anew at once.
   */
  private async probe(pc: RTCPeerConnection): Promise<void> {
    if (!this.joined) return;
    try {
      await this.sayMedia();
    } catch {
      if (pc === this.pc && pc.connectionState !== "connected") this.socket?.disconnect();
      return;
    }
    await sleep(HEAL_MS);
    if (pc === this.pc && pc.connectionState !== "connected") void this.offer();
  }

  private sayMedia(): Promise<Accepted> {
    const on = (track: MediaStreamTrack | null): boolean =>
      track !== null && track.readyState === "live" && track.enabled;
    return this.request("media", { camera: on(this.video), microphone: on(this.audio) });
  }

  /** Tries media anew after `ms`, unless it is up by then. */
  private watch(ms: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (this.pc?.connectionState !== "connected") void this.offer();
    }, ms);
  }

  private closeMedia(media: Media): void {
    this.attempt += 1;
    clearTimeout(this.timer);
    this.pc?.close();
    this.pc = this.senders = this.remote = null;
    this.heardAtLoss = null;
    this.page.media(media);
  }

  private async applyEncoding(): Promise<void> {
    const sender = this.senders?.video;
    const parameters = sender?.getParameters();
    const first = parameters?.encodings[0];
    if (!sender || !parameters || !first) return;
    Object.assign(first, this.encoding);
    await sender.setParameters(parameters).catch(() => undefined);
  }
}

// The media of one session: one peer connection, its fixed m-lines, and how it comes back by itself.

import type { Voice } from "../link/rungs";
import { tuned } from "../link/voice";
import type { Accepted, Role } from "./protocol";
import { heard, preferVp8 } from "./wire";

/** Media that is not up after this long is tried anew: without TURN, ICE would stay `checking`. */
const MEDIA_LIMIT_MS = 8000;
/** A path over TURN on a slow link takes longer: later tries wait up to this many times as long. */
const MEDIA_PATIENCE = 3;
/** How long an interrupted peer connection may take to heal by itself. */
const HEAL_MS = 2500;
/** How long to listen whether the old peer connection outlived a lost socket. */
const LISTEN_MS = 1500;
/** A silence was the beginning of the loss of a socket that follows so soon. */
const SILENCE_MS = 10_000;
/** So much of a camera's name is told. */
const LABEL_LIMIT = 120;
/** After an offer that was refused. */
const AGAIN_MS = 1000;

export type Media = "none" | "connecting" | "connected" | "lost";
/** What this side may send. */
export type TrackName = "audio" | "camera" | "screen";
export type Tracks = Partial<Record<TrackName, MediaStreamTrack | null>>;

/** What comes from the others: voice and camera together, and for staff the other pictures. */
export interface Remote {
  main: MediaStream;
  screen?: MediaStream;
  second?: MediaStream;
}

type Line = TrackName | "second";

/** The m-lines of each kind of person, in the order that the server expects. */
const SHAPES: Record<Role, readonly [Line, RTCRtpTransceiverDirection][]> = {
  learner: [
    ["audio", "sendrecv"],
    ["camera", "sendrecv"],
    ["screen", "sendonly"],
  ],
  invigilator: [
    ["audio", "sendrecv"],
    ["camera", "sendrecv"],
    ["screen", "recvonly"],
    ["second", "recvonly"],
  ],
  supervisor: [
    ["audio", "recvonly"],
    ["camera", "recvonly"],
    ["screen", "recvonly"],
    ["second", "recvonly"],
  ],
  second: [["camera", "sendonly"]],
};

/** What the media of a session need from the room they belong to. */
export interface MediaHost {
  /** The role one is in the room as; null while one is not joined. */
  role(): Role | null;
  request(event: string, body: object): Promise<Accepted>;
  iceServers(): Promise<RTCIceServer[]>;
  /** Runs `work` when it is this room's turn: twelve handshakes at once would starve each other. */
  inTurn(work: () => Promise<void>): Promise<void>;
  /** The server does not answer: the connection to it is to be made anew. */
  unanswered(): void;
  /** Something came that tells that the link is there again. */
  stirred(): void;
  media(media: Media): void;
  remote(remote: Remote): void;
}

/** A peer connection that has carried media, while a newer one is being made. */
interface Before {
  pc: RTCPeerConnection;
  shape: Role | null;
  lines: Map<Line, RTCRtpTransceiver>;
  answered: Answered | null;
}

/** The server's answer as it came, and the first bitrate it was taken with. */
interface Answered {
  sdp: string;
  startKbit: number;
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const isOn = (track: MediaStreamTrack | null | undefined): boolean =>
  track?.readyState === "live" && track.enabled;

export class MediaLink {
  private pc: RTCPeerConnection | null = null;
  private shape: Role | null = null;
  private lines = new Map<Line, RTCRtpTransceiver>();
  private tracks: Tracks = {};
  private encodings: Partial<Record<TrackName, RTCRtpEncodingParameters>> = {};
  /** How the voice is sent: null sends none, undefined as the browser likes. */
  private voice: Voice | null | undefined;
  private startKbit = 0;
  private answered: Answered | null = null;
  /** Goes on while the one in its place comes up: whichever lives first is kept. */
  private before: Before | null = null;
  /** Pictures are held back while nothing gets through: the first one after it is then whole. */
  private held = false;
  private tuning: Promise<void> = Promise.resolve();
  /** False once the page has hung up. */
  private wanted = true;
  /** Grows with each attempt, so that a late answer of an older one is dropped. */
  private attempt = 0;
  /** Attempts since media was last up. */
  private tries = 0;
  private timer = 0;
  private lossAt = 0;
  private heardAtLoss: Promise<number> | null = null;
  private silence: { at: number; heard: Promise<number> } | null = null;
  private doomed = false;

  constructor(private readonly host: MediaHost) {}

  /** Sets what this side sends; null sends nothing of that kind. Needs no new offer. */
  async setTracks(tracks: Tracks): Promise<void> {
    Object.assign(this.tracks, tracks);
    // Text must stay sharp: the browser then lowers the frame rate, not the size.
    if (tracks.screen) tracks.screen.contentHint = "detail";
    for (const name of Object.keys(tracks) as TrackName[]) await this.put(name);
    this.tell();
  }

  /** Caps what one picture sends; applies at once and to every later connection. */
  setEncoding(name: "camera" | "screen", encoding: RTCRtpEncodingParameters): void {
    this.encodings[name] = encoding;
    void this.applyEncoding(name);
  }

  /** How thin the voice is sent; applies at once, without a round trip, and to what comes later. */
  setVoice(voice: Voice | null): void {
    if (JSON.stringify(voice) === JSON.stringify(this.voice)) return;
    this.voice = voice;
    this.tuning = this.tuning.then(() => this.retune());
  }

  /** What the browser begins with on every later connection, in kilobits a second. */
  setStart(kbit: number): void {
    this.startKbit = kbit;
  }

  /** The browser's statistics; empty while there is no connection. */
  async stats(): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = [];
    if (this.pc?.connectionState === "connected" || this.pc?.connectionState === "disconnected") {
      (await this.pc.getStats()).forEach((entry: Record<string, unknown>) => found.push(entry));
    }
    return found;
  }

  /** Tells the other side which devices are on. */
  tell(): void {
    this.say()?.catch(() => undefined);
  }

  /** How loud the other side is now, 0 to 1. */
  async loudness(): Promise<number> {
    const receiver = this.lines.get("audio")?.receiver;
    if (this.pc?.connectionState !== "connected" || !receiver) return 0;
    const [source] = receiver.getSynchronizationSources();
    if (source?.audioLevel !== undefined) {
      // The level stays at its last value when packets stop.
      const age = performance.timeOrigin + performance.now() - source.timestamp;
      return age < 1000 ? source.audioLevel : 0;
    }
    let level = 0;
    (await receiver.getStats()).forEach((entry: Record<string, unknown>) => {
      if (entry.type === "inbound-rtp") level = Number(entry.audioLevel ?? 0);
    });
    return level;
  }

  /** Ends media for good: the session is over. */
  hangUp(): void {
    this.close("none");
    this.tracks = {};
    this.wanted = false;
    this.tell();
  }

  /** The process at the other end is about to go: media go on for a moment, and do not outlive it. */
  doom(): void {
    this.doomed = true;
  }

  /** The socket is gone: notes what came so far, to tell later whether media outlived it. */
  socketLost(): void {
    if (!this.pc || this.heardAtLoss || this.doomed) return;
    const now = performance.now();
    const { silence } = this;
    const known = silence && now - silence.at < SILENCE_MS ? silence : null;
    this.lossAt = known?.at ?? now;
    this.heardAtLoss = known?.heard ?? heard(this.pc);
  }

  /** Nothing comes any more: should the socket be gone as well, no time is lost with listening. */
  silent(): void {
    if (this.pc) this.silence = { at: performance.now(), heard: heard(this.pc) };
  }

  /** After a (re)join: keeps a peer connection that still lives, else makes a new one. */
  async revive(): Promise<void> {
    this.tell();
    const pc = this.pc;
    const before = this.doomed ? null : await this.heardAtLoss;
    this.heardAtLoss = null;
    this.doomed = false;
    if (pc && before !== null && pc === this.pc && this.shape === this.host.role()) {
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

  /** Closes the peer connection; `revive` makes another. */
  close(media: Media): void {
    this.attempt += 1;
    clearTimeout(this.timer);
    this.forget();
    this.pc?.close();
    this.pc = null;
    this.answered = null;
    this.lines.clear();
    this.heardAtLoss = null;
    this.host.media(media);
  }

  /** Makes a new peer connection in place of the old one. The old picture stays until then. */
  private async offer(): Promise<void> {
    if (!this.host.role() || !this.wanted) return;
    this.attempt += 1;
    const attempt = this.attempt;
    clearTimeout(this.timer);
    this.host.media(this.pc ? "lost" : "connecting");
    await this.host.inTurn(async () => {
      const shape = this.host.role();
      if (shape && attempt === this.attempt) await this.handshake(attempt, shape);
    });
  }

  private async handshake(attempt: number, shape: Role): Promise<void> {
    const current = (): boolean => attempt === this.attempt && this.host.role() !== null;
    this.tries += 1;
    const limit = MEDIA_LIMIT_MS * Math.min(this.tries, MEDIA_PATIENCE);
    this.watch(limit);
    try {
      const pc = this.peer(await this.host.iceServers(), shape);
      this.pc = pc;
      this.answered = null;
      await pc.setLocalDescription(await pc.createOffer());
      const answer = await this.host.request("offer", { sdp: pc.localDescription?.sdp ?? "" });
      if (!current() || this.pc !== pc) {
        pc.close();
        return;
      }
      // A server that was slow to answer has not used up the time that media may take.
      this.watch(limit);
      this.answered = { sdp: answer.sdp as string, startKbit: this.startKbit };
      await pc.setRemoteDescription({ type: "answer", sdp: this.tuned(this.answered) });
      await this.applyEncodings();
    } catch {
      // The watch set above tries again; a refused offer is tried again a little sooner.
      if (current()) this.watch(AGAIN_MS);
    }
  }

  /** The m-lines of this shape. An absent device keeps its line and sends nothing. */
  private peer(iceServers: RTCIceServer[], shape: Role): RTCPeerConnection {
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    const { pc: old, shape: was, lines, answered } = this;
    this.silence = null;
    // One that never came up gives way at once.
    if (this.before) old?.close();
    else if (old) this.before = { pc: old, shape: was, lines, answered };
    this.shape = shape;
    this.held = false;
    this.lines = new Map();
    for (const [name, direction] of SHAPES[shape]) {
      const line = pc.addTransceiver(name === "audio" ? "audio" : "video", {
        direction,
        // From the first packet on: an uncapped start would fill a thin link for seconds.
        ...(direction.startsWith("send") ? { sendEncodings: [this.first(name)] } : {}),
      });
      if (name !== "audio") preferVp8(line);
      this.lines.set(name, line);
      if (name !== "second" && direction.startsWith("send")) void this.put(name);
    }
    pc.addEventListener("connectionstatechange", () => this.onPeerChange(pc));
    return pc;
  }

  private onPeerChange(pc: RTCPeerConnection): void {
    const { before } = this;
    const heals = pc === before?.pc && pc.connectionState === "connected";
    if (heals && before.shape === this.host.role()) this.goBack(before);
    if (pc !== this.pc) return;
    switch (pc.connectionState) {
      case "connected":
        clearTimeout(this.timer);
        this.forget();
        this.tries = 0;
        this.held = false;
        this.tellRemote();
        this.host.media("connected");
        void this.applyEncodings();
        break;
      case "disconnected":
        // Where it had failed before, a check of the server's has just come: the link is back.
        if (this.held) this.host.stirred();
        this.hold();
        this.host.media("lost");
        void this.probe(pc);
        break;
      case "failed":
        this.hold();
        this.host.media("lost");
        void this.offer();
        break;
      default:
    }
  }

  /** The connection before has healed, and the newer one is not up: it is not needed. */
  private goBack(before: Before): void {
    this.before = null;
    this.attempt += 1;
    this.pc?.close();
    Object.assign(this, before);
    for (const name of Object.keys(this.tracks) as TrackName[]) void this.put(name);
  }

  private forget(): void {
    this.before?.pc.close();
    this.before = null;
  }

  private hold(): void {
    this.held = true;
    void this.applyEncodings();
  }

  private tellRemote(): void {
    const stream = (...names: Line[]): MediaStream | undefined => {
      const lines = names.flatMap((name) => this.lines.get(name) ?? []);
      const receiving = lines.filter((line) => line.direction !== "sendonly");
      return receiving.length
        ? new MediaStream(receiving.map((line) => line.receiver.track))
        : undefined;
    };
    const main = stream("audio", "camera");
    if (main) this.host.remote({ main, screen: stream("screen"), second: stream("second") });
  }

  /**
   * Media was interrupted. While the server answers, the peer connection gets a moment to heal;
   * when it does not answer, the link is down and the socket is made anew at once.
   */
  private async probe(pc: RTCPeerConnection): Promise<void> {
    const role = this.host.role();
    if (!role) return;
    try {
      // Who looks in has no devices to tell of: joining again is answered as well.
      await (this.say() ?? this.host.request("join", {}));
    } catch {
      if (pc === this.pc && pc.connectionState !== "connected") this.host.unanswered();
      return;
    }
    await sleep(HEAL_MS);
    if (pc === this.pc && pc.connectionState !== "connected") void this.offer();
  }

  /** Tells which devices are on; null where there is nothing to tell, or nobody to tell it to. */
  private say(): Promise<Accepted> | null {
    const role = this.host.role();
    if (!role || role === "supervisor") return null;
    const { audio, camera, screen } = this.tracks;
    return this.host.request("media", {
      camera: isOn(camera),
      microphone: isOn(audio),
      screen: isOn(screen),
      // What the camera calls itself: a virtual one is told by its name.
      label: (camera?.label ?? "")
        .slice(0, LABEL_LIMIT)
        .replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, ""),
    });
  }

  /** Tries media anew after `ms`, unless it is up by then. */
  private watch(ms: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (this.pc?.connectionState !== "connected") void this.offer();
    }, ms);
  }

  private async put(name: TrackName): Promise<void> {
    const line = this.lines.get(name);
    if (!line?.direction.startsWith("send")) return;
    await line.sender.replaceTrack(this.tracks[name] ?? null).catch(() => undefined);
  }

  private first(name: Line): RTCRtpEncodingParameters {
    const voice: RTCRtpEncodingParameters = { priority: "high", networkPriority: "high" };
    return name === "audio" ? voice : { ...this.encodings[name as "camera" | "screen"] };
  }

  private tuned({ sdp, startKbit }: { sdp: string; startKbit: number }): string {
    return tuned(sdp, this.voice ?? null, startKbit);
  }

  /** Takes the server's answer anew, with other words about the voice. */
  private async retune(): Promise<void> {
    const { pc, answered, voice } = this;
    if (voice !== undefined) this.encodings.audio = { active: voice !== null };
    await this.applyEncoding("audio");
    if (!pc || !answered || !voice || pc.signalingState !== "stable") return;
    try {
      await pc.setLocalDescription(await pc.createOffer());
      await pc.setRemoteDescription({ type: "answer", sdp: this.tuned(answered) });
    } catch {
      // The voice goes on as it was.
      if ((pc.signalingState as string) === "have-local-offer") {
        await pc.setLocalDescription({ type: "rollback" }).catch(() => undefined);
      }
    }
  }

  private async applyEncodings(): Promise<void> {
    for (const name of Object.keys(this.encodings) as TrackName[]) await this.applyEncoding(name);
  }

  private async applyEncoding(name: TrackName): Promise<void> {
    const sender = this.lines.get(name)?.sender;
    const parameters = sender?.getParameters();
    const first = parameters?.encodings[0];
    if (!sender || !parameters || !first) return;
    Object.assign(first, this.encodings[name]);
    if (this.held && name !== "audio") first.active = false;
    await sender.setParameters(parameters).catch(() => undefined);
  }
}

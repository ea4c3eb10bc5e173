// A media connection to the server's mirror, which sends back what it gets: with made-up sound and
// picture, so that neither camera nor microphone is needed, at a rate that climbs step by step.

import { Meter, type Figures } from "../link/meter";
import { tuned } from "../link/voice";
import { connected, only, stats, weight, type Entry } from "./reach";
import { median, type Transfers } from "./transfers";

/** One step of the climb: a picture of so many kilobits a second (0: none), for so long. */
export interface Load {
  kbit: number;
  fps: number;
  seconds: number;
}

export interface Mirrored {
  /** "none": no connection came about. */
  way: "direct" | "relay" | "none";
  /** The widest that went without a queue, each way; kilobits a second. */
  upKbit: number;
  downKbit: number;
  rtt: number | null;
  jitter: number | null;
  lostUp: number;
  lostDown: number;
}

export interface Plan {
  iceServers: RTCIceServer[];
  relayOnly: boolean;
  loads: readonly Load[];
  /** What the browser begins with; it sends some padding of thrice and six times as much. */
  startKbit: number;
  connectMs: number;
  /** Told of each second that has passed. */
  tick: () => void;
}

const WIDTH = 320;
const HEIGHT = 240;
/** A queue of this length, in milliseconds, is too long to talk over. */
const QUEUE_MS = 300;
const LONG_QUEUE_MS = 900;
const LOSSY = 180;
/** Of fewer packets nothing is said about losses. */
const ENOUGH = 60;
const VOICE = { kbit: 12, ptime: 60, dtx: false } as const;

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Connects, climbs as long as nothing queues up, and hangs up. Never throws for want of a way. */
export async function mirrored(transfers: Transfers, plan: Plan): Promise<Mirrored> {
  const found: Mirrored = {
    way: "none",
    upKbit: 0,
    downKbit: 0,
    rtt: null,
    jitter: null,
    lostUp: 0,
    lostDown: 0,
  };
  const pc = new RTCPeerConnection({
    iceServers: plan.iceServers,
    iceTransportPolicy: plan.relayOnly ? "relay" : "all",
    bundlePolicy: "max-bundle",
  });
  const noise = new Noise();
  try {
    const audio = pc.addTransceiver(noise.sound, { direction: "sendrecv" });
    const video = pc.addTransceiver(noise.picture, { direction: "sendrecv" });
    only(audio, "audio", ["audio/opus"]);
    only(video, "video", ["video/VP8", "video/rtx"]);
    await pc.setLocalDescription(await pc.createOffer());
    const sdp = pc.localDescription?.sdp ?? "";
    const answer = await transfers.post<{ sdp: string }>("/mirror", { sdp });
    await load(video.sender, null);
    await pc.setRemoteDescription({
      type: "answer",
      sdp: tuned(answer.sdp, VOICE, plan.startKbit),
    });
    if (!(await connected(pc, plan.connectMs))) return found;
    await climb(pc, plan, noise, audio.sender, video.sender, found);
    return found;
  } finally {
    noise.stop();
    transfers.bytes += await weight(pc);
    pc.close();
    void transfers.ask("/mirror", { method: "DELETE", keepalive: true }).catch(() => undefined);
  }
}

async function climb(
  pc: RTCPeerConnection,
  plan: Plan,
  noise: Noise,
  judged: RTCRtpSender,
  video: RTCRtpSender,
  found: Mirrored,
): Promise<void> {
  const meter = new Meter();
  for (const step of plan.loads) {
    await load(video, step);
    noise.draw(step.fps);
    const seen: Figures[] = [];
    // The first second is the encoder's, to come to its rate.
    for (let second = 0; second <= step.seconds; second += 1) {
      const figures = meter.take(await stats(pc), performance.now());
      if (figures && second > 1) seen.push(figures);
      if (figures && figures.way !== "none") found.way = figures.way as Mirrored["way"];
      if (tooMuch(seen)) break;
      await sleep(1000);
      plan.tick();
    }
    if (pc.connectionState !== "connected" || !held(seen)) return;
    found.upKbit = Math.max(found.upKbit, median(seen.map(({ sent_kbit }) => sent_kbit)));
    found.downKbit = Math.max(found.downKbit, median(seen.map(({ got_kbit }) => got_kbit)));
    found.rtt = seen.at(-1)?.base_ms ?? found.rtt;
    note(await stats(pc), judged, found);
  }
}

const queues = (seen: readonly Figures[]): number[] =>
  seen.flatMap(({ queue_ms }) => (queue_ms === null ? [] : [queue_ms]));

function tooMuch(seen: readonly Figures[]): boolean {
  return queues(seen).filter((ms) => ms > LONG_QUEUE_MS).length > 1;
}

/** Whether the link carried a step: what went came back, in time. */
function held(seen: readonly Figures[]): boolean {
  const last = seen.at(-1);
  if (!last || !last.heard || tooMuch(seen)) return false;
  const late = queues(seen).slice(-3);
  return median(late) < QUEUE_MS && (last.lost_permille ?? 0) <= LOSSY;
}

/** Losses and jitter up to now, of the one stream that nothing is repeated for, if it is there. */
function note(entries: readonly Entry[], sender: RTCRtpSender, found: Mirrored): void {
  const kind = sender.track?.kind;
  const one = (type: string): Entry =>
    entries.find((entry) => entry.type === type && entry.kind === kind) ?? {};
  const number = (value: unknown): number => (typeof value === "number" ? value : 0);
  const sent = number(one("outbound-rtp").packetsSent);
  const back = one("inbound-rtp");
  const whole = number(back.packetsReceived) + Math.max(0, number(back.packetsLost));
  if (sent < ENOUGH || whole < ENOUGH) return;
  const up = Math.min(1, Math.max(0, number(one("remote-inbound-rtp").packetsLost)) / sent);
  // What was lost on the way there is missing on the way back, too.
  const both = Math.min(1, Math.max(0, number(back.packetsLost)) / whole);
  found.lostUp = Math.round(1000 * up);
  found.lostDown = up < 1 ? Math.round(1000 * Math.max(0, 1 - (1 - both) / (1 - up))) : 1000;
  found.jitter = Math.round(1000 * number(back.jitter));
}

async function load(sender: RTCRtpSender, step: Load | null): Promise<void> {
  const parameters = sender.getParameters();
  const [first] = parameters.encodings;
  if (!first) return;
  first.active = step !== null && step.kbit > 0;
  if (step?.kbit) Object.assign(first, { maxBitrate: 1000 * step.kbit, maxFramerate: step.fps });
  await sender.setParameters(parameters).catch(() => undefined);
}

const PATCHES = 150;

/** Sound and picture that no encoder can make small: noise. */
class Noise {
  readonly sound: MediaStreamTrack;
  readonly picture: MediaStreamTrack;
  private readonly canvas = document.createElement("canvas");
  private readonly audio = new AudioContext();
  private timer = 0;

  constructor() {
    this.canvas.width = WIDTH;
    this.canvas.height = HEIGHT;
    this.paint();
    const [picture] = this.canvas.captureStream().getVideoTracks();
    if (!picture) throw new Error("this browser makes no picture of a canvas");
    this.picture = picture;
    const rate = this.audio.sampleRate;
    const buffer = this.audio.createBuffer(1, rate, rate);
    const samples = buffer.getChannelData(0);
    for (let n = 0; n < rate; n += 1) samples[n] = 0.2 * (Math.random() - 0.5);
    const source = new AudioBufferSourceNode(this.audio, { buffer, loop: true });
    const out = this.audio.createMediaStreamDestination();
    source.connect(out);
    source.start();
    const [sound] = out.stream.getAudioTracks();
    if (!sound) throw new Error("this browser makes no sound by itself");
    this.sound = sound;
  }

  draw(fps: number): void {
    clearInterval(this.timer);
    if (fps) this.timer = window.setInterval(() => this.paint(), 1000 / fps);
  }

  stop(): void {
    clearInterval(this.timer);
    this.picture.stop();
    this.sound.stop();
    void this.audio.close();
  }

  private paint(): void {
    const pen = this.canvas.getContext("2d");
    if (!pen) return;
    for (let n = 0; n < PATCHES; n += 1) {
      pen.fillStyle = `hsl(${Math.random() * 360} 60% ${20 + Math.random() * 60}%)`;
      pen.fillRect(Math.random() * WIDTH, Math.random() * HEIGHT, 24, 24);
    }
  }
}

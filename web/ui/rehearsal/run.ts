// One test of the link, from the first question to what the server makes of the figures.

import { mirrored, type Load, type Mirrored } from "./mirror";
import { told, type Figures, type Outcome, type Place } from "./outcome";
import { socketOpens, Transfers } from "./transfers";

/** Told what is being done, and how much of all is done: 0 to 1. */
export type Progress = (words: string, done: number) => void;

const CONNECT_MS = 15_000;
const WHOLE_S = 60;
/** What the steps of the ladder take beside the voice: slow, small, full. */
const LOADS: readonly Load[] = [
  { kbit: 0, fps: 0, seconds: 5 },
  { kbit: 26, fps: 5, seconds: 6 },
  { kbit: 50, fps: 8, seconds: 6 },
  { kbit: 165, fps: 12, seconds: 7 },
];
const RELAYED: readonly Load[] = [{ kbit: 0, fps: 0, seconds: 4 }];
/** One flight of packets, more than once as some may be lost; then more, where that was quick. */
const SIZES = [12_000, 12_000, 12_000, 60_000];
const LEAST_SECONDS = 3;
/** Higher than any load: what is sent is set by the step alone. */
const START_KBIT = 300;

const isRelay = (url: string): boolean => /^turns?:/.test(url);

/** The whole test: about a minute. Throws `Refused`, or what `fetch` throws. */
export async function test(place: Place, progress: Progress): Promise<Outcome> {
  const transfers = new Transfers(place.url);
  const scale = Math.min(1, place.seconds / WHOLE_S);
  const loads = LOADS.map((load) => shorter(load, scale));
  const relays = place.ice_servers.some(({ urls }) => [urls].flat().some(isRelay));
  const last = relays ? 0.8 : 0.97;
  progress("Measuring the delay…", 0.02);
  const delay = await transfers.delay(scale < 0.5 ? 3 : 8);
  progress("Opening the channel for messages…", 0.12);
  const socket = await socketOpens(place.socket_path);
  progress("Measuring how much comes to you…", 0.18);
  const down = await transfers.down(SIZES);
  progress("Measuring how much you can send…", 0.26);
  const up = await transfers.up(SIZES);
  const words = "Sending sound and pictures there and back…";
  let passed = 0;
  const whole = loads.reduce((sum, { seconds }) => sum + seconds, 0);
  progress(words, 0.35);
  const media = await mirrored(transfers, {
    iceServers: place.ice_servers,
    relayOnly: false,
    startKbit: START_KBIT,
    loads,
    connectMs: CONNECT_MS,
    tick: () => progress(words, 0.35 + (last - 0.35) * Math.min(1, (passed += 1) / whole)),
  });
  const turn = relays ? await relayed(place, transfers, media, scale, progress) : null;
  progress("Asking what this means…", 0.98);
  return told(transfers, "full", {
    ...figuresOf(delay.rtt, delay.jitter, down, up, media),
    turn,
    socket,
  });
}

async function relayed(
  place: Place,
  transfers: Transfers,
  media: Mirrored,
  scale: number,
  progress: Progress,
): Promise<boolean> {
  if (media.way === "relay") return true;
  progress("Trying the way round, by a relay…", 0.82);
  const found = await mirrored(transfers, {
    iceServers: place.ice_servers,
    relayOnly: true,
    startKbit: START_KBIT,
    loads: RELAYED.map((load) => shorter(load, scale)),
    connectMs: CONNECT_MS,
    tick: () => undefined,
  });
  return found.way === "relay";
}

const shorter = (load: Load, scale: number): Load => ({
  ...load,
  seconds: Math.max(LEAST_SECONDS, Math.round(load.seconds * scale)),
});

/** A short transfer may come out too low on a link with losses, media only where they connect. */
function figuresOf(
  rtt: number,
  jitter: number,
  down: number,
  up: number,
  media: Mirrored,
): Omit<Figures, "turn" | "socket"> {
  return {
    up_kbit: Math.round(Math.max(up, media.upKbit)),
    down_kbit: Math.round(Math.max(down, media.downKbit)),
    rtt_ms: Math.round(Math.min(rtt, media.rtt ?? rtt)),
    jitter_ms: Math.round(media.jitter ?? jitter),
    lost_up_permille: media.lostUp,
    lost_down_permille: media.lostDown,
    udp: media.way === "direct",
  };
}

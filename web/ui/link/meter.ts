// What goes over the link, as the browser's own statistics tell it (W3C, "Identifiers for WebRTC's
// Statistics API"), once a second.

import type { Way } from "../lib/protocol";
import type { Sample } from "./ladder";

type Entry = Record<string, unknown>;

/** Headers that the statistics leave out: IPv4 and UDP; through a relay also TCP, TLS and TURN. */
const HEADERS = { direct: 28, relay: 70 };
/** The shortest round trip of this time is that of the empty link. */
const BASE_MS = 60_000;
/** Losses are counted over so many seconds: few packets make a wide margin. */
const LOSS_SAMPLES = 5;
const ENOUGH_PACKETS = 30;
/** Nothing at all for so long is an outage: the server's reports come once a second. */
const SILENT_MS = 3000;
/** For so long after an outage figures speak of it, not of the link as it is now. */
const SETTLE_MS = 3000;

export interface Figures extends Sample {
  way: Way;
  sent_kbit: number;
  got_kbit: number;
  rtt_ms: number | null;
  /** The round trip on the empty link, as far as known. */
  base_ms: number | null;
  /** What the browser believes that it may send. */
  room_kbit: number | null;
  /** Bytes of media and its headers since the page was loaded. */
  bytes: number;
}

interface Counts {
  sent: number;
  got: number;
  packets: number;
  /** Of the voice and the pictures: packets sent, and lost as the server reports. */
  rtp: number;
  lost: number;
  trips: number;
  tripSum: number;
  checks: number;
  checkSum: number;
}

const number = (value: unknown): number => (typeof value === "number" ? value : 0);

export class Meter {
  private last: Counts | null = null;
  private at = 0;
  private heardAt = -Infinity;
  private settledAt = -Infinity;
  private bytes = 0;
  private readonly losses: [sent: number, lost: number][] = [];
  private trips: [at: number, ms: number][] = [];

  /** A new connection: its counters begin anew. */
  restart(): void {
    this.last = null;
    this.losses.length = 0;
  }

  /** Takes the statistics of this moment; `now` in milliseconds. Null: nothing to compare with. */
  take(entries: readonly Entry[], now: number): Figures | null {
    const way = wayOf(entries);
    const counts = count(entries);
    const before = this.last;
    const span = now - this.at;
    this.last = counts;
    this.at = now;
    if (!before || counts.sent < before.sent || counts.rtp < before.rtp) {
      this.losses.length = 0;
      // The checks that made the connection went over a link that nothing else filled.
      if (counts.checks > 0) this.baseOf(Math.round((1000 * counts.checkSum) / counts.checks), now);
      return null;
    }
    const came = counts.got > before.got;
    if (came) this.hear(now);
    const settled = now >= this.settledAt;
    const lost = settled ? this.lossOf(counts.rtp - before.rtp, counts.lost - before.lost) : null;
    const headers = way === "relay" ? HEADERS.relay : HEADERS.direct;
    const sent = counts.sent - before.sent;
    const got = counts.got - before.got;
    const packets = counts.packets - before.packets;
    this.bytes += sent + got + packets * headers;
    const share = sent + got > 0 ? sent / (sent + got) : 0.5;
    const rtt = came && settled ? tripOf(before, counts) : null;
    const base = this.baseOf(rtt, now);
    return {
      way,
      sent_kbit: Math.round((8 * (sent + packets * headers * share)) / span),
      got_kbit: Math.round((8 * (got + packets * headers * (1 - share))) / span),
      // In a second of silence nothing new is known.
      lost_permille: came ? lost : null,
      rtt_ms: rtt,
      base_ms: base,
      queue_ms: rtt !== null && base !== null ? Math.max(0, rtt - base) : null,
      room_kbit: roomOf(entries),
      bytes: Math.round(this.bytes),
      heard: now - this.heardAt < SILENT_MS,
    };
  }

  /** Packets come. After an outage nothing holds that was known before, nor what is told of it. */
  private hear(now: number): void {
    if (now - this.heardAt >= SILENT_MS && this.heardAt > -Infinity) {
      this.settledAt = now + SETTLE_MS;
      this.losses.length = 0;
      this.trips = [];
    }
    this.heardAt = now;
  }

  private baseOf(rtt: number | null, now: number): number | null {
    if (rtt !== null) this.trips.push([now, rtt]);
    const recent = this.trips.filter(([at]) => now - at < BASE_MS);
    // After an outage the old base is better than none.
    if (recent.length) this.trips = recent;
    return this.trips.length ? Math.min(...this.trips.map(([, ms]) => ms)) : null;
  }

  private lossOf(sent: number, lost: number): number | null {
    this.losses.push([sent, Math.max(0, lost)]);
    if (this.losses.length > LOSS_SAMPLES) this.losses.shift();
    const all = this.losses.reduce((sum, [one]) => sum + one, 0);
    if (all < ENOUGH_PACKETS) return null;
    const gone = this.losses.reduce((sum, [, one]) => sum + one, 0);
    return Math.round(Math.min(1, gone / all) * 1000);
  }
}

/** The mean of what was measured since: reports of the server first, else ICE's own checks. */
function tripOf(before: Counts, now: Counts): number | null {
  const trips = now.trips - before.trips;
  if (trips > 0) return Math.round((1000 * (now.tripSum - before.tripSum)) / trips);
  const checks = now.checks - before.checks;
  if (checks > 0) return Math.round((1000 * (now.checkSum - before.checkSum)) / checks);
  return null;
}

function count(entries: readonly Entry[]): Counts {
  const counts: Counts = {
    sent: 0,
    got: 0,
    packets: 0,
    rtp: 0,
    lost: 0,
    trips: 0,
    tripSum: 0,
    checks: 0,
    checkSum: 0,
  };
  for (const entry of entries) {
    if (entry.type === "candidate-pair") {
      counts.sent += number(entry.bytesSent);
      counts.got += number(entry.bytesReceived);
      counts.packets += number(entry.packetsSent) + number(entry.packetsReceived);
      counts.checks += number(entry.responsesReceived);
      counts.checkSum += number(entry.totalRoundTripTime);
    } else if (entry.type === "outbound-rtp") {
      counts.rtp += number(entry.packetsSent);
    } else if (entry.type === "remote-inbound-rtp") {
      counts.lost += number(entry.packetsLost);
      counts.trips += number(entry.roundTripTimeMeasurements);
      counts.tripSum += number(entry.totalRoundTripTime);
    }
  }
  return counts;
}

function chosen(entries: readonly Entry[]): Entry | undefined {
  const transport = entries.find(({ type }) => type === "transport");
  const id = transport?.selectedCandidatePairId;
  return (
    entries.find((entry) => entry.type === "candidate-pair" && entry.id === id) ??
    entries.find((entry) => entry.type === "candidate-pair" && entry.nominated === true)
  );
}

function wayOf(entries: readonly Entry[]): Way {
  const pair = chosen(entries);
  if (!pair) return "none";
  const local = entries.find(({ id }) => id !== undefined && id === pair.localCandidateId);
  return local?.candidateType === "relay" ? "relay" : "direct";
}

function roomOf(entries: readonly Entry[]): number | null {
  const room = chosen(entries)?.availableOutgoingBitrate;
  return typeof room === "number" ? Math.round(room / 1000) : null;
}

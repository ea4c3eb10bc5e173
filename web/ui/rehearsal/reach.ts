// A connection to the server's mirror: whether one comes about, and which way, without a packet of
// sound or picture; and what every test of one needs.

import type { Transfers } from "./transfers";

export type Way = "direct" | "relay" | "none";
export type Entry = Record<string, unknown>;

/** What an offer weighs most by, and the mirror of no media needs nothing of. */
const HEAVY = /^a=(candidate|end-of-candidates|extmap|rtcp-fb|msid|ssrc)[:-]?.*\r\n/gm;

/** Connects by these servers, looks, and hangs up. Never throws for want of a way. */
export async function reached(
  transfers: Transfers,
  iceServers: RTCIceServer[],
  limitMs: number,
): Promise<Way> {
  const pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
  try {
    only(pc.addTransceiver("audio", { direction: "sendrecv" }), "audio", ["audio/opus"]);
    only(pc.addTransceiver("video", { direction: "sendrecv" }), "video", ["video/VP8"]);
    await pc.setLocalDescription(await pc.createOffer());
    const sdp = (pc.localDescription?.sdp ?? "").replace(HEAVY, "");
    const answer = await transfers.post<{ sdp: string }>("/mirror", { sdp });
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    return (await connected(pc, limitMs)) ? wayOf(await stats(pc)) : "none";
  } finally {
    transfers.bytes += await weight(pc);
    pc.close();
    void transfers.ask("/mirror", { method: "DELETE", keepalive: true }).catch(() => undefined);
  }
}

function wayOf(entries: readonly Entry[]): Way {
  const { selectedCandidatePairId: id } = entries.find(({ type }) => type === "transport") ?? {};
  const chosen = (pair: Entry): boolean =>
    id ? pair.id === id : pair.type === "candidate-pair" && pair.nominated === true;
  const own = entries.find(chosen)?.localCandidateId;
  const one = entries.find((entry) => entry.id === own);
  return one?.candidateType === "relay" ? "relay" : "direct";
}

export async function stats(pc: RTCPeerConnection): Promise<Entry[]> {
  const entries: Entry[] = [];
  (await pc.getStats()).forEach((entry: Entry) => entries.push(entry));
  return entries;
}

/** All bytes of a connection so far, both ways. */
export async function weight(pc: RTCPeerConnection): Promise<number> {
  const pairs = (await stats(pc)).filter(({ type }) => type === "candidate-pair");
  const number = (value: unknown): number => (typeof value === "number" ? value : 0);
  return pairs.reduce(
    (sum, pair) =>
      sum +
      number(pair.bytesSent) +
      number(pair.bytesReceived) +
      28 * (number(pair.packetsSent) + number(pair.packetsReceived)),
    0,
  );
}

/** What is not used makes an offer heavy, and this one goes over a thin link. */
export function only(line: RTCRtpTransceiver, kind: string, types: readonly string[]): void {
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  line.setCodecPreferences?.(codecs.filter(({ mimeType }) => types.includes(mimeType)));
}

export function connected(pc: RTCPeerConnection, limitMs: number): Promise<boolean> {
  return new Promise((done) => {
    const timer = setTimeout(() => done(false), limitMs);
    const look = (): void => {
      if (!["connected", "failed", "closed"].includes(pc.connectionState)) return;
      clearTimeout(timer);
      done(pc.connectionState === "connected");
    };
    pc.addEventListener("connectionstatechange", look);
    look();
  });
}

// The small test of the link: some seconds and about 35 kB with its page, asking nobody and showing nothing. So it
// sends no sound and no picture: that a media connection comes about, and which way, is enough.

import { told, type Outcome, type Place } from "./outcome";
import { reached } from "./reach";
import { socketOpens, Transfers } from "./transfers";

/** One flight of packets. */
const SIZES = [4000];
/** What comes out thinner may have lost a packet: it is worth its bytes to look again. */
const THIN_KBIT = 44;
const DIRECT_MS = 6_000;
const RELAYED_MS = 15_000;

/** Throws `Refused`, or what `fetch` throws. The page's own connection is open already. */
export async function smallTest(place: Place): Promise<Outcome> {
  const transfers = new Transfers(place.url);
  const delay = await transfers.delay(2, true);
  const down = await again((sizes) => transfers.down(sizes));
  const up = await again((sizes) => transfers.up(sizes));
  const socket = await socketOpens(place.socket_path);
  let way = await reached(transfers, [], DIRECT_MS);
  // Relays are asked only where they are needed: each one of them is handshakes.
  if (way === "none" && place.ice_servers.length) {
    way = await reached(transfers, place.ice_servers, RELAYED_MS);
  }
  return told(transfers, "small", {
    up_kbit: Math.round(up),
    down_kbit: Math.round(down),
    rtt_ms: Math.round(delay.rtt),
    jitter_ms: Math.round(delay.jitter),
    lost_up_permille: 0,
    lost_down_permille: 0,
    udp: way === "direct",
    turn: way === "relay" ? true : null,
    socket,
  });
}

async function again(move: (sizes: readonly number[]) => Promise<number>): Promise<number> {
  const kbit = await move(SIZES);
  return kbit < THIN_KBIT ? Math.max(kbit, await move(SIZES)) : kbit;
}

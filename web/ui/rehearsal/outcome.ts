// What a test of the link finds, and what the server makes of it.

import type { Transfers } from "./transfers";

export interface Place {
  url: string;
  socket_path: string;
  ice_servers: RTCIceServer[];
  /** How long a whole test takes, about. */
  seconds: number;
}

export interface Figures {
  up_kbit: number;
  down_kbit: number;
  rtt_ms: number;
  jitter_ms: number;
  lost_up_permille: number;
  lost_down_permille: number;
  udp: boolean;
  turn: boolean | null;
  socket: boolean;
}

export interface Expected {
  rung: string;
  way: string;
  name: string;
  kind: string;
  words: string[];
}

export interface Outcome {
  figures: Figures;
  expected: Expected;
  /** Of 1,000 bytes each, both ways. */
  kilobytes: number;
}

/** Brings the figures to the server; the room's ladder begins where this test has ended. */
export async function told(
  transfers: Transfers,
  kind: "full" | "small",
  figures: Figures,
): Promise<Outcome> {
  const expected = await transfers.post<Expected>("", { kind, ...figures });
  remember(expected.rung);
  return { figures, expected, kilobytes: Math.ceil(transfers.bytes / 1000) };
}

function remember(rung: string): void {
  try {
    localStorage.setItem("link:expected", JSON.stringify({ rung, at: new Date().toISOString() }));
  } catch {
    // A browser that keeps nothing begins in the middle.
  }
}

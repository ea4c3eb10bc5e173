// Single steps of signalling/PROTOCOL.md that keep no state: the ticket, the codecs.

import type { Boot } from "./protocol";

const TICKET_LIMIT_MS = 8000;

export const NO_ANSWER = "The server did not answer. Check that you are connected, then try again.";

/** A refusal of the server, or its silence (`code` is then `no_answer`). */
export class RoomError extends Error {
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** Entry refused for good: asking again would be answered the same. */
export class Closed extends RoomError {}

/** Asks for a ticket; throws `Closed` when this person may not enter. */
export async function fetchTicket(
  boot: Boot,
): Promise<{ ticket: string; iceServers: RTCIceServer[] }> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]');
  const answer = await fetch(boot.ticket_url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token?.content ?? "" },
    // Staff move between their sessions; everybody else's ticket is for one.
    body: JSON.stringify(boot.role === "invigilator" ? {} : { session: boot.session }),
    signal: AbortSignal.timeout(TICKET_LIMIT_MS),
  });
  if ([401, 403, 404, 409, 410].includes(answer.status)) {
    const detail =
      boot.role === "invigilator"
        ? "You are no longer signed in. Sign in again, then open the console."
        : answer.status === 401
          ? "You are no longer signed in. Open your personal link again."
          : answer.status === 409
            ? "Your session is open on another device. Reload this page to go on here."
            : "This session cannot be opened from here. Open your personal link again.";
    throw new Closed(String(answer.status), detail);
  }
  if (!answer.ok) throw new RoomError(String(answer.status), NO_ANSWER);
  const body = (await answer.json()) as { ticket: string; ice_servers?: RTCIceServer[] };
  return { ticket: body.ticket, iceServers: body.ice_servers ?? [] };
}

/**
 * Bytes of media and its reports that came so far; a dead server sends none. After an outage the
 * way is another pair of addresses, counted anew: only the transport has counted them all.
 */
export async function heard(pc: RTCPeerConnection): Promise<number> {
  const bytes = { transport: 0, "candidate-pair": 0 };
  try {
    (await pc.getStats()).forEach(({ type, bytesReceived }: Counted) => {
      if (type in bytes) bytes[type] += Number(bytesReceived ?? 0);
    });
  } catch {
    return 0;
  }
  return bytes.transport || bytes["candidate-pair"];
}

interface Counted {
  type: "transport" | "candidate-pair";
  bytesReceived?: number;
}

/** Offers VP8 first, then H.264, and nothing else: what the server can decode and record. */
export function preferVp8(video: RTCRtpTransceiver): void {
  const all = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const named = (name: string) => all.filter((codec) => codec.mimeType.toLowerCase() === name);
  const wanted = [...named("video/vp8"), ...named("video/h264"), ...named("video/rtx")];
  if (wanted.length) video.setCodecPreferences(wanted);
}

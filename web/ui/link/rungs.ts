// The ladder as a table: what is sent on each step, and what that takes of the link. Two steps may
// share a rung's name: a wide link and a narrower one both carry the full picture.
// The figures come from measurements over an emulated satellite: docs/links.md.

import type { Rung } from "../lib/protocol";

/** How a voice is sent: kilobits a second, milliseconds a packet. Few packets cost few headers. */
export interface Voice {
  kbit: number;
  ptime: 20 | 40 | 60;
  /** Nothing is sent in silence. Saves bytes, not width: talking needs as much as before. */
  dtx: boolean;
}

export interface Picture {
  maxBitrate: number;
  maxFramerate: number;
  /** So wide at most, in pixels. */
  width: number;
}

export interface Step {
  rung: Rung;
  camera: Picture | null;
  screen: Picture | null;
  voice: Voice | null;
  /** What goes out and comes in on the wire at most, without a screen: kilobits a second. */
  up: number;
  down: number;
}

const picture = (kbit: number, maxFramerate: number, width: number): Picture => ({
  maxBitrate: kbit * 1000,
  maxFramerate,
  width,
});
const voice = (kbit: number, ptime: Voice["ptime"]): Voice => ({ kbit, ptime, dtx: false });

const THIN = voice(12, 60);

/** The widest first. */
export const STEPS: readonly Step[] = [
  {
    rung: "full",
    camera: picture(320, 15, 640),
    screen: picture(350, 5, 1280),
    voice: voice(24, 40),
    up: 370,
    down: 215,
  },
  {
    rung: "full",
    camera: picture(165, 12, 480),
    screen: picture(110, 2, 1280),
    voice: voice(16, 60),
    up: 212,
    down: 105,
  },
  {
    rung: "full",
    camera: picture(140, 12, 480),
    screen: picture(90, 2, 1280),
    voice: voice(16, 60),
    up: 185,
    down: 105,
  },
  {
    rung: "small",
    camera: picture(50, 8, 320),
    screen: picture(40, 1, 1280),
    voice: voice(16, 60),
    up: 84,
    down: 26,
  },
  {
    rung: "slow",
    camera: picture(26, 5, 320),
    screen: picture(20, 1, 960),
    voice: THIN,
    up: 52,
    down: 22,
  },
  { rung: "stills", camera: null, screen: null, voice: THIN, up: 30, down: 22 },
  { rung: "sound", camera: null, screen: null, voice: THIN, up: 20, down: 20 },
  { rung: "text", camera: null, screen: null, voice: null, up: 3, down: 3 },
];

export const WIDEST = 0;
export const LAST = STEPS.length - 1;
/** Where next to nothing is known of the link: the narrowest that carries the full picture. */
export const MODEST = STEPS.findIndex(({ rung }) => rung === "small") - 1;
export const SOUND = STEPS.findIndex(({ rung }) => rung === "sound");
/** From here down a picture in full size finds no room beside a moving one. */
export const SLOW = STEPS.findIndex(({ rung }) => rung === "slow");
export const STILLS = STEPS.findIndex(({ rung }) => rung === "stills");

/** The widest step beside a picture in full size that is on its way, where this one holds. */
export function besidePicture(step: number): number {
  return step >= SLOW ? STILLS : WIDEST;
}

/** The first step, the widest, of this rung; the widest of all for a name that is not known. */
export function stepOf(rung: string): number {
  return Math.max(
    0,
    STEPS.findIndex((step) => step.rung === rung),
  );
}

/** The voice that the other side sends to somebody on this rung; null: they are sent none. */
export function voiceFor(rung: Rung | null): Voice | null {
  if (rung === "text") return null;
  return rung === null || rung === "full" ? voice(24, 40) : THIN;
}

/** Whether somebody on this rung is sent the other side's picture. */
export function cameraFor(rung: Rung | null): boolean {
  return rung === null || rung === "full";
}

/** From so far away, in milliseconds, only a satellite answers; with less sent it is not a wide one. */
const FAR_MS = 300;
const WIDE_SENT_KBIT = 280;
const MODEST_CAMERA = { maxBitrate: 60_000, maxFramerate: 8 };

/** The most that the other side's picture may take on the learner's link, as it was last told. */
export function cameraCap(
  figures: { rtt_ms: number; sent_kbit: number } | null | undefined,
): { maxBitrate: number; maxFramerate: number } | null {
  if (!figures) return null;
  const { rtt_ms, sent_kbit } = figures;
  return rtt_ms > FAR_MS && sent_kbit < WIDE_SENT_KBIT ? MODEST_CAMERA : null;
}

/** What the browser is to begin with, in kilobits a second, so that it fills no queue. */
export function startBitrate(step: number): number {
  const camera = STEPS[step]?.camera;
  return camera ? Math.round(Math.min(200, (camera.maxBitrate / 1000) * 0.8)) : 20;
}

/** The picture of this step while the next one up is felt for: as large, but more of it is sent. */
export function felt(step: number, feel: number): Picture | null {
  const camera = STEPS[step]?.camera ?? null;
  const above = STEPS[step - 1]?.camera;
  if (!camera || !above || feel <= 0) return camera;
  const more = Math.max(0, above.maxBitrate - camera.maxBitrate);
  return { ...camera, maxBitrate: Math.round(camera.maxBitrate + feel * more) };
}

/** Parameters of a sender for this picture of a track so wide; a null picture is not sent. */
export function encoding(picture: Picture | null, width: number): RTCRtpEncodingParameters {
  if (!picture) return { active: false };
  return {
    active: true,
    maxBitrate: picture.maxBitrate,
    maxFramerate: picture.maxFramerate,
    scaleResolutionDownBy: Math.max(1, width / picture.width),
  };
}

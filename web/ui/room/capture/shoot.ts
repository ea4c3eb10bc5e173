// Takes the picture: a burst, of which the sharpest is kept, cut to the document with some room
// around it; the others help to read it.

import type { Waiting } from "./keep";
import { READING_WIDTH, sharpness } from "./quality";
import { greyOf, within, type Box } from "./picture";

const BURST = 5;
const BURST_MS = 600;
const QUALITIES = [0.92, 0.86, 0.78, 0.7, 0.6, 0.5];
const SHRINK = 0.8;

/** What may go over the link: bytes of the picture and of each help, and how many helps. */
export interface Budget {
  picture: number;
  help: number;
  helps: number;
}

const GENEROUS: Budget = { picture: 400_000, help: 60_000, helps: 3 };
const THIN: Budget = { picture: 100_000, help: 25_000, helps: 2 };
/** Bytes a second below which a link is thin. */
const THIN_RATE = 40_000;

/** What a link can carry, from how long this script itself took to come. */
export function budgetOf(script: string, poor: boolean): Budget {
  const [entry] = performance.getEntriesByName(script) as PerformanceResourceTiming[];
  const took = entry ? entry.responseEnd - entry.responseStart : 0;
  const rate = entry && took > 0 ? (1000 * entry.encodedBodySize) / took : Infinity;
  const cached = !entry || entry.transferSize === 0;
  return poor || (!cached && rate < THIN_RATE) ? THIN : GENEROUS;
}

export interface Shot {
  parts: Waiting["parts"];
  blobs: Blob[];
  sharpness: number;
  width: number;
  height: number;
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Draws a box of the video's picture, at most `widest` pixels wide. */
export function drawn(
  video: HTMLVideoElement | HTMLCanvasElement,
  box: Box,
  widest = Infinity,
): HTMLCanvasElement {
  const factor = Math.min(1, widest / box.width);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(box.width * factor));
  canvas.height = Math.max(1, Math.round(box.height * factor));
  const pen = canvas.getContext("2d", { willReadFrequently: factor < 1 });
  if (pen) pen.imageSmoothingQuality = "medium";
  pen?.drawImage(video, box.x, box.y, box.width, box.height, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** The sharpness of a box of the video, drawn as it is read. */
export function sharpnessOf(video: HTMLVideoElement | HTMLCanvasElement, box: Box): number {
  const canvas = drawn(video, box, READING_WIDTH);
  const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height);
  return pixels ? sharpness(greyOf(pixels)) : 0;
}

/**
 * Takes a burst of `box`, which lies in the video's picture, and returns the sharpest. The helps
 * are the lower part of the others, `reading` of their height: there documents have their zone.
 */
export async function shoot(
  video: HTMLVideoElement,
  box: Box,
  reading: number,
  budget: Budget,
): Promise<Shot> {
  const whole = within(box, video.videoWidth, video.videoHeight);
  const taken: { canvas: HTMLCanvasElement; sharp: number }[] = [];
  for (let n = 0; n < BURST; n += 1) {
    if (n) await sleep(BURST_MS / (BURST - 1));
    const canvas = drawn(video, whole);
    const all = { x: 0, y: 0, width: canvas.width, height: canvas.height };
    taken.push({ canvas, sharp: sharpnessOf(canvas, all) });
  }
  taken.sort((a, b) => b.sharp - a.sharp);
  const [best, ...others] = taken;
  if (!best) throw new Error("no picture");
  const blobs = [await jpeg(best.canvas, budget.picture)];
  for (const { canvas } of reading ? others.slice(0, budget.helps) : []) {
    const height = Math.round(canvas.height * reading);
    const low = { x: 0, y: canvas.height - height, width: canvas.width, height };
    blobs.push(await jpeg(drawn(canvas, low), budget.help));
  }
  const parts = [];
  for (const blob of blobs) parts.push({ sha256: await digest(blob), size: blob.size });
  const { width, height } = best.canvas;
  return { parts, blobs, sharpness: best.sharp, width, height };
}

/** A JPEG of at most `most` bytes: first less quality, then fewer pixels. */
export async function jpeg(canvas: HTMLCanvasElement, most: number): Promise<Blob> {
  for (const quality of QUALITIES) {
    const blob = await new Promise<Blob | null>((done) =>
      canvas.toBlob(done, "image/jpeg", quality),
    );
    if (!blob) throw new Error("no picture");
    if (blob.size <= most) return blob;
  }
  const all = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  return jpeg(drawn(canvas, all, Math.round(canvas.width * SHRINK)), most);
}

export async function digest(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

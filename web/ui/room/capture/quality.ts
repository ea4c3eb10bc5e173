// How good a picture of a document is: sharp, evenly lit, without glare. Numbers only; what they
// mean for a person is in advice.ts.

import { inside, type Corners, type Grey, type Pixels } from "./picture";

/** The width, in pixels, to which a document is drawn before its sharpness is measured: the letters
 * of a passport's machine-readable zone are then 11 pixels wide, about the least that is read. */
export const READING_WIDTH = 540;
/** All three colours at least this bright: the sensor could take no more. */
const FULL = 250;

/**
 * Sharpness of a picture drawn at `READING_WIDTH`: the variance of its Laplacian over that of its
 * lightness, times 100. Contrast and paper colour cancel out; noise is measured beside it in the
 * smoothest parts and taken off, for grain is not detail.
 */
export function sharpness({ width, height, data }: Grey): number {
  let sum = 0;
  let squares = 0;
  let light = 0;
  let lights = 0;
  const count = Math.max(1, (width - 2) * (height - 2));
  const steps = new Float32Array(count);
  let n = 0;
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1, i = y * width + 1; x < width - 1; x += 1, i += 1) {
      const here = data[i]!;
      const step = data[i - 1]! + data[i + 1]! + data[i - width]! + data[i + width]! - 4 * here;
      steps[n] = Math.abs(step);
      n += 1;
      sum += step;
      squares += step * step;
      light += here;
      lights += here * here;
    }
  }
  const detail = squares / count - (sum / count) ** 2;
  const contrast = lights / count - (light / count) ** 2;
  // A quarter of the picture has no detail: there the Laplacian shows the noise alone.
  steps.sort();
  const noise = (steps[Math.floor(count / 4)]! / 0.3186) ** 2;
  return contrast < 1 ? 0 : (100 * Math.max(0, detail - noise)) / contrast;
}

export interface Light {
  /** The mean lightness, 0 to 255. */
  mean: number;
  /** The share, 0 to 1, that is as bright as can be, above what white paper has. */
  glare: number;
}

/** The light inside some corners of a small picture. */
export function lightOf({ width, height, data }: Pixels, corners: Corners): Light {
  let count = 0;
  let sum = 0;
  let full = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!inside(corners, x, y)) continue;
      const i = 4 * (y * width + x);
      const [red, green, blue] = [data[i]!, data[i + 1]!, data[i + 2]!];
      count += 1;
      sum += 0.299 * red + 0.587 * green + 0.114 * blue;
      if (red >= FULL && green >= FULL && blue >= FULL) full += 1;
    }
  }
  return count ? { mean: sum / count, glare: full / count } : { mean: 0, glare: 0 };
}

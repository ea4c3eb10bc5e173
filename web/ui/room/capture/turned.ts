// Whether a card was turned over: what lies inside its outline, made very small, beside what was
// taken of its front.

import type { Corners, Grey } from "./picture";

const ACROSS = 16;
const DOWN = 10;
/** Correlation from which on two pictures show the same side. Simulated cards and licences, good and
 * medium captures: the same side 0.86 to 0.97, the two sides of a card -0.22 to 0.36. */
const SAME = 0.6;

/** The lightness inside some corners, in 10 rows of 16, straightened. */
export function thumbnail({ width, height, data }: Grey, [a, b, c, d]: Corners): number[] {
  const found: number[] = [];
  for (let row = 0; row < DOWN; row += 1) {
    for (let column = 0; column < ACROSS; column += 1) {
      let sum = 0;
      // Nine points a cell: fine print is a tone, not a pattern.
      for (let n = 0; n < 9; n += 1) {
        const u = (column + ((n % 3) + 0.5) / 3) / ACROSS;
        const v = (row + (Math.floor(n / 3) + 0.5) / 3) / DOWN;
        const x = (1 - v) * ((1 - u) * a.x + u * b.x) + v * ((1 - u) * d.x + u * c.x);
        const y = (1 - v) * ((1 - u) * a.y + u * b.y) + v * ((1 - u) * d.y + u * c.y);
        const px = Math.min(width - 1, Math.max(0, Math.round(x)));
        const py = Math.min(height - 1, Math.max(0, Math.round(y)));
        sum += data[py * width + px]!;
      }
      found.push(sum / 9);
    }
  }
  return found;
}

/** How far two thumbnails go up and down together, -1 to 1; light and contrast do not matter. */
export function alike(one: readonly number[], other: readonly number[]): number {
  const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / all.length;
  const [m, n] = [mean(one), mean(other)];
  let [both, first, second] = [0, 0, 0];
  for (const [i, value] of one.entries()) {
    const [p, q] = [value - m, (other[i] ?? n) - n];
    both += p * q;
    first += p * p;
    second += q * q;
  }
  return both / Math.sqrt(first * second || 1);
}

export function sameSide(one: readonly number[], other: readonly number[]): boolean {
  return alike(one, other) >= SAME;
}

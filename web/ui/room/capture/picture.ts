// Small pictures as plain numbers: what the quality measures work on. No DOM here.

/** Pixels as `ImageData` has them: four bytes each, red, green, blue, opaque. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** Lightness, 0 to 255, one number a pixel. */
export interface Grey {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** Four corners: top left, top right, bottom right, bottom left. */
export type Corners = readonly [Point, Point, Point, Point];

/** Lightness by the weights of ITU-R BT.601. */
export function greyOf({ width, height, data }: Pixels): Grey {
  const grey = new Float32Array(width * height);
  for (let i = 0, j = 0; i < grey.length; i += 1, j += 4) {
    grey[i] = 0.299 * data[j]! + 0.587 * data[j + 1]! + 0.114 * data[j + 2]!;
  }
  return { width, height, data: grey };
}

/** The same, each pixel the mean of the nine around it: sensor noise has no edges then. */
export function smooth({ width, height, data }: Grey): Grey {
  const rows = new Float32Array(data.length);
  const done = new Float32Array(data.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0, i = y * width; x < width; x += 1, i += 1) {
      rows[i] = (data[x ? i - 1 : i]! + data[i]! + data[x < width - 1 ? i + 1 : i]!) / 3;
    }
  }
  for (let y = 0; y < height; y += 1) {
    const up = y ? width : 0;
    const down = y < height - 1 ? width : 0;
    for (let x = 0, i = y * width; x < width; x += 1, i += 1) {
      done[i] = (rows[i - up]! + rows[i]! + rows[i + down]!) / 3;
    }
  }
  return { width, height, data: done };
}

/** The smallest upright box around some corners, `margin` of its size wider on each side. */
export function boxAround(corners: Corners, margin = 0): Box {
  const xs = corners.map(({ x }) => x);
  const ys = corners.map(({ y }) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const [dx, dy] = [(right - left) * margin, (bottom - top) * margin];
  return { x: left - dx, y: top - dy, width: right - left + 2 * dx, height: bottom - top + 2 * dy };
}

/** What of a box lies in a picture of this size, in whole pixels. */
export function within(box: Box, width: number, height: number): Box {
  const left = Math.max(0, Math.floor(box.x));
  const top = Math.max(0, Math.floor(box.y));
  return {
    x: left,
    y: top,
    width: Math.max(1, Math.min(width, Math.ceil(box.x + box.width)) - left),
    height: Math.max(1, Math.min(height, Math.ceil(box.y + box.height)) - top),
  };
}

export function scaled(box: Box, factor: number): Box {
  return {
    x: box.x * factor,
    y: box.y * factor,
    width: box.width * factor,
    height: box.height * factor,
  };
}

/** True when a point lies in the shape; its corners go round clockwise, as `Corners` do. */
export function inside(corners: Corners, x: number, y: number): boolean {
  return corners.every((a, i) => {
    const b = corners[(i + 1) % 4]!;
    return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x) >= 0;
  });
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

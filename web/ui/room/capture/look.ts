// One look at a picture of a document: all that is measured of it.

import { findOutline, type Outline, type Shape } from "./outline";
import { greyOf, type Corners, type Pixels } from "./picture";
import { lightOf } from "./quality";
import { thumbnail } from "./turned";
import type { DocumentKind } from "../../lib/protocol";

/** The longer side, in pixels, of the small picture that is looked at. */
export const LOOK_SIDE = 320;

/** Documents by shape, as ISO/IEC 7810 has them: ID-1 is 85.6 by 54 mm, a page of ID-3 125 by 88.
 * Held a little askew they look a little flatter or squarer. */
const CARD: Shape = { least: 1.3, most: 1.9 };
const PAGE: Shape = { least: 1.16, most: 1.72 };
const ANY: Shape = { least: 1.16, most: 1.9 };
const SHAPES: Record<DocumentKind, Shape> = {
  passport: PAGE,
  identity_card: CARD,
  driving_licence: CARD,
  seamans_book: PAGE,
  other: ANY,
};

export function shapeOf(kind: DocumentKind): Shape {
  return SHAPES[kind];
}

export interface Look {
  outline: Outline | null;
  /** The lightness of the document, or of the whole picture while no document is found. */
  light: number;
  glare: number;
  /** What lies inside the outline, made very small. */
  thumbnail: number[] | null;
}

export function look(small: Pixels, kind: DocumentKind): Look {
  const grey = greyOf(small);
  const outline = findOutline(grey, SHAPES[kind]);
  const { width, height } = small;
  const whole: Corners = [
    { x: 0, y: 0 },
    { x: width, y: 0 },
    { x: width, y: height },
    { x: 0, y: height },
  ];
  const { mean, glare } = lightOf(small, outline?.corners ?? whole);
  return {
    outline,
    light: mean,
    glare: outline ? glare : 0,
    thumbnail: outline && thumbnail(grey, outline.corners),
  };
}

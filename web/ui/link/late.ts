// What comes once the room is joined, in one file: nothing of it is needed to be seen and heard.

import type { Link, LinkPart } from "./link";

export { Climb } from "./climb";
export { Panel } from "./panel";

/** What works beside the stream: one line a part. */
export function others(_link: Link): LinkPart[] {
  return [];
}

// What comes once the room is joined, in one file: nothing of it is needed to be seen and heard.

import type { Link, LinkPart } from "./link";

import { FullSize } from "./full-size";
import { Kept } from "./kept";
import { SocketSound } from "./socket-sound";
import { Stills } from "./stills";

/** What works beside the stream: one line a part. */
export function others(link: Link): LinkPart[] {
  const stills = new Stills(link);
  return [stills, new SocketSound(link, () => stills.beat()), new Kept(link), new FullSize(link)];
}

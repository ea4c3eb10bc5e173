// What of the link the learner reads: calm, short, and what it means for them.

import type { Rung, Way, Why } from "../lib/protocol";

const SENDS: Record<Rung, string> = {
  full: "",
  small: "we send a smaller picture now",
  slow: "we send a small, slow picture now",
  stills: "we send single pictures now",
  sound: "we send sound only now",
  text: "only messages get through now",
};

const BECAUSE: Record<Why, string> = {
  start: "Your link is being measured",
  link: "Your link is weak",
  proved: "Your link gets better",
  budget: "To keep to your data limit",
  person: "As you chose",
  picture: "While a large picture is sent",
};

const COMMA: Why[] = ["budget", "person", "picture"];

/** One sentence or two; empty when there is nothing to say. */
export function linkWords(rung: Rung, way: Way, why: Why, speaks: boolean): string {
  if (way === "socket") {
    return "Your network lets no video through. We send single pictures and short pieces of sound.";
  }
  if (rung === "full") return "";
  const because = `${BECAUSE[why]}${COMMA.includes(why) ? "," : ":"}`;
  return `${because} ${SENDS[rung]}. ${heard(rung, speaks)}`;
}

function heard(rung: Rung, speaks: boolean): string {
  if (rung === "text") return "Your invigilator reads what you write. Your session goes on.";
  return speaks ? "Your invigilator hears you." : "Your session goes on.";
}

export const BETTER = "Your link is good again: we send the full picture.";

/** Bytes for people. */
export function amount(bytes: number): string {
  const mb = bytes / 1_000_000;
  return mb < 10 ? `${mb.toFixed(1)} MB` : `${Math.round(mb)} MB`;
}

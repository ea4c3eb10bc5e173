// Which question the keys Y, B and U answer: the first that is open, in the order of the panels.

import type { RoomState } from "../lib/protocol";

export type Question = "inspection" | "challenge" | "recheck" | "identity";

/** True while the learner is not admitted yet: the time of the identity check. */
export function isEarly(state: RoomState): boolean {
  return state.state === "checked_in" || state.state === "identified";
}

/** The question that stands first, or null; only its buttons show keys. */
export function firstQuestion(state: RoomState): Question | null {
  if (state.inspection) return "inspection";
  if (state.challenges?.some(({ result }) => result === null)) return "challenge";
  if (state.rechecks?.some(({ result }) => result === null)) return "recheck";
  const { identity } = state;
  const open = identity && identity.decision === null && identity.state !== "referred";
  return open && isEarly(state) ? "identity" : null;
}

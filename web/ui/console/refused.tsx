// What the learner's assessment system did not accept: the session here goes on all the same.

import { clockTime } from "../lib/page";
import type { BackendRefusal } from "../lib/protocol";

const ACTIONS: Record<string, string> = {
  pause: "pause",
  resume: "resume",
  terminate: "stop",
  flag: "incident",
  update: "extra time",
};

/** The newest are shown: of a system that answers nothing there may be many. */
const SHOWN = 5;

export function BackendRefusals({ refusals }: { refusals: BackendRefusal[] }) {
  if (refusals.length === 0) return null;
  return (
    <section class="card" aria-labelledby="refused-title">
      <h2 id="refused-title">Assessment system</h2>
      <ul class="refused" role="status">
        {refusals.slice(-SHOWN).map((each) => (
          <li key={`${each.at} ${each.action}`}>
            <strong>{clockTime(each.at)}</strong> The assessment system did not{" "}
            {each.said.startsWith("no answer") ? "answer" : "accept"}:{" "}
            {ACTIONS[each.action] ?? each.action} <span class="soft">({each.said})</span>
          </li>
        ))}
      </ul>
      <p class="soft">
        Your session goes on. What you decided holds here and is in the record; tell the learner
        what to do in the assessment.
      </p>
    </section>
  );
}

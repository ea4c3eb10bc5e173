// How a learner's link is, in words: what comes over it, by which way, and what is left to use.

import { isOver, type Learner, type RoomState, type Rung, type Way } from "../lib/protocol";

const RUNGS: Record<Rung, string> = {
  full: "Full picture",
  small: "Small picture",
  slow: "Small picture, 5 a second",
  stills: "Single pictures every 2 to 5 s",
  sound: "Voice only",
  text: "Words only",
};
const WAYS: Partial<Record<Way, string>> = {
  relay: "by a relay",
  socket: "by the socket",
  none: "no media now",
};
/** What a tile says in place of "In progress". */
const THIN: Partial<Record<Rung, string>> = {
  stills: "Single pictures",
  sound: "Voice only",
  text: "Words only",
};

/** "14:03:20" in the zone of this device: to be compared with what others have noted. */
export function exactTime(iso: string): string {
  return new Date(iso).toLocaleTimeString("en-GB");
}

/** What comes of a learner, and how; empty while nobody knows. */
export function linkWords({ rung, way }: Learner): string {
  if (!rung) return "";
  const by = way && WAYS[way];
  return by ? `${RUNGS[rung]}, ${by}` : RUNGS[rung];
}

/** What a link that is too thin for a moving picture carries; empty for others. */
export function thinWords({ state, learner }: RoomState): string {
  return isOver(state) || !learner.rung ? "" : (THIN[learner.rung] ?? "");
}

/** The picture is not there because the link does not carry one: the last one is not to be shown. */
export function withoutPicture({ learner }: RoomState): boolean {
  return learner.rung === "sound" || learner.rung === "text";
}

export function deviceWords(learner: Learner): string {
  return learner.keeps ? "The learner's device records by itself." : "";
}

function megabytes(kb: number): string {
  return `${(kb / 1000).toFixed(kb < 100_000 ? 1 : 0)} MB`;
}

/** Each fact of the link by itself, as name and value. */
function facts(learner: Learner): [string, string][] {
  const { figures, budget, used_kb, sees } = learner;
  const found: [string, string][] = [];
  if (figures) {
    const waits = figures.queue_ms >= 100 ? `, of it ${figures.queue_ms} ms waiting` : "";
    found.push(["Round trip", figures.rtt_ms ? `${figures.rtt_ms} ms${waits}` : "not known"]);
    found.push(["Lost on the way to us", `${(figures.lost_permille / 10).toFixed(1)} %`]);
    found.push(["Sends", `${figures.sent_kbit} kbit/s`], ["Gets", `${figures.got_kbit} kbit/s`]);
  }
  if (used_kb !== null) found.push(["Used so far", megabytes(used_kb)]);
  if (budget?.kbit) found.push(["Allowed", `${budget.kbit} kbit/s, both ways together`]);
  if (budget?.mb) {
    const left = Math.max(0, budget.mb * 1000 - (used_kb ?? 0));
    found.push(["Data left", `${megabytes(left)} of ${budget.mb} MB`]);
  }
  found.push(["Their device", learner.keeps ? "records by itself" : "does not record"]);
  if (sees !== undefined) {
    found.push([
      "They see you",
      sees ? "yes, with your camera on" : "no: your voice alone is sent",
    ]);
  }
  return found;
}

/** One line under the learner's name; more of it on demand. */
export function LinkLine({ state }: { state: RoomState }) {
  const { learner } = state;
  const words = linkWords(learner);
  if (!words || isOver(state.state)) return null;
  return (
    <details class="link-line small">
      <summary>
        <span class="soft">Link:</span> {words}
        {learner.budget && <BudgetLeft learner={learner} />}
      </summary>
      <dl>
        {facts(learner).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="number">{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function BudgetLeft({ learner: { budget, used_kb } }: { learner: Learner }) {
  if (!budget?.mb) return <> · at most {budget?.kbit} kbit/s</>;
  return <> · {megabytes(Math.max(0, budget.mb * 1000 - (used_kb ?? 0)))} left</>;
}

// A challenge: something small and unforeseen that the learner does at once, and a person judges.

import { useEffect, useRef } from "preact/hooks";
import { clockTime } from "../lib/page";
import type { Challenge, ChallengeKind, ChallengeResult } from "../lib/protocol";
import { useAction } from "./hooks";
import { KeyButton, Refusal, useKeys } from "./parts";
import type { Room } from "./room";

/** What to look for; left and right are the learner's own. */
const KINDS: Record<ChallengeKind, string> = {
  hand_across_face: "Move a hand slowly across the face",
  turn_head_left: "Turn the head to their left",
  turn_head_right: "Turn the head to their right",
  look_up: "Look up",
  touch_ear: "Touch an ear",
  tilt_document: "Tilt the document",
  document_beside_face: "Hold the document beside the face",
  number: "Say a number aloud",
};
const RESULTS: Record<ChallengeResult, string> = {
  seen: "Seen",
  not_seen: "Not seen",
  skipped: "Skipped",
};

function wordsOf({ kind, detail }: Challenge): string {
  return detail ? `${KINDS[kind]}: ${[...detail].join(" ")}` : KINDS[kind];
}

/** The open challenge; it stands at the top of its column. */
export function ChallengePanel(props: { room: Room; challenge: Challenge; keys: boolean }) {
  const { room, challenge, keys } = props;
  const asking = useAction();
  const judge = (result: ChallengeResult) => () => {
    const body = { challenge: challenge.id, result, note: "" };
    void asking.run(() => room.request("judge_challenge", body));
  };
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.closest(".panels")?.scrollTo(0, 0), []);
  useKeys(
    { Y: judge("seen"), B: judge("not_seen"), U: judge("skipped") },
    keys && !asking.busy && !room.supervising,
  );
  const key = (name: string): string => (keys ? name : "");
  return (
    <section ref={panel} class="card question" aria-labelledby="challenge-title">
      <h2 id="challenge-title">Challenge</h2>
      <p class="small soft">The learner reads it since {clockTime(challenge.asked_at)}:</p>
      <p class="challenge-words" role="status">
        {wordsOf(challenge)}
      </p>
      {!room.supervising && (
        <div class="buttons">
          <KeyButton keyName={key("Y")} kind="" disabled={asking.busy} onPress={judge("seen")}>
            Seen
          </KeyButton>
          <KeyButton keyName={key("B")} disabled={asking.busy} onPress={judge("not_seen")}>
            Not seen
          </KeyButton>
          <KeyButton keyName={key("U")} disabled={asking.busy} onPress={judge("skipped")}>
            Skip
          </KeyButton>
        </div>
      )}
      <Refusal error={asking.error} />
    </section>
  );
}

/** Challenges that were judged, in one line each. */
export function Challenges({ challenges }: { challenges: Challenge[] }) {
  const judged = challenges.filter(({ result }) => result !== null);
  if (!judged.length) return null;
  return (
    <ul class="entries small judged" aria-label="Challenges">
      {judged.map((each) => (
        <li key={each.id}>
          {clockTime(each.asked_at)} {wordsOf(each)}{" "}
          <span class={`tag ${each.result === "not_seen" ? "tag--bad" : "tag--quiet"}`}>
            {each.result && RESULTS[each.result]}
          </span>
        </li>
      ))}
    </ul>
  );
}

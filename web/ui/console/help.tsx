// Every key of the console, in one place.

import { Dialog } from "./parts";

const KEYS: { title: string; keys: [string, string][] }[] = [
  {
    title: "Whom you look at",
    keys: [
      ["1 … =", "Bring learner 1 to 12 into focus; 0, - and = are 10, 11 and 12"],
      ["J", "Go to who needs you most"],
      ["G", "All tiles, or one learner"],
      ["X", "Swap the pictures of the learner"],
      ["W", "Write to the learner"],
      ["Esc", "Leave the field, so that the keys work again"],
    ],
  },
  {
    title: "Sound",
    keys: [
      ["V", "Mute or unmute your microphone"],
      ["K", "Speak to all, or to one"],
      ["M", "Hear one learner, or a quiet mix"],
      ["C", "Your camera on or off"],
      ["N", "Notice to all"],
    ],
  },
  {
    title: "The learner in focus",
    keys: [
      ["Y", "Yes to the question that stands first: confirm, same person, seen, satisfied"],
      ["B", "No to it: not confirmed, not the same, not seen"],
      ["U", "Not sure: ask a colleague, unclear, skip"],
      ["D", "Take ID picture"],
      ["F", "Take face picture; in the session, the face again"],
      ["Q", "Type what the document says"],
      ["Z", "Compare the pictures large"],
      ["L", "Draw a challenge"],
      ["A", "Admit"],
      ["I", "Incident"],
      ["P", "Pause or resume"],
      ["T", "More time"],
      ["R", "Ask for the room, the ID or the screen"],
      ["H", "Lower the hand"],
      ["O", "Hand over to a colleague"],
      ["E", "End"],
      ["S", "Stop"],
    ],
  },
];

export function HelpDialog({ keys, onClose }: { keys: boolean; onClose: () => void }) {
  return (
    <Dialog title="Keys" reads onClose={onClose}>
      {!keys && (
        <p class="notice notice--warn small">
          The keys are switched off. “Work with single keys” switches them on.
        </p>
      )}
      <div class="help">
        {KEYS.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.keys.map(([key, words]) => (
                <div key={key}>
                  <dt>
                    <kbd>{key}</kbd>
                  </dt>
                  <dd>{words}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <h3>What a learner's link carries</h3>
      <p class="small">
        At sea, the learner's page sends what the link carries: full picture, small picture, single
        pictures every few seconds, voice only, words only. It goes up and down by itself, and every
        step is in the record. A thin link is nobody's fault, and no incident.
      </p>
      <p class="small">
        “By a relay” is as good as direct. “By the socket” means that the ship's network lets no
        calls through: voice comes a few seconds late, so wait for the answer. They see you on a
        full picture only; they hear you on all but “words only”: then write.
      </p>
      <p class="small">
        “No signal from the ship” never ends the session. The learner's device records by itself,
        and sends it when the link is back; then you judge the gap.
      </p>
      <p class="soft small">
        Keys do nothing while you write, and none acts without asking where it ends something.
      </p>
      <button type="button" class="button" onClick={onClose}>
        Close
      </button>
    </Dialog>
  );
}

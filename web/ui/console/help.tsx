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
    <Dialog title="Keys" onClose={onClose}>
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
      <p class="soft small">
        Keys do nothing while you write, and none acts without asking where it ends something.
      </p>
      <button type="button" class="button" onClick={onClose}>
        Close
      </button>
    </Dialog>
  );
}

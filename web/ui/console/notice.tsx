// A notice to all learners: each reads it alone, in their own messages.

import { useState } from "preact/hooks";
import type { Desk } from "./desk";
import { Dialog } from "./parts";

export function NoticeDialog({ desk, onClose }: { desk: Desk; onClose: () => void }) {
  const [text, setText] = useState("");
  const readers = desk.mine();
  const submit = (event: Event): void => {
    event.preventDefault();
    // Each goes out by itself and waits for its own link, as every message does.
    for (const room of readers) room.outbox.add(text, room.state?.chat ?? [], true);
    onClose();
  };
  const many = readers.length;
  return (
    <Dialog title="Notice to all" onClose={onClose}>
      <p>
        {many === 1 ? "One learner reads" : `${many} learners read`} it, large on their page:{" "}
        {readers.map((room) => room.name).join(", ")}. They do not see who else gets it.
      </p>
      <form onSubmit={submit}>
        <div class="field">
          <label for="notice-text">Notice</label>
          <textarea
            id="notice-text"
            required
            maxlength={2000}
            rows={3}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
        <button class="button" disabled={!text.trim() || !many}>
          {many === 1 ? "Send to one learner" : `Send to ${many} learners`}
        </button>
        <button type="button" class="button button--quiet" onClick={onClose}>
          Go back
        </button>
      </form>
    </Dialog>
  );
}

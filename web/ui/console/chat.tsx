// Messages between the invigilator and the learner.

import { useEffect, useRef, useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import type { RoomState } from "../lib/protocol";
import type { Room } from "./room";

export function Chat({ room, state }: { room: Room; state: RoomState }) {
  const [text, setText] = useState(room.draft);
  const log = useRef<HTMLDivElement>(null);
  const pending = room.outbox.waiting(state.chat, "invigilator");
  const newest = state.chat.at(-1)?.seq ?? 0;
  useEffect(() => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [newest, pending.length]);
  // The newest line stays in sight when the window, or what stands above, changes its size.
  useEffect(() => {
    const box = log.current;
    if (!box) return undefined;
    const observer = new ResizeObserver(() => (box.scrollTop = box.scrollHeight));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const write = (next: string): void => {
    // Kept with the learner whom it is for, when another comes into focus.
    room.draft = next;
    setText(next);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    room.outbox.add(text, state.chat);
    write("");
  };
  const unread = room.unread();
  const us = room.supervising ? (state.invigilator.name ?? "Invigilator") : "You";
  const empty = state.chat.length + pending.length === 0;
  return (
    <section
      class={`card chat ${unread ? "unread" : ""}`}
      aria-labelledby="chat-title"
      onPointerEnter={() => room.look()}
      onFocusIn={() => room.look()}
      onKeyDown={() => room.look()}
    >
      <h2 id="chat-title">
        Messages {unread > 0 && <span class="tag tag--warn">{unread} new</span>}
      </h2>
      {empty && <p class="soft">None yet.</p>}
      <div
        ref={log}
        class="chat-log"
        role="log"
        aria-live="polite"
        aria-label="Messages"
        tabIndex={0}
        hidden={empty}
      >
        <ol>
          {state.chat.map((line) => (
            <li key={line.seq} class={line.from === "invigilator" ? "mine" : ""}>
              <span class="who">
                {line.from === "invigilator" ? us : state.learner.name}, {clockTime(line.at)}
                {line.notice && ", as a notice"}
              </span>
              {line.text}
            </li>
          ))}
          {pending.map((line) => (
            <li key={line.client_id} class="mine">
              <span class="who">{line.refused ? `Not sent. ${line.refused}` : "Sending…"}</span>
              {line.text}
            </li>
          ))}
        </ol>
      </div>
      <form onSubmit={submit} hidden={room.supervising}>
        <label for="chat-text" class="visually-hidden">
          Your message
        </label>
        <input
          id="chat-text"
          maxlength={2000}
          autocomplete="off"
          placeholder={`Write to ${state.learner.name}`}
          value={text}
          onInput={(event) => write(event.currentTarget.value)}
        />
        <button class="button">Send</button>
      </form>
    </section>
  );
}

// Chat lines on their way out: shown at once, sent again after every gap, stored once.

import { newId } from "./page";
import type { ChatLine, Role } from "./protocol";
import type { RoomClient } from "./room-client";
import { RoomError } from "./wire";

export interface Pending {
  client_id: string;
  text: string;
  sending: boolean;
  refused: string | null;
  /** The newest line that was there when this one was written. */
  after: number;
}

/** The lines that the server has not confirmed yet, oldest first. */
export class Outbox {
  lines: Pending[] = [];

  constructor(
    private readonly client: RoomClient,
    private readonly changed: () => void,
  ) {}

  /** Takes one line to send, written below `chat`; empty ones are ignored. */
  add(text: string, chat: readonly ChatLine[]): void {
    const trimmed = text.trim();
    if (!trimmed) return;
    const after = chat.at(-1)?.seq ?? 0;
    this.lines.push({ client_id: newId(), text: trimmed, sending: false, refused: null, after });
    this.changed();
    void this.flush();
  }

  /** Sends what waits, in order; call it whenever the room is joined (again). */
  async flush(): Promise<void> {
    if (this.lines.some((line) => line.sending)) return;
    const line = this.lines.find((each) => each.refused === null);
    if (!line) return;
    line.sending = true;
    try {
      await this.client.request("chat", { text: line.text, client_id: line.client_id });
      this.lines = this.lines.filter((each) => each !== line);
    } catch (error) {
      const lost = error instanceof RoomError && ["no_answer", "not_joined"].includes(error.code);
      line.sending = false;
      // Silence is no refusal: the line waits for the next time the room is joined.
      if (lost) return;
      line.refused = error instanceof Error ? error.message : "";
    }
    this.changed();
    await this.flush();
  }

  /** The lines to show below `chat`: the room tells of a line before it confirms it. */
  waiting(chat: readonly ChatLine[], role: Role): Pending[] {
    return this.lines.filter(
      ({ text, after }) =>
        !chat.some((line) => line.seq > after && line.from === role && line.text === text),
    );
  }

  /** Forgets everything: another session was opened. */
  clear(): void {
    this.lines = [];
    this.changed();
  }
}

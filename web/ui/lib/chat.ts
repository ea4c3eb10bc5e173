// Chat lines on their way out: shown at once, sent again after every gap, stored once.

import { newId } from "./page";
import type { ChatLine } from "./protocol";
import type { RoomLink } from "./room-link";
import { RoomError } from "./wire";

/** The server has not said no: the line waits, and is sent again. */
const UNHEARD = ["no_answer", "not_joined", "timeout", "busy", "unsure"];

const AGAIN_MS = 3000;

export interface Pending {
  client_id: string;
  text: string;
  notice: boolean;
  sending: boolean;
  refused: string | null;
  /** The newest line that was there when this one was written. */
  after: number;
}

/** The lines that the server has not confirmed yet, oldest first. */
export class Outbox {
  lines: Pending[] = [];

  constructor(
    private readonly room: Pick<RoomLink, "request">,
    private readonly changed: () => void,
  ) {}

  /** Takes one line to send, written below `chat`; empty ones are ignored. */
  add(text: string, chat: readonly ChatLine[], notice = false): void {
    const trimmed = text.trim();
    if (!trimmed) return;
    const after = chat.at(-1)?.seq ?? 0;
    const client_id = newId();
    this.lines.push({ client_id, text: trimmed, notice, sending: false, refused: null, after });
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
      const { text, client_id } = line;
      await this.room.request(line.notice ? "notice" : "chat", { text, client_id });
      this.lines = this.lines.filter((each) => each !== line);
    } catch (error) {
      line.sending = false;
      if (error instanceof RoomError && UNHEARD.includes(error.code)) {
        // Without a connection it is tried again as soon as the room is joined.
        setTimeout(() => void this.flush(), AGAIN_MS);
        return;
      }
      line.refused = error instanceof Error ? error.message : "";
    }
    this.changed();
    await this.flush();
  }

  /** The lines to show below `chat`: the room tells of a line before it confirms it. */
  waiting(chat: readonly ChatLine[], role: ChatLine["from"]): Pending[] {
    return this.lines.filter(
      ({ text, after }) =>
        !chat.some((line) => line.seq > after && line.from === role && line.text === text),
    );
  }
}

// Raising a hand: one button, and in words who knows of it.

import { byId, clockTime, setText } from "../lib/page";
import type { RoomState } from "../lib/protocol";
import type { RoomLink } from "../lib/room-link";

const DOWN = "Press it when you need something. Your invigilator sees it at once.";
const FAILED = "It was not sent. Please press the button again.";

export class Hand {
  private state: RoomState | null = null;
  private failed = false;

  constructor(private readonly room: RoomLink) {
    byId("hand-button").addEventListener("click", () => void this.turn());
  }

  /** Draws it as the server knows it; null when the session is over. */
  draw(state: RoomState | null): void {
    if (state?.learner.hand !== this.state?.learner.hand) this.failed = false;
    this.state = state;
    byId("hand").hidden = state === null;
    const since = state?.learner.hand ?? null;
    const button = byId("hand-button");
    setText(button, since ? "Lower my hand" : "Raise my hand");
    button.setAttribute("aria-pressed", String(since !== null));
    byId("hand").classList.toggle("hand--up", since !== null);
    setText(
      byId("hand-words"),
      this.failed
        ? FAILED
        : since
          ? `Your hand is up since ${clockTime(since)}. Your invigilator sees it.`
          : DOWN,
    );
  }

  private async turn(): Promise<void> {
    const button = byId<HTMLButtonElement>("hand-button");
    button.disabled = true;
    try {
      await this.room.request("hand", { raised: !this.state?.learner.hand });
      this.failed = false;
    } catch {
      this.failed = true;
    }
    button.disabled = false;
    this.draw(this.state);
  }
}

// The place on a page where it says what becomes of what the device has recorded.

import { setText } from "../lib/page";
import type { Said } from "./kept-words";

export class Box {
  private readonly title = document.createElement("h2");
  private readonly text = document.createElement("p");
  private readonly bar = document.createElement("progress");
  private readonly figure = document.createElement("span");
  private readonly line = document.createElement("p");
  private readonly words = document.createElement("div");
  private readonly button = document.createElement("button");

  /** `place` is empty, and hidden while there is nothing to say; `anyway`: more is to be sent than
   * was allowed. */
  constructor(
    private readonly place: HTMLElement,
    anyway: () => void,
  ) {
    this.button.type = "button";
    this.button.className = "button button--quiet";
    this.button.addEventListener("click", anyway);
    // Read aloud when it changes; the share, which changes all the time, is not.
    this.words.setAttribute("role", "status");
    this.words.append(this.title, this.text);
    this.bar.max = 100;
    this.bar.setAttribute("aria-label", "Sent so far");
    this.line.className = "kept-share";
    this.line.append(this.bar, " ", this.figure);
    place.append(this.words, this.line, this.button);
    place.hidden = true;
  }

  show(said: Said | null): void {
    this.place.hidden = said === null;
    if (!said) return;
    const tone = said.tone === "calm" ? "" : ` notice--${said.tone}`;
    this.place.className = `notice kept${tone}`;
    setText(this.title, said.title);
    setText(this.text, said.text);
    this.text.hidden = !said.text;
    this.button.hidden = !said.anyway;
    setText(this.button, said.anyway ?? "");
    this.line.hidden = said.share === null;
    const percent = Math.floor((said.share ?? 0) * 100);
    this.bar.value = percent;
    setText(this.figure, `${percent} %`);
  }
}

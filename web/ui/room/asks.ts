// What the invigilator asks of the learner, large and first on the page: a notice to read, something
// to do or to show, the screen to share. Each stands until it is done; drawn anew it does not jump.

import { byId, setText } from "../lib/page";
import type { ChatLine, OpenChallenge, RoomState } from "../lib/protocol";
import type { RoomLink } from "../lib/room-link";
import { make, pressable } from "./make";
import type { Screen } from "./screen";
import { CHALLENGES, INSPECTIONS } from "./words";

/** Two short tones: the page of the assessment usually lies over this one. */
const CHIME = [660, 880];
const TONE_S = 0.18;
const AGAIN = "It was not sent. Please press the button again.";
const CANNOT_SHARE = "My device cannot share its screen.";

export class Asks {
  private readUpTo: number;
  private shown = "";
  private chimedFor = new Set<string>();
  /** What was done wrong with a button, by the key of its card. */
  private failed = new Map<string, string>();
  private sending = new Set<string>();

  constructor(
    private readonly place: HTMLElement,
    private readonly room: RoomLink,
    private readonly screen: Screen,
    private readonly write: (text: string) => void,
    private readonly changed: () => void,
  ) {
    this.readUpTo = recalled(this.mark);
  }

  /** The most urgent of what is asked, for the title of the tab; null when nothing is. */
  get title(): string | null {
    return this.place.querySelector(".ask--warn h2")?.textContent ?? null;
  }

  /** Shows what is asked in this state; null when nothing can be any more. */
  draw(state: RoomState | null): void {
    const cards = state ? this.cards(state) : [];
    const keys = cards.map(([key]) => key).join(" ");
    if (keys !== this.shown) {
      this.shown = keys;
      const had = this.place.contains(document.activeElement);
      this.place.replaceChildren(...cards.map(([, card]) => card));
      // The button that was pressed is gone: go on reading from the top.
      if (had) byId("status-title").focus({ preventScroll: true });
      if (cards.some(([key, , loud]) => loud && !this.chimedFor.has(key))) chime();
      for (const [key] of cards) this.chimedFor.add(key);
    }
    for (const [key] of cards) {
      const said = this.place.querySelector(`[data-key="${key}"] .ask-trouble`);
      if (said instanceof HTMLElement) setText(said, this.failed.get(key) ?? "");
    }
  }

  private kept(key: string): Element | null {
    return this.place.querySelector(`[data-key="${key}"]`);
  }

  private cards(state: RoomState): [key: string, card: HTMLElement, loud: boolean][] {
    const found: [string, HTMLElement, boolean][] = [];
    const add = (key: string, loud: boolean, build: () => HTMLElement): void => {
      const card = this.kept(key) ?? build();
      found.push([key, card as HTMLElement, loud]);
    };
    const notice = state.chat.find((line) => line.notice && line.seq > this.readUpTo);
    if (notice) add(`notice-${notice.seq}`, true, () => this.notice(notice));
    const { challenge, inspection } = state;
    if (challenge) add(`do-${challenge.id}`, true, () => this.challenge(challenge));
    if (inspection && !inspection.done_at) {
      add(`show-${inspection.id}`, true, () => this.inspection(inspection.id, state));
    } else if (inspection) {
      add(`shown-${inspection.id}`, false, () =>
        this.card(
          `shown-${inspection.id}`,
          "Thank you",
          [make("p", "", "Your invigilator is looking at what you showed. Please go on.")],
          "calm",
        ),
      );
    }
    if (state.screen_wanted || this.screen.sharing) {
      if (this.screen.sharing) add("sharing", false, () => this.sharing());
      else if (this.screen.able) add("share", true, () => this.share());
      else add("unable", true, () => this.unable());
    }
    if (this.screen.trouble) this.failed.set("share", this.screen.trouble);
    else this.failed.delete("share");
    return found;
  }

  private notice({ seq, text }: ChatLine): HTMLElement {
    const read = pressable("I have read it", () => {
      this.readUpTo = seq;
      remember(this.mark, seq);
      this.changed();
    });
    return this.card(`notice-${seq}`, "A notice from your invigilator", [
      make("p", "ask-text", text),
      read,
    ]);
  }

  private challenge({ id, kind, detail }: OpenChallenge): HTMLElement {
    const rest = [make("p", "ask-text", "Do it now, and look into the camera.")];
    // Read digit by digit, as it is to be said.
    if (detail) rest.unshift(make("p", "ask-number", [...detail].join(" ")));
    return this.card(`do-${id}`, CHALLENGES[kind], rest);
  }

  private inspection(id: string, state: RoomState): HTMLElement {
    const { title, steps } = INSPECTIONS[state.inspection?.kind ?? "room_scan"];
    const list = make("ol");
    list.append(...steps.map((step) => make("li", "", step)));
    const key = `show-${id}`;
    const done = pressable("I have done it", () => void this.send(key, "done", { inspection: id }));
    return this.card(key, `Your invigilator asks: ${title.toLowerCase()}`, [
      list,
      done,
      make("p", "ask-trouble"),
    ]);
  }

  private share(): HTMLElement {
    const button = pressable("Share my screen", () => void this.screen.share());
    button.classList.add("button--big");
    return this.card("share", "Your invigilator asks: share your screen", [
      make(
        "p",
        "",
        "Press the button and choose your whole screen. Close what is private first: " +
          "what you share is seen and recorded.",
      ),
      button,
      make("p", "ask-trouble"),
    ]);
  }

  private sharing(): HTMLElement {
    return this.card(
      "sharing",
      "You are sharing your screen",
      [
        make("p", "", "Your invigilator sees it, and it is recorded."),
        pressable("Stop sharing", () => void this.screen.stop(), "button button--quiet"),
      ],
      "calm",
    );
  }

  private unable(): HTMLElement {
    const tell = pressable("Tell my invigilator", () => {
      tell.disabled = true;
      this.write(CANNOT_SHARE);
      setText(tell, "Your invigilator is told");
    });
    return this.card("unable", "Your invigilator asks: share your screen", [
      make(
        "p",
        "",
        "This device cannot share its screen: phones and tablets cannot. Please say so.",
      ),
      tell,
    ]);
  }

  private card(key: string, title: string, rest: HTMLElement[], tone = "warn"): HTMLElement {
    const card = make("section", `ask ask--${tone}`);
    card.dataset.key = key;
    card.append(make("h2", "", title), ...rest);
    return card;
  }

  private async send(key: string, event: string, body: object): Promise<void> {
    if (this.sending.has(key)) return;
    this.sending.add(key);
    this.failed.delete(key);
    try {
      await this.room.request(event, body);
    } catch {
      this.failed.set(key, AGAIN);
    }
    this.sending.delete(key);
    this.changed();
  }

  private get mark(): string {
    return `read:${this.room.session}`;
  }
}

function recalled(mark: string): number {
  try {
    return Number(sessionStorage.getItem(mark) ?? 0);
  } catch {
    return 0;
  }
}

function remember(mark: string, seq: number): void {
  try {
    sessionStorage.setItem(mark, String(seq));
  } catch {
    // Without storage a reload shows the notice once more.
  }
}

function chime(): void {
  try {
    const context = new AudioContext();
    for (const [i, frequency] of CHIME.entries()) {
      const tone = new OscillatorNode(context, { frequency });
      const volume = new GainNode(context, { gain: 0.15 });
      tone.connect(volume).connect(context.destination);
      tone.start(context.currentTime + i * TONE_S);
      tone.stop(context.currentTime + (i + 1) * TONE_S);
      if (i === CHIME.length - 1) tone.addEventListener("ended", () => void context.close());
    }
  } catch {
    // No sound to be had: what is asked stands on the page.
  }
}

// The guided capture of an identity document, step by step: which one, the camera, the picture,
// the other side of a card, and how it goes to the server.

import { atRest } from "../../lib/at-rest";
import type { CaptureSide, CaptureWanted, DocumentKind, RoomState } from "../../lib/protocol";
import { ServerClock } from "../../link/chain";
import { make, pressable } from "../make";
import { Finder, type Before, type Found } from "./finder";
import { Keep, type Waiting } from "./keep";
import { Sender } from "./send";
import { budgetOf, shoot, type Shot } from "./shoot";
import { KINDS, knownKind, sidesOf, titleOf, zoneOf } from "./words";

/** What the room's page does for the capture. */
export interface Host {
  session: string;
  /** Under which pictures that wait are kept on the device. */
  key: string | undefined;
  /** Where pictures are sent to. */
  url: string;
  /** The address of this script: how long it took to come tells what the link can carry. */
  script: string;
  camera(): MediaStreamTrack | null;
  /** Opens the camera for reading, the one at a phone's back where there is one, or gives it back;
   * true while the one at the back is open. */
  reading(on: boolean): Promise<boolean>;
  /** A picture was taken; its bytes follow if the person agrees with it. */
  taken(picture: { id: CaptureSide; sha256: string; size: number; at: string }): void;
  /** The capture was opened, closed, or has moved on. */
  changed(): void;
  /** What had the person's eye is gone: the page leads them on. */
  closed(): void;
}

type Step = "closed" | "kind" | "camera" | "taking" | "preview";

const UNUSABLE = "The picture could not be used. Please take it again.";
const SLOW = "The link is slow or gone. We keep trying: you need not do anything.";
const SENT = "Your document has arrived. Thank you.";
const NOW_FACE = "Now look straight into the camera, without cap or sunglasses.";

export class Panel {
  private step: Step = "closed";
  private kind: DocumentKind = "passport";
  private wanted: CaptureSide[] = [];
  private sides: CaptureSide[] = [];
  private finder: Finder | null = null;
  private shot: { shot: Shot; found: Found; picture: string } | null = null;
  /** The front of the card whose back is to be taken now. */
  private before: Before | null = null;
  private back = false;
  private sent = false;
  private over = false;
  private trouble = "";
  private state: RoomState | null = null;
  private readonly clock = new ServerClock();
  private readonly keep: Keep;
  private readonly sender: Sender;
  private readonly body = make("div");
  private readonly standing = make("div", "capture-standing");
  private readonly said = make("p", "capture-said");
  private readonly bar = make("progress");

  constructor(
    place: HTMLElement,
    private readonly host: Host,
  ) {
    this.keep = new Keep(atRest(host.key));
    this.sender = new Sender(
      host.url,
      host.session,
      this.keep,
      () => this.drawSending(),
      () => {
        this.sent = true;
      },
    );
    this.bar.max = 1;
    this.bar.setAttribute("aria-label", "How much of your picture is sent");
    this.said.setAttribute("role", "status");
    this.standing.append(this.said, this.bar);
    this.standing.hidden = true;
    place.append(this.body, this.standing);
    place.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.step !== "closed") void this.choose();
    });
    void this.resume();
  }

  /** True while the person is at it, or their picture is on its way. */
  get busy(): boolean {
    return this.step !== "closed" || ["sending", "stuck"].includes(this.sender.standing);
  }

  /** True while the page is to say nothing else of the document: it has been sent. */
  get done(): boolean {
    return this.sent && !this.busy;
  }

  /** Begins with the choice of a document. */
  async begin(wanted: CaptureWanted): Promise<void> {
    this.sent = false;
    this.trouble = "";
    this.wanted = [...wanted.sides];
    const kind = knownKind(wanted);
    if (kind) await this.chosen(kind);
    else await this.choose();
  }

  /** Takes in the room's state; null when this page has nothing to do in the session any more.
   * `over`: nor has any other; what was taken and not sent is nobody else's, and goes. */
  draw(state: RoomState | null, over: boolean): void {
    if (over && !this.over) void this.keep.clear();
    this.over = over;
    if (state && state !== this.state) this.clock.tell(state.now, performance.now());
    this.state = state;
    if (!state && this.step !== "closed") void this.close();
    this.finder?.show(this.host.camera(), this.back);
    if (state && !["checked_in", "scheduled"].includes(state.state)) this.sent = false;
    this.drawSending();
  }

  private async resume(): Promise<void> {
    if ((await this.keep.of(this.host.session)).length) await this.sender.run();
  }

  // The steps

  private async choose(): Promise<void> {
    await this.release();
    this.step = "kind";
    const choices = (Object.keys(KINDS) as DocumentKind[]).map((kind) =>
      pressable(KINDS[kind], () => void this.chosen(kind), "button button--quiet"),
    );
    const list = make("ul", "capture-kinds");
    for (const choice of choices) {
      const item = make("li");
      item.append(choice);
      list.append(item);
    }
    this.show("Which document do you have?", [
      list,
      pressable("Not now", () => void this.close(), "button button--quiet capture-leave"),
    ]);
  }

  private async chosen(kind: DocumentKind): Promise<void> {
    this.kind = kind;
    this.sides = sidesOf(kind, this.wanted);
    this.before = null;
    this.step = "camera";
    this.show("Opening the camera…", []);
    this.back = await this.host.reading(true);
    if (this.step === "camera") this.aim();
  }

  private aim(): void {
    const [side] = this.sides;
    if (!side) return;
    this.step = "camera";
    this.finder?.stop();
    const finder = new Finder(this.kind, this.before, (found) => void this.take(found));
    this.finder = finder;
    const take = pressable("Take the picture", () => finder.press(), "button button--big");
    const other = pressable(
      "Another document",
      () => void this.choose(),
      "button button--quiet capture-leave",
    );
    const rest = [finder.element, take, other, finder.hint];
    if (!this.host.camera()) rest.unshift(make("p", "ask-trouble", "Your camera is off."));
    this.show(titleOf(this.kind, side), rest);
    finder.show(this.host.camera(), this.back);
    finder.start();
  }

  private async take(found: Found): Promise<void> {
    const finder = this.finder;
    if (!finder || this.step !== "camera") return;
    this.step = "taking";
    finder.element.classList.add("taking");
    try {
      const poor = this.state?.learner.link === "poor";
      const budget = budgetOf(this.host.script, poor);
      const shot = await shoot(finder.camera, found.box, zoneOf(this.kind), budget);
      const [picture] = shot.blobs;
      const at = new Date(this.clock.at(performance.now())).toISOString();
      const [part] = shot.parts;
      const [id] = this.sides;
      if (part && id && this.clock.known) this.host.taken({ id, ...part, at });
      if (this.step !== "taking" || !picture) return;
      this.shot = { shot, found, picture: URL.createObjectURL(picture) };
      this.preview();
    } catch {
      this.trouble = UNUSABLE;
      this.aim();
    }
  }

  private preview(): void {
    const { shot } = this;
    if (!shot) return;
    this.step = "preview";
    const picture = make("img", "capture-preview");
    picture.src = shot.picture;
    picture.alt = "The picture of your document that was just taken";
    const buttons = make("div", "capture-buttons");
    buttons.append(
      pressable("Yes, send it", () => void this.use(), "button button--big"),
      pressable("No, take it again", () => this.again(), "button button--big button--quiet"),
    );
    this.show("Can you read every word?", [picture, buttons]);
  }

  private again(): void {
    this.forget();
    this.aim();
  }

  private async use(): Promise<void> {
    const { shot: made } = this;
    const [side, ...left] = this.sides;
    if (!made || !side) return;
    const { shot, found } = made;
    const { auto, size, glare, light } = found;
    const round = (value: number): number => Math.round(1000 * value) / 1000;
    const one: Waiting = {
      session: this.host.session,
      kind: this.kind,
      side,
      parts: shot.parts,
      blobs: shot.blobs,
      quality: {
        auto,
        sharpness: round(shot.sharpness),
        size: round(size),
        glare: round(glare),
        light: round(light),
        width: shot.width,
        height: shot.height,
        back: this.back,
      },
      at: Date.now(),
    };
    this.forget();
    this.trouble = "";
    this.sides = left;
    this.before = left.length ? { thumbnail: found.thumbnail } : null;
    await this.keep.put(one);
    void this.sender.run();
    if (left.length) this.aim();
    else await this.close();
  }

  // What is shown

  /** Puts a step in place of the one before; its heading is read out. */
  private show(title: string, rest: HTMLElement[]): void {
    const card = make("section", "ask capture");
    const heading = make("h2", "", title);
    heading.tabIndex = -1;
    card.append(heading);
    if (this.trouble) card.append(make("p", "ask-trouble", this.trouble));
    card.append(...rest);
    this.body.replaceChildren(card);
    card.scrollIntoView({ block: "start" });
    heading.focus({ preventScroll: true });
    this.drawSending();
    this.host.changed();
  }

  private drawSending(): void {
    const { standing, share } = this.sender;
    const going = standing === "sending" || standing === "stuck";
    this.bar.hidden = !going;
    this.bar.value = share;
    if (standing === "unusable" && this.step === "closed" && this.state) {
      this.trouble = UNUSABLE;
      this.sender.standing = "idle";
      void this.choose();
    }
    const words = going
      ? standing === "stuck"
        ? SLOW
        : "Your picture is being sent. You need not wait."
      : this.done
        ? `${SENT} ${NOW_FACE}`
        : standing === "closed"
          ? "You are no longer signed in. Open your personal link again."
          : "";
    if (this.said.textContent !== words) this.said.textContent = words;
    const hidden = words === "" || this.state === null;
    if (this.standing.hidden !== hidden) {
      this.standing.hidden = hidden;
      this.host.changed();
    }
  }

  private forget(): void {
    if (this.shot) URL.revokeObjectURL(this.shot.picture);
    this.shot = null;
  }

  private async release(): Promise<void> {
    this.finder?.stop();
    this.finder = null;
    this.forget();
    if (this.step === "kind" || this.step === "closed") return;
    this.back = false;
    await this.host.reading(false);
  }

  private async close(): Promise<void> {
    const released = this.release();
    this.step = "closed";
    this.body.replaceChildren();
    await released;
    this.drawSending();
    this.host.changed();
    this.host.closed();
  }
}

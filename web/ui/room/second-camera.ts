// The phone as second camera, as the learner's room shows it: a code to scan, and how it stands.

import { byId, clockTime, setText } from "../lib/page";
import type { RoomState } from "../lib/protocol";

const LIMIT_MS = 10_000;
const SVG = "http://www.w3.org/2000/svg";
const FAILED = "No code could be made. Check that you are connected, then press the button again.";

interface Invitation {
  url: string;
  /** The side of the code in modules, and its dark ones as path data. */
  size: number;
  path: string;
  minutes: number;
}

export class SecondCamera {
  private wasHere = false;
  private words = "";
  private timer = 0;

  constructor(private readonly boot: { second_url: string }) {
    byId("second-button").addEventListener("click", () => void this.invite());
  }

  /** Draws how the second camera stands; null when the session is over. */
  draw(state: RoomState | null): void {
    byId("second").hidden = state === null;
    const here = state?.second.present === true;
    byId("tag-second").hidden = !here;
    if (here && !this.wasHere) this.clear("");
    if (!here && this.wasHere) {
      this.clear("The second camera has gone. Wake the phone up: it comes back by itself.");
    }
    this.wasHere = here;
    const live = state?.second.media === "live";
    const standing = here
      ? live
        ? "Second camera connected. Your invigilator sees its picture."
        : "Second camera connected. Its picture comes in a moment."
      : this.words || "A phone beside you can show your room from the side.";
    setText(byId("second-words"), standing);
    setText(
      byId("second-button"),
      !byId("code").hidden
        ? "Make a new code"
        : here
          ? "Use another phone instead"
          : "Add a phone as second camera",
    );
  }

  private async invite(): Promise<void> {
    const button = byId<HTMLButtonElement>("second-button");
    button.disabled = true;
    try {
      this.show(await this.ask());
    } catch {
      this.clear(FAILED);
      setText(byId("second-words"), FAILED);
    }
    button.disabled = false;
  }

  private async ask(): Promise<Invitation> {
    const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]');
    const answer = await fetch(this.boot.second_url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": token?.content ?? "" },
      body: "{}",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return (await answer.json()) as Invitation;
  }

  private show({ url, size, path, minutes }: Invitation): void {
    const until = new Date(Date.now() + minutes * 60_000).toISOString();
    byId("code-picture").replaceChildren(picture(size, path));
    setText(byId("code-url"), url);
    setText(byId("code-until"), clockTime(until));
    byId("code").hidden = false;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.clear("The code has run out. Press the button for a new one.");
      setText(byId("second-words"), this.words);
    }, minutes * 60_000);
  }

  private clear(words: string): void {
    clearTimeout(this.timer);
    this.words = words;
    byId("code").hidden = true;
    byId("code-picture").replaceChildren();
  }
}

/** The code as a drawing: element by element, as no text may become markup on our pages. */
function picture(size: number, path: string): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const set = (element: Element, attributes: Record<string, string>): void => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  };
  set(svg, {
    viewBox: `0 0 ${size} ${size}`,
    role: "img",
    "aria-label": "QR code with the link for the phone",
    "shape-rendering": "crispEdges",
  });
  const ground = document.createElementNS(SVG, "rect");
  set(ground, { width: String(size), height: String(size), fill: "#fff" });
  const dark = document.createElementNS(SVG, "path");
  set(dark, { d: path, stroke: "#000", "stroke-width": "1" });
  svg.append(ground, dark);
  return svg;
}

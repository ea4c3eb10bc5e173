// Where the learner's page offers to take a picture of the identity document. What takes it is a
// second file, which comes when it is needed: whoever was identified before never loads it.

import { byId } from "../lib/page";
import type { RoomState } from "../lib/protocol";
import type { Host, Panel } from "./capture/panel";
import { make, pressable } from "./make";

const FAILED = "It could not be loaded. Check that you are connected, then press the button again.";
const MARK = "capture:";

type Source = { Panel: typeof Panel };

export class DocumentCapture {
  private panel: Panel | null = null;
  private loading = false;
  private offer: HTMLElement | null = null;
  private readonly said = make("p", "ask-trouble");
  private state: RoomState | null = null;
  private over = false;

  constructor(
    private readonly place: HTMLElement,
    private readonly host: Omit<Host, "script" | "url">,
  ) {
    this.said.setAttribute("role", "status");
    // A picture that was on its way when this page was loaded anew goes on.
    if (remembered(host.session)) void this.load();
  }

  /** True while the person is at it, or their picture is on its way. */
  get busy(): boolean {
    return this.panel?.busy === true;
  }

  /** True when the document has been sent, and the face is to be seen. */
  get done(): boolean {
    return this.panel?.done === true;
  }

  /** `over`: the session has ended, for this page and every other. */
  draw(state: RoomState | null, over: boolean): void {
    this.state = state;
    this.over = over;
    this.panel?.draw(state, over);
    const wanted = state?.capture?.wanted === true && !this.panel?.busy;
    if (wanted && !this.offer) {
      this.offer = this.card();
      this.place.prepend(this.offer);
    } else if (!wanted && this.offer) {
      this.offer.remove();
      this.offer = null;
    }
    const busy = this.panel?.busy === true;
    if (state === null || (this.panel && !busy)) remember(this.host.session, false);
    else if (busy) remember(this.host.session, true);
  }

  private card(): HTMLElement {
    const card = make("section", "ask");
    const begin = pressable("Start", () => void this.begin(), "button button--big");
    card.append(
      make("h2", "", "Show your identity document"),
      make(
        "p",
        "",
        "Your passport, identity card, driving licence or seaman's book. " +
          "We help you to take a good picture. It takes about a minute.",
      ),
      begin,
      this.said,
    );
    return card;
  }

  private async begin(): Promise<void> {
    this.said.textContent = this.panel ? "" : "Loading…";
    await this.load();
    const capture = this.state?.capture;
    if (!this.panel) this.said.textContent = FAILED;
    else if (capture) await this.panel.begin(capture);
  }

  private async load(): Promise<void> {
    if (this.panel || this.loading) return;
    this.loading = true;
    const { script = "", style = "", url = "" } = byId("capture").dataset;
    try {
      const [source] = await Promise.all([import(script) as Promise<Source>, styled(style)]);
      const address = new URL(script, location.href).href;
      this.panel = new source.Panel(this.place, { ...this.host, url, script: address });
      this.panel.draw(this.state, this.over);
    } catch {
      // Asked for again by the button.
    }
    this.loading = false;
  }
}

/** Loads a style sheet; one that does not come leaves the page plain, but working. */
function styled(address: string): Promise<void> {
  return new Promise((done) => {
    const link = make("link");
    link.rel = "stylesheet";
    link.href = address;
    for (const end of ["load", "error"]) link.addEventListener(end, () => done());
    document.head.append(link);
  });
}

function remembered(session: string): boolean {
  try {
    return sessionStorage.getItem(MARK + session) !== null;
  } catch {
    return false;
  }
}

function remember(session: string, busy: boolean): void {
  try {
    if (busy) sessionStorage.setItem(MARK + session, "yes");
    else sessionStorage.removeItem(MARK + session);
  } catch {
    // Without storage a reload asks for the picture once more.
  }
}

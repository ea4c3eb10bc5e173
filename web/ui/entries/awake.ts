// On every page of staff: whoever works in the page, such as by writing a long text, stays signed
// in; whoever does nothing is told two minutes before their sign-in ends, and may stay by a button.

import { byId } from "../lib/page";

const LOOK_MS = 30_000;
/** So long before the end it is said. */
const WARN_MS = 120_000;
const ACTS = ["pointerdown", "keydown", "input", "wheel"];

const box = byId("awake");
const words = byId("awake-words");
const stay = byId<HTMLButtonElement>("awake-stay");
const again = byId<HTMLAnchorElement>("awake-again");
const url = box.dataset["url"] ?? "";
const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";

let acted = false;
/** When the sign-in ends, as far as this page knows; another page may have made it later. */
let due = 0;

/** Asks how long the sign-in lasts, or makes it last; false when it has ended. */
async function ask(method: "GET" | "POST"): Promise<boolean> {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": token };
  const answer = await fetch(url, { method, headers, redirect: "manual", cache: "no-store" });
  if (answer.type === "opaqueredirect" || answer.status === 401) return false;
  if (answer.ok) {
    const { seconds } = (await answer.json()) as { seconds: number };
    due = Date.now() + 1000 * seconds;
  }
  return true;
}

function say(text: string, ended: boolean): void {
  if (box.hidden || words.textContent !== text) words.textContent = text;
  stay.hidden = ended;
  again.hidden = !ended;
  again.href = `/staff/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
  box.hidden = false;
}

async function look(): Promise<void> {
  try {
    const working = acted;
    acted = false;
    let good = true;
    if (working) good = await ask("POST");
    else if (due - Date.now() < WARN_MS + LOOK_MS) good = await ask("GET");
    if (!good) say("You are signed out. Sign in again to go on here.", true);
    else if (due - Date.now() < WARN_MS)
      say("Nothing was done here for a while. You will be signed out in two minutes.", false);
    else box.hidden = true;
  } catch {
    // The link is not there: the next look asks again.
  }
}

for (const act of ACTS) addEventListener(act, () => (acted = true), { passive: true });
stay.addEventListener("click", () => {
  acted = true;
  void look();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void look();
});
setInterval(() => void look(), LOOK_MS);
void look();

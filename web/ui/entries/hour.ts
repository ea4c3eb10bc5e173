// On the learner's own page, if they have agreed: when it is open at the hour of their session, it
// makes a small test of the link by itself. Nothing is shown, and a failure is none.

import { bootData } from "../lib/page";
import type { Place } from "../rehearsal/outcome";
import { smallTest } from "../rehearsal/small";

/** Another test, if one is wanted, is asked for after this time. */
const AGAIN_MS = 5 * 60_000;
const LOOK_MS = 20_000;

const place = bootData<Place & { wait_s: number }>();
let due = performance.now() + 1000 * place.wait_s;
let busy = false;
/** What the page itself was told holds for its first look. */
let told = place.wait_s === 0;

async function look(): Promise<void> {
  // A page that nobody looks at is slowed down by the browser: what it measures means nothing.
  if (busy || performance.now() < due || document.visibilityState !== "visible") return;
  busy = true;
  due = performance.now() + AGAIN_MS;
  try {
    const wait = told ? 0 : await waitSeconds();
    told = false;
    if (wait === 0) await smallTest(place);
    else if (wait !== null) due = performance.now() + 1000 * wait;
  } catch {
    // No test is a test of its own: the link is not there.
  }
  busy = false;
}

/** How long to wait, as the server has it now: the page may be open for days. */
async function waitSeconds(): Promise<number | null> {
  const answer = await fetch(`${place.url}/wanted`, { cache: "no-store" });
  return answer.ok ? ((await answer.json()) as { wait_s: number | null }).wait_s : null;
}

setInterval(() => void look(), LOOK_MS);
void look();

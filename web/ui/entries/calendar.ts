// The scheduler's calendar: a timeline to drag in, dialogs for the keyboard, lists beside it. The
// page's table and lists hold the same and stay where this does not run.

import {
  type Booking,
  type Shown,
  type Target,
  Refusal,
  dayOf,
  move,
  reread,
  timeOf,
} from "../calendar/data";
import { Details, Question } from "../calendar/dialogs";
import { drawLists } from "../calendar/list";
import { Timeline } from "../calendar/timeline";
import { showToast } from "../calendar/toast";
import { bootData, byId } from "../lib/page";

/** So often the page looks whether others have changed something. */
const LOOK_AGAIN_MS = 60_000;
const WHOLE = "whole-week";

let shown = bootData<Shown>();
let timeline: Timeline | undefined;
let asking = false;

function draw(): void {
  drawLists(shown);
  timeline?.draw(shown);
}

/** Reads the days anew. Dialogs stay open; nothing moves while somebody drags or is asked. */
async function lookAgain(): Promise<void> {
  if (asking || timeline?.busy) return;
  const before = JSON.stringify(shown);
  const found = await reread(shown.query).catch(() => undefined);
  if (!found || asking || timeline?.busy || JSON.stringify(found) === before) return;
  shown = found;
  draw();
}

async function go(one: Booking, to: Target): Promise<void> {
  asking = true;
  try {
    const { booking, sentence, back } = await move(one, to);
    shown.sittings = shown.sittings.map((other) => (other.id === one.id ? booking : other));
    showToast("good", sentence, () => void go(booking, back));
  } catch (error) {
    showToast("bad", error instanceof Refusal ? error.message : String(error));
  } finally {
    asking = false;
    draw();
  }
  timeline?.focus(one.id);
  void lookAgain();
}

const details = new Details(
  (one, to) => void go(one, to),
  (one) => timeline?.focus(one.id),
);
const question = new Question();

async function dropped(one: Booking, start: string, staff: string): Promise<void> {
  const name = shown.staff.find((person) => person.id === staff)?.title ?? "";
  asking = true;
  const yes = start === one.start || (await question.ask(one, start, name));
  asking = false;
  if (yes) await go(one, { day: dayOf(start), time: timeOf(start), staff });
  else draw();
}

function begin(): void {
  const root = byId("calendar");
  const toggle = byId<HTMLButtonElement>("toggle");
  const others = ["jump", "legend", "how"].map((id) => byId(id));
  const show = (asList: boolean): void => {
    root.hidden = asList;
    for (const one of others) one.hidden = asList;
    byId("whole").hidden = asList || !timeline?.scrolls;
    byId("jump").hidden ||= byId("jump").childElementCount < 2;
    document.body.classList.toggle("as-list", asList);
    toggle.textContent = asList ? "Show as a timeline" : "Show as a list";
  };
  byId("table").hidden = true;
  toggle.hidden = false;
  toggle.addEventListener("click", () => show(!root.hidden));
  show(false);
  timeline = new Timeline(root, shown, {
    open: (one) => details.open(one, shown),
    drop: (one, start, staff) => void dropped(one, start, staff),
  });
  if (timeline.scrolls) offerWhole(timeline);
}

/** All days at once, or boxes that can be read; what was chosen last is kept. */
function offerWhole(all: Timeline): void {
  const button = byId<HTMLButtonElement>("whole");
  const choose = (whole: boolean): void => {
    button.textContent = whole ? "Show names in full" : "See the whole week";
    all.setWhole(whole);
    try {
      localStorage.setItem(WHOLE, whole ? "yes" : "");
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  };
  button.hidden = false;
  button.addEventListener("click", () => choose(!all.isWhole));
  let kept = "";
  try {
    kept = localStorage.getItem(WHOLE) ?? "";
  } catch {
    // The same.
  }
  if (kept) choose(true);
}

if (shown.staff.length && matchMedia("(min-width: 60rem)").matches) begin();
setInterval(() => void lookAgain(), LOOK_AGAIN_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void lookAgain();
});

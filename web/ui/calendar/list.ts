// The days as lists: the server draws them first, this keeps them up to date.

import { byId, setText } from "../lib/page";
import { type Booking, type Shown, dayOf, line, timeOf } from "./data";

function item(one: Booking, day: string): HTMLElement {
  const row = line("li", "", `sitting--${one.kind}`);
  const link = line("a", one.learner) as HTMLAnchorElement;
  link.href = one.href;
  link.append(line("span", `, ${day} at ${timeOf(one.start)}`, "visually-hidden"));
  const tag = line("span", one.short, one.kind === "booked" ? "tag" : `tag tag--${one.kind}`);
  row.append(
    line("span", `${timeOf(one.start)}–${timeOf(one.end)}`, "number"),
    link,
    line("span", `with ${one.staff_name}`, "soft"),
    tag,
  );
  if (one.link) row.append(" ", line("span", one.link.badge, `tag tag--${one.link.kind}`));
  return row;
}

export function drawLists(shown: Shown): void {
  for (const day of shown.days) {
    const section = byId("list").querySelector(`[data-day="${day.date}"]`);
    if (!section) continue;
    const theirs = shown.sittings
      .filter((one) => dayOf(one.start) === day.date)
      .sort((one, other) => (one.start + one.staff_name < other.start + other.staff_name ? -1 : 1));
    const absent = section.querySelector<HTMLElement>(".absent");
    const empty = section.querySelector<HTMLElement>(".empty");
    if (absent) {
      setText(absent, day.absent.join(". "));
      absent.hidden = !day.absent.length;
    }
    if (empty) {
      setText(empty, day.empty);
      empty.hidden = theirs.length > 0;
    }
    section
      .querySelector(".day-list")
      ?.replaceChildren(...theirs.map((one) => item(one, day.words.split(" ")[0] ?? "")));
  }
}

// Draws the scheduler's week as a timeline with the invigilators as rows. The page's table holds
// the same and stays where this does not run.

import { createCalendar, ResourceTimeline } from "@event-calendar/core";
import type { Calendar } from "@event-calendar/core";
import { bootData, byId } from "../lib/page";

interface Sitting {
  id: string;
  staff: string;
  /** Wall clock of the office, without a zone: the library knows only the browser's own. */
  start: string;
  end: string;
  learner: string;
  assessment: string;
  state: string;
  /** The state in a word or two. */
  short: string;
  kind: string;
  href: string;
  times: [place: string, words: string][];
}

interface Week {
  date: string;
  today: string;
  /** Days of the week that are not shown; 0 is Sunday. */
  hidden: (0 | 1 | 2 | 3 | 4 | 5 | 6)[];
  from: string;
  until: string;
  staff: { id: string; title: string }[];
  sittings: Sitting[];
  closed: { start: string; end: string }[];
  leave: { staff: string; start: string; end: string }[];
}

const week = bootData<Week>();
const everybody = week.staff.map((one) => one.id);
const known = new Map(week.sittings.map((one) => [one.id, one]));

function background(
  start: string,
  end: string,
  staff: string[],
  kind: string,
): Calendar.EventInput {
  return { start, end, resourceIds: staff, display: "background", classNames: [kind] };
}

const events: Calendar.EventInput[] = [
  ...week.closed.map((one) => background(one.start, one.end, everybody, "closed")),
  ...week.leave.map((one) => background(one.start, one.end, [one.staff], "away")),
  ...week.sittings.map((one) => ({
    id: one.id,
    start: one.start,
    end: one.end,
    resourceIds: [one.staff],
    title: one.learner,
    classNames: [`sitting--${one.kind}`],
  })),
];

function line(tag: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/** What stands in one box: name, time, and the state in a word; it opens the details. */
function content(id: string): { domNodes: Node[] } {
  const one = known.get(id);
  if (!one) return { domNodes: [] };
  const hours = `${one.start.slice(11, 16)}–${one.end.slice(11, 16)}`;
  const button = document.createElement("button");
  button.type = "button";
  button.title = `${one.learner}, ${hours}, ${one.state}`;
  // The box of a session is narrow: the surname says more than the beginning of a full name.
  const surname = one.learner.split(" ").at(-1) ?? one.learner;
  button.append(
    line("span", one.start.slice(11, 16)),
    line("b", surname),
    line("small", one.short),
  );
  button.addEventListener("click", () => openDetails(one));
  return { domNodes: [button] };
}

function openDetails(one: Sitting): void {
  byId("details-title").textContent = one.learner;
  const staff = week.staff.find((person) => person.id === one.staff)?.title ?? "";
  const facts: [string, string][] = [
    ["State", one.state],
    ["Assessment", one.assessment],
    ["Invigilator", staff],
    ...one.times.map(([place, words]): [string, string] => [
      place.replace("your time", "the learner"),
      words,
    ]),
  ];
  byId("details-facts").replaceChildren(
    ...facts.map(([name, words]) => {
      const row = document.createElement("div");
      row.append(line("dt", name), line("dd", words));
      return row;
    }),
  );
  byId<HTMLAnchorElement>("details-link").href = one.href;
  byId<HTMLDialogElement>("details").showModal();
}

/**
 * The library's table roles are wrong (one row for all people), and its sidebars are no landmarks:
 * plain groups say what it is.
 */
function mendRoles(root: HTMLElement): void {
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "The week by invigilator");
  for (const element of root.querySelectorAll("[role=table]"))
    element.setAttribute("role", "group");
  for (const aside of root.querySelectorAll("aside:not([role])"))
    aside.setAttribute("role", "presentation");
  const wrong = "[role=row], [role=rowgroup], [role=rowheader], [role=columnheader], [role=cell]";
  for (const element of root.querySelectorAll(wrong)) {
    element.removeAttribute("role");
    element.removeAttribute("aria-colindex");
    element.removeAttribute("aria-colspan");
    element.removeAttribute("aria-rowindex");
  }
}

/** What the narrowest box needs for a time, a surname and a short state; pixels. */
const BOX_WIDTH = 92;
const NAMES_WIDTH = 150;
const WIDEST_HOUR = 130;
/** The heights of a box: what it needs, and what looks well on a tall screen; pixels. */
const BOX_HEIGHT = { least: 76, most: 116 };
/** What stands above and below the rows, so that today's list still shows; pixels. */
const AROUND = 560;
const HOUR_MS = 3_600_000;

const hoursOfDay = Number.parseInt(week.until, 10) - Number.parseInt(week.from, 10);

/**
 * The width of an hour: as wide as the shortest session needs to be read, or wider when the whole
 * week fits. A week that does not fit scrolls inside its frame.
 */
function hourWidth(available: number): number {
  const lengths = week.sittings.map((one) => Date.parse(one.end) - Date.parse(one.start));
  const shortest = Math.min(1.5 * HOUR_MS, ...lengths) / HOUR_MS;
  const fitting = (available - NAMES_WIDTH) / (hoursOfDay * (7 - week.hidden.length));
  return Math.floor(Math.max(Math.min(BOX_WIDTH / shortest, WIDEST_HOUR), fitting));
}

/** How many sessions of one person lie above each other at most. */
function lanes(staff: string): number {
  const theirs = week.sittings.filter((one) => one.staff === staff);
  const together = theirs.map(
    (one) => theirs.filter((other) => other.start <= one.start && one.start < other.end).length,
  );
  return Math.max(1, ...together);
}

function boxHeight(): number {
  const rows = everybody.reduce((sum, staff) => sum + lanes(staff), 0);
  const share = (innerHeight - AROUND) / rows;
  return Math.round(Math.min(BOX_HEIGHT.most, Math.max(BOX_HEIGHT.least, share)));
}

interface Day {
  date: string;
  words: string;
}

/** The days on show, from Monday on. */
function shownDays(): Day[] {
  const monday = Date.parse(`${week.date}T00:00Z`);
  return Array.from({ length: 7 }, (_, day) => new Date(monday + day * 24 * HOUR_MS))
    .filter((date) => !week.hidden.some((hidden) => hidden === date.getUTCDay()))
    .map((date) => ({
      date: date.toISOString().slice(0, 10),
      words: date.toLocaleDateString("en-GB", { weekday: "long", timeZone: "UTC" }),
    }));
}

/**
 * Makes the frame that scrolls reachable by keyboard, begins it at today, and offers a button for
 * each day, when not all of the week is in sight.
 */
function mendScrolling(root: HTMLElement, hour: number): void {
  const frame = root.querySelector<HTMLElement>(".ec-main");
  if (!frame || frame.scrollWidth <= frame.clientWidth) return;
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", "The days; they scroll sideways");
  const days = byId("days");
  shownDays().forEach(({ date, words }, index) => {
    const left = index * hoursOfDay * hour;
    const button = line("button", words) as HTMLButtonElement;
    button.type = "button";
    button.className = "link-button";
    button.addEventListener("click", () => frame.scrollTo({ left }));
    days.append(button);
    if (date === week.today) frame.scrollLeft = left;
  });
  days.hidden = root.hidden;
}

const root = byId("calendar");
const wide = matchMedia("(min-width: 60rem)");
if (week.staff.length && wide.matches) {
  const table = byId("table");
  const days = byId("days");
  const toggle = byId<HTMLButtonElement>("toggle");
  const show = (asTable: boolean): void => {
    root.hidden = asTable;
    table.hidden = !asTable;
    days.hidden = asTable || days.childElementCount < 2;
    toggle.textContent = asTable ? "Show as a timeline" : "Show the whole week as a table";
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => show(Boolean(table.hidden)));
  show(false);
  const hour = hourWidth(root.clientWidth);
  root.style.setProperty("--box", `${boxHeight()}px`);
  createCalendar(root, [ResourceTimeline], {
    view: "resourceTimelineWeek",
    date: week.date,
    firstDay: 1,
    hiddenDays: week.hidden,
    headerToolbar: { start: "", center: "", end: "" },
    resources: week.staff,
    events,
    slotMinTime: week.from,
    slotMaxTime: week.until,
    slotDuration: "01:00",
    slotWidth: hour,
    scrollTime: week.from,
    locale: "en-GB",
    dayHeaderFormat: { weekday: "short", day: "numeric", month: "short" },
    slotLabelFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    slotLabelInterval: "01:00",
    eventContent: (info) =>
      info.event.display === "background" ? "" : content(String(info.event.id)),
  });
  mendRoles(root);
  requestAnimationFrame(() => mendScrolling(root, hour));
  new MutationObserver(() => mendRoles(root)).observe(root, { childList: true, subtree: true });
}

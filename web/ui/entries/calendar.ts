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
  kind: string;
  href: string;
  times: [place: string, words: string][];
}

interface Week {
  date: string;
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
  button.append(line("b", one.start.slice(11, 16)), line("span", surname), line("span", one.state));
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

/** The library's table roles are wrong (one row for all people): plain groups say what it is. */
function mendRoles(root: HTMLElement): void {
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "The week by invigilator");
  for (const element of root.querySelectorAll("[role=table]"))
    element.setAttribute("role", "group");
  const wrong = "[role=row], [role=rowgroup], [role=rowheader], [role=columnheader], [role=cell]";
  for (const element of root.querySelectorAll(wrong)) {
    element.removeAttribute("role");
    element.removeAttribute("aria-colindex");
    element.removeAttribute("aria-colspan");
    element.removeAttribute("aria-rowindex");
  }
}

/** The width of an hour that lets the whole week fit, if that leaves the boxes readable. */
function hourWidth(available: number): number {
  const hours =
    (Number.parseInt(week.until, 10) - Number.parseInt(week.from, 10)) * (7 - week.hidden.length);
  return Math.max(SMALLEST_HOUR, Math.floor((available - NAMES_WIDTH) / hours));
}

const NAMES_WIDTH = 150;
const SMALLEST_HOUR = 32;
const root = byId("calendar");
const wide = matchMedia("(min-width: 60rem)");
if (week.staff.length && wide.matches) {
  const table = byId("table");
  const toggle = byId<HTMLButtonElement>("toggle");
  const show = (asTable: boolean): void => {
    root.hidden = asTable;
    table.hidden = !asTable;
    toggle.textContent = asTable ? "Show as a timeline" : "Show as a table";
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => show(Boolean(table.hidden)));
  show(false);
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
    slotWidth: hourWidth(root.clientWidth),
    scrollTime: week.from,
    locale: "en-GB",
    dayHeaderFormat: { weekday: "short", day: "numeric", month: "short" },
    slotLabelFormat: { hour: "2-digit", hour12: false },
    slotLabelInterval: "02:00",
    eventContent: (info) =>
      info.event.display === "background" ? "" : content(String(info.event.id)),
  });
  mendRoles(root);
  new MutationObserver(() => mendRoles(root)).observe(root, { childList: true, subtree: true });
}

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

/** What stands in one box: time and name, and the state in a word. */
function content(id: string): { domNodes: Node[] } {
  const one = known.get(id);
  if (!one) return { domNodes: [] };
  const hours = `${one.start.slice(11, 16)}–${one.end.slice(11, 16)}`;
  const box = document.createElement("div");
  box.append(line("b", one.learner), line("div", hours), line("div", one.state));
  return { domNodes: [box] };
}

function openDetails(id: string): void {
  const one = known.get(id);
  if (!one) return;
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

const root = byId("calendar");
const wide = matchMedia("(min-width: 60rem)");
if (week.staff.length && wide.matches) {
  root.hidden = false;
  byId("table").hidden = true;
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
    slotWidth: 40,
    scrollTime: week.from,
    locale: "en-GB",
    dayHeaderFormat: { weekday: "short", day: "numeric", month: "short" },
    slotLabelFormat: { hour: "2-digit", hour12: false },
    slotLabelInterval: "02:00",
    eventContent: (info) =>
      info.event.display === "background" ? "" : content(String(info.event.id)),
    eventDidMount: (info) => {
      const one = known.get(String(info.event.id));
      if (one) {
        const when = `${one.start.slice(11, 16)} to ${one.end.slice(11, 16)}`;
        info.el.setAttribute("aria-label", `${one.learner}, ${when}, ${one.state}`);
      }
    },
    eventClick: (info) => openDetails(String(info.event.id)),
  });
  mendRoles(root);
  new MutationObserver(() => mendRoles(root)).observe(root, { childList: true, subtree: true });
}

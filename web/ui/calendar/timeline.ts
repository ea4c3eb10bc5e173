// The timeline: invigilators as rows. The library draws it; its wrong roles are mended here.

import { createCalendar, Interaction, ResourceTimeline } from "@event-calendar/core";
import type { Calendar } from "@event-calendar/core";
import { byId } from "../lib/page";
import { type Booking, type Shown, later, line, timeOf } from "./data";

/** What the narrowest box needs for a time, a surname and a short state; pixels. */
const BOX_WIDTH = 92;
const NAMES_WIDTH = 150;
const WIDEST_HOUR = 130;
/** The heights of a box: what it needs, and what looks well on a tall screen; pixels. */
const BOX_HEIGHT = { least: 76, most: 116 };
/** What stands above and below the rows, so that today's list still shows; pixels. */
const AROUND = 560;
const HOUR_MS = 3_600_000;
const GRID = "00:30";
/** An hour's label needs this much; where it has less, every third hour has one. */
const LABEL_WIDTH = 46;

export interface Acts {
  open(one: Booking): void;
  /** A box was dropped: `start` is its new wall clock. */
  drop(one: Booking, start: string, staff: string): void;
}

function background(
  span: { start: string; end: string },
  staff: string[],
  kind: string,
  title = "",
): Calendar.EventInput {
  return { ...span, resourceIds: staff, display: "background", classNames: [kind], title };
}

export class Timeline {
  private shown: Shown;
  private readonly calendar: Calendar;
  private dragging = false;
  private whole = false;

  constructor(
    private readonly root: HTMLElement,
    shown: Shown,
    private readonly acts: Acts,
  ) {
    this.shown = shown;
    const hour = this.hourWidth(root.clientWidth);
    this.setHeight();
    this.calendar = createCalendar(root, [ResourceTimeline, Interaction], {
      view: shown.view === "day" ? "resourceTimelineDay" : "resourceTimelineWeek",
      date: shown.date,
      firstDay: 1,
      hiddenDays: shown.hidden,
      headerToolbar: { start: "", center: "", end: "" },
      resources: shown.staff,
      events: this.events(),
      slotMinTime: shown.from,
      slotMaxTime: shown.until,
      slotDuration: "01:00",
      slotWidth: hour,
      snapDuration: GRID,
      scrollTime: shown.from,
      locale: "en-GB",
      dayHeaderFormat: { weekday: "short", day: "numeric", month: "short" },
      slotLabelFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
      slotLabelInterval: "01:00",
      eventContent: (info) =>
        info.event.display === "background"
          ? { domNodes: [line("span", String(info.event.title), "shade-words")] }
          : this.content(String(info.event.id)),
      eventDragStart: () => {
        this.dragging = true;
      },
      eventDragStop: () => {
        // The click that ends a drag comes after this.
        setTimeout(() => {
          this.dragging = false;
        });
      },
      eventDrop: (info) => this.dropped(info),
    });
    this.mendRoles();
    requestAnimationFrame(() => this.fit());
    new MutationObserver(() => this.mendRoles()).observe(root, { childList: true, subtree: true });
    root.addEventListener("keydown", (event) => this.walk(event));
  }

  /** Whether a box is in somebody's hand just now. */
  get busy(): boolean {
    return this.dragging;
  }

  draw(shown: Shown): void {
    const focused = this.focused();
    this.shown = shown;
    this.setHeight();
    this.calendar.setOption("resources", shown.staff);
    this.calendar.setOption("events", this.events());
    if (focused) requestAnimationFrame(() => this.focus(focused));
  }

  /** Whether the days do not all fit, so that seeing them at once is a choice. */
  get scrolls(): boolean {
    return this.shown.view === "week" && this.hourWidth(this.root.clientWidth) > this.fittingHour();
  }

  get isWhole(): boolean {
    return this.whole;
  }

  /** Shows all days at once, in boxes with initials, or as much of them as can be read. */
  setWhole(whole: boolean): void {
    this.whole = whole;
    this.root.classList.toggle("whole", whole);
    this.calendar.setOption("events", this.events());
    this.fit();
  }

  focus(id: string): void {
    this.root.querySelector<HTMLElement>(`[data-booking="${id}"]`)?.focus();
  }

  private focused(): string | undefined {
    const { activeElement } = document;
    return activeElement instanceof HTMLElement && this.root.contains(activeElement)
      ? activeElement.dataset["booking"]
      : undefined;
  }

  private events(): Calendar.EventInput[] {
    const { shown } = this;
    const everybody = shown.staff.map((one) => one.id);
    return [
      ...shown.closed.map((one) => background(one, everybody, "closed", one.why)),
      ...shown.off.map((one) => background(one, [one.staff], "closed")),
      ...shown.away.map((one) => background(one, [one.staff], "away", one.why)),
      ...shown.sittings.map((one) => ({
        id: one.id,
        start: one.start,
        end: one.end,
        resourceIds: [one.staff],
        title: one.learner,
        startEditable: one.movable,
        durationEditable: false,
        classNames: [`sitting--${one.kind}`, one.movable ? "movable" : "fixed"],
      })),
    ];
  }

  private dropped(info: Calendar.EventDropInfo): void {
    const one = this.find(String(info.event.id));
    if (!one) return;
    // The library's dates are those of the browser's zone; only their difference can be trusted.
    const start = later(one.start, info.delta?.days ?? 0, info.delta?.seconds ?? 0);
    const staff = info.newResource?.id ?? one.staff;
    if (start === one.start && staff === one.staff) return;
    this.acts.drop(one, start, staff);
  }

  private find(id: string): Booking | undefined {
    return this.shown.sittings.find((one) => one.id === id);
  }

  /** What stands in one box: name, time, and the state in a word; it opens the details. */
  private content(id: string): { domNodes: Node[] } {
    const one = this.find(id);
    if (!one) return { domNodes: [] };
    const hours = `${timeOf(one.start)}–${timeOf(one.end)}`;
    const button = document.createElement("button");
    button.type = "button";
    button.dataset["booking"] = id;
    button.title = `${one.learner}, ${hours}, ${one.state}${one.link ? `, ${one.link.badge}` : ""}`;
    // Of a link that will do nothing is said in the box: its place is short.
    const short = one.link && one.link.kind !== "good" ? one.link.badge : one.short;
    // The box of a session is narrow: the surname says more than the beginning of a full name.
    const surname = one.learner.split(" ").at(-1) ?? one.learner;
    if (this.whole) {
      button.setAttribute("aria-label", button.title);
      button.append(line("span", timeOf(one.start)), line("b", initials(one.learner)));
    } else button.append(line("span", timeOf(one.start)), line("b", surname), line("small", short));
    button.addEventListener("click", () => {
      const now = this.find(id);
      if (now && !this.dragging) this.acts.open(now);
    });
    return { domNodes: [button] };
  }

  /** Arrow keys go from booking to booking: along a row, or to the nearest in the next one. */
  private walk(event: KeyboardEvent): void {
    const here = this.find(this.focused() ?? "");
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!here || !step) return;
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const next = sideways ? this.beside(here, step) : this.across(here, step);
    if (!next) return;
    event.preventDefault();
    this.focus(next.id);
  }

  private beside(here: Booking, step: number): Booking | undefined {
    const row = this.row(here.staff);
    return row[row.findIndex((one) => one.id === here.id) + step];
  }

  private across(here: Booking, step: number): Booking | undefined {
    const { staff } = this.shown;
    let index = staff.findIndex((one) => one.id === here.staff) + step;
    while (staff[index]) {
      const row = this.row(staff[index]?.id ?? "");
      if (row.length) return nearest(row, here.start);
      index += step;
    }
    return undefined;
  }

  private row(staff: string): Booking[] {
    return this.shown.sittings
      .filter((one) => one.staff === staff)
      .sort((one, other) => (one.start + one.id < other.start + other.id ? -1 : 1));
  }

  /**
   * The library's table roles are wrong (one row for all people), and its sidebars are no
   * landmarks: plain groups say what it is.
   */
  private mendRoles(): void {
    const { root } = this;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", `The ${this.shown.view} by invigilator`);
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

  private get hoursOfDay(): number {
    return Number.parseInt(this.shown.until, 10) - Number.parseInt(this.shown.from, 10);
  }

  /**
   * The width of an hour: as wide as the shortest session needs to be read, or wider when all
   * days fit. A week that does not fit scrolls inside its frame.
   */
  private hourWidth(available: number): number {
    const lengths = this.shown.sittings.map((one) => Date.parse(one.end) - Date.parse(one.start));
    const shortest = Math.min(1.5 * HOUR_MS, ...lengths) / HOUR_MS;
    const days = this.shown.view === "day" ? 1 : 7 - this.shown.hidden.length;
    const fitting = (available - NAMES_WIDTH) / (this.hoursOfDay * days);
    return Math.floor(Math.max(Math.min(BOX_WIDTH / shortest, WIDEST_HOUR), fitting));
  }

  /** The width of an hour at which all days fit beside the names. */
  private fittingHour(): number {
    const names = this.root.querySelector(".ec-row-head")?.getBoundingClientRect().width;
    const days = this.shown.view === "day" ? 1 : 7 - this.shown.hidden.length;
    const room = this.root.clientWidth - (names ?? NAMES_WIDTH) - 4;
    return Math.floor(room / (this.hoursOfDay * days));
  }

  /** Gives the hours what the names have left of the width, when all of them are to be in sight. */
  private fit(): void {
    const fitting = this.fittingHour();
    const readable = this.hourWidth(this.root.clientWidth);
    const hour = this.whole ? fitting : Math.max(fitting, readable);
    this.calendar.setOption("slotWidth", hour);
    this.calendar.setOption("slotLabelInterval", hour < LABEL_WIDTH ? "03:00" : "01:00");
    requestAnimationFrame(() => this.mendScrolling(hour));
  }

  private setHeight(): void {
    const rows = this.shown.staff.reduce((sum, one) => sum + lanes(this.row(one.id)), 0);
    const share = (innerHeight - AROUND) / rows;
    const height = Math.round(Math.min(BOX_HEIGHT.most, Math.max(BOX_HEIGHT.least, share)));
    this.root.style.setProperty("--box", `${height}px`);
  }

  /**
   * Makes the frame that scrolls reachable by keyboard, begins it at today, and offers a button
   * for each day, when not all of the week is in sight.
   */
  private mendScrolling(hour: number): void {
    const jump = byId("jump");
    for (const button of jump.querySelectorAll("button")) button.remove();
    jump.hidden = true;
    const frame = this.root.querySelector<HTMLElement>(".ec-main");
    if (!frame || frame.scrollWidth <= frame.clientWidth) return;
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", "The days; they scroll sideways");
    this.shown.days.forEach(({ date, words }, index) => {
      const left = index * this.hoursOfDay * hour;
      const button = line("button", words.split(" ")[0] ?? "", "link-button") as HTMLButtonElement;
      button.type = "button";
      button.addEventListener("click", () => frame.scrollTo({ left }));
      jump.append(button);
      if (date === this.shown.today) frame.scrollLeft = left;
    });
    jump.hidden = this.root.hidden;
  }
}

function initials(name: string): string {
  const words = name.split(" ");
  return words.map((word) => word.charAt(0)).join("");
}

/** How many sessions of one person lie above each other at most. */
function lanes(row: Booking[]): number {
  const together = row.map(
    (one) => row.filter((other) => other.start <= one.start && one.start < other.end).length,
  );
  return Math.max(1, ...together);
}

function nearest(row: Booking[], start: string): Booking | undefined {
  const gap = (one: Booking): number => Math.abs(Date.parse(one.start) - Date.parse(start));
  return row.reduce((best, one) => (gap(one) < gap(best) ? one : best));
}

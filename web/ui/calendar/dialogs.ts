// Two dialogs: a booking's facts with a form that moves it, and the question after a drop.

import { byId, setText } from "../lib/page";
import {
  type Booking,
  type Place,
  type Shown,
  type Target,
  Refusal,
  closable,
  dayOf,
  line,
  places,
  spoken,
  timeOf,
} from "./data";

const MAIL = "The learner gets a mail.";
const NO_MAIL = "The time stays, so the learner gets no mail.";

export class Details {
  private readonly dialog = closable("details");
  private readonly form = byId<HTMLFormElement>("details-form");
  private readonly day = byId<HTMLInputElement>("move-day");
  private readonly time = byId<HTMLSelectElement>("move-time");
  private readonly staff = byId<HTMLSelectElement>("move-staff");
  private readonly hint = byId("move-hint");
  private readonly submit = this.form.querySelector("button") as HTMLButtonElement;
  private one: Booking | undefined;
  private names = new Map<string, string>();
  private free: Place[] = [];

  /** `go` moves the booking as it was when the dialog opened; `closed` gives the focus back. */
  constructor(go: (one: Booking, to: Target) => void, closed: (one: Booking) => void) {
    this.day.addEventListener("change", () => void this.readPlaces());
    this.time.addEventListener("change", () => this.chooseStaff());
    this.staff.addEventListener("change", () => this.say());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const one = this.one;
      if (!one || this.submit.disabled) return;
      this.dialog.close();
      go(one, { day: this.day.value, time: this.time.value, staff: this.staff.value });
    });
    this.dialog.addEventListener("close", () => {
      if (this.one) closed(this.one);
      this.one = undefined;
    });
  }

  open(one: Booking, shown: Shown): void {
    this.one = one;
    this.names = new Map(shown.staff.map((person) => [person.id, person.title]));
    setText(byId("details-title"), one.learner);
    const facts: [string, string][] = [
      ["State", one.held ? `${one.state}, held until ${one.held}` : one.state],
      ...(one.link ? [["Link", `${one.link.badge}. ${one.link.words}`] as [string, string]] : []),
      ["Assessment", one.assessment],
      ["Invigilator", one.staff_name],
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
    this.form.hidden = !one.movable;
    this.dialog.showModal();
    if (!one.movable) return;
    this.day.value = dayOf(one.start);
    void this.readPlaces();
  }

  private async readPlaces(): Promise<void> {
    const { one } = this;
    const day = this.day.value;
    this.free = [];
    this.fill();
    if (!one || !day) return;
    setText(this.hint, "Looking for free times …");
    try {
      const { places: found } = await places(one, day);
      if (one !== this.one || day !== this.day.value) return; // another was opened meanwhile
      this.free = found;
      this.fill();
      if (!found.length) setText(this.hint, "No time is free on this day.");
    } catch (error) {
      setText(this.hint, error instanceof Refusal ? error.message : String(error));
    }
  }

  private fill(): void {
    const now = this.one ? timeOf(this.one.start) : "";
    const options = this.free.map(({ time }) => new Option(time, time, false, time === now));
    this.time.replaceChildren(...options);
    this.time.disabled = !options.length;
    this.chooseStaff();
  }

  private chooseStaff(): void {
    const free = this.free.find((place) => place.time === this.time.value)?.staff ?? [];
    const kept = this.one && free.includes(this.one.staff) ? this.one.staff : "";
    const people = free
      .map((id): [string, string] => [id, this.names.get(id) ?? id])
      .sort(([, one], [, other]) => one.localeCompare(other));
    this.staff.replaceChildren(
      ...[["", "Whoever is free"] as [string, string], ...people].map(
        ([id, name]) => new Option(name, id, false, id === kept),
      ),
    );
    this.staff.disabled = !free.length;
    this.say();
  }

  private say(): void {
    const { one } = this;
    if (!one || !this.free.length) {
      this.submit.disabled = true;
      setText(this.hint, "");
      return;
    }
    const sameTime = this.day.value === dayOf(one.start) && this.time.value === timeOf(one.start);
    const same = sameTime && this.staff.value === one.staff;
    this.submit.disabled = same;
    setText(this.hint, same ? "The booking is there now." : sameTime ? NO_MAIL : MAIL);
  }
}

export class Question {
  private readonly dialog = closable("question");
  private answer: ((yes: boolean) => void) | undefined;

  constructor() {
    byId("question-move").addEventListener("click", () => this.settle(true));
    this.dialog.addEventListener("close", () => this.settle(false));
  }

  /** Asks whether a booking shall really go to another time. */
  ask(one: Booking, to: string, staffName: string): Promise<boolean> {
    setText(
      byId("question-words"),
      `Move ${one.learner} from ${spoken(one.start)} with ${one.staff_name} ` +
        `to ${spoken(to)} with ${staffName}? ${MAIL}`,
    );
    this.dialog.showModal();
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }

  private settle(yes: boolean): void {
    const answer = this.answer;
    this.answer = undefined;
    if (this.dialog.open) this.dialog.close();
    answer?.(yes);
  }
}

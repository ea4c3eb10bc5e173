// Plays all recordings of a session as one, on the page of its record. The page's list of single
// recordings stays where this does not run.

import { bootData, byId, duration, setText } from "../lib/page";
import { assessmentTime, brokenWords, holeWords, KINDS, london } from "../playback/line";
import type { Mark, TimeLine } from "../playback/line";
import type { Deck } from "../playback/deck";
import { Player } from "../playback/player";

const STEP_MS = 5_000;
const LONG_STEP_MS = 30_000;

const line = bootData<TimeLine>();
const length = line.end - line.start;
const stage = byId("stage");
const seek = byId<HTMLInputElement>("seek");
const jumps = byId("jumps");
const player = new Player(line, show);
const messages = new Map<Deck, HTMLElement>();
const seen = player.decks.filter((deck) => deck.seen);
let main = seen[0] ?? null;

function make<N extends keyof HTMLElementTagNameMap>(
  name: N,
  className: string,
  text = "",
): HTMLElementTagNameMap[N] {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

function drawStage(): void {
  for (const deck of player.decks) {
    if (!deck.seen) {
      stage.append(deck.element);
      continue;
    }
    const figure = make("figure", "view");
    const message = make("p", "hole");
    messages.set(deck, message);
    const caption = make("figcaption", "");
    if (seen.length > 1) {
      const button = make("button", "link-button", deck.lane.name);
      button.type = "button";
      button.title = "Show this large";
      button.addEventListener("click", () => enlarge(deck));
      deck.element.addEventListener("click", () => enlarge(deck));
      caption.append(button);
    } else {
      caption.textContent = deck.lane.name;
    }
    figure.append(deck.element, message, caption);
    stage.append(figure);
  }
  if (main) enlarge(main);
}

function enlarge(deck: Deck): void {
  main = deck;
  for (const other of seen) other.element.parentElement?.classList.toggle("main", other === deck);
  stage.classList.toggle("alone", seen.length < 2);
}

function drawVoices(): void {
  const voices = byId("voices");
  for (const deck of player.decks.filter((one) => one.heard)) {
    const label = make("label", "voice");
    const box = make("input", "");
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => deck.mute(!box.checked));
    const name = deck.lane.source === "camera" ? "Learner's voice" : deck.lane.name;
    label.append(box, ` ${name}`);
    voices.append(label);
  }
}

/** Puts a bar, or a line when it has no length, where it belongs on the time line. */
function bar(className: string, from: number, to: number): HTMLElement {
  const element = make("span", className);
  const start = Math.max(from, line.start);
  element.style.left = `${((start - line.start) / length) * 100}%`;
  element.style.width = `${(Math.max(0, Math.min(to, line.end) - start) / length) * 100}%`;
  return element;
}

const head = make("span", "head");

function drawLanes(): void {
  const lanes = byId("lanes");
  const marks = make("div", "lane marks");
  // Bars first: moments stay visible above them.
  const long = line.marks.filter((mark) => mark.until !== null);
  const short = line.marks.filter((mark) => mark.until === null);
  for (const mark of [...long, ...short]) {
    marks.append(bar(`mark ${mark.kind}`, mark.at, mark.until ?? mark.at));
  }
  lanes.append(marks);
  for (const lane of line.lanes) {
    const row = make("div", "lane");
    for (const part of lane.parts) row.append(bar("part", part.start, part.start + part.length));
    lanes.append(make("div", "lane-name", lane.name), row);
  }
  lanes.append(head);
  lanes.addEventListener("click", (event) => {
    const box = lanes.getBoundingClientRect();
    player.seek(line.start + ((event.clientX - box.left) / box.width) * length);
  });
  const kinds = new Set(line.marks.map((mark) => mark.kind));
  for (const [kind, words] of Object.entries(KINDS)) {
    if (![...kinds].some((one) => one === kind)) continue;
    const item = make("li", "");
    item.append(make("span", `swatch ${kind}`), words);
    byId("legend").append(item);
  }
}

function drawJump(mark: Mark): HTMLElement {
  const item = make("li", "");
  const button = make("button", "jump");
  button.type = "button";
  const until = mark.until !== null && mark.until > mark.at ? `–${london(mark.until)}` : "";
  button.append(
    make("span", `swatch ${mark.kind}`),
    make("span", "number", `${london(mark.at)}${until}`),
    make("span", "", mark.text),
  );
  button.addEventListener("click", () => player.seek(mark.at));
  item.append(button);
  return item;
}

/** Marks the last entry that has happened, without moving the list under the reader. */
function showJump(): void {
  let current = -1;
  line.marks.forEach((mark, number) => {
    if (mark.at <= player.at) current = number;
  });
  for (const [number, item] of [...jumps.children].entries()) {
    if (number === current) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
}

function show(): void {
  const at = player.at;
  setText(byId("play"), player.playing ? "Pause" : "Play");
  setText(byId("london"), london(at));
  const ran = assessmentTime(line, at);
  setText(byId("assessment"), ran === null ? "not begun" : duration(Math.floor(ran / 1000)));
  setText(byId("player-state"), player.playing && player.waiting ? "Loading…" : "");
  const offset = Math.round(at - line.start);
  if (seek.valueAsNumber !== offset) seek.value = String(offset);
  seek.setAttribute("aria-valuetext", london(at));
  head.style.left = `${(offset / length) * 100}%`;
  for (const [deck, message] of messages) {
    const state = player.states.get(deck);
    setText(message, words(deck, state));
    message.hidden = !message.textContent;
  }
  showJump();
}

function words(deck: Deck, state: string | undefined): string {
  if (!player.engaged) return deck === main ? "Press Play" : "";
  if (state === "hole") return holeWords(deck.lane, player.at);
  if (state === "broken" || state === "never") return brokenWords(deck.part, state === "never");
  return deck.part && !deck.part.picture ? "Sound without a picture" : "";
}

function keys(event: KeyboardEvent): void {
  const target = event.target;
  if (event.altKey || event.ctrlKey || event.metaKey || target instanceof HTMLSelectElement) return;
  const step = event.shiftKey ? LONG_STEP_MS : STEP_MS;
  if (event.key === "ArrowLeft") player.seek(player.at - step);
  else if (event.key === "ArrowRight") player.seek(player.at + step);
  else if (event.key === " " && !(target instanceof HTMLButtonElement) && !isBox(target)) {
    player.toggle();
  } else return;
  event.preventDefault();
}

function isBox(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type === "checkbox";
}

seek.max = String(length);
seek.addEventListener("input", () => player.seek(line.start + seek.valueAsNumber));
byId("play").addEventListener("click", () => player.toggle());
const speed = byId<HTMLSelectElement>("speed");
speed.addEventListener("change", () => (player.speed = Number(speed.value)));
byId("player").addEventListener("keydown", keys);
drawStage();
drawVoices();
drawLanes();
jumps.append(...line.marks.map(drawJump));
byId("player").hidden = false;
byId("parts").removeAttribute("open");
show();

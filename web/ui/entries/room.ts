// The learner's room: the device check, then the session itself, until it is over.

import { Outbox } from "../lib/chat";
import { Devices, listen, type Kind } from "../lib/devices";
import { bootData, byId, clockTime, duration, remaining, setText } from "../lib/page";
import { isOver, type Boot, type RoomState } from "../lib/protocol";
import { Connection } from "../lib/connection";
import type { Media } from "../lib/media-link";
import { status, turnedTo, type Standing, type Status } from "../lib/status";
import { Link } from "../link/link";
import { cameraFor } from "../link/rungs";
import { Asks } from "../room/asks";
import { DocumentCapture } from "../room/document";
import { Hand } from "../room/hand";
import { make, pressable, setList } from "../room/make";
import { NewsLines } from "../room/news";
import { present } from "../room/remote";
import { Screen } from "../room/screen";
import { SecondCamera } from "../room/second-camera";
import { afterwards, attention, span } from "../room/words";

const KINDS: readonly Kind[] = ["camera", "microphone"];
/** So long a service takes to start again, with some to spare. */
const RESTART_MS = 20_000;
const RELOADED = "reloaded";
const RELOAD_MS = 5 * 60_000;

const boot = bootData<Boot & { second_url: string }>();
const mark = `joined:${boot.session}`;
const serviceName = document.title.split(" – ").at(-1) ?? "";

let standing: Standing = "connecting";
let media: Media = "none";
let state: RoomState | null = null;
let stateAt = 0;
let refusal: string | null = null;
/** The invigilator who has turned to us: they may look to others meanwhile. */
let metBy: string | null = null;
let hungUp = false;
let inRoom = false;
let stopMeter: (() => void) | null = null;
let metered: MediaStreamTrack | null = null;
let lastLine = 0;

const devices = new Devices(() => void devicesChanged());
const connection = new Connection(boot, {
  link(now) {
    // Connected is not in the room yet: that is told by `joined`.
    if (now !== "connected" && standing !== "restarting") standing = now;
    if (now === "lost") link.lost();
    draw();
  },
  restarting() {
    standing = "restarting";
    // A service that is not back by then is lost like any other link.
    setTimeout(() => {
      if (standing !== "restarting") return;
      standing = "lost";
      draw();
    }, RESTART_MS);
  },
  refused,
});
const room = connection.room(boot.session ?? "", "learner", {
  joined() {
    standing = "joined";
    refusal = null;
    link.joined();
    void outbox.flush();
    draw();
  },
  media(now) {
    media = now;
    link.media(now);
    draw();
  },
  state: show,
  remote({ main }) {
    const [video, voice] = [byId<HTMLVideoElement>("remote"), byId<HTMLAudioElement>("voice")];
    present(main, video, voice, () => (byId("sound").hidden = false));
  },
  replaced() {
    standing = "replaced";
    link.replaced();
    hangUp();
    draw();
  },
  sharpen: (seconds) => link.sharpen(seconds),
  refused,
});
const link = new Link({ room, devices, boot, changed: draw, outdated });
const outbox = new Outbox(room, drawChat);
const screen = new Screen(room, draw);
const asks = new Asks(byId("asks"), room, screen, write, draw);
const hand = new Hand(room);
const capture = new DocumentCapture(byId("capture"), {
  session: room.session,
  key: boot.kept_key,
  camera: () => devices.camera,
  reading: (on) => devices.forReading(on),
  taken: (picture) => void room.request("picture_taken", picture).catch(() => undefined),
  changed: draw,
  closed: () => byId("status-title").focus(),
});
const second = new SecondCamera(boot);
const news = new NewsLines();

/** Loads the page anew where nothing is lost by it: a newer build took the place of its own. */
function outdated(): void {
  const { activeElement } = document;
  const writes = outbox.lines.length > 0 || activeElement?.matches("input, textarea, select");
  if (capture.busy || screen.sharing || writes || standing !== "joined") return;
  try {
    // Once a while, should the newer build not be whole either.
    const last = Number(sessionStorage.getItem(RELOADED));
    if (Date.now() - last < RELOAD_MS) return;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    return;
  }
  location.reload();
}

function refused(_code: string, detail: string): void {
  refusal = detail;
  draw();
}

// The device check

async function check(): Promise<void> {
  byId("check").hidden = false;
  // Connected already when they are ready; nobody is told of them before.
  connection.prepare();
  await devices.openBoth();
  byId<HTMLButtonElement>("ready").disabled = false;
}

async function devicesChanged(): Promise<void> {
  const video = byId<HTMLVideoElement>(inRoom ? "own" : "check-video");
  const stream = devices.camera && new MediaStream([devices.camera]);
  video.srcObject = stream;
  if (stream) video.play().catch(() => undefined);
  const facing = devices.camera?.getSettings().facingMode;
  video.classList.toggle("straight", facing === "environment");
  byId(inRoom ? "own-blank" : "check-blank").hidden = stream !== null;
  setText(byId("check-blank"), "No picture yet.");
  drawTroubles();
  setText(byId("ready"), readyWords());
  byId("ready").classList.toggle("button--quiet", devices.troubles.size > 0);
  meter();
  if (inRoom) {
    link.aim();
    await room.setTracks({ audio: devices.microphone, camera: devices.camera });
    draw();
  }
  for (const kind of KINDS) await drawChoices(kind);
}

function readyWords(): string {
  const missing = [...devices.troubles.keys()];
  return missing.length ? `Go in without ${missing.join(" and ")}` : "I am ready";
}

function drawTroubles(): void {
  const notices = [...devices.troubles.values()].map(({ kind, title, mend }) => {
    const notice = make("div", "notice notice--warn");
    notice.append(make("h2", "", title), make("p", "", mend));
    const open = (): void => void devices.open(kind);
    notice.append(pressable("Try again", open, "button button--quiet"));
    return notice;
  });
  byId("troubles").replaceChildren(...notices);
}

async function drawChoices(kind: Kind): Promise<void> {
  const found = await devices.list(kind);
  const current = devices[kind]?.getSettings().deviceId;
  const options = found.map(({ id, name }) => new Option(name, id, false, id === current));
  if (!options.length) options.push(new Option(`No ${kind} found`, ""));
  byId<HTMLSelectElement>(kind).replaceChildren(...options);
}

/** Runs while somebody looks at it: in the check, and in the room when the settings are open. */
function meter(): void {
  const wanted = !inRoom || byId<HTMLDetailsElement>("settings").open ? devices.microphone : null;
  if (wanted === metered) return;
  stopMeter?.();
  metered = wanted;
  const bar = byId<HTMLMeterElement>("level");
  bar.value = 0;
  stopMeter = wanted && listen(wanted, (level) => (bar.value = level));
}

// The room

async function enter(): Promise<void> {
  inRoom = true;
  try {
    sessionStorage.setItem(mark, "yes");
  } catch {
    // Without storage a reload shows the device check again, unless the server knows better.
  }
  byId<HTMLVideoElement>("check-video").srcObject = null;
  byId("check").hidden = true;
  byId("room").hidden = false;
  byId("picker-place").append(byId("picker"));
  byId("data-place").append(byId("data"));
  byId("troubles-place").append(byId("troubles"));
  draw();
  setInterval(draw, 1000);
  if (hungUp) room.hangUp();
  // Messages need not wait for the camera: the invigilator sees at once who is here.
  room.open();
  connection.start();
  if (hungUp) return;
  if (devices.camera || devices.microphone || devices.troubles.size) await devicesChanged();
  else await devices.openBoth();
  await stayAwake();
}

function show(next: RoomState): void {
  state = next;
  stateAt = performance.now();
  if (turnedTo(next)) metBy = next.invigilator.name;
  link.state(next);
  if (isOver(next.state)) hangUp();
  if (!next.screen_wanted) void screen.stop();
  draw();
  drawChat();
  void outbox.flush();
}

/** The session is over: nobody watches any more, so the devices go off. */
function hangUp(): void {
  if (hungUp) return;
  hungUp = true;
  void screen.stop();
  link.hangUp();
  room.hangUp();
  for (const kind of KINDS) devices.close(kind);
}

async function stayAwake(): Promise<void> {
  if (document.visibilityState !== "visible" || hungUp) return;
  await navigator.wakeLock?.request("screen").catch(() => undefined);
}

// Drawing

function draw(): void {
  if (!inRoom) return;
  const met = metBy !== null && metBy === state?.invigilator.name;
  const live = state && !isOver(state.state) && standing !== "replaced" && !refusal ? state : null;
  capture.draw(live, state !== null && isOver(state.state));
  const doing = capture.busy ? "document" : capture.done ? "face" : null;
  drawStatus(status(state, standing, refusal, met, doing, link.owes));
  drawTags();
  drawPictures();
  drawTime();
  asks.draw(live);
  hand.draw(live);
  second.draw(live);
  news.draw(live);
  drawTitle();
  if (!state) return;
  setText(byId("assessment"), state.assessment.title);
  const nothing = ["Nothing but your device and your identity document"];
  const { materials } = state.assessment;
  setList(byId("materials"), materials.length ? materials : nothing);
  const next = afterwards(state.state);
  byId("after").hidden = next.length === 0;
  setList(byId("after-list"), next);
  const url = isOver(state.state) ? null : state.assessment_url;
  byId("open").hidden = url === null || state.state === "paused";
  if (url) byId<HTMLAnchorElement>("open-link").href = url;
  for (const id of ["live", "settings", "data", "allowed"]) byId(id).hidden = isOver(state.state);
  const identify =
    state.state === "checked_in" && state.invigilator.present && met && !capture.busy;
  byId("room").classList.toggle("identify", identify);
}

function drawStatus({ tone, title, words }: Status): void {
  byId("status").className = `status status--${tone}`;
  setText(byId("status-title"), title);
  setText(byId("status-words"), words);
}

/** What is asked goes before all: the tab of the assessment may lie over this page. */
function drawTitle(): void {
  const title = asks.title ?? byId("status-title").textContent ?? "";
  document.title = `${asks.title ? "● " : ""}${title} – ${serviceName}`;
}

function drawTags(): void {
  const connected = standing === "joined" && (media === "connected" || hungUp);
  const words =
    standing === "replaced"
      ? "Not connected"
      : standing !== "joined"
        ? "Connecting"
        : connected
          ? "Connected"
          : "Picture connecting";
  tag("tag-link", words, connected ? "good" : "warn");
  for (const kind of KINDS) {
    const name = kind === "camera" ? "Camera" : "Microphone";
    const on = devices[kind] !== null;
    tag(`tag-${kind}`, `${name} ${on ? "on" : "off"}`, on ? "good" : hungUp ? "quiet" : "bad");
  }
  byId("tag-screen").hidden = !screen.sharing;
  const watched = state && standing === "joined" ? attention(state) : "";
  byId("watched").hidden = watched === "";
  setText(byId("watched"), watched);
  byId("tag-recording").hidden = !state?.recording || hungUp;
}

function tag(id: string, words: string, tone: string): void {
  byId(id).className = `tag tag--${tone}`;
  setText(byId(id), words);
}

function drawPictures(): void {
  const other = state?.invigilator;
  const here = other?.present === true && standing === "joined";
  const thin = media === "connected" && !cameraFor(link.rung);
  const seen = here && other.camera && media === "connected" && !thin;
  byId("remote-blank").hidden = seen;
  setText(
    byId("remote-blank"),
    standing === "lost"
      ? "Your link is gone. The picture comes back with it."
      : !here
        ? "Your invigilator is not here now."
        : media !== "connected"
          ? "Connecting the picture and the sound…"
          : thin
            ? "Here. No picture, to save your link."
            : `Your invigilator sees ${other.microphone ? "and hears " : ""}you. Their camera is off.`,
  );
  setText(byId("remote-name"), other?.name ?? "Invigilator");
}

function drawTime(): void {
  if (!state) return;
  const { clock, assessment } = state;
  byId("time").hidden = isOver(state.state);
  const started = clock.started !== null;
  const stopped = started && !clock.running && !isOver(state.state);
  setText(byId("time-label"), started ? `Time left${stopped ? " (stopped)" : ""}` : "Time allowed");
  const left = duration(remaining(clock, performance.now() - stateAt));
  setText(byId("time-left"), started ? left : `${assessment.minutes} minutes`);
  byId("given-back").hidden = clock.given_back_s <= 0;
  setText(byId("given-back"), `${span(clock.given_back_s)} given back are in it`);
}

/** Adds what is new and leaves the rest, so that a screen reader reads each line once. */
function drawChat(): void {
  const log = byId("chat-log");
  for (const line of log.querySelectorAll(".pending")) line.remove();
  const fresh = (state?.chat ?? []).filter((line) => line.seq > lastLine);
  for (const { seq, from, text, at, notice } of fresh) {
    lastLine = seq;
    const mine = from === "learner";
    const who = mine ? "You" : notice ? "Notice of your invigilator" : "Invigilator";
    log.append(bubble(`${who}, ${clockTime(at)}`, text, mine ? "mine" : ""));
  }
  for (const { text, refused } of outbox.waiting(state?.chat ?? [], "learner")) {
    log.append(bubble(refused ? `Not sent. ${refused}` : "Sending…", text, "mine pending"));
  }
  byId("chat-none").hidden = log.childElementCount > 0;
  const box = byId("chat-box");
  box.hidden = log.childElementCount === 0;
  if (fresh.length || outbox.lines.length) box.scrollTop = box.scrollHeight;
}

function write(text: string): void {
  outbox.add(text, state?.chat ?? []);
}

function bubble(who: string, text: string, classes: string): HTMLElement {
  const line = make("li", classes);
  line.append(make("span", "who", who), text);
  return line;
}

// Start

for (const kind of KINDS) {
  byId<HTMLSelectElement>(kind).addEventListener("change", (event) => {
    void devices.open(kind, (event.target as HTMLSelectElement).value);
  });
}
byId("settings").addEventListener("toggle", meter);
byId("ready").addEventListener("click", () => {
  void enter();
  byId("status-title").focus();
});
byId("sound").addEventListener("click", () => {
  byId("sound").hidden = true;
  void byId<HTMLAudioElement>("voice").play();
  void byId<HTMLVideoElement>("remote").play();
});
byId("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>("chat-text");
  write(input.value);
  input.value = "";
});
document.addEventListener("visibilitychange", () => void stayAwake());

/** True when this person was in the room before: a reload leads straight back. */
function wasHere(): boolean {
  // Consent alone brought nobody in: whoever has only checked in still looks at their devices.
  if (boot.state && boot.state !== "scheduled" && boot.state !== "checked_in") return true;
  try {
    return sessionStorage.getItem(mark) !== null;
  } catch {
    return false;
  }
}

hungUp = boot.state !== undefined && isOver(boot.state);
void (wasHere() ? enter() : check());

// The second camera's page: a phone that shows the learner from the side, until the session is over.

import { Connection } from "../lib/connection";
import type { Media } from "../lib/media-link";
import { bootData, byId, setText } from "../lib/page";
import { isOver, type RoomState } from "../lib/protocol";
import { wordsOf, type Place } from "../room/second-words";

/** Enough to see who is in the room; light beside the first camera on the same link. */
const SENT = { maxBitrate: 250_000, maxFramerate: 8 };
const SENT_WIDTH = 640;
const NO_PICTURE = "No picture from the camera now.";

type Facing = "environment" | "user";

const boot = bootData();
const serviceName = document.title.split(" – ").at(-1) ?? "";

let place: Place = "connecting";
let media: Media = "none";
let state: RoomState | null = null;
let track: MediaStreamTrack | null = null;
let trouble: string | null = null;
let facing: Facing = "environment";
let opening = false;

const connection = new Connection(boot, {
  link(now) {
    if (now !== "connected" && place !== "over") place = now;
    draw();
  },
  refused,
});
const room = connection.room(boot.session ?? "", "second", {
  joined() {
    place = "joined";
    draw();
  },
  media(now) {
    media = now;
    draw();
  },
  state(next) {
    state = next;
    if (isOver(next.state)) finish("over");
    draw();
  },
  remote: () => undefined,
  replaced: () => finish("replaced"),
  refused,
});

/** Signed out, or let go: for this phone the session is over. */
function refused(): void {
  finish(state && !isOver(state.state) ? "refused" : "over");
}

function finish(last: Place): void {
  if (place === "over" || place === "replaced" || place === "refused") return;
  place = last;
  close();
  connection.stop();
  draw();
}

// The camera

async function open(): Promise<void> {
  if (opening || ended()) return;
  opening = true;
  close();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: {
        facingMode: { ideal: facing },
        width: { ideal: 1280 },
        height: { ideal: 720 },
        frameRate: { ideal: 10, max: 15 },
      },
    });
    trouble = null;
    take(stream.getVideoTracks()[0] ?? null);
  } catch (error) {
    trouble = error instanceof Error ? error.name : "";
  }
  opening = false;
  if (ended()) close();
  await send();
  draw();
  await offerOther();
}

function take(made: MediaStreamTrack | null): void {
  track = made;
  // A call, or another program, takes the camera away: it is asked for again when one can see it.
  made?.addEventListener("ended", () => {
    if (track !== made) return;
    track = null;
    trouble = "AbortError";
    void send();
    draw();
  });
}

function close(): void {
  track?.stop();
  track = null;
}

async function send(): Promise<void> {
  const width = track?.getSettings().width ?? SENT_WIDTH;
  const height = track?.getSettings().height ?? width;
  // A phone that stands upright sends an upright picture.
  const scale = Math.max(1, Math.max(width, height) / SENT_WIDTH);
  room.setEncoding("camera", { ...SENT, scaleResolutionDownBy: scale });
  await room.setTracks({ camera: track });
}

async function offerOther(): Promise<void> {
  const all = await navigator.mediaDevices?.enumerateDevices().catch(() => []);
  const cameras = all?.filter(({ kind }) => kind === "videoinput") ?? [];
  byId("flip").hidden = cameras.length < 2 || ended();
}

async function stayAwake(): Promise<void> {
  if (document.visibilityState !== "visible" || ended()) return;
  await navigator.wakeLock?.request("screen").catch(() => undefined);
}

// Drawing

function ended(): boolean {
  return place === "over" || place === "replaced" || place === "refused";
}

function draw(): void {
  const connected = place === "joined" && media === "connected";
  const { tone, title, words } = wordsOf(place, connected, track !== null);
  byId("status").className = `status status--${tone}`;
  setText(byId("status-title"), title);
  setText(byId("status-words"), words);
  document.title = `${title} – ${serviceName}`;
  byId("work").hidden = ended();
  drawPicture();
  drawTrouble();
  tag("tag-link", connected ? "Connected" : "Connecting", connected ? "good" : "warn");
  tag("tag-camera", track ? "Camera on" : "Camera off", track ? "good" : "bad");
  byId("tag-recording").hidden = !state?.recording || !connected;
}

function drawPicture(): void {
  const video = byId<HTMLVideoElement>("own");
  const shown = (video.srcObject as MediaStream | null)?.getVideoTracks()[0] ?? null;
  if (shown !== track) {
    video.srcObject = track && new MediaStream([track]);
    if (track) video.play().catch(() => undefined);
  }
  video.classList.toggle("straight", facing === "environment");
  byId("own-blank").hidden = track !== null;
  if (trouble !== null) setText(byId("own-blank"), NO_PICTURE);
}

function drawTrouble(): void {
  byId("trouble").hidden = trouble === null;
  if (trouble === null) return;
  const blocked = trouble === "NotAllowedError" || trouble === "SecurityError";
  setText(
    byId("trouble-title"),
    blocked ? "Your browser blocks the camera." : "The camera does not start.",
  );
  setText(
    byId("trouble-words"),
    blocked
      ? "Allow the camera for this page in your browser's settings, then press “Try again”."
      : "Close other programs that use the camera, then press “Try again”.",
  );
}

function tag(id: string, words: string, tone: string): void {
  byId(id).className = `tag tag--${tone}`;
  setText(byId(id), words);
}

// Start

byId("again").addEventListener("click", () => void open());
byId("flip").addEventListener("click", () => {
  facing = facing === "environment" ? "user" : "environment";
  void open();
});
document.addEventListener("visibilitychange", () => {
  void stayAwake();
  const asleep = !track || track.readyState === "ended" || track.muted;
  if (document.visibilityState === "visible" && asleep) void open();
});

room.open();
connection.start();
void open();
void stayAwake();

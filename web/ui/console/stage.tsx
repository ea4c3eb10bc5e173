// The learner in focus: the pictures, the clock, and what is wrong.

import { useMemo } from "preact/hooks";
import { clockTime, duration, remaining } from "../lib/page";
import { isOver, type RoomState } from "../lib/protocol";
import type { Desk } from "./desk";
import { Offered } from "./handover";
import { useDesk } from "./hooks";
import { LinkLine, thinWords, withoutPicture } from "./link";
import { StateTag, Video } from "./parts";
import type { Room, View } from "./room";
import { Still } from "./stills";
import { troubles, WEAK } from "./trouble";

const VIEWS: Record<View, string> = {
  camera: "Camera",
  screen: "Screen",
  second: "Second camera",
};

/** What is wrong now, most important first; empty when all is well. */
function trouble(desk: Desk, room: Room, state: RoomState): string {
  if (room.replaced) return "";
  if (desk.link !== "connected") {
    return "Your own connection is lost. Trying again; the session goes on.";
  }
  if (isOver(state.state)) return "";
  if (room.media === "connecting" && state.learner.present) return "Connecting the picture…";
  // New messages are shown where they are read.
  const told = troubles(room).filter(
    ({ weight }) => weight < 50 || weight === WEAK || weight >= 95,
  );
  return told.map(({ words }) => words).join(" ");
}

export function Stage({ desk, room, state }: { desk: Desk; room: Room; state: RoomState }) {
  const unread = room.unread();
  const wrong = trouble(desk, room, state);
  return (
    <section class="stage" aria-labelledby="stage-title">
      <p class="to-lobby">
        <button type="button" class="link-button" onClick={toLobby}>
          All of today's sessions
        </button>{" "}
        {unread > 0 && (
          <button type="button" class="lobby-new" onClick={toMessages}>
            {unread === 1 ? "1 new message" : `${unread} new messages`}
          </button>
        )}
      </p>
      {room.supervising && <LookingIn desk={desk} room={room} state={state} />}
      <Head room={room} state={state} desk={desk} wrong={wrong} />
      {state.handover && <Offered room={room} handover={state.handover} />}
      <Pictures desk={desk} room={room} state={state} />
    </section>
  );
}

function Head(props: { desk: Desk; room: Room; state: RoomState; wrong: string }) {
  const { desk, room, state, wrong } = props;
  const { supervisor } = state;
  return (
    <header class="stage-head">
      <h2 id="stage-title" tabIndex={-1}>
        {state.learner.name}
      </h2>
      <div class="stage-state">
        <StateTag state={state.state} />
        {state.recording && <span class="tag tag--bad">Recording</span>}
        {supervisor && !room.supervising && (
          <span class="tag">
            {supervisor.name} looks in since {clockTime(supervisor.since)}
          </span>
        )}
        <TimeLeft desk={desk} room={room} state={state} />
        {closable(room, state) && (
          <button type="button" class="link-button small" onClick={() => desk.close(room)}>
            Close
          </button>
        )}
      </div>
      <LinkLine state={state} />
      <div class="stage-line">
        <p class="soft small">
          {state.assessment.title} · booked {clockTime(state.booking.start)} to{" "}
          {clockTime(state.booking.end)} · pass mark {state.assessment.pass_mark} %
        </p>
        <p class="trouble" role="status">
          {wrong}
        </p>
      </div>
    </header>
  );
}

/** What nobody is waiting in may be put away. */
function closable(room: Room, state: RoomState): boolean {
  return !room.supervising && (isOver(state.state) || state.state === "scheduled");
}

/** For who only looks in: who knows of it, and the way out. */
function LookingIn({ desk, room, state }: { desk: Desk; room: Room; state: RoomState }) {
  return (
    <div class="notice looking-in">
      <p>
        <strong>You are looking in.</strong> The learner and{" "}
        {state.invigilator.name ?? "the invigilator"} see it. You see and hear, and are neither seen
        nor heard.
      </p>
      <button type="button" class="button" onClick={() => desk.close(room)}>
        Leave
      </button>
    </div>
  );
}

function Pictures({ desk, room, state }: { desk: Desk; room: Room; state: RoomState }) {
  const { learner } = state;
  const [large = "camera", ...others] = room.views();
  const has: Record<View, boolean> = {
    camera: learner.present && learner.camera && !withoutPicture(state),
    screen: true,
    second: true,
  };
  const stream = room.pictures[large] ?? null;
  const seen = has[large] && stream !== null && room.live;
  return (
    <div class="picture stage-picture">
      <Video stream={stream} label={`Picture of ${learner.name}: ${VIEWS[large].toLowerCase()}`} />
      {!seen && <p class="blank">{noPicture(state, large)}</p>}
      {large === "camera" && <Still desk={desk} room={room} />}
      {room.speaking && <span class="mark mark--speaks">Speaks</span>}
      {room.live && others.length > 0 && (
        <div class="others" role="group" aria-label="Further pictures">
          {others.map((view) => (
            <button
              type="button"
              class="other"
              key={view}
              onClick={() => {
                room.large = view;
                desk.changed();
              }}
            >
              <Video stream={room.pictures[view] ?? null} />
              <span>{VIEWS[view]}</span>
            </button>
          ))}
        </div>
      )}
      {desk.devices.camera && !room.supervising && <OwnPicture track={desk.devices.camera} />}
    </div>
  );
}

/** Why nothing is seen. */
function noPicture(state: RoomState, view: View): string {
  if (isOver(state.state)) return "The session is over.";
  const { learner } = state;
  if (view !== "camera" || !learner.present || !withoutPicture(state)) return "No picture.";
  return `${thinWords(state)}: ${learner.name}'s link carries no picture now.`;
}

/** On a phone the focus stands below the tiles: goes there when a learner was chosen. */
export function toStage(): void {
  requestAnimationFrame(() => {
    const title = document.getElementById("stage-title");
    if (matchMedia("(max-width: 59.99rem)").matches) title?.scrollIntoView();
    // What was pressed may be gone, as a large tile is: go on reading from here.
    if (document.activeElement === document.body) title?.focus({ preventScroll: true });
  });
}

function toLobby(): void {
  document.getElementById("lobby-title")?.scrollIntoView();
}

export function toMessages(): void {
  document.getElementById("chat-title")?.scrollIntoView({ block: "center" });
  document.getElementById("chat-text")?.focus({ preventScroll: true });
}

function OwnPicture({ track }: { track: MediaStreamTrack }) {
  const stream = useMemo(() => new MediaStream([track]), [track]);
  return (
    <div class="own-picture">
      <Video stream={stream} label="Your own picture" mirror />
    </div>
  );
}

function TimeLeft({ desk, room, state }: { desk: Desk; room: Room; state: RoomState }) {
  useDesk(desk, 1000);
  if (isOver(state.state)) return null;
  if (!state.clock.started) return <span class="time soft">{state.assessment.minutes} min</span>;
  const left = duration(remaining(state.clock, performance.now() - room.stateAt));
  return (
    <span class="time number" role="timer" aria-label={`Time left ${left}`}>
      {left}
    </span>
  );
}

// The open session: the learner's picture, the clock, and what is wrong with the connection.

import { useMemo, useState } from "preact/hooks";
import { clockTime, duration, remaining } from "../lib/page";
import { isOver, type RoomState } from "../lib/protocol";
import { useDesk, type Desk } from "./desk";
import { StateTag, Video } from "./parts";

/** What is wrong now, most important first; null when all is well. */
function trouble(desk: Desk, state: RoomState): string | null {
  const { learner } = state;
  if (desk.link === "replaced") return null;
  if (desk.link !== "joined") {
    return "Your own connection is lost. Trying again; the session goes on.";
  }
  if (isOver(state.state)) return null;
  if (!learner.present) {
    return state.state === "scheduled"
      ? `${learner.name} has not come yet.`
      : `${learner.name} has lost the connection. Their page is trying again by itself.`;
  }
  if (desk.media === "lost" || desk.media === "connecting") {
    return "The picture is interrupted. Trying again.";
  }
  if (!learner.camera && !learner.microphone) return "Their camera and microphone are off.";
  if (!learner.camera) return "Their camera is off or blocked.";
  if (!learner.microphone) return "Their microphone is off or blocked.";
  return null;
}

export function Stage({ desk, state }: { desk: Desk; state: RoomState }) {
  useDesk(desk);
  const [silent, setSilent] = useState(false);
  const unread = desk.unread();
  const wrong = trouble(desk, state);
  const seen = state.learner.present && state.learner.camera && desk.stream !== null;
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
      <header class="stage-head">
        <div>
          <h2 id="stage-title">{state.learner.name}</h2>
          <p class="soft small">
            {state.assessment.title} · booked {clockTime(state.booking.start)} to{" "}
            {clockTime(state.booking.end)} · pass mark {state.assessment.pass_mark} %
          </p>
        </div>
        <div class="stage-state">
          <StateTag state={state.state} />
          {state.recording && <span class="tag tag--bad">Recording</span>}
          <TimeLeft desk={desk} state={state} />
        </div>
      </header>
      <p class="trouble" role="status" hidden={!wrong}>
        {wrong}
      </p>
      <div class="picture stage-picture">
        <Video
          stream={desk.stream}
          label={`Picture of ${state.learner.name}`}
          onSilent={() => setSilent(true)}
        />
        {!seen && (
          <p class="blank">{isOver(state.state) ? "The session is over." : "No picture."}</p>
        )}
        {desk.devices.camera && <OwnPicture track={desk.devices.camera} />}
        {silent && (
          <button type="button" class="button sound" onClick={() => unmute(setSilent)}>
            Turn on the sound
          </button>
        )}
      </div>
    </section>
  );
}

function toLobby(): void {
  document.getElementById("lobby-title")?.scrollIntoView();
}

function toMessages(): void {
  document.getElementById("chat-title")?.scrollIntoView({ block: "center" });
  document.getElementById("chat-text")?.focus({ preventScroll: true });
}

function unmute(setSilent: (silent: boolean) => void): void {
  setSilent(false);
  void document.querySelector<HTMLVideoElement>(".stage-picture > video")?.play();
}

function OwnPicture({ track }: { track: MediaStreamTrack }) {
  const stream = useMemo(() => new MediaStream([track]), [track]);
  return (
    <div class="own-picture">
      <Video stream={stream} label="Your own picture" muted mirror />
    </div>
  );
}

function TimeLeft({ desk, state }: { desk: Desk; state: RoomState }) {
  useDesk(desk, 1000);
  if (isOver(state.state)) return null;
  if (!state.clock.started) return <span class="time soft">{state.assessment.minutes} min</span>;
  const left = duration(remaining(state.clock, performance.now() - desk.stateAt));
  return (
    <span class="time number" role="timer" aria-label={`Time left ${left}`}>
      {left}
    </span>
  );
}

// What the learner reads at the top of the room, in plain words, at every moment.

import { clockTime } from "./page";
import type { RoomState } from "./protocol";

/** How the learner's page stands to its session. */
export type Standing = "connecting" | "joined" | "lost" | "restarting" | "replaced";

export interface Status {
  tone: "calm" | "good" | "warn" | "bad";
  title: string;
  words: string;
}

const AFTER = "The training company will write to you about what happens next.";

/** True once the invigilator, who may have others to see to, speaks or writes to this learner. */
export function turnedTo(state: RoomState): boolean {
  const { present, microphone } = state.invigilator;
  const wrote = state.chat.some(({ from, notice }) => from === "invigilator" && !notice);
  return present && (microphone || wrote);
}

/** What the page itself asks for before admission. */
export type Doing = "document" | "face" | null;

/**
 * The one status that matters most now: the link's, else the session's.
 * `met`: this invigilator has turned to the learner, now or before; `owes`: what their device has
 * recorded is still on its way.
 */
export function status(
  state: RoomState | null,
  link: Standing,
  refusal: string | null,
  met: boolean,
  doing: Doing = null,
  owes = false,
): Status {
  if (link === "replaced") {
    return {
      tone: "warn",
      title: "Your session is open in another window",
      words: "Go on there, and close this one. To go on here instead, reload this page.",
    };
  }
  if (refusal) return { tone: "warn", title: "You cannot enter the room now", words: refusal };
  if (link === "restarting") {
    return {
      tone: "warn",
      title: "The service starts again. Your session waits.",
      words: "You are connected again in some seconds. You need not do anything.",
    };
  }
  if (link === "lost" && state?.state === "in_progress") {
    // The box below says that the assessment goes on, and since when the link is gone.
    return {
      tone: "warn",
      title: "Connection lost. Do not worry.",
      words: "We are trying again. Stay in view of the camera.",
    };
  }
  if (link === "lost") {
    return {
      tone: "warn",
      title: "Connection lost. Do not worry: your session waits.",
      words: "Trying again. You need not do anything.",
    };
  }
  if (!state || link === "connecting") {
    return { tone: "calm", title: "Connecting…", words: "This can take some seconds at sea." };
  }
  return ofSession(state, met, doing, owes);
}

function ofSession(state: RoomState, met: boolean, doing: Doing, owes: boolean): Status {
  const reason = state.reason ? `Reason: ${sentence(state.reason)} ` : "";
  const here = state.invigilator.present;
  switch (state.state) {
    case "scheduled":
    case "checked_in":
      if (doing === "document") return documentFirst(state);
      if (!here) return waiting(state);
      if (doing === "face") return FACE;
      return met ? HOLD_ID : inTurn(state);
    case "identified":
      return {
        tone: "good",
        title: "Your identity is confirmed",
        words: "Your invigilator opens the assessment in a moment.",
      };
    case "in_progress":
      return {
        tone: "good",
        title: "Your assessment is open",
        words: here
          ? "Stay in view of the camera, and alone in the room."
          : "Your invigilator's connection is interrupted. Go on working: your time and your " +
            "answers are safe.",
      };
    case "paused":
      return {
        tone: "warn",
        title: "Paused by your invigilator",
        words: `${reason}Your time stands still. Please wait here.`,
      };
    case "refused":
      return {
        tone: "bad",
        title: "Your session cannot go ahead",
        words: `${reason}Your assessment was not opened and your camera is off. ${AFTER}`,
      };
    case "stopped":
      return {
        tone: "bad",
        title: "Stopped by your invigilator",
        words: `${reason}Please close the assessment. Your camera is off. ${AFTER}`,
      };
    case "closed":
      return {
        tone: "calm",
        title: "This session is closed",
        words: owes ? "" : "You may close this page.",
      };
    default:
      return {
        tone: "good",
        title: "Your session is finished",
        words:
          `Thank you. Your camera is off${owes ? "" : ", and you may close this page"}. ` +
          "Your result follows.",
      };
  }
}

const HOLD_ID: Status = {
  tone: "calm",
  title: "Hold your ID to the camera",
  words:
    "Hold the page with your photo close to the camera, flat and without glare. " +
    "Then look straight into the camera. Your invigilator tells you when it is enough.",
};

const FACE: Status = {
  tone: "calm",
  title: "Look straight into the camera",
  words: "Your document is with your invigilator, who compares it with your face.",
};

function documentFirst(state: RoomState): Status {
  const { name, present } = state.invigilator;
  const who = present
    ? `Your invigilator ${name ?? ""} is here, and sees it at once.`
    : "Your invigilator comes soon: this can be done before.";
  return { tone: "calm", title: "First: your identity document", words: who };
}

/** The invigilator is in all their rooms at once, and sees to one learner after the other. */
function inTurn(state: RoomState): Status {
  return {
    tone: "calm",
    title: `Your invigilator ${state.invigilator.name} is here and will come to you`,
    words: "Please wait. Keep your photo identity document ready.",
  };
}

function waiting(state: RoomState): Status {
  const early = Date.parse(state.booking.start) > Date.parse(state.now);
  const when = early
    ? `Your session starts at ${clockTime(state.booking.start)} your time.`
    : "They will be with you in a moment.";
  return {
    tone: "calm",
    title: "Waiting for your invigilator",
    words: `You are in the right place. ${when} Keep your photo identity document ready.`,
  };
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

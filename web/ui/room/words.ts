// What the learner's room says beside its status: what has changed, and what happens afterwards.

import { clockTime } from "../lib/page";
import type { ChallengeKind, InspectionKind, RoomState, SessionState } from "../lib/protocol";

export interface News {
  tone: "calm" | "warn";
  words: string;
}

export interface Ask {
  title: string;
  steps: string[];
}

/** What to show when the invigilator asks for it. */
export const INSPECTIONS: Record<InspectionKind, Ask> = {
  room_scan: {
    title: "Show the room slowly",
    steps: [
      "Turn your camera once around the whole room. Take about a minute.",
      "Show the top of your table, and below it.",
      "Show the door.",
      "Put the camera back, so that it shows you.",
    ],
  },
  identity: {
    title: "Show your identity document again",
    steps: [
      "Press “Start” on this page and take a picture of it.",
      "If there is no such button, hold the page with your photo close to the camera, and count to five.",
      "Then look straight into the camera.",
    ],
  },
};

/** What to do at once, when the invigilator asks for it; `number` has a number to say. */
export const CHALLENGES: Record<ChallengeKind, string> = {
  hand_across_face: "Move one hand slowly across your face",
  turn_head_left: "Turn your head to the left, then back",
  turn_head_right: "Turn your head to the right, then back",
  look_up: "Look up, then into the camera again",
  touch_ear: "Touch one of your ears",
  tilt_document: "Hold your document up and tilt it slowly",
  document_beside_face: "Hold your document beside your face",
  number: "Say this number aloud",
};

/** "2 min 10 s", "45 s", "1 h 5 min". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const told = parts.filter(([value]) => value > 0).slice(0, 2);
  return told.length ? told.map(([value, unit]) => `${value} ${unit}`).join(" ") : "0 s";
}

/** What the server finds wrong with what this device sends, and what to do about it. */
export function troubles(state: RoomState): News[] {
  const { camera, microphone, media, link, picture, sound, rung } = state.learner;
  if (media !== "live") return [];
  const found: string[] = [];
  // On a lower rung the page itself says so, and what it sends.
  if (link === "poor" && (rung === null || rung === "full")) {
    found.push("Your link is weak. Sound comes first; stay where you are.");
  }
  if (camera && picture === "black") {
    found.push("Your picture is black. Take away what covers the camera, or switch on a light.");
  }
  if (camera && picture === "frozen") {
    found.push(
      "Your picture stands still. Choose your camera again below, or load this page anew.",
    );
  }
  if (camera && picture === "stopped") {
    found.push("Your invigilator hears you, but gets no picture now. We keep trying.");
  }
  if (microphone && sound === "muted") {
    found.push("Your microphone sends no sound. Is it switched off at the device?");
  }
  return found.map((words) => ({ tone: "warn", words }));
}

/** Who else is here, and since when. */
export function looking(state: RoomState): News[] {
  const { supervisor } = state;
  return supervisor
    ? [{ tone: "calm", words: `A supervisor, ${supervisor.name}, is looking in.` }]
    : [];
}

/** What the invigilator, who may watch others too, has of this learner; nothing to say is "". */
export function attention(state: RoomState): string {
  const { invigilator, learner } = state;
  if (!["in_progress", "paused"].includes(state.state) || !invigilator.present) return "";
  if (invigilator.microphone) return "Your invigilator can speak to you now.";
  const seen = learner.camera && learner.media === "live" && invigilator.media !== "none";
  return seen ? "Your invigilator sees you." : "";
}

/** What has changed from one state to the next, in words. */
export function changes(before: RoomState, now: RoomState): News[] {
  const found: string[] = [];
  const name = now.invigilator.name;
  if (name && before.invigilator.name && name !== before.invigilator.name) {
    found.push(`Your invigilator is now ${name}. Nothing else has changed.`);
  }
  const given = now.clock.given_back_s - before.clock.given_back_s;
  if (given > 0) found.push(`${span(given)} were given back to you.`);
  if (given < 0) found.push(`Your time was corrected: ${span(-given)} less were given back.`);
  if (before.supervisor && !now.supervisor) {
    found.push(`The supervisor, ${before.supervisor.name}, has left.`);
  }
  if (before.state === "paused" && now.state === "in_progress") {
    found.push("Your invigilator has let your time run again. Please go on.");
  }
  return found.map((words) => ({ tone: "calm", words: `${clockTime(now.now)} – ${words}` }));
}

const WRONG = "If you think that this is not right, reply to the e-mail about your booking.";

/** What happens once the session is over; nothing where the status says it all. */
export function afterwards(state: SessionState): string[] {
  if (state === "refused") {
    return [
      "The training company gets a report of this session, with the reason above.",
      "Nothing is charged for today: you were here.",
      "The training company tells you whether, and when, you may book again.",
      WRONG,
    ];
  }
  if (state === "stopped") {
    return [
      "Close the page of the assessment.",
      "The training company gets a report of this session, with the reason above.",
      "It decides what your answers count, and whether you may sit the assessment again.",
      WRONG,
    ];
  }
  if (state === "ended" || state === "attested") {
    return [
      "Your invigilator signs the record of this session, and the training company gets it.",
      "The training company tells you your result.",
    ];
  }
  return [];
}

// What an invigilator must know of a learner at once, and how much it weighs.

import { clockTime } from "../lib/page";
import { isOver, type RoomState } from "../lib/protocol";
import { deviceWords, exactTime } from "./link";
import type { Room } from "./room";

export interface Trouble {
  /** The lower, the sooner somebody must look. */
  weight: number;
  /** A few words, for a tile. */
  short: string;
  /** One sentence. */
  words: string;
  tone: "bad" | "warn" | "calm";
}

/** What the room calls a disk that is kept free for what matters more. */
const FULL = "evidence_store_full";
/** Bad for long, at sea: it must not stand before what somebody has written. */
export const WEAK = 55;
const DEVICE_TOLD_MS = 3 * 60_000;

const SIGHTS: Partial<Record<RoomState["learner"]["picture"], [string, string]>> = {
  black: ["Picture black", "The picture is black. The camera may be covered."],
  frozen: ["Picture frozen", "The picture has not moved for a while."],
  looping: ["Picture repeats", "The same pictures come again and again."],
  stopped: ["No picture", "Sound comes, but no picture."],
};

/** What is wrong or waits in this room, most important first; empty when all is well. */
export function troubles(room: Room): Trouble[] {
  const { state } = room;
  if (!state || room.replaced) return [];
  const found = isOver(state.state) ? ofEnd(state) : ofLive(room, state);
  return found.sort((a, b) => a.weight - b.weight);
}

function ofEnd(state: RoomState): Trouble[] {
  if (["attested", "closed"].includes(state.state) || state.role !== "invigilator") return [];
  return [
    { weight: 90, tone: "calm", short: "To attest", words: "The session is to be attested." },
  ];
}

function ofLive(room: Room, state: RoomState): Trouble[] {
  const { learner, inspection, handover } = state;
  const found: Trouble[] = [];
  const add = (weight: number, tone: Trouble["tone"], short: string, words: string): void => {
    found.push({ weight, tone, short, words });
  };
  if (learner.hand) {
    add(
      0,
      "warn",
      "Hand raised",
      `${learner.name} has raised a hand at ${clockTime(learner.hand)}.`,
    );
  }
  const device = ofDevice(state);
  if (device) found.push(device);
  const unrecorded = ofRecording(state);
  if (unrecorded) found.push(unrecorded);
  const link = ofLink(room, state);
  if (link) found.push(link);
  else found.push(...ofSignals(state));
  const unread = room.unread();
  if (unread) {
    const short = unread === 1 ? "1 new message" : `${unread} new messages`;
    add(50, "warn", short, `${short} from ${learner.name}.`);
  }
  if (inspection?.done_at) {
    add(
      60,
      "calm",
      "Done, please look",
      `${learner.name} has done what you asked for. Please judge it.`,
    );
  }
  found.push(...ofIdentity(state));
  if (state.gaps?.some(({ ended, ruling }) => ended !== null && ruling === null)) {
    add(65, "calm", "Gap to rule", "Say under “Gaps” whose the lost time is.");
  }
  if (handover) {
    add(70, "calm", "Offered", `Offered to ${handover.to.name}, who has not accepted yet.`);
  }
  return found;
}

/** Questions about who sits there that wait for an answer. */
function ofIdentity({ identity, challenges, rechecks }: RoomState): Trouble[] {
  const found: Trouble[] = [];
  const open = (each: { result: string | null }): boolean => each.result === null;
  if (identity?.state === "both_seen") {
    const words = "Document and face are there: decide on the identity.";
    found.push({ weight: 61, tone: "calm", short: "ID to check", words });
  }
  if (challenges?.some(open)) {
    const words = "A challenge is open: say whether you saw it.";
    found.push({ weight: 62, tone: "calm", short: "Challenge open", words });
  }
  if (rechecks?.some(open)) {
    const words = "A face was taken again: say whether it is the same person.";
    found.push({ weight: 63, tone: "calm", short: "Face to compare", words });
  }
  if (identity?.state === "referred") {
    const words = "A colleague was asked to look at the identity.";
    found.push({ weight: 71, tone: "calm", short: "With a colleague", words });
  }
  return found;
}

/** Nothing comes at all; null while something does. */
function ofLink(room: Room, state: RoomState): Trouble | null {
  const { learner } = state;
  const came = state.state !== "scheduled";
  if (!learner.present) {
    if (!came) {
      const words = `${learner.name} has not come yet.`;
      return { weight: 95, tone: "calm", short: "Not here yet", words };
    }
    if (learner.silent_since) return silence(learner, learner.silent_since, 10);
    const words = `${learner.name} has lost the connection. Their page is trying again by itself.`;
    return { weight: 10, tone: "bad", short: "Link lost", words };
  }
  if (room.media === "lost") {
    const words = "The picture is interrupted. Trying again.";
    return { weight: 20, tone: "bad", short: "Interrupted", words };
  }
  if (learner.rung === "text") {
    const words = `The link of ${learner.name} carries words only. ${deviceWords(learner)}`.trim();
    return { weight: WEAK, tone: "warn", short: "Words only", words };
  }
  if (learner.media !== "live" && learner.silent_since) {
    return silence(learner, learner.silent_since, 15);
  }
  return null;
}

/** Nothing comes, and it is nobody's fault: what is known, and that the time is not lost. */
function silence(learner: RoomState["learner"], since: string, weight: number): Trouble {
  const at = exactTime(since);
  const kept = deviceWords(learner) || "Their page is trying again by itself.";
  const words = `No signal from the ship since ${at}. ${kept}`;
  return { weight, tone: "bad", short: `No signal since ${clockTime(since)}`, words };
}

/** Told for a while: a lost cookie does it too, but somebody should look who sits there. */
function ofDevice({ device, learner, now }: RoomState): Trouble | null {
  if (!device || Date.parse(now) - Date.parse(device.since) > DEVICE_TOLD_MS) return null;
  const words =
    `${learner.name} goes on on another device, or in another browser, since ` +
    `${clockTime(device.since)}. Please look whether it is the same person.`;
  return { weight: 45, tone: "warn", short: "Other device", words };
}

/** What is not recorded is gone: somebody must free the disk, or decide to wait. */
function ofRecording({ recording_stopped: why }: RoomState): Trouble | null {
  if (!why) return null;
  const cause = why === FULL ? "the disk for recordings is full" : "there is a fault";
  const words =
    `This session is not recorded now: ${cause}. Everything else is kept, and you may go on. ` +
    "Please tell your administrator. Recording begins again by itself.";
  return { weight: 5, tone: "bad", short: "Not recorded", words };
}

function ofSignals({ learner }: RoomState): Trouble[] {
  const sight = learner.camera ? SIGHTS[learner.picture] : undefined;
  const found: Trouble[] = [];
  if (sight) found.push({ weight: 30, tone: "bad", short: sight[0], words: sight[1] });
  const off: [string, string] | null =
    !learner.camera && !learner.microphone
      ? ["Camera and mic off", "Their camera and microphone are off."]
      : !learner.camera
        ? ["Camera off", "Their camera is off or blocked."]
        : !learner.microphone
          ? ["Microphone off", "Their microphone is off or blocked."]
          : learner.sound === "muted"
            ? ["Microphone silent", "Their microphone is on, but gives no sound at all."]
            : null;
  if (off) found.push({ weight: 40, tone: "warn", short: off[0], words: off[1] });
  if (learner.link === "poor") {
    const words = `The link of ${learner.name} is weak: sound may break off, and come late.`;
    found.push({ weight: WEAK, tone: "warn", short: "Link poor", words });
  }
  return found;
}

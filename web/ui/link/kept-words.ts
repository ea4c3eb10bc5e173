// What a learner reads of what their device has recorded, in plain words.

import type { Room } from "./shelf";

/** How things stand. */
export interface Known {
  /** Since when the link is gone, "14:03:20". */
  out: string | null;
  keeps: boolean;
  room: Room;
  /** How much of what the server waits for is there, 0 to 1; null: it waits for nothing. */
  share: number | null;
  /** The session is over. */
  over: boolean;
  /** The session is over, and the server has all that it waited for. */
  done: boolean;
  /** Who is here is not signed in any more. */
  closed: boolean;
  /** As much has been sent as somebody allows. */
  limited: boolean;
}

export interface Said {
  tone: "warn" | "good" | "calm";
  title: string;
  text: string;
  share: number | null;
  /** Words of a button that lets more be sent than somebody has allowed. */
  anyway?: string;
}

const WHERE: Record<Room, string> = {
  enough: "",
  full: "There is little room left on this device: only the newest part can be kept.",
  closed:
    "This browser keeps nothing when the page is closed (it may be a private window): " +
    "please leave this page open, and do not reload it.",
};
const LIMITED =
  "Your data limit is reached, so what was recorded while your link was gone stays on this device. " +
  "You may send it now, or open your personal link on a cheaper link within 72 hours.";
const AGAIN = "You may also open your personal link again within 72 hours.";

/** Null when there is nothing to say. */
export function keptWords(known: Known): Said | null {
  const { out, keeps, room, share, over, done, closed, limited } = known;
  const where = WHERE[room];
  if (done) {
    const text = over ? "You may close this page now. Nothing is left on this device." : "";
    return { tone: "good", title: "All is sent. Thank you.", text, share: null };
  }
  if (over && limited && share !== null) {
    const anyway = "Send it now all the same";
    return { tone: "warn", title: "Something is still to be sent", text: LIMITED, share, anyway };
  }
  if (over) return share === null ? null : afterwards(out, where, share, closed);
  if (out) {
    const rest = keeps
      ? join("Go on with your assessment: this device records, and sends it later.", where)
      : "Go on with your assessment. It comes back by itself.";
    return { tone: "warn", title: `Your link is gone since ${out}.`, text: rest, share: null };
  }
  if (share === null || limited) return null;
  const text = "We are sending what this device recorded meanwhile. You need not do anything.";
  return { tone: "calm", title: "Your link is back.", text: join(text, where), share };
}

function afterwards(out: string | null, where: string, share: number, closed: boolean): Said {
  const title = "Please leave this page open";
  if (closed) {
    const text = "Open your personal link again within 72 hours: the rest is sent then.";
    return { tone: "warn", title: "Something is still to be sent", text, share };
  }
  const doing = out
    ? "Your link is gone. We go on as soon as it is back: what was recorded is still to be sent."
    : "We are still sending what was recorded while your link was gone.";
  return { tone: "warn", title, text: join(doing, where || AGAIN), share };
}

function join(...parts: string[]): string {
  return parts.filter(Boolean).join(" ");
}

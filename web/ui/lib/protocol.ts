// The shapes of the room's wire protocol, as signalling/PROTOCOL.md describes them.

export type Role = "learner" | "invigilator" | "supervisor" | "second";

export type SessionState =
  | "scheduled"
  | "checked_in"
  | "identified"
  | "in_progress"
  | "paused"
  | "refused"
  | "stopped"
  | "ended"
  | "attested"
  | "closed";

/** What the server writes into the page, in <script type="application/json" id="boot">. */
export interface Boot {
  session?: string;
  role: Exclude<Role, "supervisor">;
  socket_path: string;
  ticket_url: string;
  /** The session's state when the page was made: tells a reload from a first visit. */
  state?: SessionState;
}

/** `live` while packets come, `silent` when none came for five seconds. */
export type Flow = "live" | "silent" | "none";
/** What the server finds by itself about the learner's link, picture and sound. */
export type LinkQuality = "good" | "poor" | "none";
export type Sight = "good" | "black" | "frozen" | "stopped" | "none";
export type Sound = "heard" | "quiet" | "muted" | "none";

export interface Party {
  name: string | null;
  present: boolean;
  camera: boolean;
  /** Of the invigilator: true only towards those whom they speak to now. */
  microphone: boolean;
  media: Flow;
}

export interface Learner extends Party {
  name: string;
  screen: boolean;
  /** `poor`: much of what they send is lost on the way or late. */
  link: LinkQuality;
  picture: Sight;
  sound: Sound;
  /** Since when their hand is up. */
  hand: string | null;
  /** When the last packet came, while `media` is not `live`. */
  silent_since: string | null;
}

export interface ChatLine {
  seq: number;
  from: "learner" | "invigilator";
  text: string;
  at: string;
  /** Shown large on the learner's page until it is read. */
  notice?: boolean;
}

export interface Incident {
  id: string;
  category: string;
  severity: "low" | "medium" | "high";
  note: string;
  picture: string | null;
  at: string;
}

export interface Identity {
  state: string;
  document: string | null;
  face: string | null;
  decision: "confirmed" | "not_confirmed" | null;
  reason: string | null;
  at: string | null;
  /** Somebody else decided, before a hand-over. */
  by_colleague: boolean;
}

export type InspectionKind = "room_scan" | "identity";
export type InspectionResult = "satisfied" | "not_satisfied" | "withdrawn";

/** What the learner was asked to show, while it is open. */
export interface OpenInspection {
  id: string;
  kind: InspectionKind;
  asked_at: string;
  done_at: string | null;
}

export interface Inspection extends OpenInspection {
  result: InspectionResult | null;
  note: string;
  judged_at: string | null;
}

export type Ruling = "technical" | "learner";

/** A time in which nothing came from the learner while the clock ran. */
export interface Gap {
  id: string;
  began: string;
  ended: string | null;
  /** Assessment seconds in it; null while it is open. */
  lost_s: number | null;
  ruling: Ruling | null;
  note: string;
}

export interface Handover {
  to: { id: string; name: string };
  since: string;
}

/** One session. A second camera gets `session` to `state`, two facts of `learner`, and `recording`. */
export interface RoomState {
  session: string;
  seq: number;
  now: string;
  role: Role;
  state: SessionState;
  learner: Learner;
  invigilator: Party;
  second: { present: boolean; media: Flow };
  supervisor: { name: string; since: string } | null;
  assessment: { title: string; minutes: number; materials: string[]; pass_mark: number };
  booking: { id: string; start: string; end: string };
  clock: { started: string | null; running: boolean; remaining_s: number; given_back_s: number };
  reason: string | null;
  assessment_url: string | null;
  recording: boolean;
  screen_wanted: boolean;
  inspection: OpenInspection | null;
  chat: ChatLine[];
  identity?: Identity;
  incidents?: Incident[];
  inspections?: Inspection[];
  gaps?: Gap[];
  handover?: Handover | null;
  taken_over?: boolean;
}

export interface LobbyEntry {
  session: string;
  learner: string;
  assessment: string;
  start: string;
  state: SessionState;
  present: boolean;
  since: string | null;
  hand: string | null;
  /** Who invigilates. */
  invigilator: string;
  role: "mine" | "offered" | "unattended" | "colleague";
  offered_by: string | null;
}

export interface Colleague {
  id: string;
  name: string;
  /** A console of theirs is connected. */
  here: boolean;
}

export interface LobbyBody {
  sessions: LobbyEntry[];
  colleagues: Colleague[];
}

/** The acknowledgement of a message that was accepted; further fields depend on the message. */
export interface Accepted {
  ok: true;
  [field: string]: unknown;
}

export interface Refused {
  ok: false;
  error: { code: string; detail: string };
}

const OVER: readonly SessionState[] = ["refused", "stopped", "ended", "attested", "closed"];

/** True when nobody is expected in the room any more. */
export function isOver(state: SessionState): boolean {
  return OVER.includes(state);
}

// The shapes of the room's wire protocol, as signalling/PROTOCOL.md describes them.

export type Role = "learner" | "invigilator";

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
  role: Role;
  socket_path: string;
  ticket_url: string;
  /** The session's state when the page was made: tells a reload from a first visit. */
  state?: SessionState;
}

export interface Party {
  name: string | null;
  present: boolean;
  camera: boolean;
  microphone: boolean;
}

export interface ChatLine {
  seq: number;
  from: Role;
  text: string;
  at: string;
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
}

export interface RoomState {
  session: string;
  seq: number;
  now: string;
  role: Role;
  state: SessionState;
  learner: Party;
  invigilator: Party;
  assessment: { title: string; minutes: number; materials: string[]; pass_mark: number };
  booking: { id: string; start: string; end: string };
  clock: { started: string | null; running: boolean; remaining_s: number };
  reason: string | null;
  assessment_url: string | null;
  recording: boolean;
  chat: ChatLine[];
  identity?: Identity;
  incidents?: Incident[];
}

export interface LobbyEntry {
  session: string;
  learner: string;
  assessment: string;
  start: string;
  state: SessionState;
  present: boolean;
  since: string | null;
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

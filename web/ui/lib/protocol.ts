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
  /** For the first connection, if it comes within 30 seconds. */
  ticket?: string;
  ice_servers?: RTCIceServer[];
  /** The session's state when the page was made: tells a reload from a first visit. */
  state?: SessionState;
  /** Under which the learner's device keeps what it records: 32 bytes in base64. */
  kept_key?: string;
}

/** `live` while packets come, `silent` when none came for five seconds. */
export type Flow = "live" | "silent" | "none";
/** What the server finds by itself about the learner's link, picture and sound. */
export type LinkQuality = "good" | "poor" | "none";
export type Sight =
  "good" | "black" | "frozen" | "looping" | "stills" | "withheld" | "stopped" | "none";
export type Sound = "heard" | "quiet" | "muted" | "none";

export interface Party {
  name: string | null;
  present: boolean;
  camera: boolean;
  /** Of the invigilator: true only towards those whom they speak to now. */
  microphone: boolean;
  media: Flow;
}

/** What the learner's page sends over its link, the most first. */
export type Rung = "full" | "small" | "slow" | "stills" | "sound" | "text";
/** How: `socket` where no media connection can be made. */
export type Way = "direct" | "relay" | "socket" | "none";
/** Why a step was taken. */
export type Why = "start" | "link" | "proved" | "budget" | "person" | "picture";

/** What a learner or a ship allows, both directions together; of 1,000 bits, and of 1,000,000 bytes. */
export interface Budget {
  kbit: number | null;
  mb: number | null;
}

/** What the learner's page measures of its link. */
export interface LinkFigures {
  sent_kbit: number;
  got_kbit: number;
  lost_permille: number;
  rtt_ms: number;
  queue_ms: number;
}

/** The message `link`, less the session. */
export interface LinkTold {
  rung: Rung;
  way: Way;
  why: Why;
  /** The device records by itself. */
  keeps: boolean;
  used_kb: number;
  budget: Budget;
  figures: LinkFigures;
}

/** A single picture, where no moving one gets through: to staff. */
export interface StillBody {
  session: string;
  at: string;
  /** In base64. */
  jpeg: string;
}

/** A piece of sound, where there are no media. */
export interface SoundBody {
  session: string;
  from: "learner" | "invigilator";
  stream: string;
  n: number;
  at: string;
  /** WebM with Opus, in base64. */
  audio: string;
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
  /** Null while neither their page nor their media are there. */
  rung: Rung | null;
  way: Way | null;
  keeps: boolean;
  /** Null without limits. */
  budget: Budget | null;
  used_kb: number | null;
  /** Only for staff. */
  figures?: LinkFigures | null;
  /** Only for staff: they are sent the invigilator's picture. */
  sees?: boolean;
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

export type DocumentKind =
  "passport" | "identity_card" | "driving_licence" | "seamans_book" | "other";

export type CaptureSide = "front" | "back";

export type IdentityState =
  "open" | "document_seen" | "face_seen" | "both_seen" | "referred" | "confirmed" | "not_confirmed";

export type Decision = "confirmed" | "not_confirmed";

/** What a document says; a text that is empty, or a day that is null, is not there or not legible. */
export interface Reading {
  source: "machine" | "typed";
  /** TD1, TD2, TD3, MRV-A or MRV-B; empty for a document that was read by eye. */
  form: string;
  surname: string;
  given: string;
  number: string;
  issuer: string;
  nationality: string;
  sex: string;
  /** ISO days. */
  born: string | null;
  expires: string | null;
  check_digits_right: boolean;
  /** Of so many pictures, so many gave what is here. */
  images: number;
  agreed: number;
}

export type Grade = "same" | "explained" | "unknown" | "differs";

/** What the document says beside what the booking says. */
export interface Finding {
  field: "name" | "born" | "number" | "expires" | "issuer";
  grade: Grade;
  said: string;
  known: string;
  words: string;
}

export interface Hint {
  kind: string;
  words: string;
}

/** How alike a machine finds portrait and face. */
export interface Likeness {
  engine: string;
  score: number;
  /** One pair of different people in so many scores this high; null: nobody has measured it. */
  one_in: number | null;
  /** The day of that measurement. */
  calibrated: string | null;
}

/** Who asked a colleague to look, and what they would do themselves. */
export interface Referred {
  by: string;
  at: string;
  reason: string;
  proposed: Decision | null;
}

export interface Identity {
  state: IdentityState;
  document: string | null;
  face: string | null;
  decision: Decision | null;
  reason: string | null;
  at: string | null;
  /** Somebody else decided, before a hand-over. */
  by_colleague: boolean;
  back: string | null;
  /** Cut out of the document. */
  portrait: string | null;
  /** Cut out of the face's picture, as large and as light as the portrait. */
  aligned: string | null;
  kind: DocumentKind | null;
  reading: Reading | null;
  findings: Finding[];
  /** Who confirms has to say why. */
  needs_reason: boolean;
  /** Nobody can confirm alone. */
  needs_two: boolean;
  hints: Hint[];
  likeness: Likeness | null;
  likeness_consent: boolean;
  /** A picture that is on its way from the learner's page, in bytes. */
  capture: { side: CaptureSide | "face"; done: number; total: number } | null;
  referred: Referred | null;
}

export type ChallengeKind =
  | "hand_across_face"
  | "turn_head_left"
  | "turn_head_right"
  | "look_up"
  | "touch_ear"
  | "tilt_document"
  | "document_beside_face"
  | "number";

export type ChallengeResult = "seen" | "not_seen" | "skipped";

/** What the learner is to do; `detail` is the number to be said, else empty. */
export interface OpenChallenge {
  id: string;
  kind: ChallengeKind;
  detail: string;
}

export interface Challenge extends OpenChallenge {
  asked_at: string;
  result: ChallengeResult | null;
  note: string;
}

export type RecheckResult = "same" | "not_same" | "unclear";

/** The learner's face again, in the middle of a session. */
export interface Recheck {
  id: string;
  cause: "random" | "gap" | "asked";
  evidence: string;
  /** Cut out of it as the first face was, where a face was found. */
  aligned: string | null;
  taken_at: string;
  result: RecheckResult | null;
  note: string;
}

/** For the learner: whether their page takes a picture of the document, of which sides. */
export interface CaptureWanted {
  wanted: boolean;
  sides: CaptureSide[];
  /** Which document was shown already. */
  kind: DocumentKind | null;
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
export type FillState =
  "none" | "promised" | "arriving" | "complete" | "partial" | "accepted" | "refused";

/** What the learner's own device kept of a gap. */
export interface Fill {
  state: FillState;
  have: number;
  total: number;
  chunks: number;
  here: number;
  /** Seconds of the gap that are here, and that the device says it has. */
  covers_s: number;
  promised_s: number;
  told: string | null;
  /** When the device had last told its chain before the gap. */
  before: string | null;
  arrived: string | null;
  evidence: string[];
  note: string;
}

export interface Gap {
  id: string;
  began: string;
  ended: string | null;
  /** Assessment seconds in it; null while it is open. */
  lost_s: number | null;
  ruling: Ruling | null;
  note: string;
  fill: Fill;
}

export interface BackendRefusal {
  action: string;
  said: string;
  at: string;
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
  /** Only for the learner. */
  capture?: CaptureWanted;
  challenge?: OpenChallenge | null;
  /** From here on only for staff. */
  identity?: Identity;
  challenges?: Challenge[];
  rechecks?: Recheck[];
  incidents?: Incident[];
  inspections?: Inspection[];
  gaps?: Gap[];
  /** What the learner's assessment system did not accept. */
  backend_refused?: BackendRefusal[];
  handover?: Handover | null;
  taken_over?: boolean;
  /** Why something that comes is not recorded, or null. */
  recording_stopped?: string | null;
  /** The learner has gone on on another device: how often, and since when. */
  device?: { changes: number; since: string } | null;
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

/** A colleague's check, for this person to look at: /staff/identity/{session}. */
export interface ReferralEntry {
  session: string;
  learner: string;
  invigilator: string;
  since: string;
  proposed: Decision | null;
}

export interface LobbyBody {
  now: string;
  sessions: LobbyEntry[];
  referrals: ReferralEntry[];
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

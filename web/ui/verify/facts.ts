// What a record says, in plain words: who sat what, when, and how it went.

import { hasHoles } from "./damage";
import { isMembers, type Json, type Members } from "./json";
import { sealOf, type Texts } from "./openings";
import type { Event } from "./record";

/** One line: its name, what it says, and whether that is missing. */
export interface Fact {
  name: string;
  words: string;
  gone?: boolean;
}

/** One event, for a list of all that happened. */
export interface Happening {
  number: number;
  at: string;
  words: string;
  who: string;
  texts: string[];
}

type MaybeFact = Fact | null;

const GONE = "erased, or not given to you";
const UNFIT = "not shown: a text does not fit its seal";
const OUTCOMES: Record<string, string> = {
  completed: "The assessment was completed",
  stopped: "The invigilator stopped the assessment",
  refused: "The learner was not admitted",
  technical: "It could not be finished for a technical reason",
};
const IDENTITY: Record<string, string> = {
  confirmed: "Confirmed",
  not_confirmed: "Not confirmed",
};
const RULINGS: Record<string, string> = {
  technical: "technical: its time was given back",
  learner: "the learner's: its time counts",
};
const CAUSES: Record<string, string> = {
  connection_lost: "the connection was lost",
  no_media: "no sound and no picture came",
  service: "the service was not watching",
};
const PICTURES: Record<string, string> = {
  id_document: "Identity document",
  id_back: "Back of the identity document",
  face: "Face",
  face_again: "Face, taken again",
  portrait: "Portrait from the document",
  incident: "Picture of an incident",
  recording: "Recording",
  screen_recording: "Recording of the learner's screen",
  second_recording: "Recording by the second camera",
  invigilator_recording: "Recording of the invigilator's voice",
  stills: "Still pictures",
  local_recording: "The learner's device, in a gap",
};
/** Kinds whose names say too little. */
const EVENTS: Record<string, string> = {
  admit: "Admitted: the assessment began",
  end: "The assessment ended",
  chat: "Message",
  signal: "State of the link, camera or microphone",
  attested: "The invigilator signed the statement",
  report_made: "The report (PDF) was made",
  local_chain: "The learner's device told how far its own recording has come",
  gap_filled: "What the learner's device recorded in a gap came",
  fill_judged: "What the learner's device recorded in a gap was judged",
  recording_started: "A recording began",
  recording_finished: "A recording was complete",
  recording_lost: "A recording was lost",
  evidence_viewed: "A picture or recording was looked at",
};

/** The facts of an attestation whose signature holds; no texts where they do not fit. */
export function factsOf(claims: Members, texts: Texts | null): Fact[] {
  const said = new Said(claims, texts);
  const facts = claims["kind"] === "onboard" ? officers(said) : sessions(said);
  return facts.filter((fact) => fact !== null);
}

/** What a piece of evidence is called. */
export function pieceName(kind: string): string {
  return worded(PICTURES, kind);
}

/** What happened, event by event, with those texts that are still kept. */
export function happenings(events: readonly Event[], texts: Texts | null): Happening[] {
  return events.map(({ said }, i) => {
    const sealed = isMembers(said["sealed"]) ? Object.values(said["sealed"]) : [];
    const known = sealed.flatMap((seal) => texts?.get(asText(seal)) ?? []);
    const kind = asText(said["kind"]);
    const at = new Date(asText(said["at"]));
    return {
      number: i + 1,
      at: Number.isNaN(at.getTime()) ? "" : `${onDay(at, true)}, ${clock(at, "UTC", true)}`,
      words: worded(EVENTS, kind) + (hasHoles(said) ? ", but for what was damaged" : ""),
      who: sentence(asText(said["actor"]).split(":")[0] ?? ""),
      texts: known,
    };
  });
}

function sessions(said: Said): MaybeFact[] {
  const outcome = said.plain("outcome");
  return [
    ...sitter(said),
    said.text("Invigilator", "invigilator", "name"),
    said.moment("Began", "started"),
    said.moment("Ended", "finished"),
    outcome === null ? null : { name: "Outcome", words: worded(OUTCOMES, outcome) },
    said.text("Reason", "reason"),
    said.identity(),
    said.onCamera(),
    said.gaps(),
    said.incidents(),
    said.damage(),
    said.text("The invigilator's statement", "statement"),
    said.text("Session", "session"),
  ];
}

function officers(said: Said): MaybeFact[] {
  const day = new Date(`${said.plain("sits_on")}T12:00:00Z`);
  const sits = Number.isNaN(day.getTime()) ? null : onDay(day);
  return [
    ...sitter(said),
    said.text("Officer who invigilates", "officer", "name"),
    said.text("Rank", "officer", "rank_words"),
    said.text("Vessel", "vessel", "name"),
    said.text("IMO number", "vessel", "imo"),
    sits === null ? null : { name: "Day of the assessment", words: sits },
    said.moment("Form sent", "submitted"),
    said.moment("Form accepted", "reviewed"),
    said.text("Accepted by", "reviewer", "name"),
    said.text("The officer's declaration", "declaration"),
    said.text("Form", "session"),
  ];
}

function sitter(said: Said): MaybeFact[] {
  return [
    said.text("Learner", "learner", "name"),
    said.text("Learner's number", "learner", "reference"),
    said.text("Assessment", "assessment", "title"),
  ];
}

/** Reads what is said, with the texts of its seals. */
class Said {
  constructor(
    private readonly claims: Members,
    private readonly texts: Texts | null,
  ) {}

  private at(...path: string[]): Json | undefined {
    let here: Json | undefined = this.claims;
    for (const name of path) here = isMembers(here) ? here[name] : undefined;
    return here;
  }

  plain(...path: string[]): string | null {
    const value = this.at(...path);
    return typeof value === "string" ? value : null;
  }

  /** A text that may be sealed; null where there is none. */
  text(name: string, ...path: string[]): MaybeFact {
    const value = this.at(...path);
    if (typeof value === "string") return value ? { name, words: value } : null;
    const seal = sealOf(value);
    if (seal === null) return null;
    if (!this.texts) return { name, words: UNFIT, gone: true };
    const words = this.texts.get(seal);
    return words === undefined ? { name, words: GONE, gone: true } : { name, words };
  }

  /** A moment in UTC and as London's clock showed it. */
  moment(name: string, ...path: string[]): MaybeFact {
    const utc = new Date(this.plain(...path, "utc") ?? NaN);
    if (Number.isNaN(utc.getTime())) return null;
    const both = `${clock(utc, "UTC")} UTC (${clock(utc, "Europe/London")} in London)`;
    return { name, words: `${onDay(utc)}, ${both}` };
  }

  identity(): MaybeFact {
    const state = this.plain("identity", "state");
    if (state === null) return null;
    const kind = this.plain("identity", "kind");
    const by = this.text("", "identity", "decided_by", "name");
    const words = [
      worded(IDENTITY, state),
      kind === null ? "" : ` with a ${sentence(kind).toLowerCase().replace("seamans", "seaman's")}`,
      by && !by.gone ? `, decided by ${by.words}` : "",
    ];
    return { name: "Identity", words: words.join("") };
  }

  onCamera(): MaybeFact {
    const share = this.at("presence", "on_camera_permille");
    const whole = this.at("presence", "assessment_seconds");
    if (typeof share !== "number" || typeof whole !== "number") return null;
    const time = whole < 60 ? `${whole} seconds` : `${Math.round(whole / 60)} minutes`;
    return { name: "Seen by the camera", words: `${share / 10} % of ${time} of assessment` };
  }

  gaps(): MaybeFact {
    const gaps = this.at("presence", "gaps") ?? this.at("gaps");
    if (!Array.isArray(gaps)) return null;
    const words = gaps.filter(isMembers).map((gap) => {
      const seconds = gap["seconds"] ?? gap["lost_seconds"];
      const long = typeof seconds === "number" ? `${seconds} seconds` : "not ended";
      const cause = lookUp(CAUSES, asText(gap["cause"]));
      const ruling = lookUp(RULINGS, asText(gap["ruling"])) ?? "not judged";
      return `${long}${cause ? `, ${cause}` : ""} (${ruling})`;
    });
    return { name: "Gaps", words: words.join("; ") || "None" };
  }

  /** What recordings lack, by the clock; older attestations say nothing of it. */
  damage(): MaybeFact {
    const damaged = this.at("damaged");
    if (!Array.isArray(damaged)) return null;
    const words = damaged.filter(isMembers).map((one) => {
      const name = `${worded(PICTURES, asText(one["kind"]))} (${asText(one["evidence"])})`;
      if (one["lost"] === "all") return `${name}: all of it`;
      const holes = Array.isArray(one["holes"]) ? one["holes"].filter(isMembers) : [];
      const started = new Date(asText(one["started"])).getTime();
      const spans = holes.flatMap((hole) => spanOf(started, hole["since_ms"], hole["until_ms"]));
      return `${name}: ${spans.join(", ") || "a part of it"}`;
    });
    const lost = `The service lost some of what it recorded. Missing: ${words.join("; ")}`;
    return { name: "Recordings", words: words.length ? lost : "Nothing of them was damaged" };
  }

  incidents(): MaybeFact {
    const incidents = this.at("incidents");
    if (!Array.isArray(incidents)) return null;
    const words = incidents.filter(isMembers).map((one) => {
      const at = new Date(asText(one["at"]));
      const seal = sealOf(one["note"]);
      const note = seal === null ? one["note"] : this.texts?.get(seal);
      const what = `${sentence(asText(one["category"]))} (${asText(one["severity"])})`;
      const when = Number.isNaN(at.getTime()) ? "" : ` at ${clock(at, "UTC")} UTC`;
      return `${what}${when}${typeof note === "string" ? `: ${note}` : ""}`;
    });
    return { name: "Incidents", words: words.join("; ") || "None" };
  }
}

/** From when to when, in UTC; nothing where that is not known. */
function spanOf(started: number, since: Json | undefined, until: Json | undefined): string[] {
  const at = (ms: Json | undefined, more: number): Date =>
    new Date(typeof ms === "number" ? started + ms + more : NaN);
  const [first, last] = [at(since, 0), at(until, 999)];
  if (Number.isNaN(first.getTime())) return [];
  const end = Number.isNaN(last.getTime()) ? "its end" : `${clock(last, "UTC", true)} UTC`;
  return [`sound or picture from ${clock(first, "UTC", true)} UTC to ${end}`];
}

/** A text, or nothing where something else stands. */
function asText(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** A table's own words for a code, and nothing that every object has. */
function lookUp(table: Record<string, string>, code: string): string | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

function worded(table: Record<string, string>, code: string): string {
  return lookUp(table, code) ?? sentence(code);
}

/** "no_show" becomes "No show", "examinee.late" becomes "Examinee: late". */
function sentence(code: string): string {
  const words = code.replace(/_/g, " ").replace(/\./g, ": ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function onDay(at: Date, short = false): string {
  const long = { weekday: "long", day: "numeric", month: "long", year: "numeric" } as const;
  const brief = { day: "numeric", month: "short", year: "numeric" } as const;
  return at.toLocaleDateString("en-GB", { timeZone: "UTC", ...(short ? brief : long) });
}

function clock(at: Date, timeZone: string, seconds = false): string {
  const parts = { hour: "2-digit", minute: "2-digit" } as const;
  const more = seconds ? ({ second: "2-digit" } as const) : {};
  return at.toLocaleTimeString("en-GB", { timeZone, ...parts, ...more });
}

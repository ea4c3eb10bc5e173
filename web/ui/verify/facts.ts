// What the attestation says, in plain words: who sat what, when, and how it went.

import { isMembers, type Json, type Members } from "./json";
import { sealOf, type Texts } from "./openings";

/** One line: its name, what it says, and whether that is missing. */
export interface Fact {
  name: string;
  words: string;
  gone?: boolean;
}

const GONE = "erased, or not given to you";
const OUTCOMES: Record<string, string> = {
  completed: "The assessment was completed",
  stopped: "The assessment was stopped",
  refused: "The learner was not admitted",
  accepted: "The officer's form was accepted",
};

/** The facts of an attestation whose signature holds. */
export function factsOf({ claims, texts }: { claims: Members | null; texts: Texts }): Fact[] {
  if (!claims) return [];
  const said = new Said(claims, texts);
  const onboard = claims["kind"] === "onboard";
  const facts = onboard ? officers(said) : sessions(said);
  return [...people(said), ...facts, { name: "Record", words: String(claims["session"]) }];
}

function people(said: Said): Fact[] {
  return [
    said.text("Learner", "learner", "name"),
    said.text("Learner's number", "learner", "reference"),
    said.text("Assessment", "assessment", "title"),
  ].filter((fact) => fact !== null);
}

function sessions(said: Said): Fact[] {
  const outcome = said.plain("outcome");
  return [
    said.text("Invigilator", "invigilator", "name"),
    said.moment("Began", "started"),
    said.moment("Ended", "finished"),
    outcome === null ? null : { name: "Outcome", words: OUTCOMES[outcome] ?? sentence(outcome) },
    said.text("Reason", "reason"),
    said.identity(),
    ...said.presence(),
    said.incidents(),
    said.text("The invigilator's statement", "statement"),
  ].filter((fact) => fact !== null);
}

function officers(said: Said): Fact[] {
  const day = said.plain("sits_on");
  return [
    said.text("Officer who invigilates", "officer", "name"),
    said.text("Vessel", "vessel", "name"),
    day === null ? null : { name: "Day of the assessment", words: day },
    said.moment("Form sent", "submitted"),
    said.moment("Form accepted", "reviewed"),
    said.text("Accepted by", "reviewer", "name"),
    said.text("The officer's declaration", "declaration"),
  ].filter((fact) => fact !== null);
}

/** Reads what is said, with the texts of its seals. */
class Said {
  constructor(
    private readonly claims: Members,
    private readonly texts: Texts,
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
  text(name: string, ...path: string[]): Fact | null {
    const value = this.at(...path);
    if (typeof value === "string") return value ? { name, words: value } : null;
    const seal = sealOf(value);
    if (seal === null) return null;
    const words = this.texts.get(seal);
    return words === undefined ? { name, words: GONE, gone: true } : { name, words };
  }

  /** A moment in UTC and as London's clock showed it. */
  moment(name: string, ...path: string[]): Fact | null {
    const utc = new Date(this.plain(...path, "utc") ?? NaN);
    if (Number.isNaN(utc.getTime())) return null;
    return {
      name,
      words: `${onDay(utc)}, ${clock(utc, "UTC")} UTC (${clock(utc, "Europe/London")} in London)`,
    };
  }

  identity(): Fact | null {
    const state = this.plain("identity", "state");
    if (state === null) return null;
    const kind = this.plain("identity", "kind");
    const with_ = kind === null ? "" : `, with a ${sentence(kind).toLowerCase()}`;
    const by = this.text("", "identity", "decided_by", "name");
    const who = by && !by.gone ? `, decided by ${by.words}` : "";
    return { name: "Identity", words: sentence(state) + with_ + who };
  }

  presence(): Fact[] {
    const facts: Fact[] = [];
    const share = this.at("presence", "on_camera_per_mille");
    if (typeof share === "number") {
      facts.push({ name: "On camera", words: `${share / 10} % of the assessment time` });
    }
    const gaps = this.at("presence", "gaps") ?? this.at("gaps");
    if (Array.isArray(gaps))
      facts.push({ name: "Gaps in what came from the learner", words: count(gaps) });
    return facts;
  }

  incidents(): Fact | null {
    const incidents = this.at("incidents");
    if (!Array.isArray(incidents)) return null;
    const kinds = incidents.filter(isMembers).map((one) => {
      return `${sentence(String(one["category"]))} (${String(one["severity"])})`;
    });
    return { name: "Incidents", words: kinds.length ? kinds.join("; ") : "None" };
  }
}

function count(list: Json[]): string {
  return list.length ? String(list.length) : "None";
}

/** "no_show" becomes "No show". */
function sentence(code: string): string {
  const words = code.replace(/[_.]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function onDay(at: Date): string {
  const parts = { weekday: "long", day: "numeric", month: "long", year: "numeric" } as const;
  return at.toLocaleDateString("en-GB", { timeZone: "UTC", ...parts });
}

function clock(at: Date, timeZone: string): string {
  return at.toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
}

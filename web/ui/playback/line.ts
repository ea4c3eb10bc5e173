// The time line that the server tells, and questions to it. Times are milliseconds since 1970.

export interface Part {
  id: string;
  start: number;
  length: number;
  picture: boolean;
  sound: boolean;
  /** Of the file: "video/mp4" where the learner's browser makes no WebM. */
  type: string;
}

export interface Lane {
  source: "camera" | "screen" | "second" | "invigilator" | "stills" | "device";
  name: string;
  parts: Part[];
}

export type MarkKind =
  "incident" | "gap" | "signal" | "picture" | "inspection" | "handover" | "supervisor" | "event";

export interface Mark {
  at: number;
  /** A mark with an end is drawn as a bar. */
  until: number | null;
  kind: MarkKind;
  text: string;
}

export interface TimeLine {
  start: number;
  end: number;
  lanes: Lane[];
  marks: Mark[];
  /** When the clock of the assessment ran. */
  running: [number, number][];
}

export const KINDS: Record<MarkKind, string> = {
  incident: "Incident",
  gap: "Gap",
  signal: "Picture or sound was wrong",
  picture: "Identity",
  inspection: "Asked to show something",
  handover: "Hand-over",
  supervisor: "Supervisor looked in",
  event: "Other event",
};

/** The part that shows this moment; of two that overlap, the later one. */
export function partAt(lane: Lane, at: number): Part | null {
  let found: Part | null = null;
  for (const part of lane.parts) {
    if (part.start <= at && at < part.start + part.length) found = part;
  }
  return found;
}

const londonTime = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/London",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** "10:02:11" as London's clocks showed it. */
export function london(at: number): string {
  return londonTime.format(at);
}

/** What to say where a source has no part. */
export function holeWords(lane: Lane, at: number): string {
  const ends = lane.parts.map((part) => part.start + part.length).filter((end) => end <= at);
  const starts = lane.parts.map((part) => part.start).filter((start) => start > at);
  const from = ends.length ? ` from ${london(Math.max(...ends))}` : "";
  const until = starts.length ? Math.min(...starts) : null;
  if (until === null) return `No recording after${from.replace(" from", "")}`;
  return `No recording${from}${from ? " to" : " before"} ${london(until)}`;
}

/** What to say where a part cannot be played; `never`: this browser says so by itself. */
export function brokenWords(part: Part | null, never: boolean): string {
  if (part?.type !== "video/mp4") return "This part of the recording cannot be played";
  const what = never ? "This browser does not play MP4" : "This MP4 file cannot be played here";
  return `${what}. Save it above, under Gaps, and open it with another program`;
}

/** How long the assessment had run by then, in milliseconds; null before it began. */
export function assessmentTime(line: TimeLine, at: number): number | null {
  const first = line.running[0];
  if (!first || at < first[0]) return null;
  return line.running.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(to, at) - from), 0);
}

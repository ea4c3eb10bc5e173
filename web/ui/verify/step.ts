// How a check comes out: numbered steps, the same as those of the command `invigilation verify`.

import { NotVerified } from "./bytes";

/** What each step looks at. */
export const TITLES: Record<number, string> = {
  1: "The file is a session's record of a known format",
  2: "The attestation is signed",
  3: "Record, attestation and events name one session",
  4: "Every event is signed",
  5: "The chain of events is unbroken",
  6: "Times do not run backwards, and each key was in use when it signed",
  7: "The chain ends where the attestation says",
  8: "The evidence is the attested evidence",
  9: "Every text that is shown fits its seal",
  10: "The report for people is the one that was signed for",
  11: "Others have witnessed the record",
};

/** A warning does not fail the record; what was not checked is none of the others' business. */
export type Mark = "ok" | "warning" | "failed";

export interface Step {
  number: number;
  mark: Mark;
  title: string;
  clause: string;
}

/** What a step that did not fail found out. */
export interface Found<T> {
  value: T;
  clause: string;
  mark?: Mark;
}

/** Takes one step; whatever goes wrong in it is a failure of the file: null then. */
export async function take<T>(
  steps: Step[],
  number: number,
  look: () => Found<T> | Promise<Found<T>>,
): Promise<T | null> {
  const title = TITLES[number] ?? "";
  try {
    const found = await look();
    steps.push({ number, mark: found.mark ?? "ok", title, clause: found.clause });
    return found.value;
  } catch (error) {
    const why = error instanceof NotVerified ? error.message : `it cannot be understood (${error})`;
    steps.push({ number, mark: "failed", title, clause: `no, ${why}` });
    return null;
  }
}

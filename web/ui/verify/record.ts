// Step 1: what came is a record, alone or in its bundle, and has the shape that it should.

import { NotVerified, textOf } from "./bytes";
import {
  canonical,
  exactly,
  isMembers,
  listAt,
  membersAt,
  parseJson,
  textAt,
  type Json,
  type Members,
} from "./json";
import { shown } from "./keys";
import type { Found } from "./step";
import { isBundle, readBundle, type Member } from "./zip";

const FORMAT = /^invigilation-record\/([12])$/;
const FIRST = ["format", "session", "events", "attestation", "evidence"];
const MEMBERS: Record<string, string[]> = { 1: FIRST, 2: [...FIRST, "openings", "anchors"] };
const LARGEST_RECORD = 64 * 1024 * 1024;
/** The files that a bundle may hold. */
export const RECORD = "record.json";
export const REPORT = "report.pdf";
export const FILE = /^evidence\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(?:jpg|webm|mp4|stills)$/;
const HEX_32 = /^[0-9a-f]{64}$/;

/** One event as it stands in the file; `said` is what its body says, empty if that is no JSON. */
export interface Event {
  body: string;
  signature: string;
  keyId: string;
  said: Members;
}

export interface Opening {
  key: string;
  text: string;
}

export interface SessionRecord {
  session: string;
  events: Event[];
  attestation: string | null;
  /** Key (hex) and text, by the seal that they open. */
  openings: ReadonlyMap<string, Opening>;
  evidence: Json[];
  anchors: Json[];
  /** The files beside the record, by their names; none where the record came alone. */
  files: ReadonlyMap<string, Member>;
  bundled: boolean;
  version: number;
}

/** Reads a bundle or a record. Throws NotVerified for anything else. */
export async function readRecord(file: Blob): Promise<Found<SessionRecord>> {
  if (!(await isBundle(file))) {
    const value = await parse(file, new Map(), false);
    return { value, clause: `yes, with ${value.events.length} events` };
  }
  const members = await readBundle(file);
  const record = members.get(RECORD);
  if (!record) throw new NotVerified("there is no record in it");
  const files = new Map([...members].filter(([name]) => name !== RECORD));
  for (const name of files.keys()) {
    if (name !== REPORT && !FILE.test(name)) {
      throw new NotVerified(`a file in it is called ${shown(name)}`);
    }
  }
  const value = await parse(record.blob, files, true);
  const pieces = [...files.keys()].filter((name) => name !== REPORT).length;
  const clause = `yes, with ${value.events.length} events and ${pieces} files of evidence`;
  return { value, clause };
}

async function parse(
  file: Blob,
  files: ReadonlyMap<string, Member>,
  bundled: boolean,
): Promise<SessionRecord> {
  if (file.size > LARGEST_RECORD) throw new NotVerified("it is larger than 64 MB");
  const text = textOf(new Uint8Array(await file.arrayBuffer()));
  const whole = parseJson(text);
  const format = isMembers(whole) ? whole["format"] : null;
  const version = typeof format === "string" ? FORMAT.exec(format)?.[1] : undefined;
  if (!isMembers(whole) || !version) throw new NotVerified("its format is not known");
  exactly(whole, MEMBERS[version]!, "the file");
  const second = version === "2";
  if (bundled && !second) {
    // It has no canonical form, and there were no bundles yet.
    throw new NotVerified("a bundle holds no record of the first format");
  }
  if (second && canonical(whole) !== text) throw new NotVerified("it is not in canonical form");
  return {
    session: textAt(whole, "session"),
    events: listAt(whole, "events").map(eventOf),
    attestation: whole["attestation"] === null ? null : textAt(whole, "attestation"),
    openings: second ? openingsOf(membersAt(whole, "openings")) : new Map(),
    evidence: listAt(whole, "evidence"),
    anchors: second ? listAt(whole, "anchors") : [],
    files,
    bundled,
    version: Number(version),
  };
}

function eventOf(item: Json): Event {
  if (!isMembers(item)) throw new NotVerified("an event is not an object");
  exactly(item, ["body", "signature", "key_id"], "an event");
  const { body, signature, key_id: keyId } = item;
  if (typeof body !== "string" || typeof signature !== "string" || typeof keyId !== "string") {
    throw new NotVerified("an event holds something else than text");
  }
  return { body, signature, keyId, said: saidBy(body) };
}

function saidBy(body: string): Members {
  try {
    const said = parseJson(body);
    return isMembers(said) ? said : {};
  } catch {
    return {};
  }
}

function openingsOf(listed: Members): Map<string, Opening> {
  const found = new Map<string, Opening>();
  for (const [seal, one] of Object.entries(listed)) {
    if (!isMembers(one)) throw new NotVerified("what opens a seal is not an object");
    exactly(one, ["key", "text"], "what opens a seal");
    const opening = { key: textAt(one, "key"), text: textAt(one, "text") };
    if (!HEX_32.test(seal)) throw new NotVerified("a seal is not 32 bytes in hex");
    if (!HEX_32.test(opening.key)) {
      throw new NotVerified("the key of a seal is not 32 bytes in hex");
    }
    found.set(seal, opening);
  }
  return found;
}

// What the learner's own device kept of gaps: named by signed events, in the chain that it told.
// The same as the command's recordings/verify/local.py.

import { digest, fromHex, joined, NotVerified, utf8 } from "./bytes";
import type { Kept } from "./evidence";
import {
  canonical,
  exactly,
  isMembers,
  listAt,
  membersAt,
  textAt,
  wholeAt,
  type Json,
  type Members,
} from "./json";
import type { SessionRecord } from "./record";

const KIND = "local_recording";
const FORMAT = "invigilation-local/1";
const SHA256 = /^[0-9a-f]{64}$/;
const FILLED = ["gap", "complete", "missing", "covers_ms", "chunks", "chains"];
const CHUNK = ["recording", "n", "sha256", "size", "evidence"];
const CHAIN = ["recording", "first", "before", "links", "head"];
const LINK = ["from", "n", "sha256", "size", "to", "type"];
const NAMED = ["recording", "links", "head"];
const WHAT = "a chunk from the learner's device";

/** What events have said: the head of a recording's chain after so many links. */
type Heads = Map<string, string>;
type Links = Map<string, Omit<Kept, "id" | "kind">>;

/** The chunks that events name, by the ids of their evidence. */
export async function named(record: SessionRecord): Promise<Map<string, Kept>> {
  const heads: Heads = new Map();
  const found = new Map<string, Kept>();
  for (const { said } of record.events) {
    if (said["kind"] === "local_chain") note(heads, said);
    if (said["kind"] !== "gap_filled") continue;
    for (const item of await filled(record.session, heads, said)) {
      const before = found.get(item.id) ?? item;
      if (JSON.stringify(before) !== JSON.stringify(item)) {
        throw new NotVerified(`${WHAT} is named in two ways`);
      }
      found.set(item.id, item);
    }
  }
  return found;
}

/** A JSON text keeps recording and number apart, whatever the recording is called. */
function place(recording: string, n: number): string {
  return JSON.stringify([recording, n]);
}

function note(heads: Heads, said: Members): void {
  const { after_gap: _, ...data } = membersAt(said, "data");
  exactly(data, NAMED, "a chain");
  const key = place(textAt(data, "recording"), wholeAt(data, "links"));
  const head = digestAt(data, "head");
  if ((heads.get(key) ?? head) !== head) {
    throw new NotVerified("the learner's device told two chains for one recording");
  }
  heads.set(key, head);
}

async function filled(session: string, heads: Heads, said: Members): Promise<Kept[]> {
  const data = membersAt(said, "data");
  exactly(data, FILLED, "a gap that was filled");
  const links: Links = new Map();
  for (const raw of listAt(data, "chains")) await follow(session, heads, raw, links);
  return listAt(data, "chunks").map((raw) => {
    const one = membersOf(raw, CHUNK, WHAT);
    const [sha256, size] = [digestAt(one, "sha256"), wholeAt(one, "size")];
    const said = links.get(place(textAt(one, "recording"), wholeAt(one, "n")));
    if (said?.sha256 !== sha256 || said.size !== size) {
      throw new NotVerified(`${WHAT} is not in the chain that it told`);
    }
    return { id: textAt(one, "evidence"), kind: KIND, ...said };
  });
}

/** Follows a chain from one head that an event has named to another, and notes its links. */
async function follow(session: string, heads: Heads, raw: Json, links: Links): Promise<void> {
  const chain = membersOf(raw, CHAIN, "a chain");
  const recording = textAt(chain, "recording");
  let n = wholeAt(chain, "first");
  const first = await digest(utf8(`${FORMAT}\n${session}\n${recording}`));
  let head = n ? heads.get(place(recording, n)) : first;
  if (head === undefined || head !== digestAt(chain, "before")) {
    throw new NotVerified("a chain of the learner's device begins where none was told");
  }
  for (const listed of listAt(chain, "links")) {
    const link = membersOf(listed, LINK, WHAT);
    if (wholeAt(link, "n") !== n) {
      throw new NotVerified("a chain of the learner's device is broken");
    }
    head = await digest(joined(fromHex(head), utf8(canonical(link))));
    links.set(place(recording, n), {
      sha256: digestAt(link, "sha256"),
      size: wholeAt(link, "size"),
      media: textAt(link, "type"),
    });
    n += 1;
    if ((heads.get(place(recording, n)) ?? head) !== head) {
      throw new NotVerified("a chain of the learner's device is not the one that it told before");
    }
  }
  if (head !== digestAt(chain, "head") || heads.get(place(recording, n)) !== head) {
    throw new NotVerified("a chain of the learner's device ends where none was told");
  }
}

function membersOf(raw: Json, names: readonly string[], what: string): Members {
  if (!isMembers(raw)) throw new NotVerified(`${what} is not an object`);
  exactly(raw, names, what);
  return raw;
}

function digestAt(members: Members, name: string): string {
  const text = textAt(members, name);
  if (!SHA256.test(text)) throw new NotVerified(`${WHAT} has no SHA-256`);
  return text;
}

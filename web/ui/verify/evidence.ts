// Step 8: the evidence is the attested evidence, and the files beside the record are of it.

import { NotVerified } from "./bytes";
import { damage, told as lackTold, type Damage } from "./damage";
import { exactly, isMembers, listAt, textAt, wholeAt, type Json, type Members } from "./json";
import { shown } from "./keys";
import { named } from "./local";
import { REPORT, type SessionRecord } from "./record";
import type { Found } from "./step";

const SHA256 = /^[0-9a-f]{64}$/;
const MP4 = "video/mp4";
const WHAT = "an item of evidence";

/** A piece of evidence as it was attested. */
export interface Item {
  id: string;
  kind: string;
  sha256: string;
  size: number;
}

/** A piece from the learner's device, and the media type that its chain says. */
export interface Kept extends Item {
  media: string;
}

/** A piece that is here, with its bytes; `media` is "" where it is no film. */
export interface Piece extends Kept {
  blob: Blob;
  /** What it lacks, where it was damaged: "4096 bytes of ev_3 (0:04 to 0:07)". */
  lacks: string;
}

/** Step 8. */
export async function evidence(record: SessionRecord, claims: Members): Promise<Found<Piece[]>> {
  const attested = items(listAt(claims, "evidence"));
  const whole = items(record.evidence);
  const kept = await named(record);
  const later = whole.slice(attested.length);
  const names = ["id", "kind", "sha256", "size"] as const;
  const same = (one: Item, other: Item | undefined): boolean =>
    names.every((name) => one[name] === other?.[name]);
  const known = attested.every((item, at) => same(item, whole[at]));
  if (!known || !later.every((item) => same(item, kept.get(item.id)))) {
    throw new NotVerified("the list of evidence is not the attested one");
  }
  const byId = new Map(whole.map((item) => [item.id, item]));
  if (![...kept.values()].every((item) => same(item, byId.get(item.id)))) {
    throw new NotVerified("the list of evidence lacks what an event names");
  }
  const listed = new Map(
    whole.map((item) => {
      const media = mediaOf(item, kept.get(item.id));
      return [fileName(item, media), { ...item, media }];
    }),
  );
  const lacking = damage(record, claims, attested);
  const pieces: Piece[] = [];
  for (const { name, blob, sha256 } of record.files.values()) {
    if (name === REPORT) continue;
    const item = listed.get(name);
    if (!item) throw new NotVerified(`${shown(name)} is not in the list of evidence`);
    if (blob.size !== item.size || sha256 !== item.sha256) {
      throw new NotVerified(`${shown(name)} is not the file that was attested`);
    }
    const lacks = lackTold(new Map([...lacking].filter(([id]) => id === item.id)));
    pieces.push({ ...item, blob, lacks });
  }
  let told = `yes, ${attested.length} items by their SHA-256`;
  if (kept.size) {
    told += `, and ${later.length} that came later and an event names; ${kept.size} of all were kept`;
    told += " on the learner's device, and fit the chain that it told";
  }
  const clause = clauseOf(told, whole.length, pieces.length);
  return lacking.size ? warned(pieces, clause, lacking) : { value: pieces, clause };
}

function warned(value: Piece[], clause: string, lacking: Damage): Found<Piece[]> {
  const lost = `but the service lost some of what it recorded: ${lackTold(lacking)}`;
  return { value, clause: `${clause}; ${lost}`, mark: "warning" };
}

function clauseOf(told: string, listed: number, here: number): string {
  if (!here) return `${told}; none of them is in this file`;
  const absent = listed - here;
  const rest = absent ? `, ${absent} were erased, withheld or damaged` : "";
  return `${told}; ${here} of them are here and unchanged${rest}`;
}

/** The name of a piece in a bundle; stills are a file of JPEGs, what is no film is a JPEG. */
function fileName(item: Item, media: string): string {
  if (item.kind === "stills") return `evidence/${item.id}.stills`;
  return `evidence/${item.id}.${media ? extension(media) : "jpg"}`;
}

/** What a film's file is called at the end. */
export function extension(media: string): "mp4" | "webm" {
  return media === MP4 ? "mp4" : "webm";
}

/** Recordings are WebM, or MP4 where the learner's device makes no other and has told so. */
function mediaOf(item: Item, kept: Kept | undefined): string {
  if (!item.kind.endsWith("recording")) return "";
  return kept?.media === MP4 ? MP4 : "video/webm";
}

function items(list: Json[]): Item[] {
  const found = list.map((item) => {
    if (!isMembers(item)) throw new NotVerified(`${WHAT} is not an object`);
    exactly(item, ["id", "kind", "sha256", "size"], WHAT);
    const sha256 = textAt(item, "sha256");
    if (!SHA256.test(sha256)) throw new NotVerified(`${WHAT} has no SHA-256`);
    const [id, kind] = [textAt(item, "id"), textAt(item, "kind")];
    return { id, kind, sha256, size: wholeAt(item, "size") };
  });
  if (new Set(found.map((item) => item.id)).size !== found.length) {
    throw new NotVerified(`${WHAT} is listed twice`);
  }
  return found;
}

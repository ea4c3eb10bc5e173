// Step 10: the report for people is one that a signed event names, and carries this attestation.
// Whether the PDF's own signature holds is not checked here: PDF readers show that.

import { NotVerified, same, utf8, type Bytes } from "./bytes";
import { isMembers } from "./json";
import { REPORT, type SessionRecord } from "./record";
import type { Found } from "./step";

/** The kind of the event that names a report. */
const MADE = "report_made";
/** Where a stream begins and ends (ISO 32000-2, 7.3.8). */
const STREAM = /stream\r?\n/g;
const END = "endstream";
const MOST_STREAMS = 10_000;

/** Step 10; `length` events were attested, null where that is not known. */
export async function report(
  record: SessionRecord,
  length: number | null,
): Promise<Found<Blob | null>> {
  const file = record.files.get(REPORT);
  if (!file) return { value: null, clause: "there is none in this file" };
  if (record.attestation === null || length === null) {
    throw new NotVerified("there is no attestation to hold it against");
  }
  const named = record.events.slice(length).some(({ said }) => {
    const data = isMembers(said["data"]) ? said["data"] : {};
    const right = data["sha256"] === file.sha256 && data["size"] === file.blob.size;
    return said["kind"] === MADE && right;
  });
  if (!named) throw new NotVerified(`no event after the attestation names this ${REPORT}`);
  const bytes = new Uint8Array(await file.blob.arrayBuffer());
  if (!(await carries(bytes, utf8(record.attestation)))) {
    throw new NotVerified("the attestation in it is not this one");
  }
  const clause = "yes, an event names it and it carries this attestation";
  return { value: file.blob, clause: `${clause}; the PDF's own signature was not checked here` };
}

/** Whether a stream of the PDF, plain or deflated, is exactly these bytes. */
async function carries(pdf: Bytes, attachment: Bytes): Promise<boolean> {
  const text = new TextDecoder("latin1").decode(pdf);
  let number = 0;
  for (const begin of text.matchAll(STREAM)) {
    if (++number > MOST_STREAMS) return false;
    const from = begin.index + begin[0].length;
    const to = text.indexOf(END, from);
    if (to < 0) return false;
    for (const raw of trimmed(pdf.subarray(from, to))) {
      if (same(raw, attachment)) return true;
      if (same(await inflated(raw, attachment.length + 1), attachment)) return true;
    }
  }
  return false;
}

/** A stream's bytes, and the same without the end of a line that may stand before `endstream`. */
function trimmed(raw: Bytes): Bytes[] {
  const last = raw.at(-1);
  if (last === 0x0d) return [raw, raw.subarray(0, -1)];
  if (last !== 0x0a) return [raw];
  const plain = [raw, raw.subarray(0, -1)];
  return raw.at(-2) === 0x0d ? [...plain, raw.subarray(0, -2)] : plain;
}

/** Inflates some bytes, to `most` bytes at the utmost; nothing comes of what is not deflated. */
async function inflated(raw: Bytes, most: number): Promise<Bytes> {
  const out = new Uint8Array(most);
  let size = 0;
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const piece = part.value.subarray(0, most - size);
      out.set(piece, size);
      size += piece.length;
      if (size === most) break;
    }
  } catch {
    return new Uint8Array();
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  return out.slice(0, size);
}

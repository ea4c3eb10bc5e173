// The bundle: a ZIP whose every byte is determined. What could be written in another way (order,
// dates, compression, comments, room between members) is refused, so that nothing can hide in it.

import { digest, joined, NotVerified, same, utf8, type Bytes } from "./bytes";
import { shown } from "./keys";

/** A file in the bundle; its bytes stay where they are until they are asked for. */
export interface Member {
  name: string;
  blob: Blob;
  sha256: string;
}

/** What one file in a bundle may hold at most, in bytes: a browser hashes it in one piece. */
export const LARGEST = 1024 ** 3;
const MOST_MEMBERS = 10_000;
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const VERSION = 20;
const FLAGS = 0x0800;
const DATE = 0x0021;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9][A-Za-z0-9_.-]*)*$/;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

interface Listed {
  name: string;
  crc: number;
  size: number;
  offset: number;
}

/** Whether a file begins as ZIP files do. */
export async function isBundle(file: Blob): Promise<boolean> {
  const bytes = await read(file, 0, 2);
  return bytes[0] === 0x50 && bytes[1] === 0x4b;
}

/** Reads a bundle. Throws NotVerified unless it is canonical to the last byte. */
export async function readBundle(file: Blob): Promise<Map<string, Member>> {
  const { listed, directory } = await readDirectory(file);
  const members = new Map<string, Member>();
  let at = 0;
  for (const one of listed) {
    const name = utf8(one.name);
    const header = joined(fields(LOCAL, [VERSION, ...common(one)]), lengths(name), name);
    if (one.offset !== at || !same(await read(file, at, at + header.length), header)) {
      throw new NotVerified("a member is not stored as it should be");
    }
    at += header.length;
    if (one.size > LARGEST) {
      throw new NotVerified(`${one.name} is too large for a browser; use the command instead`);
    }
    const blob = file.slice(at, at + one.size);
    const bytes = await read(file, at, at + one.size);
    if (bytes.length !== one.size || crc32(bytes) !== one.crc) {
      throw new NotVerified(`the check sum of ${one.name} is wrong`);
    }
    members.set(one.name, { name: one.name, blob, sha256: await digest(bytes) });
    at += one.size;
  }
  if (at !== directory) throw uncanonical();
  return members;
}

/** Reads the list at the end, and holds it against the one way to write it. */
async function readDirectory(file: Blob): Promise<{ listed: Listed[]; directory: number }> {
  const start = file.size - END_BYTES;
  if (start < 0) throw uncanonical();
  const end = new DataView((await read(file, start, file.size)).buffer);
  const count = end.getUint16(10, true);
  const size = end.getUint32(12, true);
  const directory = end.getUint32(16, true);
  if (directory + size !== start || count > MOST_MEMBERS) throw uncanonical();
  const bytes = await read(file, directory, start);
  const listed = entriesOf(bytes, count);
  const written = listed.map((one) => {
    const name = utf8(one.name);
    const shape = fields(CENTRAL, [VERSION, VERSION, ...common(one)]);
    return joined(shape, lengths(name), places(one.offset), name);
  });
  const counts = [0, 0, count, count, size & 0xffff, size >>> 16];
  const last = fields(END, [...counts, directory & 0xffff, directory >>> 16, 0]);
  if (!same(joined(...written, last), await read(file, directory, file.size))) throw uncanonical();
  return { listed, directory };
}

function entriesOf(bytes: Bytes, count: number): Listed[] {
  const view = new DataView(bytes.buffer);
  const listed: Listed[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > bytes.length) throw uncanonical();
    const length = view.getUint16(at + 28, true);
    const raw = bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + length);
    const name = String.fromCharCode(...raw);
    if (!NAME.test(name)) throw new NotVerified(`a file in it is called ${shown(name)}`);
    const before = listed.at(-1)?.name;
    if (before !== undefined && before >= name) {
      throw new NotVerified("its members are not in order, or one is there twice");
    }
    listed.push({
      name,
      crc: view.getUint32(at + 16, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    });
    at += CENTRAL_BYTES + length;
  }
  return listed;
}

/** What stands alike in a local header and in the list: flags, method, time, date, CRC, sizes. */
function common(one: Listed): number[] {
  const size = [one.size & 0xffff, one.size >>> 16];
  return [FLAGS, 0, 0, DATE, one.crc & 0xffff, one.crc >>> 16, ...size, ...size];
}

function lengths(name: Bytes): Bytes {
  return shorts([name.length, 0]);
}

/** Comment, disk, both attributes: none; then where the member's header stands. */
function places(offset: number): Bytes {
  return shorts([0, 0, 0, 0, 0, offset & 0xffff, offset >>> 16]);
}

function fields(signature: number, values: number[]): Bytes {
  return shorts([signature & 0xffff, signature >>> 16, ...values]);
}

function shorts(values: number[]): Bytes {
  const view = new DataView(new ArrayBuffer(2 * values.length));
  values.forEach((value, i) => view.setUint16(2 * i, value, true));
  return new Uint8Array(view.buffer);
}

/** The list at the end, or where it says that members stand, is not as it must be. */
function uncanonical(): NotVerified {
  return new NotVerified("its list of members is not the one that it should be");
}

async function read(file: Blob, from: number, to: number): Promise<Bytes> {
  return new Uint8Array(await file.slice(from, to).arrayBuffer());
}

function crc32(bytes: Bytes): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

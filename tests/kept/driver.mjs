// Runs what the learner's page keeps and brings, in node: one call a line of standard input,
// {"name", "arguments", "of", "made"}, answered with one line of JSON when it is done.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// The page's form token.
globalThis.document = { querySelector: () => ({ content: "token" }) };

const page = await import(pathToFileURL(process.argv[2]));

const START = Date.parse("2026-11-23T10:00:00.000Z");
const MINUTE = 60_000;

/** A shelf whose chunks are 20 seconds each, by a device's clock that the test moves. */
class Shelves {
  constructor(session, room, limits, base, key) {
    const disk = base ? base.disk : room === null ? null : new page.Memory(room ?? Infinity);
    this.session = session;
    this.disk = disk;
    const place = key && disk ? new page.Sealed(disk, new page.AtRest(key)) : disk;
    this.shelf = new page.Shelf(session, place, limits ?? undefined);
    this.heads = new Map();
  }

  open(minutes) {
    return this.shelf.open(minutes * MINUTE);
  }

  async put(recording, size, minutes = 0) {
    const chunk = new Uint8Array(size).map((_, i) => (i * 7 + size) % 256);
    const links = this.shelf.links(recording);
    const n = links.length;
    const head = links.at(-1)?.head ?? (await page.opening(this.session, recording));
    const link = await page.linked(head, {
      n,
      from: new Date(START + n * 20_000).toISOString(),
      to: new Date(START + (n + 1) * 20_000 + 300).toISOString(),
      sha256: await page.digest(chunk),
      size,
      type: "video/webm",
    });
    await this.shelf.put(recording, link, chunk.buffer, minutes * MINUTE);
  }

  draft(recording, n, size) {
    const from = new Date(START + n * 20_000).toISOString();
    const to = new Date(START + n * 20_000 + 5000).toISOString();
    const said = { n, from, to, size, type: "video/webm" };
    return this.shelf.draft(recording, said, new Uint8Array(size).fill(n + 1).buffer);
  }

  links(recording) {
    return this.shelf.links(recording);
  }

  here(recording) {
    return this.shelf.links(recording).flatMap(({ n }) => (this.shelf.has(recording, n) ? [n] : []));
  }

  async length(recording, n) {
    return (await this.shelf.bytes(recording, n))?.byteLength ?? null;
  }

  bytes(recording, n) {
    return this.shelf.bytes(recording, n);
  }

  /** What lies on the disk itself. */
  stored(recording, n) {
    return this.disk.bytes(page.keyOf(recording, n));
  }

  wanted(recording, have, numbers) {
    return this.shelf.wanted(recording, have, new Set(numbers));
  }

  drop(recording, n) {
    return this.shelf.drop(recording, n);
  }

  forget(recording) {
    return this.shelf.forget(recording);
  }

  clear() {
    return this.shelf.clear();
  }

  room() {
    return this.shelf.room;
  }

  recordings() {
    return this.shelf.recordings();
  }
}

/** Another page over what an earlier one has left. */
class Reloaded extends Shelves {
  constructor(session, earlier, key) {
    super(session, undefined, null, earlier, key);
  }
}

/** A page that brings to a server what is on its shelf. */
class Page {
  constructor(shelves, url) {
    this.set = { reachable: true, queue: 0, kbit: null, over: false };
    this.allowed = [];
    this.seen = [];
    this.bringer = new page.Bringer({
      session: shelves.session,
      url,
      shelf: shelves.shelf,
      reachable: () => this.set.reachable,
      queue: () => this.set.queue,
      kbit: () => this.set.kbit,
      over: () => this.set.over,
      allowed: (is) => this.allowed.push(is),
      changed: () => this.seen.push(this.bringer?.share),
    });
  }

  begin() {
    this.ended = this.bringer.run();
  }

  now(name, value) {
    this.set[name] = value;
    if (name === "reachable" && value) this.bringer.back();
    else this.bringer.wake();
  }

  standing() {
    return this.bringer.standing;
  }

  shares() {
    return this.seen;
  }

  told() {
    return this.allowed;
  }

  async end() {
    this.bringer.stop();
    await this.ended;
  }
}

const names = { ...page, Shelves, Reloaded, Page };
const kept = new Map();

function given(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(given);
  if ("object" in value) return kept.get(value.object);
  if ("bytes" in value) return Uint8Array.from(Buffer.from(value.bytes, "base64"));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, given(one)]));
}

async function call({ name, of, made, arguments: all }) {
  const values = all.map(given);
  if (made !== undefined) return void kept.set(made, new names[name](...values));
  const found = of === undefined ? names[name] : kept.get(of)[name];
  if (typeof found !== "function") return found;
  return of === undefined ? found(...values) : kept.get(of)[name](...values);
}

/** As JSON can say it. */
function told(value) {
  if (!(value instanceof ArrayBuffer) && !ArrayBuffer.isView(value)) return value ?? null;
  return { bytes: Buffer.from(value).toString("base64") };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { value: told(await call(JSON.parse(line))) };
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
// Whatever still waits in a page under test.
process.exit(0);

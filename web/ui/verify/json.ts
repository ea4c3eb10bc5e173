// Strict JSON: what a browser's own parser lets pass is refused here (a member named twice, half
// a surrogate pair, a depth that nobody needs), and the one canonical text of a value is known.

import { NotVerified, textOf } from "./bytes";

export type Json = null | boolean | number | string | Json[] | Members;
export interface Members {
  [name: string]: Json;
}

const DEEPEST = 100;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;
const SHORT: Record<string, string> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** Parses UTF-8 JSON; throws NotVerified for whatever is not strictly that. */
export function parseJson(source: Uint8Array | string): Json {
  const text = typeof source === "string" ? source : textOf(source);
  return new Reader(text).whole();
}

/**
 * The one text that is signed: members sorted by code point, no spaces, nothing escaped that need
 * not be. Numbers are whole ones here; a value with others has no canonical text, and throws.
 */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new NotVerified("it holds a number that is not whole");
    return String(value);
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort(byCodePoint);
  const members = names.map((name) => `${JSON.stringify(name)}:${canonical(value[name]!)}`);
  return `{${members.join(",")}}`;
}

/** Whether it is an object (and no list). */
export function isMembers(value: Json | undefined): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text of this name. Throws NotVerified where there is none. */
export function textAt(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== "string") throw unusable(name);
  return value;
}

/** The whole number of this name. Throws NotVerified where there is none. */
export function wholeAt(members: Members, name: string): number {
  const value = members[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw unusable(name);
  return value;
}

/** The list of this name. Throws NotVerified where there is none. */
export function listAt(members: Members, name: string): Json[] {
  const value = members[name];
  if (!Array.isArray(value)) throw unusable(name);
  return value;
}

/** The object of this name. Throws NotVerified where there is none. */
export function membersAt(members: Members, name: string): Members {
  const value = members[name];
  if (!isMembers(value)) throw unusable(name);
  return value;
}

/** Throws NotVerified unless there are exactly these members. */
export function exactly(members: Members, names: readonly string[], what: string): void {
  const found = Object.keys(members);
  if (found.length !== names.length || !names.every((name) => name in members)) {
    throw new NotVerified(`${what} has other members than it should`);
  }
}

function unusable(name: string): NotVerified {
  return new NotVerified(`it says nothing usable about its ${name}`);
}

/** Code points, as Python sorts; JavaScript's own order differs beyond U+FFFF. */
function byCodePoint(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let i = 0; i < length; i++) {
    const a = one.charCodeAt(i);
    const b = other.charCodeAt(i);
    if (a !== b) return rank(a) - rank(b);
  }
  return one.length - other.length;
}

/** A half of a surrogate pair stands for a code point beyond all that are one unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

class Reader {
  private at = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  whole(): Json {
    this.skip();
    const value = this.value();
    this.skip();
    if (this.at !== this.text.length) throw this.bad();
    return value;
  }

  private bad(): NotVerified {
    return new NotVerified("it is not valid JSON");
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private skip(): void {
    const unit = this.text.charCodeAt(this.at);
    if (unit === 32 || (unit >= 9 && unit <= 13)) this.take(SPACE);
  }

  private value(): Json {
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === "{") return this.object();
    if (first === "[") return this.list();
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    const number = this.take(NUMBER);
    if (!number) throw this.bad();
    return Number(number);
  }

  private string(): string {
    let text = "";
    for (this.at++; ;) {
      text += this.take(PLAIN);
      const next = this.text[this.at++];
      if (next === '"') break;
      if (next !== "\\") throw this.bad();
      text += this.escape();
    }
    if (/\p{Surrogate}/u.test(text)) throw this.bad();
    return text;
  }

  private escape(): string {
    const letter = this.text[this.at++] ?? "";
    if (letter !== "u") {
      const meant = SHORT[letter];
      if (meant === undefined) throw this.bad();
      return meant;
    }
    const code = this.text.slice(this.at, this.at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(code)) throw this.bad();
    this.at += 4;
    return String.fromCharCode(parseInt(code, 16));
  }

  private object(): Members {
    // No prototype: a member may have any name, `__proto__` too.
    const members = Object.create(null) as Members;
    this.items("}", () => {
      if (this.text[this.at] !== '"') throw this.bad();
      const name = this.string();
      if (name in members) throw new NotVerified("a member stands in it twice");
      this.skip();
      if (this.text[this.at++] !== ":") throw this.bad();
      this.skip();
      members[name] = this.value();
    });
    return members;
  }

  private list(): Json[] {
    const values: Json[] = [];
    this.items("]", () => values.push(this.value()));
    return values;
  }

  private items(end: string, item: () => void): void {
    if (++this.depth > DEEPEST) throw this.bad();
    this.at++;
    this.skip();
    if (this.text[this.at] === end) {
      this.at++;
    } else {
      for (;;) {
        item();
        this.skip();
        const next = this.text[this.at++];
        if (next === end) break;
        if (next !== ",") throw this.bad();
        this.skip();
      }
    }
    this.depth--;
  }
}

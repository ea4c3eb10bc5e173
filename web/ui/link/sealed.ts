// A place for a shelf that holds nothing in the clear but what the links of the chain say.

import type { AtRest } from "../lib/at-rest";
import type { Base, Chunk, Room } from "./shelf";

export class Sealed implements Base {
  constructor(
    private readonly base: Base,
    private readonly rest: AtRest,
  ) {}

  all(): Promise<Chunk[]> {
    return this.base.all();
  }

  async put(key: string, chunk: Chunk, bytes?: ArrayBuffer): Promise<Room> {
    return this.base.put(key, chunk, bytes && (await this.rest.seal(bytes, key)));
  }

  async bytes(key: string): Promise<ArrayBuffer | null> {
    const stored = await this.base.bytes(key);
    return stored && this.rest.open(stored, key);
  }

  erase(key: string, bytesOnly: boolean): Promise<void> {
    return this.base.erase(key, bytesOnly);
  }
}

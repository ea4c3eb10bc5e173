// The proof that a leaf is under a root (RFC 9162, 2.1.3.2).

import { joined, NotVerified, sha256, type Bytes } from "./bytes";

const HASH_BYTES = 32;

/** The root that `path` leads to from the leaf at `index` of `size`. Throws NotVerified. */
export async function rootOf(
  leaf: Bytes,
  index: number,
  size: number,
  path: readonly Bytes[],
): Promise<Bytes> {
  if (index < 0 || index >= size) throw new NotVerified("a timestamp's place is not in its list");
  let here = index;
  let last = size - 1;
  let hash = await sha256(joined(Uint8Array.of(0), leaf));
  for (const beside of path) {
    if (beside.length !== HASH_BYTES || last === 0) throw astray();
    if (here % 2 === 1 || here === last) {
      hash = await sha256(joined(Uint8Array.of(1), beside, hash));
      while (here % 2 === 0 && here !== 0) {
        here /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = await sha256(joined(Uint8Array.of(1), hash, beside));
    }
    here = Math.floor(here / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw astray();
  return hash;
}

function astray(): NotVerified {
  return new NotVerified("a timestamp's path does not lead to its root");
}

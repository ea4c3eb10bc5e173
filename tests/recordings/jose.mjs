// Verifies compact JWS with a library that is not ours, as a backend's programmer would.
// Input (one JSON text): where the library is, the published keys, and the documents by name.
// Output: for each document what it says, or null if it was refused.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { library, jwks, documents } = JSON.parse(readFileSync(0, "utf8"));
const { compactVerify, createLocalJWKSet } = await import(pathToFileURL(library).href);
const keys = createLocalJWKSet(jwks);
const said = {};
for (const [name, jws] of Object.entries(documents)) {
  try {
    const { payload } = await compactVerify(jws, keys, { algorithms: ["Ed25519"] });
    said[name] = new TextDecoder().decode(payload);
  } catch {
    said[name] = null;
  }
}
console.log(JSON.stringify(said));

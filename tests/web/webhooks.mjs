// Reads {library, secrets, whpk, message: {headers, body}} and answers what a receiver says of it:
// the reference library with each secret, and Node's own Ed25519 with the public key.
import { createRequire } from "node:module";
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const asked = JSON.parse(readFileSync(0, "utf8"));
const { Webhook } = createRequire(import.meta.url)(asked.library);

function shared(secret, { headers, body }) {
  try {
    return JSON.stringify(new Webhook(secret).verify(body, headers));
  } catch (error) {
    return error.message;
  }
}

function own(whpk, { headers, body }) {
  const x = Buffer.from(whpk.replace("whpk_", ""), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  return headers["webhook-signature"]
    .split(" ")
    .filter((one) => one.startsWith("v1a,"))
    .map((one) => verify(null, signed, key, Buffer.from(one.slice(4), "base64")));
}

console.log(
  JSON.stringify({
    shared: asked.secrets.map((secret) => shared(secret, asked.message)),
    own: own(asked.whpk, asked.message),
  }),
);

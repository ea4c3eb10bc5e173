// Compact JWS (RFC 7515) with `alg` Ed25519 (RFC 9864), and no other.

import { fromBase64url, NotVerified, utf8, type Bytes } from "./bytes";
import { isMembers, parseJson, type Members } from "./json";
import { check, type Keys, type TrustedKey } from "./keys";

const ALGORITHM = "Ed25519";
/** The type in the header of an attestation. */
export const ATTESTATION_TYPE = "invigilation-attestation+jws";

/** The type in the header of a backend's receipt. */
export const RECEIPT_TYPE = "invigilation-receipt+jws";

/** The three parts of a JWS, with what its signature is over. */
export interface Parts {
  header: Members;
  payload: Bytes;
  signature: Bytes;
  signed: Bytes;
}

/** Takes a compact JWS apart. Throws NotVerified for what is none. */
export function partsOf(jws: string): Parts {
  // Never more parts than one too many: sixty million dots would fill the memory.
  const parts = jws.split(".", 4);
  if (parts.length !== 3) throw new NotVerified("it is not a compact JWS");
  const header = parseJson(fromBase64url(parts[0]!));
  if (!isMembers(header)) throw new NotVerified("its header is not one of ours");
  return {
    header,
    payload: fromBase64url(parts[1]!),
    signature: fromBase64url(parts[2]!),
    signed: utf8(`${parts[0]}.${parts[1]}`),
  };
}

/**
 * Opens a JWS of ours. The header must be exactly `alg`, `typ` and a `kid` among the keys; nothing
 * in the document chooses how it is verified. Throws NotVerified.
 */
export async function openJws(
  jws: string,
  keys: Keys,
  type = ATTESTATION_TYPE,
): Promise<{ payload: Bytes; key: TrustedKey }> {
  const { header, payload, signature, signed } = partsOf(jws);
  const names = Object.keys(header).sort().join(" ");
  if (names !== "alg kid typ") throw new NotVerified("its header is not one of ours");
  if (header["alg"] !== ALGORITHM) throw new NotVerified("its algorithm is not Ed25519");
  if (header["typ"] !== type) {
    throw new NotVerified("it is signed as another type of document");
  }
  const key = await check(keys, header["kid"], signature, signed);
  return { payload, key };
}

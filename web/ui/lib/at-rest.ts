// Encrypts what waits on this device. The key comes with the page, to who is signed in, and is kept
// in this page's memory alone: without the sign-in, the device shows nothing of what it holds.

const TAG = new TextEncoder().encode("INVREST1");
const NONCE = 12;

/** AES-256-GCM; what is stored is a tag of 8 bytes, a nonce of 12, and the ciphertext. */
export class AtRest {
  private readonly key: Promise<CryptoKey>;

  /** `key`: 32 bytes in base64. */
  constructor(key: string) {
    const raw = Uint8Array.from(atob(key), (one) => one.charCodeAt(0));
    this.key = crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  }

  /** Returns what may be stored; `place` says where, and it opens in that place alone. */
  async seal(bytes: ArrayBuffer, place: string): Promise<ArrayBuffer> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
    const key = await this.key;
    const box = new Uint8Array(await crypto.subtle.encrypt(how(nonce, place), key, bytes));
    const all = new Uint8Array(TAG.length + NONCE + box.length);
    all.set(TAG);
    all.set(nonce, TAG.length);
    all.set(box, TAG.length + NONCE);
    return all.buffer;
  }

  /**
   * Returns the bytes again; null when they were changed, moved, or sealed under another key. What
   * a page of an older build has stored carries no tag, and is returned as it is.
   */
  async open(stored: ArrayBuffer, place: string): Promise<ArrayBuffer | null> {
    const all = new Uint8Array(stored);
    if (!TAG.every((one, i) => all[i] === one)) return stored;
    const nonce = all.subarray(TAG.length, TAG.length + NONCE);
    const box = all.subarray(TAG.length + NONCE);
    try {
      return await crypto.subtle.decrypt(how(nonce, place), await this.key, box);
    } catch {
      return null;
    }
  }
}

/** Null without a key: then nothing is stored. */
export function atRest(key: string | undefined): AtRest | null {
  return key ? new AtRest(key) : null;
}

function how(iv: Uint8Array<ArrayBuffer>, place: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(place) };
}

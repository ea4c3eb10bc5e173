// Bytes as text, and back: what goes over the socket.

/** A blob in base64 (RFC 4648, 4). */
export function base64(blob: Blob): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done((reader.result as string).split(",")[1] ?? "");
    reader.onerror = () => fail(reader.error ?? new Error("unreadable"));
    reader.readAsDataURL(blob);
  });
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

const HEAD = [0x1a, 0x45, 0xdf, 0xa3];
const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];

const has = (bytes: Uint8Array, mark: readonly number[], at: number): boolean =>
  mark.every((byte, i) => bytes[at + i] === byte);

/** Whether a piece begins a stream of WebM. */
export function isHead(bytes: Uint8Array): boolean {
  return has(bytes, HEAD, 0);
}

/** How many bytes at the end begin a cluster's mark that is cut off there. */
export function cutOff(bytes: Uint8Array): number {
  for (let n = CLUSTER.length - 1; n > 0; n -= 1) {
    if (has(bytes, CLUSTER.slice(0, n), bytes.length - n)) return n;
  }
  return 0;
}

/** Where the first cluster of WebM begins; -1 where none does. */
export function clusterAt(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(CLUSTER[0]!); at >= 0; at = bytes.indexOf(CLUSTER[0]!, at + 1)) {
    if (has(bytes, CLUSTER, at)) return at;
  }
  return -1;
}

// Small calls to the service by HTTP, beside the live connection: for what is sent in pieces.

const LIMIT_MS = 60_000;

/** The server answered, and not as hoped. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(code);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Sends one call and returns what the answer says; throws `Refusal`, or what `fetch` throws. */
export async function call<T>(url: string, method: string, body?: object): Promise<T> {
  const bytes = body instanceof Blob || body instanceof ArrayBuffer;
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]');
  const type = bytes ? "application/octet-stream" : "application/json";
  const answer = await fetch(url, {
    method,
    headers: { "Content-Type": type, "X-CSRF-Token": token?.content ?? "" },
    body: bytes ? body : body && JSON.stringify(body),
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const said = (await answer.json().catch(() => ({}))) as { error?: { code?: string } };
  if (!answer.ok) throw new Refusal(answer.status, said.error?.code ?? "");
  return said as T;
}

/** Resolves when the device says that it is online again. */
export function online(): Promise<void> {
  return new Promise((done) => addEventListener("online", () => done(), { once: true }));
}

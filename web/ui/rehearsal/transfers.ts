// What is measured without media: delay, and bytes down and up, by short transfers. A transfer of
// one flight of packets shows a link's width without the slow start of a longer one.

/** What a request and its answer weigh beside their bodies, about. */
const HEADERS = 1400;
const LIMIT_MS = 8000;
const SOCKET_MS = 10_000;
/** Quicker than this nothing is told apart. */
const LEAST_MS = 4;
const MOST_KBIT = 1_000_000;

/** The server answered, and not as hoped; the message is a sentence for people. */
export class Refused extends Error {}

export interface Delay {
  rtt: number;
  jitter: number;
}

export class Transfers {
  /** All bytes so far, both ways. */
  bytes = 0;
  private rtt = 0;
  private readonly token =
    document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";

  constructor(private readonly url: string) {}

  /** The delay of so many small questions, one after another; one before opens the way, unless it
   * is `open`. */
  async delay(count: number, open = false): Promise<Delay> {
    const trips: number[] = [];
    for (let n = open ? 1 : 0; n <= count; n += 1) {
      const began = performance.now();
      try {
        await this.ask("/ping", { signal: AbortSignal.timeout(LIMIT_MS) });
      } catch (error) {
        // One that is lost is a delay, too; a link on which none comes through is no link.
        if (error instanceof Refused || (n === count && !trips.length)) throw error;
      }
      if (n > 0) trips.push(performance.now() - began);
    }
    this.rtt = Math.min(...trips);
    const steps = trips.slice(1).map((trip, n) => Math.abs(trip - (trips[n] ?? trip)));
    return { rtt: this.rtt, jitter: median(steps) };
  }

  /** Kilobits a second that come down: the best of these transfers, of so many bytes each. */
  down(sizes: readonly number[]): Promise<number> {
    return this.best(sizes, async (size, signal) => {
      const answer = await this.ask(`/bytes?n=${size}`, { signal });
      const reader = answer.body?.getReader();
      let got = 0;
      try {
        for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) {
          got += piece.value.length;
        }
      } catch {
        // Out of time: what has come by then tells enough.
      }
      this.bytes += got;
      return got;
    });
  }

  /** Kilobits a second that go up. */
  up(sizes: readonly number[]): Promise<number> {
    return this.best(sizes, async (size, signal) => {
      this.bytes += size;
      // A new noise each time: what nothing on the way can make smaller.
      const body = crypto.getRandomValues(new Uint8Array(size));
      await this.ask("/bytes", { method: "POST", body, signal });
      return size;
    });
  }

  /** A call with a JSON body and answer. */
  async post<T>(path: string, body: object): Promise<T> {
    const sent = JSON.stringify(body);
    const headers = { "Content-Type": "application/json" };
    const answer = await this.ask(path, { method: "POST", body: sent, headers });
    const told = await answer.text();
    this.bytes += sent.length + told.length;
    return JSON.parse(told) as T;
  }

  async ask(path: string, init: RequestInit): Promise<Response> {
    this.bytes += HEADERS;
    const answer = await fetch(this.url + path, {
      cache: "no-store",
      ...init,
      headers: { "X-CSRF-Token": this.token, ...init.headers },
    });
    if (answer.ok) return answer;
    const said = (await answer.json().catch(() => ({}))) as { error?: { detail?: string } };
    throw new Refused(said.error?.detail ?? "The server did not answer as it should.");
  }

  /** Stops early: a larger transfer is worth its bytes only where the smaller one was quick. */
  private async best(
    sizes: readonly number[],
    move: (size: number, signal: AbortSignal) => Promise<number>,
  ): Promise<number> {
    let best = 0;
    let last = 0;
    for (const size of sizes) {
      if (size > last && last && best < 400) break;
      const began = performance.now();
      const moved = await move(size, AbortSignal.timeout(LIMIT_MS)).catch((error: unknown) => {
        if (error instanceof Refused) throw error;
        return 0;
      });
      const took = Math.max(LEAST_MS, performance.now() - began - this.rtt);
      best = Math.max(best, Math.min(MOST_KBIT, (8 * moved) / took));
      last = size;
    }
    return best;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Whether a WebSocket to the server opens: the Engine.IO server speaks first. */
export function socketOpens(path: string, limitMs = SOCKET_MS): Promise<boolean> {
  return new Promise((done) => {
    const origin = location.origin.replace(/^http/, "ws");
    const socket = new WebSocket(`${origin}${path}/?EIO=4&transport=websocket`);
    const end = (opened: boolean): void => {
      clearTimeout(timer);
      socket.close();
      done(opened);
    };
    const timer = setTimeout(() => end(false), limitMs);
    socket.addEventListener("message", (event) => end(String(event.data).startsWith("0")));
    socket.addEventListener("error", () => end(false));
    socket.addEventListener("close", () => end(false));
  });
}

// Sends what waits to the server, piece by piece; goes on where it stopped, whatever happened.

import { call, online, Refusal, sleep } from "../../lib/call";
import { countSent } from "../../link/budget";
import { keyOf, type Keep, type Waiting } from "./keep";
import { nextPiece, Pace, shareOf, type Manner } from "./pace";

export type Sending = "idle" | "sending" | "stuck" | "unusable" | "unwanted" | "closed";

/** How it went with one picture. */
type Outcome = "done" | "unusable" | "unwanted" | "closed";

/** What the server says of a picture that nobody waits for any more (`wanted`), or for which there
 * is no room for so many seconds (`later`). */
interface Late {
  wanted?: false;
  later?: number;
}

interface Begun extends Late {
  capture: string;
  chunk: number;
  have: number[];
  evidence: string | null;
}

/** So many times in a row the server may have forgotten or mistaken what came before. */
const ANEW = 4;

export class Sender {
  standing: Sending = "idle";
  /** How much of the picture that is being sent is there, 0 to 1. */
  share = 0;
  private running = false;
  private pace: Pace | null = null;

  /** `changed` is called after every step, `done` when the server has one picture. */
  constructor(
    private readonly url: string,
    private readonly session: string,
    private readonly keep: Keep,
    private readonly changed: () => void,
    private readonly done: (one: Waiting) => void,
    private readonly manner?: Manner & { wait(pace: number): number },
  ) {}

  /** Sends all that waits; does nothing while it is at it. */
  async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (;;) {
        const [next] = await this.keep.of(this.session);
        if (!next) break;
        this.tell("sending");
        const outcome = await this.bring(next);
        if (outcome === "done" || (next.wanted && outcome !== "closed")) {
          await this.drop(next);
          if (outcome === "done") this.done(next);
          continue;
        }
        for (const one of await this.keep.of(this.session)) await this.keep.drop(one);
        this.tell(outcome);
        return;
      }
      this.tell("idle");
    } finally {
      this.running = false;
    }
  }

  /** Drops what was sent, unless a newer picture of the same side has come meanwhile. */
  private async drop(sent: Waiting): Promise<void> {
    const waiting = await this.keep.of(this.session);
    const same = waiting.find((one) => keyOf(one) === keyOf(sent));
    if (same?.at === sent.at) await this.keep.drop(sent);
  }

  private async bring(one: Waiting): Promise<Outcome> {
    let failures = 0;
    let anew = 0;
    for (;;) {
      const before = this.share;
      try {
        return await this.once(one);
      } catch (error) {
        const status = error instanceof Refusal ? error.status : 0;
        const code = error instanceof Refusal ? error.code : "";
        if (status === 401 || status === 403) return "closed";
        if (status === 413 || status === 422 || status === 400) return "unusable";
        const mistaken = ["wrong_offset", "wrong_digest", "not_found"].includes(code);
        if (status === 409 && !mistaken) return "unwanted";
        if (mistaken) anew += 1;
        if (anew > ANEW) return "unusable";
        failures = this.share > before ? 1 : failures + 1;
      }
      this.tell(failures > 1 ? "stuck" : "sending");
      await Promise.race([sleep(Pace.retry(failures)), online()]);
    }
  }

  /** Asks what the server has, sends the rest, and has it taken. */
  private async once(one: Waiting): Promise<"done" | "unwanted"> {
    const { session, kind, side, wanted, parts, quality } = one;
    const asked = performance.now();
    const plan = { session, kind, side, wanted, parts, quality };
    const begun = await this.post<Begun>(this.url, plan);
    if (begun.wanted === false) return "unwanted";
    if (begun.evidence) return "done";
    this.pace ??= new Pace(begun.chunk, performance.now() - asked, this.manner);
    const have = [...begun.have];
    this.share = shareOf(parts, have);
    for (;;) {
      const piece = nextPiece(parts, have, Math.min(this.pace.bytes, begun.chunk));
      if (!piece) break;
      const { part, from, to } = piece;
      const began = performance.now();
      const blob = one.blobs[part]?.slice(from, to);
      if (!blob) throw new Refusal(422, "lost");
      const answer = await this.put(`${this.url}/${begun.capture}/${part}/${from}`, blob);
      have[part] = answer.have;
      this.share = shareOf(parts, have);
      this.tell("sending");
      const wait = this.pace.sent(to - from, performance.now() - began);
      // Whoever pays for each byte has said how many there may be.
      const paid = countSent(to - from, session);
      await sleep(Math.max(this.manner?.wait(wait) ?? wait, paid));
    }
    for (;;) {
      const end = await this.post<Late>(`${this.url}/${begun.capture}/finish`, {});
      if (!end.later) return end.wanted === false ? "unwanted" : "done";
      await sleep(end.later * 1000);
    }
  }

  private post<T>(url: string, body: object): Promise<T> {
    return call<T>(url, "POST", body);
  }

  private put(url: string, body: Blob): Promise<{ have: number }> {
    return call(url, "PUT", body);
  }

  private tell(standing: Sending): void {
    this.standing = standing;
    this.changed();
  }
}

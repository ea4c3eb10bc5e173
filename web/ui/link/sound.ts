// Voices in pieces over the socket, where no media connection can be made: a recorder's WebM, a piece
// a second, played as one by the other side.

import type { SoundBody } from "../lib/protocol";
import { base64, bytesOf, clusterAt, cutOff, isHead } from "./pieces";

export const TYPE = "audio/webm;codecs=opus";
const BITS = 16_000;
const PIECE_MS = 1_000;
/** So many pieces may be unanswered: with more, the link is too slow, and all of them too late. */
const UNANSWERED = 5;
const AGAIN_MS = 2_000;

/** Sends a voice: one recorder, begun anew where a piece got lost. */
export class VoiceOut {
  /** What was sent so far, in bytes. */
  bytes = 0;
  private track: MediaStreamTrack | null = null;
  private recorder: MediaRecorder | null = null;
  private timer = 0;
  private unanswered = 0;

  constructor(
    private readonly request: (event: string, body: object) => Promise<unknown>,
    /** Milliseconds since 1970 by the server's clock. */
    private readonly now: () => number,
    /** Called with every piece, also where timers stand still. */
    private readonly beat: () => void = () => undefined,
  ) {}

  /** Sends this one from now on; null sends nothing. */
  send(track: MediaStreamTrack | null): void {
    const live = track?.readyState === "live" ? track : null;
    if (live === this.track) return;
    this.end();
    this.track = live;
    this.begin();
  }

  private begin(): void {
    clearTimeout(this.timer);
    const { track } = this;
    if (!track || this.recorder) return;
    if (typeof MediaRecorder === "undefined" || !MediaRecorder.isTypeSupported(TYPE)) return;
    // What still waits of the stream before is too late anyway.
    if (this.unanswered) return this.later();
    const stream = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const recorder = new MediaRecorder(new MediaStream([track]), {
      mimeType: TYPE,
      audioBitsPerSecond: BITS,
    });
    let n = 0;
    let line: Promise<unknown> = Promise.resolve();
    let held = new Blob();
    recorder.ondataavailable = ({ data }) => {
      this.beat();
      if (recorder !== this.recorder || !data.size) return;
      const piece = { stream, n: n++, at: new Date(this.now() - PIECE_MS).toISOString() };
      // In their order, and each without waiting for the answer to the one before. A recorder may
      // cut a cluster's mark in two: who missed a piece could never come in again at one like it.
      line = line.then(async () => {
        const all = new Blob([held, data]);
        const end = all.size - cutOff(new Uint8Array(await all.slice(-3).arrayBuffer()));
        held = all.slice(end);
        return this.piece(recorder, piece, all.slice(0, end));
      });
    };
    recorder.onerror = () => this.fail(recorder);
    this.recorder = recorder;
    recorder.start(PIECE_MS);
  }

  private async piece(recorder: MediaRecorder, piece: object, data: Blob): Promise<void> {
    if (recorder !== this.recorder) return;
    if (this.unanswered >= UNANSWERED) return this.fail(recorder);
    const audio = await base64(data);
    this.bytes += audio.length;
    this.unanswered += 1;
    this.request("sound", { ...piece, audio })
      .catch(() => this.fail(recorder))
      .finally(() => (this.unanswered -= 1));
  }

  private fail(recorder: MediaRecorder): void {
    if (recorder !== this.recorder) return;
    this.end();
    this.later();
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.begin(), AGAIN_MS);
  }

  private end(): void {
    clearTimeout(this.timer);
    const { recorder } = this;
    this.recorder = null;
    if (recorder && recorder.state !== "inactive") recorder.stop();
  }
}

/**
 * It begins to play so far behind the newest piece, in seconds; a pause in what comes may be nearly
 * as long. After each time that it ran dry it stays further behind, and slowly comes nearer again.
 */
const BEHIND_S = 1.6;
const MOST_BEHIND_S = 4;
const MORE_S = 0.8;
const NEARER_S = 0.01;
/** With less than this left to play, it has run dry. */
const DRY_S = 0.5;
const STOOD_MS = 700;
/** So much further behind: what is between is left out; and so much: it is played faster. */
const LATE_S = 3;
const SLOW_S = 0.7;
const FASTER = 1.08;
/** So much nearer: it is played slower, before it runs dry. */
const NEAR_S = 0.4;
const SLOWER = 0.94;
const KEEP_S = 20;
const QUEUED = 12;

/** Plays the pieces of one voice; what comes too late is left out. */
export class VoiceIn {
  readonly element = new Audio();
  /** What came so far, in bytes. */
  bytes = 0;
  /** When the last piece came, by performance.now(). */
  last = -Infinity;
  private stream = "";
  private n = -1;
  private head: Uint8Array<ArrayBuffer> | null = null;
  private url = "";
  /** Where it stands, and since when, by performance.now(). */
  private stood = { at: -1, since: 0 };
  private behind = BEHIND_S;
  private buffer: SourceBuffer | null = null;
  private queue: { bytes: Uint8Array<ArrayBuffer>; anew: boolean }[] = [];

  /** `refused`: the browser wants a touch before it plays. */
  constructor(private readonly refused: () => void = () => undefined) {
    this.element.addEventListener("waiting", () => {
      if (!this.element.seeking) this.dry();
    });
  }

  take(body: SoundBody): void {
    let bytes = bytesOf(body.audio);
    this.bytes += body.audio.length;
    this.last = performance.now();
    const follows = body.stream === this.stream && body.n === this.n + 1;
    let anew = isHead(bytes);
    if (anew) {
      const end = clusterAt(bytes);
      this.head = end > 0 ? bytes.slice(0, end) : null;
    } else if (!follows) {
      const start = clusterAt(bytes);
      if (body.stream !== this.stream || !this.head || start < 0) return;
      bytes = joined(this.head, bytes.subarray(start));
      anew = true;
    }
    this.stream = body.stream;
    this.n = body.n;
    if (!this.url && !this.open()) return;
    if (this.queue.length >= QUEUED) {
      // Nobody plays: the next piece begins anew.
      this.queue = [];
      this.n = -1;
      return;
    }
    this.queue.push({ bytes, anew });
    this.pump();
  }

  stop(): void {
    this.head = null;
    this.stream = "";
    this.n = -1;
    this.queue = [];
    if (!this.url) return;
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
    URL.revokeObjectURL(this.url);
    this.url = "";
    this.buffer = null;
  }

  private open(): boolean {
    // The name of it on iPhones.
    const { ManagedMediaSource } = window as { ManagedMediaSource?: typeof MediaSource };
    const Source = ManagedMediaSource ?? window.MediaSource;
    if (!Source?.isTypeSupported(TYPE)) return false;
    const source = new Source();
    this.element.disableRemotePlayback = true;
    this.url = URL.createObjectURL(source);
    source.addEventListener("sourceopen", () => {
      if (this.buffer || !this.url) return;
      this.buffer = source.addSourceBuffer(TYPE);
      // One after the other, whatever time each was recorded at.
      this.buffer.mode = "sequence";
      this.buffer.addEventListener("updateend", () => this.follow());
      this.pump();
    });
    this.element.src = this.url;
    return true;
  }

  private pump(): void {
    const { buffer } = this;
    if (!buffer || buffer.updating) return;
    const next = this.queue.shift();
    if (!next) return;
    try {
      if (next.anew) buffer.abort();
      buffer.appendBuffer(next.bytes);
    } catch {
      // It was no sound, or the element has failed: all anew, with the next stream.
      this.stop();
    }
  }

  /** Plays a little behind the newest, and forgets what is over. */
  private follow(): void {
    const { buffer, element } = this;
    if (!buffer || buffer.updating) return;
    const left = this.left();
    if (left !== null) {
      this.behind = Math.max(BEHIND_S, this.behind - NEARER_S);
      this.watch();
      const over = left - this.behind;
      if (element.paused ? over >= 0 : over > LATE_S) this.play();
      else element.playbackRate = over > SLOW_S ? FASTER : over < -NEAR_S ? SLOWER : 1;
      const first = buffer.buffered.start(0);
      if (element.currentTime - first > 2 * KEEP_S) {
        buffer.remove(first, element.currentTime - KEEP_S);
        return;
      }
    }
    this.pump();
  }

  /** Not every pause is told of. */
  private watch(): void {
    const { currentTime, paused, seeking } = this.element;
    const now = performance.now();
    if (paused || seeking || currentTime !== this.stood.at) {
      this.stood = { at: currentTime, since: now };
    } else if (now - this.stood.since > STOOD_MS) {
      this.stood.since = now;
      this.dry();
    }
  }

  /** How many seconds there are to play yet; null before the first. */
  private left(): number | null {
    const buffered = this.buffer?.buffered;
    if (!buffered?.length) return null;
    return buffered.end(buffered.length - 1) - this.element.currentTime;
  }

  /**
   * It stands still. Left to itself a browser would go on only with some seconds more than it
   * needs, each time with more; so it begins anew, and as soon as we say.
   */
  private dry(): void {
    const left = this.left();
    if (left === null) return;
    if (left < DRY_S) this.behind = Math.min(MOST_BEHIND_S, this.behind + MORE_S);
    this.element.pause();
    if (left >= this.behind) this.play();
  }

  private play(): void {
    const { element } = this;
    const { buffered } = this.buffer!;
    const end = buffered.end(buffered.length - 1);
    element.currentTime = Math.max(buffered.start(0), end - this.behind);
    element.playbackRate = 1;
    element.play().catch((error: unknown) => {
      if (error instanceof Error && error.name === "NotAllowedError") this.refused();
    });
  }
}

function joined(head: Uint8Array, rest: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + rest.length);
  whole.set(head);
  whole.set(rest, head.length);
  return whole;
}

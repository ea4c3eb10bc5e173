// Records camera and microphone on this device, small and slow: in segments that overlap a little,
// each a whole file that plays alone.

import { frames, type Frames } from "./frames";

export interface Tracks {
  camera: MediaStreamTrack | null;
  microphone: MediaStreamTrack | null;
}

export interface Segment {
  /** Milliseconds of `performance.now()`. */
  from: number;
  to: number;
  /** `video/webm`, or `video/mp4` where a browser has no other. */
  type: string;
  blob: Blob;
}

const KINDS = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
const PICTURE_BITS = 40_000;
const SOUND_BITS = 16_000;
const OVERLAP_MS = 300;
const LOOK_MS = 1000;
/** What is shorter holds nothing. */
const SHORTEST_MS = 500;

/** So often in a segment what there is of it is given out, should the page end before it does. */
const PARTS = 4;

/** One recorder, from its beginning to its end. */
class Run {
  readonly from = performance.now();
  private to = 0;
  private readonly parts: Blob[] = [];
  private readonly recorder: MediaRecorder;
  readonly done: Promise<Segment | null>;

  constructor(
    tracks: MediaStreamTrack[],
    kind: string,
    length: number,
    grown: (soFar: Segment) => void,
  ) {
    this.recorder = new MediaRecorder(new MediaStream(tracks), {
      mimeType: kind,
      videoBitsPerSecond: PICTURE_BITS,
      audioBitsPerSecond: SOUND_BITS,
    });
    this.recorder.addEventListener("dataavailable", ({ data }) => {
      this.parts.push(data);
      const soFar = this.running ? this.segment() : null;
      if (soFar) grown(soFar);
    });
    this.done = new Promise((done) => {
      this.recorder.addEventListener("stop", () => done(this.segment()));
      this.recorder.addEventListener("error", () => this.stop());
    });
    this.recorder.start(length / PARTS);
  }

  /** False when it has ended by itself: its tracks have. */
  get running(): boolean {
    return this.recorder.state === "recording";
  }

  stop(): void {
    this.to ||= performance.now();
    if (this.recorder.state !== "inactive") this.recorder.stop();
  }

  private segment(): Segment | null {
    const { from } = this;
    const to = this.to || performance.now();
    const type = (this.recorder.mimeType || "video/webm").split(";")[0] ?? "";
    const blob = new Blob(this.parts, { type });
    return blob.size && to - from >= SHORTEST_MS ? { from, to, type, blob } : null;
  }
}

export class Keeper {
  private picture: Frames | null = null;
  private run: Run | null = null;
  /** The microphone of the running segment. */
  private heard: MediaStreamTrack | null = null;
  private readonly open = new Set<Promise<void>>();
  private timer = 0;
  private readonly kind = KINDS.find((kind) => recordable(kind));

  /** `tracks`: what there is to record now. `made` is called with every segment, in order;
   * `grown` now and then with what there is of the newest. */
  constructor(
    private readonly tracks: () => Tracks,
    private readonly made: (segment: Segment) => Promise<void>,
    private readonly grown: (soFar: Segment) => void,
    private readonly changed: () => void,
  ) {}

  /** True while it records. */
  get keeps(): boolean {
    return this.run?.running === true;
  }

  /** Records from now on, whenever a device is on, in segments of so many seconds. */
  start(seconds: number): void {
    if (this.timer || !this.kind) return;
    this.timer = window.setInterval(() => this.look(seconds * 1000), LOOK_MS);
    this.look(seconds * 1000);
  }

  /** Ends; resolves when the last segment is made. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = 0;
    this.end();
    await Promise.all(this.open);
    this.picture?.stop();
    this.picture = null;
    this.changed();
  }

  private look(length: number): void {
    const { camera, microphone } = this.tracks();
    const live = camera !== null || microphone !== null;
    this.picture?.from(camera);
    this.picture?.refresh();
    const other = this.run !== null && (microphone !== this.heard || !this.run.running);
    if (this.run && (!live || other)) this.end();
    // By the clock and not by counting: out of sight, a timer comes late.
    const over = this.run !== null && performance.now() - this.run.from > length - LOOK_MS / 2;
    if (live && (!this.run || over)) this.begin(length);
  }

  /** Begins a segment; the one before ends a little later. */
  private begin(length: number): void {
    const before = this.run;
    try {
      this.picture ??= frames();
      const { camera, microphone } = this.tracks();
      this.picture.from(camera);
      const sounds = microphone ? [microphone] : [];
      this.run = new Run([this.picture.track, ...sounds], this.kind ?? "", length, this.grown);
      this.heard = microphone;
      this.picture.again();
      this.take(this.run);
      setTimeout(() => before?.stop(), OVERLAP_MS);
    } catch {
      // Tried again at the next look; the one before goes on meanwhile.
    }
    if (!before) this.changed();
  }

  private end(): void {
    this.run?.stop();
    this.run = null;
    this.changed();
  }

  private take(run: Run): void {
    const all = run.done.then((segment) => (segment ? this.made(segment) : undefined));
    this.open.add(all);
    void all.finally(() => this.open.delete(all));
  }
}

function recordable(kind: string): boolean {
  return "MediaRecorder" in window && MediaRecorder.isTypeSupported(kind);
}

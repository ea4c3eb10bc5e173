// A small and slow picture of the camera, to be recorded: drawn on a canvas, for a recorder takes
// the camera's own picture only in full size. It follows the camera when that is another one.

export const WIDTH = 320;
export const HEIGHT = 240;
const PER_SECOND = 4;
/** A picture that stands still is drawn again, so that a recording goes on. */
const AGAIN_MS = 1000;

// Chromium's way from a track to its pictures and back: it goes on while the page is out of sight,
// where timers and canvases slow down to one picture a second or none.
interface Processor {
  readable: ReadableStream<VideoFrame>;
}
interface Generator extends MediaStreamTrack {
  writable: WritableStream<VideoFrame>;
}
interface Streams {
  MediaStreamTrackProcessor?: new (of: { track: MediaStreamTrack }) => Processor;
  MediaStreamTrackGenerator?: new (of: { kind: "video" }) => Generator;
}

type Drawn = OffscreenCanvas | HTMLCanvasElement;
type Pen = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;

export abstract class Frames {
  /** What is to be recorded; it stays the same whatever the camera is. */
  abstract readonly track: MediaStreamTrack;
  protected camera: MediaStreamTrack | null = null;
  protected readonly pen: Pen;
  private drawn = -Infinity;

  constructor(protected readonly canvas: Drawn) {
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    // Read back picture by picture: a graphics card would only be in the way.
    const wish = { alpha: false, willReadFrequently: true };
    const pen = canvas.getContext("2d", wish) as Pen | null;
    if (!pen) throw new Error("no canvas in this browser");
    this.pen = pen;
  }

  /** Takes another camera; null draws nothing but black. */
  from(camera: MediaStreamTrack | null): void {
    if (camera === this.camera) return;
    this.camera = camera;
    if (!camera) this.blank();
    this.follow(camera);
  }

  /** To be called now and then, and when a recorder has begun: it needs a picture to begin with. */
  refresh(now = performance.now()): void {
    if (now - this.drawn >= AGAIN_MS) this.again();
  }

  again(): void {
    this.drawn = performance.now();
    this.show();
  }

  stop(): void {
    this.camera = null;
    this.follow(null);
    this.track.stop();
  }

  protected abstract follow(camera: MediaStreamTrack | null): void;
  /** Gives what is drawn to the track. */
  protected abstract show(): void;

  /** True when it is time for another picture. */
  protected due(): boolean {
    return performance.now() - this.drawn >= (0.9 * 1000) / PER_SECOND;
  }

  /** Draws a picture as large as it fits, and shows it. */
  protected draw(picture: CanvasImageSource, width: number, height: number): void {
    const scale = Math.min(WIDTH / width, HEIGHT / height) || 1;
    const [wide, high] = [width * scale, height * scale];
    if (wide < WIDTH - 1 || high < HEIGHT - 1) this.blank();
    this.pen.drawImage(picture, (WIDTH - wide) / 2, (HEIGHT - high) / 2, wide, high);
    this.again();
  }

  private blank(): void {
    this.pen.fillStyle = "#000";
    this.pen.fillRect(0, 0, WIDTH, HEIGHT);
  }
}

/** From track to track, picture by picture. */
class Streamed extends Frames {
  readonly track: Generator;
  private readonly writer: WritableStreamDefaultWriter<VideoFrame>;

  constructor(
    private readonly streams: Required<Streams>,
    canvas: OffscreenCanvas,
  ) {
    super(canvas);
    this.track = new streams.MediaStreamTrackGenerator({ kind: "video" });
    this.writer = this.track.writable.getWriter();
  }

  protected follow(camera: MediaStreamTrack | null): void {
    if (camera) void this.read(camera);
  }

  override stop(): void {
    super.stop();
    this.writer.close().catch(() => undefined);
  }

  protected show(): void {
    // Of pictures that wait one behind another, those that are never taken would stay open.
    if ((this.writer.desiredSize ?? 0) <= 0) return;
    const timestamp = Math.round(performance.now() * 1000);
    const frame = new VideoFrame(this.canvas, { timestamp });
    this.writer.write(frame).catch(() => frame.close());
  }

  private async read(camera: MediaStreamTrack): Promise<void> {
    const { readable } = new this.streams.MediaStreamTrackProcessor({ track: camera });
    const reader = readable.getReader();
    while (this.camera === camera) {
      const { done, value } = await reader.read();
      if (done) return;
      try {
        if (this.camera === camera && this.due()) {
          this.draw(value, value.displayWidth, value.displayHeight);
        }
      } finally {
        value.close();
      }
    }
    // Whatever waits to be read is closed, too: to cancel would only forget it.
    reader.read().then(
      ({ value }) => value?.close(),
      () => undefined,
    );
    await reader.cancel().catch(() => undefined);
  }
}

/** By a video element and a timer: out of sight, a browser lets it draw once a second or less. */
class Timed extends Frames {
  readonly track: MediaStreamTrack;
  private readonly video = document.createElement("video");
  private timer = 0;

  constructor(canvas: HTMLCanvasElement) {
    super(canvas);
    const [track] = canvas.captureStream(PER_SECOND).getVideoTracks();
    if (!track) throw new Error("no canvas stream in this browser");
    this.track = track;
    this.video.muted = true;
    this.video.playsInline = true;
  }

  protected follow(camera: MediaStreamTrack | null): void {
    clearInterval(this.timer);
    this.video.srcObject = camera && new MediaStream([camera]);
    if (!camera) return;
    this.video.play().catch(() => undefined);
    this.timer = window.setInterval(() => {
      const { videoWidth, videoHeight } = this.video;
      if (videoWidth) this.draw(this.video, videoWidth, videoHeight);
    }, 1000 / PER_SECOND);
  }

  protected show(): void {
    // What is drawn is shown by itself; drawn anew it counts as new.
    this.pen.drawImage(this.canvas, 0, 0);
  }
}

export function frames(): Frames {
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = window as unknown as Streams;
  if (MediaStreamTrackProcessor && MediaStreamTrackGenerator && "VideoFrame" in window) {
    const streams = { MediaStreamTrackProcessor, MediaStreamTrackGenerator };
    return new Streamed(streams, new OffscreenCanvas(WIDTH, HEIGHT));
  }
  return new Timed(document.createElement("canvas"));
}

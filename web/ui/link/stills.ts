// Single pictures in place of a moving one: small ones, one after another and never two at once, as
// often as the link carries them; a larger one at once when the server wants a picture for the record.

import type { RoomState, Rung, Way } from "../lib/protocol";
import { ServerClock } from "./chain";
import type { Link, LinkPart } from "./link";
import { base64 } from "./pieces";

/** The longer side, in pixels, and about how many bytes that makes. */
const SMALL = { side: 320, bytes: 6_000 };
/** Where a small one takes longer than `SLOW_MS`. */
const SMALLER = { side: 320, bytes: 4_000 };
const SLOW_MS = 1_500;
const LARGE = { side: 640, bytes: 14_000 };
/** The server takes no more. */
const MOST_BYTES = 24 * 1024;
const SOONEST_MS = 2_000;
const LATEST_MS = 5_000;
/** A picture may take up a third of the time. */
const SHARE = 3;
/** Beside a picture in full size that is on its way. */
const BESIDE_MS = 6_000;
/** With so long a queue, the voice is late already. */
const QUEUE_MS = 500;
const TRIES = 3;
const LOOK_MS = 250;

interface Size {
  side: number;
  bytes: number;
}

type Sheet = OffscreenCanvas | HTMLCanvasElement;

/** Takes pictures from a camera whose track goes on, whether or not it is sent. */
class Lens {
  private readonly sheet: Sheet =
    typeof OffscreenCanvas === "undefined"
      ? document.createElement("canvas")
      : new OffscreenCanvas(1, 1);
  private readonly video = document.createElement("video");
  private quality = 0.5;

  constructor(readonly camera: MediaStreamTrack) {
    this.video.muted = this.video.playsInline = true;
    this.video.srcObject = new MediaStream([camera]);
    this.video.play().catch(() => undefined);
  }

  close(): void {
    this.video.srcObject = null;
  }

  /** A JPEG of about this size; null while the camera gives nothing. */
  async take(size: Size): Promise<Blob | null> {
    const frame = await this.frame();
    try {
      const { width, height } = frame;
      const scale = Math.min(1, size.side / Math.max(width, height));
      const { sheet } = this;
      sheet.width = Math.round(width * scale);
      sheet.height = Math.round(height * scale);
      const pen = sheet.getContext("2d", { alpha: false }) as CanvasRenderingContext2D | null;
      if (!pen || !sheet.width || !sheet.height) return null;
      pen.drawImage(frame.source, 0, 0, sheet.width, sheet.height);
    } finally {
      frame.close();
    }
    return this.encode(size.bytes);
  }

  private async frame(): Promise<{
    source: CanvasImageSource;
    width: number;
    height: number;
    close(): void;
  }> {
    // It goes on while the page is out of sight, where a video is not drawn.
    if (typeof ImageCapture !== "undefined") {
      const bitmap = await new ImageCapture(this.camera).grabFrame().catch(() => null);
      if (bitmap) {
        const { width, height } = bitmap;
        return { source: bitmap, width, height, close: () => bitmap.close() };
      }
    }
    const { video } = this;
    const [width, height] = [video.videoWidth, video.videoHeight];
    return { source: video, width, height, close: () => undefined };
  }

  /** Finds by the size how much detail fits; a scene changes little from one to the next. */
  private async encode(bytes: number): Promise<Blob | null> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const blob = await jpeg(this.sheet, this.quality);
      if (!blob) return null;
      const over = blob.size / bytes;
      const fits = over <= 1.25 && blob.size <= MOST_BYTES;
      this.quality = Math.min(0.8, Math.max(0.08, this.quality / over ** 0.8));
      if (fits) return blob;
    }
    const last = await jpeg(this.sheet, 0.08);
    return last && last.size <= MOST_BYTES ? last : null;
  }
}

function jpeg(sheet: Sheet, quality: number): Promise<Blob | null> {
  const type = "image/jpeg";
  if ("convertToBlob" in sheet) return sheet.convertToBlob({ type, quality });
  return new Promise((done) => sheet.toBlob(done, type, quality));
}

/** How long after one was begun the next is sent, if sending it took so long. */
export function pause(took: number, queue: number): number {
  if (queue > QUEUE_MS) return LATEST_MS;
  return Math.min(LATEST_MS, Math.max(SOONEST_MS, took * SHARE));
}

export class Stills implements LinkPart {
  private readonly clock = new ServerClock();
  private lens: Lens | null = null;
  private wanted = false;
  private over = false;
  private taking = false;
  private large = false;
  private next = 0;
  private timer = 0;
  private sent = 0;
  private took = 0;

  constructor(private readonly link: Link) {}

  state(state: RoomState): void {
    this.clock.tell(state.now, performance.now());
  }

  step(rung: Rung, way: Way): void {
    const heard = rung === "sound" || rung === "text";
    this.turn(!this.over && (rung === "stills" || (way === "socket" && !heard)));
  }

  joined(): void {
    this.next = 0;
  }

  /** The server wants a picture for the record; one in full size is on its way already, or not. */
  sharpen(): void {
    if (!this.wanted || this.link.brings) return;
    this.large = true;
    this.next = 0;
    this.beat();
  }

  hangUp(): void {
    this.over = true;
    this.turn(false);
  }

  bytes(): number {
    return this.sent;
  }

  /** Looks whether it is time; also called by what goes on where timers do not. */
  beat(): void {
    if (!this.wanted || this.taking || performance.now() < this.next) return;
    this.taking = true;
    void this.one().finally(() => (this.taking = false));
  }

  private turn(wanted: boolean): void {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    clearInterval(this.timer);
    if (wanted) {
      this.next = 0;
      this.timer = window.setInterval(() => this.beat(), LOOK_MS);
    } else {
      this.lens?.close();
      this.lens = null;
    }
  }

  private async one(): Promise<void> {
    const began = performance.now();
    const large = this.large;
    this.next = began + LATEST_MS;
    try {
      const { camera } = this.link.host.devices;
      if (camera !== this.lens?.camera) {
        this.lens?.close();
        this.lens = camera && new Lens(camera);
      }
      const taken = performance.now();
      const small = this.took > SLOW_MS || this.link.brings ? SMALLER : SMALL;
      const blob = await this.lens?.take(large ? LARGE : small);
      // A camera that was just opened has no picture yet.
      if (!blob) {
        this.next = began + LOOK_MS;
        return;
      }
      const body = {
        at: new Date(this.clock.at(taken)).toISOString(),
        jpeg: await base64(blob),
      };
      this.sent += body.jpeg.length;
      const left = performance.now();
      await this.link.host.room.request("still", body);
      if (large) this.large = false;
      // Asked for meanwhile: the next one is that.
      const took = performance.now() - left;
      if (!large) this.took = took;
      const wait = this.link.brings ? BESIDE_MS : pause(took, this.link.queue_ms);
      this.next = this.large ? 0 : began + wait;
    } catch {
      // Not in the room, or too busy a server: later there is a newer one.
    }
  }
}

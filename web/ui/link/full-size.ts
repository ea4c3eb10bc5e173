// A picture in the camera's full size where the stream carries only small ones. The server asks for
// one; it is taken at once, the server is told at that moment what its bytes are, and they follow
// in small pieces beside the stream, over lost links and reloads.

import { atRest } from "../lib/at-rest";
import { sleep } from "../lib/call";
import type { RoomState } from "../lib/protocol";
import { Keep } from "../room/capture/keep";
import { Sender } from "../room/capture/send";
import { calm } from "../room/capture/pace";
import { digest, jpeg } from "../room/capture/shoot";
import { ServerClock } from "./chain";
import type { Link, LinkPart } from "./link";

/** So many bytes where the link carries a moving picture; in full size, too, where it does not. */
const MOST_BYTES = 90_000;
const FEWER_BYTES = 60_000;
/** More than this for each pixel says nothing more of it. */
const BYTES_A_PIXEL = 0.15;
/** One piece after another, each no longer than a voice can wait. */
const MANNER = { hold: 300, least: 2560 };
/** A camera that gives the same picture to the bit is given another moment, so many times. */
const MOMENTS = 4;
const MOMENT_MS = 250;
const TELL_TIMES = 6;
const TELL_AGAIN_MS = 3_000;

interface Shot {
  /** When, in milliseconds of the server's clock. */
  taken: number;
  blob: Blob;
  part: { sha256: string; size: number };
}

export class FullSize implements LinkPart {
  private readonly clock = new ServerClock();
  private readonly keep: Keep;
  private readonly sender: Sender;
  /** The digests of those that were told of: one picture never stands for two. */
  private readonly before = new Set<string>();
  private sent = 0;
  private over = false;

  constructor(private readonly link: Link) {
    const { boot, room } = link.host;
    this.keep = new Keep(atRest(boot.kept_key), "capture-face");
    const { url = "" } = document.getElementById("capture")?.dataset ?? {};
    this.sender = new Sender(
      url,
      room.session,
      this.keep,
      () => undefined,
      ({ blobs }) => (this.sent += blobs[0]?.size ?? 0),
      { ...MANNER, wait: (pace) => calm(pace, link.queue_ms) },
    );
    link.takes((wanted) => void this.take(wanted).catch(() => undefined));
    void this.sender.run();
  }

  state(state: RoomState): void {
    this.clock.tell(state.now, performance.now());
  }

  joined(): void {
    if (!this.over) void this.sender.run();
  }

  hangUp(): void {
    this.over = true;
    void this.keep.clear();
  }

  bytes(): number {
    return this.sent;
  }

  private async take(wanted: string): Promise<void> {
    const { camera } = this.link.host.devices;
    if (!camera || this.over) return;
    let { taken, blob, part } = await this.shot(camera);
    for (let n = 1; n < MOMENTS && this.before.has(part.sha256); n += 1) {
      await sleep(MOMENT_MS);
      ({ taken, blob, part } = await this.shot(camera));
    }
    this.before.add(part.sha256);
    const { room } = this.link.host;
    if (!(await this.told({ id: wanted, ...part, at: new Date(taken).toISOString() }))) return;
    const { session } = room;
    const at = Date.now();
    await this.keep.put({ session, side: "face", wanted, parts: [part], blobs: [blob], at });
    void this.sender.run();
  }

  private async shot(camera: MediaStreamTrack): Promise<Shot> {
    const canvas = await grabbed(camera);
    const taken = this.clock.at(performance.now());
    const thin = !["full", "small"].includes(this.link.rung);
    const enough = Math.round(BYTES_A_PIXEL * canvas.width * canvas.height);
    const blob = await jpeg(canvas, Math.min(enough, thin ? FEWER_BYTES : MOST_BYTES));
    return { taken, blob, part: { sha256: await digest(blob), size: blob.size } };
  }

  /** Tells the server; false when it does not want the picture, or never heard. */
  private async told(body: object): Promise<boolean> {
    for (let n = 0; n < TELL_TIMES; n += 1) {
      if (n) await sleep(TELL_AGAIN_MS);
      const code = await this.link.host.room.request("picture_taken", body).then(
        () => "",
        (error: { code?: string }) => error.code ?? "no_answer",
      );
      if (!code) return true;
      if (!["no_answer", "not_joined", "busy", "timeout"].includes(code)) return false;
    }
    return false;
  }
}

/** What the camera shows now, as large as it is open: 1280 by 720 where it can. */
async function grabbed(camera: MediaStreamTrack): Promise<HTMLCanvasElement> {
  const canvas = document.createElement("canvas");
  const draw = (source: CanvasImageSource, width: number, height: number): void => {
    [canvas.width, canvas.height] = [width, height];
    canvas.getContext("2d", { alpha: false })?.drawImage(source, 0, 0);
  };
  if (typeof ImageCapture !== "undefined") {
    const bitmap = await new ImageCapture(camera).grabFrame().catch(() => null);
    if (bitmap) {
      draw(bitmap, bitmap.width, bitmap.height);
      bitmap.close();
      return canvas;
    }
  }
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  video.srcObject = new MediaStream([camera]);
  await video.play();
  draw(video, video.videoWidth, video.videoHeight);
  video.srcObject = null;
  return canvas;
}

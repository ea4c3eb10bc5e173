// Sharing the learner's screen: only when the invigilator asks, and only by a press of a button.

import type { RoomLink } from "../lib/room-link";

/** Sharp text at a small rate: what is read matters, not what moves. */
const RATE = 5;
const WIDEST = 1280;

export class Screen {
  /** True where this browser can share a screen at all; phones cannot. */
  readonly able = typeof navigator.mediaDevices?.getDisplayMedia === "function";
  /** Why the last try did not work, in plain words. */
  trouble: string | null = null;
  private track: MediaStreamTrack | null = null;

  constructor(
    private readonly room: RoomLink,
    private readonly changed: () => void,
  ) {}

  get sharing(): boolean {
    return this.track !== null;
  }

  /** Lets the person choose what to share; must be called from a press of a button. */
  async share(): Promise<void> {
    this.trouble = null;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: RATE, max: RATE }, width: { max: WIDEST } },
        audio: false,
      });
      const [track] = stream.getVideoTracks();
      if (track) await this.take(track);
    } catch (error) {
      const refused = error instanceof Error && error.name === "NotAllowedError";
      this.trouble = refused
        ? "Nothing was chosen. Press the button again, choose your screen, and allow it."
        : "This browser could not share the screen. Try again, or use another browser.";
    }
    this.changed();
  }

  /** Ends sharing. */
  async stop(): Promise<void> {
    const track = this.track;
    if (!track) return;
    this.track = null;
    track.stop();
    await this.room.setTracks({ screen: null });
    this.changed();
  }

  private async take(track: MediaStreamTrack): Promise<void> {
    this.track = track;
    // The browser has a button of its own to end it.
    track.addEventListener("ended", () => {
      if (this.track === track) void this.stop();
    });
    await this.room.setTracks({ screen: track });
  }
}

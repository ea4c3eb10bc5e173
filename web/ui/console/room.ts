// One session that the console is in: its state, its pictures and its sound, its messages.

import { Outbox } from "../lib/chat";
import type { Connection } from "../lib/connection";
import type { Media, Remote, Tracks } from "../lib/media-link";
import { isOver, type Accepted, type RoomState } from "../lib/protocol";
import type { RoomLink } from "../lib/room-link";
import { cameraCap, cameraFor, voiceFor } from "../link/rungs";
import { Thin } from "./stills";

/** Louder than this is somebody speaking, of 1. */
const SPEAKING = 0.02;
/** How long the mark stays after the last loud moment, so that it does not flicker between words. */
const SPOKEN_MS = 1200;

/** The pictures that a learner may send. */
export type View = "camera" | "screen" | "second";

/** What a room tells the desk that it belongs to. */
export interface RoomHost {
  changed(): void;
  /** A state has come; `ended` when the session was live until now. */
  told(room: Room, ended: boolean): void;
  released(room: Room, to: string): void;
  /** The browser wants a touch before it plays sound. */
  silent(): void;
}

export class Room {
  state: RoomState | null = null;
  /** When `state` arrived, by performance.now(). */
  stateAt = 0;
  media: Media = "none";
  refusal: string | null = null;
  /** Another window of ours has taken this session over. */
  replaced = false;
  speaking = false;
  /** The key that chooses it, 1 to 12; null before the first list of sessions. */
  number: number | null = null;
  /** The picture that is shown large. */
  large: View = "camera";
  /** What was begun to be written to this learner. */
  draft = "";
  /** The voice by itself, so that sound does not depend on which pictures are drawn. */
  voice: MediaStream | null = null;
  pictures: Partial<Record<View, MediaStream>> = {};
  readonly outbox: Outbox;
  /** What comes by the socket, where the link is too thin for more. */
  readonly thin: Thin;
  private readonly link: RoomLink;
  private sends: Tracks = {};
  /** The newest line that the invigilator has shown to have seen. */
  private seen = 0;
  private spokeAt = -Infinity;
  private hungUp = false;
  private carried = "";

  constructor(
    readonly session: string,
    connection: Connection,
    private readonly host: RoomHost,
  ) {
    this.link = connection.room(session, "staff", {
      media: (media) => {
        this.media = media;
        host.changed();
      },
      state: (state) => this.show(state),
      joined: () => {
        this.refusal = null;
        void this.outbox.flush();
        host.changed();
      },
      remote: (remote) => this.take(remote),
      replaced: () => {
        this.replaced = true;
        host.changed();
      },
      released: (to) => host.released(this, to),
      refused: (_code, detail) => {
        this.refusal = detail;
        host.changed();
      },
    });
    this.thin = new Thin(
      this.link,
      () => host.changed(),
      () => host.silent(),
    );
    this.outbox = new Outbox(this.link, () => host.changed());
  }

  /** Joins; or takes the session back from another window of ours. */
  open(): void {
    this.replaced = false;
    this.refusal = null;
    this.link.open();
    this.host.changed();
  }

  leave(): Promise<void> {
    this.thin.close();
    return this.link.leave();
  }

  /** Sends one message about this session; throws `RoomError` with a sentence to show. */
  request(event: string, body: object = {}): Promise<Accepted> {
    return this.link.request(event, body);
  }

  /** True while there is somebody to watch, to speak to and to be seen by. */
  get live(): boolean {
    return this.state !== null && !isOver(this.state.state) && !this.replaced;
  }

  get supervising(): boolean {
    return this.state?.role === "supervisor";
  }

  /** The learner's name, as far as it is known. */
  get name(): string {
    return this.state?.learner.name ?? "";
  }

  /** Which pictures come now, the large one first. */
  views(): View[] {
    const { state } = this;
    const views: View[] = ["camera"];
    if (state?.learner.screen) views.push("screen");
    if (state?.second.present) views.push("second");
    const large = views.includes(this.large) ? this.large : "camera";
    return [large, ...views.filter((view) => view !== large)];
  }

  show(state: RoomState): void {
    const ended = this.live && isOver(state.state);
    this.state = state;
    this.stateAt = performance.now();
    this.thin.state(state);
    // Nobody is there any more: the messages stay, the media go.
    if (isOver(state.state) && !this.hungUp) this.hangUp();
    void this.outbox.flush();
    this.host.told(this, ended);
  }

  /** Sends these tracks from now on; nothing is done for those that are sent already. */
  send(audio: MediaStreamTrack | null, camera: MediaStreamTrack | null): void {
    if (!this.live || this.supervising) return;
    if (audio === this.sends.audio && camera === this.sends.camera) return;
    this.sends = { audio, camera };
    void this.link.setTracks(this.sends);
    this.thin.send(audio);
  }

  /** True while this learner hears the invigilator. */
  get hearsUs(): boolean {
    return this.sends.audio != null && voiceFor(this.state?.learner.rung ?? null) !== null;
  }

  /** Sends our picture no larger than this, and both no wider than the learner's link carries. */
  limit(encoding: RTCRtpEncodingParameters): void {
    const rung = this.state?.learner.rung ?? null;
    const cap = cameraCap(this.state?.learner.figures);
    const picture = { ...encoding, ...cap, active: cameraFor(rung) };
    const carried = JSON.stringify([picture, rung]);
    if (carried === this.carried) return;
    this.carried = carried;
    this.link.setEncoding("camera", picture);
    this.link.live.setVoice(voiceFor(rung));
  }

  tellMedia(): void {
    this.link.tellMedia();
  }

  /** Listens whether the learner speaks; true when that has changed. */
  async listen(now: number): Promise<boolean> {
    if ((await this.link.loudness()) > SPEAKING) this.spokeAt = now;
    const speaking = now - this.spokeAt < SPOKEN_MS;
    const changed = speaking !== this.speaking;
    this.speaking = speaking;
    return changed;
  }

  /** The learner's lines that came after the last answer and were not looked at since. */
  unread(): number {
    const { state } = this;
    if (!state || isOver(state.state) || this.supervising) return 0;
    const answered = state.chat.filter(({ from, notice }) => from === "invigilator" && !notice);
    const after = Math.max(this.seen, answered.at(-1)?.seq ?? 0);
    return state.chat.filter((line) => line.from === "learner" && line.seq > after).length;
  }

  /** The invigilator has pointed at the messages, or begun to write. */
  look(): void {
    if (!this.unread()) return;
    this.seen = this.state?.chat.at(-1)?.seq ?? 0;
    this.host.changed();
  }

  private take({ main, screen, second }: Remote): void {
    // Pictures are silent wherever they are drawn; the voice is played once, by itself.
    this.voice = new MediaStream(main.getAudioTracks());
    this.pictures = { camera: new MediaStream(main.getVideoTracks()), screen, second };
    this.host.changed();
  }

  private hangUp(): void {
    this.hungUp = true;
    this.link.hangUp();
    this.thin.close();
    this.sends = {};
    this.speaking = false;
  }
}

// What comes of a learner by the socket: stills in place of the picture, and their voice in pieces;
// and ours to them, where no media reach them.

import { useEffect, useRef } from "preact/hooks";
import { ServerClock } from "../link/chain";
import { bytesOf } from "../link/pieces";
import { VoiceIn, VoiceOut } from "../link/sound";
import { isOver, type RoomState, type SoundBody, type StillBody } from "../lib/protocol";
import type { RoomLink } from "../lib/room-link";
import type { Desk } from "./desk";
import { useDesk } from "./hooks";
import type { Room } from "./room";

/** A voice that has not come for so long is over. */
const SPOKEN_MS = 5_000;

export class Thin {
  /** The newest still, and when it was taken: milliseconds of performance.now(). */
  still: ImageBitmap | null = null;
  taken = 0;
  /** Voice and stills stand for sound and picture now. */
  shows = false;
  readonly voice: VoiceIn;
  private readonly clock = new ServerClock();
  private readonly says: VoiceOut;
  private before: ImageBitmap | null = null;
  private newest = "";
  private speaks = false;
  private track: MediaStreamTrack | null = null;

  /** `silent`: the browser wants a touch before it plays sound. */
  constructor(
    link: RoomLink,
    private readonly changed: () => void,
    silent: () => void,
  ) {
    this.voice = new VoiceIn(silent);
    this.says = new VoiceOut(
      (event, body) => link.request(event, body),
      () => this.clock.at(performance.now()),
    );
    link.on<StillBody>("still", (body) => void this.take(body));
    link.on<SoundBody>("sound", (body) => {
      const heard = this.heard;
      this.voice.take(body);
      if (!heard) changed();
    });
  }

  /** Their voice comes by the socket. */
  get heard(): boolean {
    return performance.now() - this.voice.last < SPOKEN_MS;
  }

  state(state: RoomState): void {
    this.clock.tell(state.now, performance.now());
    const { rung, way } = state.learner;
    const live = !isOver(state.state);
    this.shows = live && (rung === "stills" || way === "socket");
    this.speaks = live && way === "socket";
    if (!this.speaks) this.voice.stop();
    this.say();
  }

  /** Sends our voice, or none, while they have no media. */
  send(track: MediaStreamTrack | null): void {
    this.track = track;
    this.say();
  }

  close(): void {
    this.shows = this.speaks = false;
    this.track = null;
    this.say();
    this.voice.stop();
    for (const old of [this.still, this.before]) old?.close();
    this.still = this.before = null;
  }

  private say(): void {
    this.says.send(this.speaks ? this.track : null);
  }

  private async take({ at, jpeg }: StillBody): Promise<void> {
    this.newest = at;
    const blob = new Blob([bytesOf(jpeg)], { type: "image/jpeg" });
    const bitmap = await createImageBitmap(blob).catch(() => null);
    if (!bitmap) return;
    if (at < this.newest) {
      bitmap.close();
      return;
    }
    // What is on the page may be drawn once more before it is drawn anew.
    this.before?.close();
    this.before = this.still;
    this.still = bitmap;
    const ago = this.clock.at(performance.now()) - Date.parse(at);
    this.taken = performance.now() - Math.max(0, ago);
    this.changed();
  }
}

/** The newest still over the place of the picture, with its age; nothing where a picture moves. */
export function Still({ desk, room, small }: { desk: Desk; room: Room; small?: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { still, shows, taken } = room.thin;
  useDesk(desk, shows ? 1000 : undefined);
  useEffect(() => {
    if (!canvas.current || !still) return;
    canvas.current.width = still.width;
    canvas.current.height = still.height;
    canvas.current.getContext("2d")?.drawImage(still, 0, 0);
  }, [still, shows]);
  if (!shows || !still) return null;
  const words = age(performance.now() - taken);
  return (
    <span class="still">
      <canvas ref={canvas} role="img" aria-label={`Still picture of ${room.name}, ${words}`} />
      <span class="still-age number">{small ? words : `Picture of ${words}`}</span>
    </span>
  );
}

/** "4 s ago". */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 2) return "a moment ago";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ago` : "long ago";
}

/** Plays a voice that comes in pieces. */
export function PiecesVoice({ room, volume }: { room: Room; volume: number }) {
  const place = useRef<HTMLSpanElement>(null);
  const { element } = room.thin.voice;
  useEffect(() => {
    place.current?.append(element);
    return () => element.remove();
  }, [element]);
  useEffect(() => {
    element.volume = volume;
    element.muted = volume === 0;
  }, [element, volume]);
  return <span ref={place} />;
}

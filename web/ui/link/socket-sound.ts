// The two voices of the learner's page over the socket, while no media connection can be made.

import type { RoomState, Rung, SoundBody, Way } from "../lib/protocol";
import { ServerClock } from "./chain";
import type { Link, LinkPart } from "./link";
import { VoiceIn, VoiceOut } from "./sound";

const LOOK_MS = 1_000;

export class SocketSound implements LinkPart {
  private readonly clock = new ServerClock();
  private readonly voice: VoiceOut;
  private readonly other = new VoiceIn();
  private on = false;
  private over = false;
  private timer = 0;

  /** `beat` is called once a second while it works, also in a page that is out of sight. */
  constructor(
    private readonly link: Link,
    beat: () => void,
  ) {
    const { room } = link.host;
    const now = (): number => this.clock.at(performance.now());
    this.voice = new VoiceOut((event, body) => room.request(event, body), now, beat);
    room.on<SoundBody>("sound", (body) => {
      if (this.on) this.other.take(body);
    });
  }

  state(state: RoomState): void {
    this.clock.tell(state.now, performance.now());
  }

  step(rung: Rung, way: Way): void {
    this.turn(!this.over && way === "socket" && rung !== "text");
  }

  hangUp(): void {
    this.over = true;
    this.turn(false);
  }

  bytes(): number {
    return this.voice.bytes + this.other.bytes;
  }

  private turn(on: boolean): void {
    if (on === this.on) return;
    this.on = on;
    clearInterval(this.timer);
    if (on) this.timer = window.setInterval(() => this.speak(), LOOK_MS);
    else this.other.stop();
    this.speak();
  }

  /** The microphone may be another one, or taken away. */
  private speak(): void {
    this.voice.send(this.on ? this.link.host.devices.microphone : null);
  }
}

// What the console knows: the lobby, the session that is open, the connection, our own devices.

import { useEffect, useReducer, useState } from "preact/hooks";
import { Outbox } from "../lib/chat";
import { Devices } from "../lib/devices";
import { isOver, type Accepted, type Boot, type LobbyEntry, type RoomState } from "../lib/protocol";
import { Connection } from "../lib/connection";
import type { Media } from "../lib/media-link";
import type { RoomLink } from "../lib/room-link";
import { RoomError } from "../lib/wire";

/** The invigilator is seen small: that is enough, and leaves the link to the learner's picture. */
const OWN_PICTURE = { maxBitrate: 150_000, maxFramerate: 12 };
const OWN_WIDTH = 320;
const CAMERA_CHOICE = "console-camera";

export class Desk {
  link: "connecting" | "joined" | "lost" | "replaced" = "connecting";
  media: Media = "none";
  state: RoomState | null = null;
  /** When `state` arrived, by performance.now(). */
  stateAt = 0;
  sessions: LobbyEntry[] | null = null;
  /** The id of the session that is open; its state may not have arrived yet. */
  session: string | null = null;
  refusal: string | null = null;
  stream: MediaStream | null = null;
  readonly devices: Devices;
  readonly connection: Connection;
  private room: RoomLink | null = null;
  readonly outbox: Outbox;
  /** The newest line that the invigilator has shown to have seen. */
  private seen = 0;
  private readonly watchers = new Set<() => void>();

  constructor(boot: Boot) {
    // A reload leads back into the session that was open: its id is in the address.
    this.session = decodeURIComponent(location.hash.slice(1)) || null;
    this.devices = new Devices(() => void this.sendDevices());
    this.connection = new Connection(boot, {
      link: (link) => {
        this.link = link === "connected" ? "joined" : link;
        this.changed();
      },
      refused: (_code, detail) => {
        this.refusal = detail;
        this.changed();
      },
      lobby: ({ sessions }) => {
        this.sessions = sessions;
        this.changed();
      },
    });
    this.outbox = new Outbox(this, () => this.changed());
  }

  /** Connects; the microphone is always on, the camera if it was on before the page was reloaded. */
  async start(): Promise<void> {
    if (this.session) this.enter(this.session);
    this.connection.start();
    await this.devices.open("microphone");
    if (sessionStorage.getItem(CAMERA_CHOICE)) await this.devices.open("camera");
  }

  /** Opens one of the sessions in the list, in place of the one that is open. */
  async open(session: string): Promise<void> {
    if (session === this.session) return;
    this.session = session;
    this.state = null;
    this.stream = null;
    this.refusal = null;
    this.seen = 0;
    history.replaceState(null, "", `#${encodeURIComponent(session)}`);
    this.changed();
    void this.room?.leave();
    this.enter(session);
    await this.sendDevices();
  }

  private enter(session: string): void {
    this.room = this.connection.room(session, "staff", {
      media: (media) => {
        this.media = media;
        this.changed();
      },
      state: (state) => {
        // The session has just ended: nobody is there any more to be seen by.
        const ended = this.state !== null && !isOver(this.state.state) && isOver(state.state);
        if (ended) this.cameraOff();
        this.state = state;
        this.stateAt = performance.now();
        void this.outbox.flush();
        this.changed();
      },
      joined: () => {
        this.refusal = null;
        void this.outbox.flush();
        this.changed();
      },
      remote: ({ main }) => {
        this.stream = main;
        this.changed();
      },
      replaced: () => {
        this.link = "replaced";
        this.changed();
      },
      refused: (_code, detail) => {
        this.refusal = detail;
        this.changed();
      },
    });
    this.room.open();
  }

  async toggleCamera(): Promise<void> {
    if (this.devices.camera) {
      this.cameraOff();
    } else {
      sessionStorage.setItem(CAMERA_CHOICE, "on");
      await this.devices.open("camera");
    }
  }

  private cameraOff(): void {
    sessionStorage.removeItem(CAMERA_CHOICE);
    this.devices.close("camera");
  }

  /** The learner's lines that came after the last answer and were not looked at since. */
  unread(): number {
    const { state } = this;
    if (!state || isOver(state.state)) return 0;
    const answered = state.chat.filter((line) => line.from === "invigilator").at(-1)?.seq ?? 0;
    const after = Math.max(this.seen, answered);
    return state.chat.filter((line) => line.from === "learner" && line.seq > after).length;
  }

  /** The invigilator has pointed at the messages, or begun to write. */
  look(): void {
    if (!this.unread()) return;
    this.seen = this.state?.chat.at(-1)?.seq ?? 0;
    this.changed();
  }

  /** Sends one message about the open session; throws `RoomError` with a sentence to show. */
  async request(event: string, body: object = {}): Promise<Accepted> {
    if (!this.room) throw new RoomError("not_joined", "");
    return this.room.request(event, body);
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  private async sendDevices(): Promise<void> {
    const width = this.devices.camera?.getSettings().width ?? OWN_WIDTH;
    const scale = Math.max(1, width / OWN_WIDTH);
    this.room?.setEncoding("camera", { ...OWN_PICTURE, scaleResolutionDownBy: scale });
    const { microphone, camera } = this.devices;
    await this.room?.setTracks({ audio: microphone, camera });
    this.changed();
  }

  private changed(): void {
    for (const watcher of this.watchers) watcher();
  }
}

/** Draws the component again whenever the desk changes, and once every `every` milliseconds. */
export function useDesk(desk: Desk, every?: number): void {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => desk.watch(() => redraw(undefined)), [desk]);
  useEffect(() => {
    if (!every) return undefined;
    const timer = setInterval(() => redraw(undefined), every);
    return () => clearInterval(timer);
  }, [every]);
}

export interface Action {
  busy: boolean;
  /** Why the server refused the last time, or null. */
  error: string | null;
  /** Runs `work`; true when it succeeded. */
  run(work: () => Promise<unknown>): Promise<boolean>;
}

/** One thing a person can ask for: busy while it is asked, its refusal kept to be shown. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = async (work: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : "This did not work. Try again.");
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run };
}

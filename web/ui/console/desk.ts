// What the console knows: the lobby, the sessions it is in and which of them is in focus, our own
// devices, whom we hear and who hears us.

import { Connection, type Link } from "../lib/connection";
import { Devices } from "../lib/devices";
import {
  isOver,
  type Accepted,
  type Boot,
  type Colleague,
  type LobbyBody,
  type LobbyEntry,
  type ReferralEntry,
} from "../lib/protocol";
import { ServerClock } from "../link/chain";
import { Room } from "./room";

/** As many learners as one invigilator may watch. */
export const MOST = 12;
/** The invigilator is seen small: that is enough, and leaves the link to the learners' pictures. */
const OWN_PICTURE = { maxBitrate: 150_000, maxFramerate: 12 };
/** Sent once a learner, so it must be light when there are many. */
const OWN_PICTURE_TO_MANY = { maxBitrate: 80_000, maxFramerate: 8 };
const MANY = 4;
const OWN_WIDTH = 320;
const CAMERA_CHOICE = "console-camera";
const NUMBERS = "console-numbers";
const LISTEN_MS = 300;

/** How loud a learner is while somebody else is in focus, in the quiet mix. */
export const MIX_VOLUME = 0.25;

export interface News {
  id: number;
  words: string;
}

export class Desk {
  link: Link = "connecting";
  /** The service is starting again. */
  restarting = false;
  refusal: string | null = null;
  lobby: LobbyEntry[] | null = null;
  readonly clock = new ServerClock();
  colleagues: Colleague[] = [];
  /** Checks of colleagues that we are asked to look at, the longest waiting first. */
  referrals: ReferralEntry[] = [];
  /** The session in focus: it is shown large, heard, and spoken to. */
  focus: string | null;
  /** All tiles large, in place of the focus. */
  overview = false;
  /** Everybody is heard, the others than the one in focus quietly. */
  mix = false;
  /** All learners hear us, not only the one in focus. */
  toAll = false;
  muted = false;
  /** The browser wants a touch before it plays sound. */
  silent = false;
  news: News[] = [];
  readonly devices: Devices;
  private readonly connection: Connection;
  private readonly rooms = new Map<string, Room>();
  /** Closed by hand: they do not open again by themselves. */
  private readonly closed = new Set<string>();
  private readonly watchers = new Set<() => void>();

  constructor(boot: Boot) {
    // A reload leads back to the session in focus: its id is in the address.
    this.focus = decodeURIComponent(location.hash.slice(1)) || null;
    this.devices = new Devices(() => this.sendDevices());
    this.connection = new Connection(boot, {
      link: (link) => {
        this.link = link;
        if (link === "connected") {
          this.refusal = null;
          this.restarting = false;
        }
        this.changed();
      },
      restarting: () => (this.restarting = true),
      refused: (_code, detail) => {
        this.refusal = detail;
        this.devices.close("microphone");
        this.cameraOff();
        this.changed();
      },
      lobby: (body) => this.takeLobby(body),
    });
    this.connection.first = this.focus;
  }

  /** Connects; the microphone is always on, the camera if it was on before the page was reloaded. */
  async start(): Promise<void> {
    if (this.focus) this.room(this.focus);
    this.connection.start();
    setInterval(() => void this.listen(), LISTEN_MS);
    await this.devices.open("microphone");
    if (sessionStorage.getItem(CAMERA_CHOICE)) await this.devices.open("camera");
  }

  /** The sessions that the console is in, by their numbers: the order of the tiles. */
  tiles(): Room[] {
    const place = (room: Room): number => room.number ?? MOST + 1;
    return [...this.rooms.values()].sort((a, b) => place(a) - place(b));
  }

  /** The session in focus, or null. */
  focused(): Room | null {
    return this.focus === null ? null : (this.rooms.get(this.focus) ?? null);
  }

  has(session: string): Room | null {
    return this.rooms.get(session) ?? null;
  }

  /** Those who are watched as one's own, and are not over. */
  mine(): Room[] {
    return this.tiles().filter((room) => room.live && !room.supervising);
  }

  /** Another window of ours has all sessions. */
  get elsewhere(): boolean {
    const rooms = [...this.rooms.values()];
    return rooms.length > 0 && rooms.every((room) => room.replaced);
  }

  /** Brings one session into focus, and opens it if it was not. */
  choose(session: string): void {
    this.overview = false;
    if (session !== this.focus) {
      const before = this.focused();
      this.focus = session;
      this.connection.first = session;
      // What is done with goes when one looks elsewhere, and not before.
      if (before?.state && ["attested", "closed"].includes(before.state.state)) this.drop(before);
      history.replaceState(null, "", `#${encodeURIComponent(session)}`);
    }
    this.room(session);
    this.closed.delete(session);
    this.arrange();
    this.sendDevices();
    this.changed();
  }

  /** Closes a session: it is no longer watched from here. */
  close(room: Room): void {
    this.closed.add(room.session);
    this.drop(room);
    this.changed();
  }

  /** Takes a session over that was offered or that nobody watches, and opens it. */
  async takeOver(session: string): Promise<void> {
    await this.connection.request("take_over", { session });
    const known = this.rooms.get(session);
    if (known) known.open();
    this.choose(session);
  }

  /** Sends a message about a session that need not be open. */
  request(event: string, session: string): Promise<Accepted> {
    return this.connection.request(event, { session });
  }

  async toggleCamera(): Promise<void> {
    if (this.devices.camera) {
      this.cameraOff();
    } else {
      sessionStorage.setItem(CAMERA_CHOICE, "on");
      await this.devices.open("camera");
    }
  }

  /** Changes how the console shows, hears and speaks. */
  set(change: Partial<Pick<Desk, "overview" | "mix" | "toAll" | "muted" | "silent">>): void {
    Object.assign(this, change);
    this.sendDevices();
  }

  dismiss(id: number): void {
    this.news = this.news.filter((each) => each.id !== id);
    this.changed();
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  changed(): void {
    for (const watcher of this.watchers) watcher();
  }

  private cameraOff(): void {
    sessionStorage.removeItem(CAMERA_CHOICE);
    this.devices.close("camera");
  }

  /** The room of a session, opened when the console was not in it. */
  private room(session: string): Room {
    const known = this.rooms.get(session);
    if (known) return known;
    const room = new Room(session, this.connection, {
      changed: () => this.changed(),
      silent: () => this.set({ silent: true }),
      told: (_room, ended) => {
        // The last session has just ended: nobody is there any more to be seen by.
        if (ended && !this.mine().length) this.cameraOff();
        this.sendDevices();
      },
      released: (gone, to) => {
        this.tell(`${to} has taken over ${gone.name}.`);
        this.drop(gone);
        this.changed();
      },
    });
    this.rooms.set(session, room);
    room.open();
    return room;
  }

  private drop(room: Room): void {
    void room.leave();
    this.rooms.delete(room.session);
    if (this.focus === room.session) {
      this.focus = this.connection.first = null;
      history.replaceState(null, "", location.pathname);
    }
  }

  private tell(words: string): void {
    this.news = [...this.news, { id: Date.now() + this.news.length, words }];
  }

  private takeLobby({ now, sessions, referrals, colleagues }: LobbyBody): void {
    this.clock.tell(now, performance.now());
    this.lobby = sessions;
    this.colleagues = colleagues;
    this.referrals = [...referrals].sort((a, b) => a.since.localeCompare(b.since));
    // Who is here, or was admitted, is watched without a click.
    const expected = sessions
      .filter(({ role, state, present }) => {
        const waits = present || state !== "scheduled";
        return role === "mine" && waits && !isOver(state);
      })
      .sort(byStart);
    for (const { session } of expected) {
      if (this.rooms.size < MOST && !this.closed.has(session)) this.room(session);
    }
    this.arrange();
    this.changed();
  }

  /**
   * Gives each new room the lowest free number, the earliest session first, and never changes one:
   * a tile that moves is clicked wrong. Trouble rises in a list of its own instead.
   */
  private arrange(): void {
    if (!this.lobby) return;
    const listed = [...this.lobby].sort(byStart).map(({ session }) => session);
    const place = (room: Room): number => listed.indexOf(room.session) + 1 || Infinity;
    const fresh = [...this.rooms.values()].filter((room) => room.number === null);
    if (!fresh.length) return;
    const before = remembered();
    const taken = new Set([...this.rooms.values()].map((room) => room.number));
    for (const room of fresh.sort((a, b) => place(a) - place(b))) {
      const old = before[room.session];
      let number = old !== undefined && !taken.has(old) ? old : 1;
      while (taken.has(number)) number += 1;
      taken.add(number);
      room.number = number;
    }
    const numbers = [...this.rooms.values()].map(({ session, number }) => [session, number]);
    sessionStorage.setItem(NUMBERS, JSON.stringify(Object.fromEntries(numbers)));
  }

  /** Each learner gets what they are to see and hear of us: a voice that is not theirs never. */
  private sendDevices(): void {
    const { camera, microphone } = this.devices;
    const rooms = this.mine();
    const width = camera?.getSettings().width ?? OWN_WIDTH;
    const scaleResolutionDownBy = Math.max(1, width / OWN_WIDTH);
    const picture = rooms.length > MANY ? OWN_PICTURE_TO_MANY : OWN_PICTURE;
    for (const room of rooms) {
      const heard = !this.muted && (this.toAll || room.session === this.focus);
      room.limit({ ...picture, scaleResolutionDownBy });
      room.send(heard ? microphone : null, camera);
    }
    this.changed();
  }

  /** Marks who speaks. */
  private async listen(): Promise<void> {
    const now = performance.now();
    const changes = await Promise.all(this.tiles().map((room) => room.listen(now)));
    if (changes.includes(true)) this.changed();
  }
}

function byStart(a: LobbyEntry, b: LobbyEntry): number {
  return a.start.localeCompare(b.start) || a.learner.localeCompare(b.learner);
}

/** The numbers that sessions had before the page was reloaded. */
function remembered(): Record<string, number | undefined> {
  try {
    return JSON.parse(sessionStorage.getItem(NUMBERS) ?? "{}") as Record<string, number>;
  } catch {
    return {};
  }
}

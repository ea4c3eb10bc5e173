// The camera and the microphone of this device: opening them, saying in plain words what is wrong
// with them and how to mend it, and showing how loud it is.

const REMEMBER = "devices";

export type Kind = "camera" | "microphone";

export interface Trouble {
  kind: Kind;
  title: string;
  mend: string;
}

interface Choice {
  camera?: string;
  microphone?: string;
}

/** What the person chose last on this device; empty when storage is closed to us. */
function remembered(): Choice {
  try {
    return JSON.parse(localStorage.getItem(REMEMBER) ?? "{}") as Choice;
  } catch {
    return {};
  }
}

function remember(kind: Kind, id: string): void {
  try {
    localStorage.setItem(REMEMBER, JSON.stringify({ ...remembered(), [kind]: id }));
  } catch {
    // A private window: the choice holds until the page is closed.
  }
}

/** As large as a document wants it; smaller ones are taken as well. */
const FOR_READING = { width: { ideal: 1920 }, height: { ideal: 1080 } };
const USUAL = { width: { ideal: 1280 }, height: { ideal: 720 } };

function wanted(kind: Kind, id: string | undefined): MediaStreamConstraints {
  const device = id ? { deviceId: { ideal: id } } : {};
  return kind === "camera"
    ? {
        video: {
          ...device,
          ...USUAL,
          frameRate: { ideal: 15, max: 30 },
        },
      }
    : { audio: { ...device, echoCancellation: true, noiseSuppression: true } };
}

const HOW_TO_ALLOW =
  "Press the small picture at the left end of the address bar, allow it for this page, " +
  "then press “Try again”.";

function trouble(kind: Kind, error: unknown): Trouble {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return { kind, title: `Your browser blocks the ${kind}.`, mend: HOW_TO_ALLOW };
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        kind,
        title: `We cannot find a ${kind}.`,
        mend: "Plug one in and try again, or go on with a phone or tablet that has one.",
      };
    case "NotReadableError":
    case "AbortError":
      return {
        kind,
        title: `Another program is using the ${kind}.`,
        mend: "Close other programs that make calls, then press “Try again”.",
      };
    default:
      return {
        kind,
        title: `The ${kind} does not start.`,
        mend: "Use a newer browser (Chrome, Edge, Firefox or Safari), then open your link again.",
      };
  }
}

/** This device's camera and microphone; a track is null while its device is off or in trouble. */
export class Devices {
  camera: MediaStreamTrack | null = null;
  microphone: MediaStreamTrack | null = null;
  readonly troubles = new Map<Kind, Trouble>();
  /** The camera at the back is open only for a document. */
  private turned = false;

  /** `changed` is called after every change of a track or a trouble. */
  constructor(private readonly changed: () => void) {
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.mend());
  }

  /** Opens both devices. One that is missing does not keep the other from working. */
  async openBoth(): Promise<void> {
    // One question for both, where both exist; else each by itself, to learn which is in trouble.
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        ...wanted("camera", remembered().camera),
        ...wanted("microphone", remembered().microphone),
      });
      for (const track of stream.getTracks()) this.take(track);
      this.changed();
    } catch {
      await this.open("camera");
      await this.open("microphone");
    }
  }

  /** Opens one device: the one named, else the one used last, else any. */
  async open(kind: Kind, id?: string): Promise<void> {
    if (id) remember(kind, id);
    this[kind]?.stop();
    this[kind] = null;
    try {
      if (!navigator.mediaDevices) throw new Error("no devices in this browser");
      const stream = await navigator.mediaDevices.getUserMedia(
        wanted(kind, id ?? remembered()[kind]),
      );
      for (const track of stream.getTracks()) this.take(track);
    } catch (error) {
      this.troubles.set(kind, trouble(kind, error));
    }
    this.changed();
  }

  /**
   * Makes the camera fit for reading a document: the one at the back of a phone, else larger
   * pictures; or makes it the usual one again. Returns whether the one at the back is open.
   */
  async forReading(on: boolean): Promise<boolean> {
    const facing = this.camera?.getSettings().facingMode;
    if (!on) {
      if (facing === "environment" && this.turned) await this.open("camera");
      else await this.camera?.applyConstraints(USUAL).catch(() => undefined);
      this.turned = false;
      return false;
    }
    if (facing === "user" && matchMedia("(pointer: coarse)").matches && (await this.turn())) {
      return true;
    }
    await this.camera?.applyConstraints(FOR_READING).catch(() => undefined);
    return facing === "environment";
  }

  /** Opens the camera at the back; most phones have to close the other one first. */
  private async turn(): Promise<boolean> {
    const video = { facingMode: { exact: "environment" }, ...FOR_READING };
    this.camera?.stop();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video });
      for (const track of stream.getTracks()) this.take(track);
      this.turned = true;
      this.changed();
    } catch {
      await this.open("camera");
    }
    return this.turned;
  }

  /** Switches one device off. */
  close(kind: Kind): void {
    this[kind]?.stop();
    this[kind] = null;
    this.troubles.delete(kind);
    this.changed();
  }

  /** What can be chosen. Names are known only once one device was allowed. */
  async list(kind: Kind): Promise<{ id: string; name: string }[]> {
    const wants = kind === "camera" ? "videoinput" : "audioinput";
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    return all
      .filter((device) => device.kind === wants && device.deviceId)
      .map((device, i) => ({
        id: device.deviceId,
        name: device.label || `${kind === "camera" ? "Camera" : "Microphone"} ${i + 1}`,
      }));
  }

  /** Something was plugged in or out: opens again what is not working. */
  private async mend(): Promise<void> {
    for (const kind of [...this.troubles.keys()]) await this.open(kind);
    this.changed();
  }

  private take(track: MediaStreamTrack): void {
    const kind: Kind = track.kind === "video" ? "camera" : "microphone";
    this[kind]?.stop();
    this[kind] = track;
    this.troubles.delete(kind);
    track.addEventListener("ended", () => {
      if (this[kind] !== track) return;
      this[kind] = null;
      this.troubles.set(kind, {
        kind,
        title: `The ${kind} was switched off.`,
        mend: "Plug it in again, or press “Try again”.",
      });
      this.changed();
    });
    track.addEventListener("mute", this.changed);
    track.addEventListener("unmute", this.changed);
  }
}

/** Calls `show` some ten times a second with the loudness of `track`, 0 to 1; returns a stop. */
export function listen(track: MediaStreamTrack, show: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    // Browsers hold sound back until the first touch of the page.
    if (context.state === "suspended") void context.resume();
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    // From -60 dB (a quiet room) to -10 dB (somebody speaking up).
    const decibels = 10 * Math.log10(power + 1e-9);
    show(Math.min(1, Math.max(0, (decibels + 60) / 50)));
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

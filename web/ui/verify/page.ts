// The page: the keys that somebody trusts, a file, and what comes out. Nothing is sent anywhere.

import { byId } from "../lib/page";
import { NotVerified, utf8 } from "./bytes";
import { el, forget } from "./dom";
import { canVerify, onDay, readKeys, type Keys } from "./keys";
import { shownVerdict } from "./show";
import { verify } from "./verify";

/** What the visitor has chosen so far, and which check is the newest. */
interface State {
  keys: Keys | null;
  file: File | null;
  turn: number;
}

/** Sets the page up. */
export async function start(): Promise<void> {
  if (!(await canVerify())) {
    byId("too-old").hidden = false;
    return;
  }
  byId("tool").hidden = false;
  const state: State = { keys: null, file: null, turn: 0 };
  const own = byId<HTMLInputElement>("keys-own");
  const other = byId<HTMLInputElement>("keys-other");
  const keyFile = byId<HTMLInputElement>("key-file");
  const choose = async (): Promise<void> => {
    byId("own-note").hidden = other.checked;
    byId("other-note").hidden = !other.checked;
    const given = other.checked ? await bytesOf(keyFile.files?.[0]) : ownKeys();
    await take(state, given);
  };
  for (const input of [own, other, keyFile]) input.addEventListener("change", () => void choose());
  acceptFiles(state);
  await choose();
}

function ownKeys(): Uint8Array {
  return utf8(byId("boot").textContent ?? "");
}

async function bytesOf(file: File | undefined): Promise<Uint8Array | null> {
  return file ? new Uint8Array(await file.arrayBuffer()) : null;
}

/** Takes keys, shows their fingerprints, and checks again by them. */
async function take(state: State, given: Uint8Array | null): Promise<void> {
  const place = byId("fingerprints");
  state.keys = null;
  if (!given) {
    place.replaceChildren();
  } else {
    try {
      state.keys = await readKeys(given);
      place.replaceChildren(...fingerprints(state.keys));
    } catch (error) {
      const why = error instanceof NotVerified ? error.message : "it cannot be read";
      const words = `This file holds no public key in JWKS or PEM form: ${why}.`;
      place.replaceChildren(el("li.error-message", words));
    }
  }
  await run(state);
}

function fingerprints(keys: Keys): Node[] {
  return [...keys.values()].map(({ id, from, until }) => {
    const since = from === null ? "" : `In use since ${day(from)}`;
    const times = until === null ? since : `${since || "In use"} until ${day(until)}`;
    return el("li", el("code.digest", id), times ? el("span.small.soft", times) : null);
  });
}

function day(at: number): string {
  return onDay(at).replace(/ at .*/, "");
}

function acceptFiles(state: State): void {
  const input = byId<HTMLInputElement>("file");
  const zone = byId("drop");
  const accept = (file: File | undefined): void => {
    if (!file) return;
    state.file = file;
    void run(state);
  };
  input.addEventListener("change", () => accept(input.files?.[0]));
  // A file that misses the zone must not take the place of the page.
  for (const kind of ["dragover", "drop"] as const) {
    addEventListener(kind, (event) => event.preventDefault());
  }
  zone.addEventListener("dragover", () => zone.classList.add("drop--over"));
  zone.addEventListener("dragleave", () => zone.classList.remove("drop--over"));
  zone.addEventListener("drop", (event) => {
    zone.classList.remove("drop--over");
    accept(event.dataTransfer?.files[0]);
  });
}

/** Checks the chosen file by the chosen keys; a newer check makes an older one void. */
async function run(state: State): Promise<void> {
  const turn = ++state.turn;
  const { file, keys } = state;
  const status = byId("status");
  const result = byId("result");
  forget();
  result.replaceChildren();
  if (!file) return;
  if (!keys) {
    status.textContent = "Choose a file of keys first.";
    return;
  }
  status.textContent = `Checking ${file.name} …`;
  const verdict = await verify(file, keys, Date.now());
  if (turn !== state.turn) return;
  status.textContent = verdict.ok ? "Checked." : "Checked: do not rely on this file.";
  result.replaceChildren(...shownVerdict(verdict, file.name));
  result.focus({ preventScroll: true });
  result.scrollIntoView({ block: "start" });
}

// The pages about an officer on board: copies the link; makes the picture smaller before it goes
// over a thin link, and shows how much has gone. Without this script both pages still work.

import { byId, setText } from "../lib/page";

const MAX_SIDE = 2000;
const QUALITY = 0.85;
/** A picture of so few bytes goes as it is. */
const SMALL_BYTES = 400_000;
const SEND_TIMEOUT_MS = 15 * 60_000;
const BROKEN = "The link broke. Nothing is lost: press “Send the form” again.";

/** The picture as it will be sent; kept while a form with a mistake comes back. */
let picture: File | null = null;
let shrinking: Promise<void> = Promise.resolve();
let busy = false;

// Copying the link

function offerCopy(button: HTMLButtonElement): void {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", () => {
    const text = document.querySelector(button.dataset["copy"] ?? "")?.textContent ?? "";
    navigator.clipboard.writeText(text.trim()).then(
      () => setText(byId("copied"), " Copied."),
      () => setText(byId("copied"), " Please mark the link and copy it."),
    );
  });
}

// The picture

function size(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Returns a picture of 2,000 pixels at most, or the file itself when it cannot be read here. */
async function shrunk(file: File): Promise<File> {
  if (file.size <= SMALL_BYTES && file.type === "image/jpeg") return file;
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return file;
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  if (!blob || blob.size >= file.size) return file;
  return new File([blob], "document.jpg", { type: "image/jpeg" });
}

function chosen(input: HTMLInputElement): void {
  const file = input.files?.[0];
  if (!file) return;
  setText(byId("picture-said"), "Reading the picture…");
  shrinking = shrunk(file).then((small) => {
    if (input.files?.[0] !== file) return;
    picture = small;
    const less = small.size < file.size ? `, made smaller from ${size(file.size)}` : "";
    setText(byId("picture-said"), `Ready: ${size(small.size)}${less}.`);
  });
}

// Sending

async function send(form: HTMLFormElement): Promise<void> {
  await shrinking;
  const data = new FormData(form);
  if (picture) data.set("picture", picture);
  const request = new XMLHttpRequest();
  request.responseType = "document";
  request.timeout = SEND_TIMEOUT_MS;
  request.upload.addEventListener("progress", ({ loaded, total, lengthComputable }) => {
    if (lengthComputable) progress(loaded, total);
  });
  request.addEventListener("load", () => arrived(request, form));
  for (const fault of ["error", "timeout", "abort"]) {
    request.addEventListener(fault, () => rest(BROKEN));
  }
  request.open("POST", form.action);
  request.send(data);
}

function progress(loaded: number, total: number): void {
  byId<HTMLProgressElement>("sending-bar").value = (100 * loaded) / total;
  const words =
    loaded < total
      ? `Sending: ${size(loaded)} of ${size(total)}.`
      : "Sent. Waiting for the answer.";
  setText(byId("sending-said"), words);
}

/** Shows what came back: the page that says thanks, or the form with what is wrong. */
function arrived(request: XMLHttpRequest, form: HTMLFormElement): void {
  if (request.status === 200) {
    location.assign(form.action);
    return;
  }
  const main = request.responseXML?.querySelector("main");
  if (!main) {
    rest(BROKEN);
    return;
  }
  busy = false;
  document.title = request.responseXML?.title ?? document.title;
  const fresh = document.importNode(main, true);
  byId("main").replaceWith(fresh);
  begin();
  document.getElementById("picture-again")?.toggleAttribute("hidden", picture !== null);
  if (document.getElementById("picture-error")) picture = null;
  if (picture) {
    keep(picture);
    setText(byId("picture-said"), `The picture is still there: ${size(picture.size)}.`);
  }
  const summary = document.querySelector<HTMLElement>(".error-summary");
  (summary ?? fresh).focus();
  (summary ?? fresh).scrollIntoView();
}

/** Puts the picture back into its field, so that the field says so, too. */
function keep(file: File): void {
  const files = new DataTransfer();
  files.items.add(file);
  byId<HTMLInputElement>("picture").files = files.files;
}

/** Lets the form be sent again. */
function rest(words: string): void {
  busy = false;
  setText(byId("sending-said"), words);
  byId<HTMLProgressElement>("sending-bar").value = 0;
}

// Start

function begin(): void {
  const form = document.querySelector<HTMLFormElement>("#onboard");
  if (!form) return;
  const input = byId<HTMLInputElement>("picture");
  input.addEventListener("change", () => chosen(input));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    byId("sending").hidden = false;
    setText(byId("sending-said"), "Sending…");
    send(form).catch(() => rest(BROKEN));
  });
}

document.querySelectorAll<HTMLButtonElement>("[data-copy]").forEach(offerCopy);
begin();

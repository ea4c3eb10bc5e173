// A verdict on the page: in one sentence, then what the record says, then step by step.

import { addressOf, el, linkTo } from "./dom";
import { factsOf, happenings, pieceName } from "./facts";
import { extension, type Piece } from "./evidence";
import type { Mark, Step } from "./step";
import type { Verdict } from "./verify";

const ALL = 11;
const MOST_EVENTS = 2_000;
const TAGS: Record<Mark, [string, string]> = {
  ok: ["In order", "good"],
  warning: ["Look here", "warn"],
  failed: ["Failed", "bad"],
};

/** Everything that is to be said of a file. */
export function shownVerdict(verdict: Verdict, name: string): Node[] {
  return [
    headline(verdict, name),
    ...said(verdict),
    ...pictures(verdict),
    steps(verdict),
    ...story(verdict),
  ];
}

function headline(verdict: Verdict, name: string): Node {
  const file = el("p.small", "File: ", el("strong", name));
  const bad = listed(verdict, "failed");
  const odd = listed(verdict, "warning");
  if (bad) {
    const why = "Something in it is not as it was signed, or its key is not one that you trust.";
    const kinds =
      "This page knows bundles (.zip), records (.json) and attestations (.jws). A report (PDF) " +
      "is checked by a PDF reader that shows signatures.";
    const words = el("p", verdict.bare ? kinds : why);
    return el("div.notice.notice--bad", el("h2", "Do not rely on this file"), words, bad, file);
  }
  if (verdict.bare) {
    const alone = "This file is an attestation alone. Nothing but its signature was checked.";
    const more = "Choose the bundle or the record to have its events, pictures and texts checked.";
    const words = el("p", `${alone} ${more}`);
    return el("div.notice.notice--warn", el("h2", "The attestation is signed"), words, file);
  }
  const whole = "Nothing in this file was changed since it was signed.";
  if (odd) {
    const words = el("p", `${whole} You should know this:`);
    const heading = el("h2", "The record holds, but read this");
    return el("div.notice.notice--warn", heading, words, odd, file);
  }
  const words = el("p", `All ${ALL} steps are in order. ${whole}`);
  return el("div.notice.notice--good", el("h2", "The record holds"), words, file);
}

/** The steps that came out so, each in its sentence; null where none did. */
function listed(verdict: Verdict, mark: Mark): Node | null {
  const lines = verdict.steps
    .filter((step) => step.mark === mark)
    .map((step) => el("li", `Step ${step.number}. ${sentenceOf(step)}`));
  return lines.length ? el("ul", ...lines) : null;
}

function said(verdict: Verdict): Node[] {
  if (!verdict.claims) return [];
  const lines = factsOf(verdict.claims, verdict.texts).map(({ name, words, gone }) =>
    el("div", el("dt", name), gone ? el("dd.soft", words) : el("dd", words)),
  );
  const doubt = verdict.ok
    ? null
    : el("p.soft", "The attestation itself is signed, but other parts of the file do not fit it.");
  return [
    el("h2", "What the attestation says"),
    ...(doubt ? [doubt] : []),
    el("dl.summary-list", ...lines),
  ];
}

function pictures({ pieces, report }: Verdict): Node[] {
  if (!pieces.length && !report) return [];
  const shown = el("div.evidence", ...pieces.map(figure));
  const parts: Node[] = [el("h2", "The evidence in this file"), shown];
  if (report) parts.push(el("p", linkTo(report, "report.pdf", "Save the report (PDF)")));
  return parts;
}

function figure(piece: Piece): Node {
  const name = pieceName(piece.kind);
  const typed = new Blob([piece.blob], { type: piece.media || "image/jpeg" });
  let picture: HTMLElement;
  if (piece.kind === "stills") {
    picture = el("p", linkTo(piece.blob, `${piece.id}.stills`, "Save the pictures"));
  } else if (piece.media) {
    const video = el("video");
    Object.assign(video, { controls: true, preload: "metadata", src: addressOf(typed) });
    const end = extension(piece.media);
    video.addEventListener("error", () => {
      const save = linkTo(piece.blob, `${piece.id}.${end}`, "Save it");
      const why = `This browser cannot play it (${end.toUpperCase()}). `;
      video.replaceWith(el("p", why, save, " and open it with another program."));
    });
    picture = video;
  } else {
    const image = el("img");
    Object.assign(image, { alt: name, src: addressOf(typed) });
    picture = image;
  }
  const digest = el("code.digest", piece.sha256);
  const lacks = piece.lacks ? [el("p.small", `The service lost ${piece.lacks}.`)] : [];
  const small = el("span.small.soft", "SHA-256 ", digest);
  return el("figure", picture, el("figcaption", name, ...lacks, small));
}

function steps(verdict: Verdict): Node {
  const list = el("ol.verdict", ...verdict.steps.map(line));
  const left = verdict.bare ? 0 : ALL - verdict.steps.length;
  const rest = left ? el("p.soft", "The other steps could not be taken.") : null;
  const heading = el("h2", "Step by step");
  return el("section", heading, list, rest);
}

function line(step: Step): Node {
  const [words, tone] = TAGS[step.mark];
  const tag = el("span", words);
  tag.className = `tag tag--${tone}`;
  const item = el(
    "li",
    el("p.title", el("span.which", `${step.number}. `), step.title, " "),
    tag,
    el("p.clause", `${capital(step.clause)}.`),
  );
  item.value = step.number;
  return item;
}

function story({ events, texts }: Verdict): Node[] {
  if (!events.length) return [];
  const rows = happenings(events.slice(0, MOST_EVENTS), texts).map((one) => {
    const spoken = one.texts.map((text) => el("span.spoken", text));
    return el(
      "tr",
      cell("No.", String(one.number), "number"),
      cell("Time (UTC)", one.at, "number"),
      named(el("td", el("div", one.words, ...spoken)), "What"),
      cell("Who", one.who),
    );
  });
  const heads = ["No.", "Time (UTC)", "What", "Who"].map((words) => {
    const head = el("th", words);
    head.scope = "col";
    return head;
  });
  const table = el("table.stacked", el("thead", el("tr", ...heads)), el("tbody", ...rows));
  const more = events.length - rows.length;
  const rest = more > 0 ? el("p.soft", `${more} more events are in the file.`) : null;
  const summary = el("summary", `Everything that happened: ${events.length} signed events`);
  return [el("details", summary, table, rest)];
}

function cell(name: string, words: string, style = ""): HTMLElement {
  const made = named(el("td", words), name);
  if (style) made.className = style;
  return made;
}

function named(made: HTMLElement, name: string): HTMLElement {
  made.dataset["name"] = name;
  return made;
}

function sentenceOf(step: Step): string {
  return `${step.title}: ${step.clause}.`;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

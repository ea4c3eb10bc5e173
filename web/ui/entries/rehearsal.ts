// The page that tests the link: one button, a line of progress, and what to expect in words.

import { bootData, byId, setText } from "../lib/page";
import type { Outcome, Place } from "../rehearsal/outcome";
import { test } from "../rehearsal/run";
import { Refused } from "../rehearsal/transfers";

const place = bootData<Place>();
const button = byId<HTMLButtonElement>("test");
const bar = byId<HTMLProgressElement>("progress");

function said(words: readonly string[]): HTMLElement[] {
  return words.map((sentence) => {
    const line = document.createElement("p");
    line.textContent = sentence;
    return line;
  });
}

function show({ figures, expected, kilobytes }: Outcome): void {
  setText(byId("result-title"), expected.name);
  byId("result").className = `notice notice--${expected.kind}`;
  byId("result-words").replaceChildren(...said(expected.words));
  const lost = Math.max(figures.lost_up_permille, figures.lost_down_permille);
  const wide = (kbit: number): string =>
    kbit >= 2000 ? "more than 2,000 kbit/s" : `${kbit} kbit/s`;
  setText(byId("down"), wide(figures.down_kbit));
  setText(byId("up"), wide(figures.up_kbit));
  setText(byId("delay"), `${figures.rtt_ms} ms there and back`);
  setText(byId("lost"), `${(lost / 10).toFixed(1)} of 100 packets`);
  setText(byId("used"), `${kilobytes.toLocaleString("en-GB")} kB of your data`);
  byId("figures").hidden = false;
}

function failed(error: unknown): void {
  const sentence =
    error instanceof Refused ? error.message : "The link was lost during the test. Try again.";
  setText(byId("result-title"), "The test could not be finished");
  byId("result").className = "notice notice--warn";
  byId("result-words").replaceChildren(...said([sentence]));
  byId("figures").hidden = true;
}

async function run(): Promise<void> {
  button.disabled = true;
  byId("result").hidden = true;
  byId("figures").hidden = true;
  byId("running").hidden = false;
  try {
    const outcome = await test(place, (words, done) => {
      setText(byId("doing"), words);
      bar.value = done;
    });
    show(outcome);
  } catch (error) {
    failed(error);
  }
  byId("running").hidden = true;
  byId("result").hidden = false;
  byId("result-title").focus();
  setText(button, "Test again");
  button.disabled = false;
}

button.disabled = false;
button.addEventListener("click", () => void run());

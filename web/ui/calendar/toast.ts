// What came of the last move, and the way back. It stays until it is dismissed or replaced.

import { byId } from "../lib/page";
import { line } from "./data";

function button(text: string, act: () => void): HTMLButtonElement {
  const made = line("button", text, "button button--quiet") as HTMLButtonElement;
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

export function hideToast(): void {
  byId("toast").replaceChildren();
}

export function showToast(kind: "good" | "bad", sentence: string, undo?: () => void): void {
  const buttons = [button("Dismiss", hideToast)];
  if (undo) buttons.unshift(button("Undo", undo));
  const box = line("div", "", `notice notice--${kind}`);
  box.append(line("p", sentence), ...buttons);
  byId("toast").replaceChildren(box);
}

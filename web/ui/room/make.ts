// Elements made by the room's script.

export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  classes = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  if (classes) element.className = classes;
  if (text) element.textContent = text;
  return element;
}

/** A button that calls `act`. */
export function pressable(text: string, act: () => void, classes = "button"): HTMLButtonElement {
  const button = make("button", classes, text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

/** A list in place of what the element held, only where it differs. */
export function setList(list: HTMLElement, lines: readonly string[]): void {
  if (lines.join("\n") === [...list.children].map((item) => item.textContent).join("\n")) return;
  list.replaceChildren(...lines.map((line) => make("li", "", line)));
}

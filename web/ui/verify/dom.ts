// Elements of the page, made without any markup in texts.

type Child = Node | string | null;

/** Makes an element: `p`, or with classes `p.soft.small`. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K | `${K}.${string}`,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag as K);
  if (classes.length) made.className = classes.join(" ");
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Puts a link to some bytes, under which they can be kept. */
export function linkTo(blob: Blob, name: string, words: string): HTMLAnchorElement {
  const link = el("a", words);
  link.href = addressOf(blob);
  link.download = name;
  return link;
}

const addresses: string[] = [];

/** An address for some bytes, good until `forget`. */
export function addressOf(blob: Blob): string {
  const address = URL.createObjectURL(blob);
  addresses.push(address);
  return address;
}

/** Lets go of all bytes that were shown. */
export function forget(): void {
  for (const address of addresses.splice(0)) URL.revokeObjectURL(address);
}

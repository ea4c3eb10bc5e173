// What the guided capture says, in plain words.

import type { CaptureSide, CaptureWanted, DocumentKind } from "../../lib/protocol";

export const KINDS: Record<DocumentKind, string> = {
  passport: "Passport",
  identity_card: "Identity card",
  driving_licence: "Driving licence",
  seamans_book: "Seaman's book",
  other: "Another official document with my photo",
};

/** These have two sides that are looked at. */
const CARDS: readonly DocumentKind[] = ["identity_card", "driving_licence"];

/** The sides to take, given what the server still wants. */
export function sidesOf(kind: DocumentKind, wanted: readonly CaptureSide[]): CaptureSide[] {
  if (!CARDS.includes(kind)) return ["front"];
  return onlyBack(wanted) ? ["back"] : ["front", "back"];
}

function onlyBack(wanted: readonly CaptureSide[]): boolean {
  return wanted.includes("back") && !wanted.includes("front");
}

/** The kind that needs no choice, for only its back is still to be shown. */
export function knownKind({ kind, sides }: CaptureWanted): DocumentKind | null {
  return kind && CARDS.includes(kind) && onlyBack(sides) ? kind : null;
}

/** Of what the picture is to be. */
export function titleOf(kind: DocumentKind, side: CaptureSide): string {
  if (kind === "passport") return "Your passport: the page with your photo";
  if (kind === "seamans_book") return "Your seaman's book: the page with your photo";
  if (kind === "other") {
    return side === "back" ? "Your document: the back" : "Your document: the side with your photo";
  }
  const card = kind === "identity_card" ? "identity card" : "driving licence";
  return side === "back" ? `Now the back of your ${card}` : `Your ${card}: the front`;
}

/** The share of a picture's height, from below, in which a document may have its zone; 0: none. */
export function zoneOf(kind: DocumentKind): number {
  return kind === "driving_licence" ? 0 : 0.55;
}

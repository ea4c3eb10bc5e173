// The pictures of a check: cut out and alike, side by side; whole; large, laid over each other.
//
// Every fetch of a picture is noted in the record: they are fetched when somebody wants them.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Identity } from "../lib/protocol";
import { Dialog } from "./parts";

/** The address of a piece of evidence. */
export function evidenceAt(id: string): string {
  return `/staff/evidence/${encodeURIComponent(id)}`;
}

/** Both cut out: only then can one be laid over the other. */
function pairOf(identity: Identity): [string, string] | null {
  const { portrait, aligned } = identity;
  return portrait && aligned ? [portrait, aligned] : null;
}

export function Pictures({ identity }: { identity: Identity }) {
  const pair = pairOf(identity);
  if (!pair) {
    return (
      <div class="identity-pictures side-by-side">
        <Picture id={identity.document} name="Document" />
        {identity.back && <Picture id={identity.back} name="Back" />}
        <Picture id={identity.face} name="Face" />
      </div>
    );
  }
  return (
    <div class="identity-pictures cut-out">
      <Picture id={pair[0]} name="Portrait" alt="Portrait in the document" />
      <Picture id={pair[1]} name="Face now" alt="Face in the live picture" />
      <div class="whole">
        <Picture id={identity.document} name="Document" />
        {identity.back ? (
          <Picture id={identity.back} name="Back" />
        ) : (
          <Picture id={identity.face} name="Face" />
        )}
      </div>
    </div>
  );
}

/** The way to the large pictures, by the key Z as well. */
export function Larger(props: { words?: string; onLarge: () => void }) {
  const { words = "Compare them large", onLarge } = props;
  return (
    <p class="small larger">
      <button type="button" class="link-button" aria-keyshortcuts="Z" onClick={onLarge}>
        {words}
      </button>
      <kbd aria-hidden="true">Z</kbd>
    </p>
  );
}

export function Picture(props: { id: string | null; name: string; alt?: string }) {
  const { id, name, alt = `${name} picture` } = props;
  return (
    <figure class="picture">
      {id ? <img key={id} src={evidenceAt(id)} alt={alt} /> : <p class="blank">Not taken</p>}
      <figcaption>{name}</figcaption>
    </figure>
  );
}

type View = "beside" | "wipe" | "fade" | "document" | "back" | "face";

const VIEWS: Record<View, string> = {
  beside: "Side by side",
  wipe: "Wipe",
  fade: "Fade",
  document: "Document",
  back: "Back",
  face: "Whole face picture",
};
const ZOOMS = [1, 1.5, 2, 3];

/** The pictures large: beside each other, one over the other, or one alone and larger still. */
export function CompareDialog({ identity, onClose }: { identity: Identity; onClose: () => void }) {
  const pair = pairOf(identity);
  const shown: View[] = ["beside"];
  if (pair) shown.push("wipe", "fade");
  if (identity.document) shown.push("document");
  if (identity.back) shown.push("back");
  if (identity.face) shown.push("face");
  const [view, setView] = useState<View>("beside");
  const single = view === "document" || view === "back" || view === "face" ? view : null;
  const views = (
    <div class="views" role="radiogroup" aria-label="How to look">
      {shown.map((each) => (
        <label key={each} class="view">
          <input type="radio" name="view" checked={view === each} onChange={() => setView(each)} />
          <span>{VIEWS[each]}</span>
        </label>
      ))}
    </div>
  );
  return (
    <Large title="Document and face" bar={views} onClose={onClose}>
      {single ? (
        <Scrolled name={VIEWS[single]}>
          <img
            key={identity[single]}
            src={evidenceAt(identity[single] ?? "")}
            alt={`${VIEWS[single]}, large`}
          />
        </Scrolled>
      ) : view === "beside" ? (
        <Beside
          left={[pair?.[0] ?? identity.document, "Document"]}
          right={[pair?.[1] ?? identity.face, "Face"]}
        />
      ) : (
        pair && <Overlay pair={pair} how={view === "wipe" ? "wipe" : "fade"} />
      )}
    </Large>
  );
}

/** A dialog that fills the window, with a zoom for what is in it. */
export function Large(props: {
  title: string;
  bar?: ComponentChildren;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const [zoom, setZoom] = useState(0);
  const step = (by: number, words: string) => (
    <button
      type="button"
      class="button button--quiet"
      disabled={ZOOMS[zoom + by] === undefined}
      onClick={() => setZoom(zoom + by)}
    >
      {words}
    </button>
  );
  return (
    <Dialog wide title={props.title} onClose={props.onClose}>
      <div class="compare-bar">
        {props.bar}
        <div class="zooms" role="group" aria-label="Size">
          {step(-1, "Smaller")}
          {step(1, "Larger")}
          <span class="number small" role="status">
            {ZOOMS[zoom]}×
          </span>
        </div>
        <button type="button" class="button" onClick={props.onClose}>
          Close
        </button>
      </div>
      <div class="compare-view" style={{ "--zoom": String(ZOOMS[zoom] ?? 1) }}>
        {props.children}
      </div>
    </Dialog>
  );
}

/** Two pictures, each with its name. */
export function Beside(props: { left: [string | null, string]; right: [string | null, string] }) {
  return (
    <div class="beside">
      {[props.left, props.right].map(([id, name]) => (
        <Scrolled key={name} name={name}>
          {id && <img src={evidenceAt(id)} alt={`${name}, large`} />}
        </Scrolled>
      ))}
    </div>
  );
}

/** A picture that may be larger than its place: it is moved with the arrow keys. */
function Scrolled(props: { name: string; children: ComponentChildren }) {
  return (
    <div class="scrolled" tabIndex={0} role="region" aria-label={props.name}>
      {props.children}
    </div>
  );
}

/** The face over the portrait: a slider moves the edge between them, or lets one shine through. */
function Overlay({ pair, how }: { pair: [string, string]; how: "wipe" | "fade" }) {
  const [at, setAt] = useState(50);
  return (
    <div class="overlay-view">
      <div class="scrolled" tabIndex={0} role="region" aria-label="Portrait and face">
        <div class={`overlay overlay--${how}`} style={{ "--at": `${at}%` }}>
          <img src={evidenceAt(pair[0])} alt="Portrait in the document" />
          <img src={evidenceAt(pair[1])} alt="Face in the live picture, over the portrait" />
        </div>
      </div>
      <label class="overlay-slider">
        <span>Portrait</span>
        <input
          type="range"
          min={0}
          max={100}
          step={5}
          value={at}
          aria-label={how === "wipe" ? "Edge between portrait and face" : "How much of the face"}
          onInput={(event) => setAt(event.currentTarget.valueAsNumber)}
        />
        <span>Face</span>
      </label>
    </div>
  );
}

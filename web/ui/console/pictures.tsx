// The pictures of a check: cut out and alike, side by side; whole; large, laid over each other.
//
// Every fetch of a picture is noted in the record: they are fetched when somebody wants them.

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
        <Picture id={identity.face} name="Face" />
        {identity.back && <Picture id={identity.back} name="Back" />}
      </div>
    );
  }
  return (
    <div class={`identity-pictures cut-out ${identity.back ? "three" : ""}`}>
      <Picture id={pair[0]} name="Portrait" alt="Portrait in the document" />
      <Picture id={pair[1]} name="Face now" alt="Face in the live picture" />
      <div class="whole">
        <Picture id={identity.document} name="Document" />
        {identity.back && <Picture id={identity.back} name="Back" />}
        <Picture id={identity.face} name="Face" />
      </div>
    </div>
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
  const pair = pairOf(identity) ?? null;
  const left = pair?.[0] ?? identity.document;
  const right = pair?.[1] ?? identity.face;
  const shown: View[] = ["beside"];
  if (pair) shown.push("wipe", "fade");
  if (identity.document) shown.push("document");
  if (identity.back) shown.push("back");
  if (identity.face) shown.push("face");
  const [view, setView] = useState<View>("beside");
  const [zoom, setZoom] = useState(0);
  const single = view === "document" || view === "back" || view === "face" ? view : null;
  return (
    <Dialog wide title="Document and face" onClose={onClose}>
      <div class="compare-bar">
        <div class="views" role="radiogroup" aria-label="How to look">
          {shown.map((each) => (
            <label key={each} class="view">
              <input
                type="radio"
                name="view"
                checked={view === each}
                onChange={() => setView(each)}
              />
              <span>{VIEWS[each]}</span>
            </label>
          ))}
        </div>
        <div class="zooms" role="group" aria-label="Size">
          <button
            type="button"
            class="button button--quiet"
            disabled={zoom === 0}
            onClick={() => setZoom(zoom - 1)}
          >
            Smaller
          </button>
          <button
            type="button"
            class="button button--quiet"
            disabled={zoom === ZOOMS.length - 1}
            onClick={() => setZoom(zoom + 1)}
          >
            Larger
          </button>
          <span class="number small" role="status">
            {ZOOMS[zoom]}×
          </span>
        </div>
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
      <div class="compare-view" style={{ "--zoom": String(ZOOMS[zoom] ?? 1) }}>
        {single ? (
          <Scrolled name={VIEWS[single]}>
            <img
              key={identity[single]}
              src={evidenceAt(identity[single] ?? "")}
              alt={`${VIEWS[single]}, large`}
            />
          </Scrolled>
        ) : view === "beside" ? (
          <div class="beside">
            {[left, right].map((id, place) => (
              <Scrolled key={id} name={place ? "Face" : "Document"}>
                {id && <img src={evidenceAt(id)} alt={place ? "Face, large" : "Document, large"} />}
              </Scrolled>
            ))}
          </div>
        ) : (
          pair && <Overlay pair={pair} how={view === "wipe" ? "wipe" : "fade"} />
        )}
      </div>
    </Dialog>
  );
}

/** A picture that may be larger than its place: it is moved with the arrow keys. */
function Scrolled(props: { name: string; children: preact.ComponentChildren }) {
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

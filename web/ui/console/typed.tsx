// What a document says that no machine can read, typed by eye beside its picture.

import { useState } from "preact/hooks";
import type { DocumentKind, Identity } from "../lib/protocol";
import { DOCUMENTS } from "./findings";
import { useAction } from "./hooks";
import { Dialog, Refusal } from "./parts";
import { evidenceAt } from "./pictures";
import type { Room } from "./room";

const EMPTY = { surname: "", given: "", number: "", issuer: "", born: "", expires: "" };

const SIDES = ["Document", "Back of the document"];

type Text = keyof typeof EMPTY;

/** Nothing of the booking stands here: what is typed must come from the document. */
export function TypedDialog(props: { room: Room; identity: Identity; onClose: () => void }) {
  const { room, identity, onClose } = props;
  const { document, back, reading } = identity;
  const [kind, setKind] = useState<DocumentKind>(identity.kind ?? "driving_licence");
  const [fields, setFields] = useState(() => ({
    ...EMPTY,
    ...(reading && {
      surname: reading.surname,
      given: reading.given,
      number: reading.number,
      issuer: reading.issuer,
      born: reading.born ?? "",
      expires: reading.expires ?? "",
    }),
  }));
  const asking = useAction();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const body = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, value.trim()]),
    );
    if (await asking.run(() => room.request("type_document", { kind, ...body }))) onClose();
  };
  const input = (name: Text, label: string, more: object = {}) => (
    <div class="field">
      <label for={`typed-${name}`}>{label}</label>
      <input
        id={`typed-${name}`}
        autocomplete="off"
        spellcheck={false}
        maxlength={100}
        value={fields[name]}
        onInput={(event) => setFields({ ...fields, [name]: event.currentTarget.value })}
        {...more}
      />
    </div>
  );
  return (
    <Dialog wide title="What the document says" onClose={onClose}>
      <div class="typed">
        <div class="typed-pictures">
          {[document, back].map(
            (id, place) =>
              id && (
                <div class="scrolled" tabIndex={0} role="region" aria-label={SIDES[place]} key={id}>
                  <img src={evidenceAt(id)} alt={SIDES[place] ?? ""} />
                </div>
              ),
          )}
          {!document && <p class="soft">No picture of it was taken yet.</p>}
        </div>
        <form onSubmit={submit}>
          <div class="field">
            <label for="typed-kind">Document</label>
            <select
              id="typed-kind"
              value={kind}
              onChange={(event) => setKind(event.currentTarget.value as DocumentKind)}
            >
              {Object.entries(DOCUMENTS).map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </div>
          {input("surname", "Surname", { autofocus: true })}
          {input("given", "Given names")}
          <div class="pair">
            {input("born", "Born", { type: "date" })}
            {input("expires", "Expires, if it says so", { type: "date" })}
            {input("number", "Number")}
            {input("issuer", "Country of issue, 3 letters", { maxlength: 3, class: "w-short" })}
          </div>
          <p class="small soft">Leave out what you cannot read. It is compared with the booking.</p>
          <Refusal error={asking.error} />
          <button class="button" disabled={asking.busy || !(fields.surname + fields.given).trim()}>
            Compare
          </button>
          <button type="button" class="button button--quiet" onClick={onClose}>
            Go back
          </button>
        </form>
      </div>
    </Dialog>
  );
}

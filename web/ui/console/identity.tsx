// Who sits there: the document and the face side by side, and the invigilator's decision.

import { useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import type { Identity, RoomState } from "../lib/protocol";
import { useAction, type Action } from "./hooks";
import { Dialog, KeyButton, Refusal, useKeys } from "./parts";
import type { Room } from "./room";

type Decision = "confirmed" | "not_confirmed";

const SUGGESTED = "The face matches the photo, and the name matches the booking.";

export function IdentityPanel(props: { room: Room; state: RoomState; keys: boolean }) {
  const { room, state, keys } = props;
  const taking = useAction();
  const [large, setLarge] = useState(false);
  // Every fetch of a picture is noted in the record: they are fetched when somebody wants them.
  const [shown, setShown] = useState(false);
  const reopening = useAction();
  const identity = state.identity;
  const early = state.state === "checked_in" || state.state === "identified";
  const open = early && !room.supervising;
  const take = (kind: string) => void taking.run(() => room.request("snapshot", { kind }));
  useKeys({ D: () => take("id_document"), F: () => take("face") }, keys && open && !taking.busy);
  if (!identity) return null;
  const decided = identity.decision !== null;
  const reopen = () => void reopening.run(() => room.request("reopen_identity"));
  return (
    <section class={`card ${decided ? "later" : "identity"}`} aria-labelledby="identity-title">
      <h2 id="identity-title">Identity</h2>
      {decided ? (
        <>
          <Decided identity={identity} onAgain={open && !reopening.busy ? reopen : undefined} />
          <details onToggle={(event) => setShown(event.currentTarget.open)}>
            <summary class="small">Show the pictures</summary>
            {shown && <Pictures identity={identity} onLarge={() => setLarge(true)} />}
          </details>
        </>
      ) : (
        <Pictures identity={identity} onLarge={() => setLarge(true)} />
      )}
      {open && !decided && <TakeButtons taking={taking} take={take} />}
      <Refusal error={taking.error} />
      {open && !decided && <Decide room={room} />}
      <Refusal error={reopening.error} />
      {large && (
        <Dialog wide title="Document and face" onClose={() => setLarge(false)}>
          <Pictures identity={identity} />
          <form method="dialog">
            <button class="button">Close</button>
          </form>
        </Dialog>
      )}
    </section>
  );
}

function TakeButtons({ taking, take }: { taking: Action; take: (kind: string) => void }) {
  return (
    <div class="buttons take">
      <KeyButton keyName="D" disabled={taking.busy} onPress={() => take("id_document")}>
        Take ID picture
      </KeyButton>
      <KeyButton keyName="F" disabled={taking.busy} onPress={() => take("face")}>
        Take face picture
      </KeyButton>
    </div>
  );
}

function Pictures({ identity, onLarge }: { identity: Identity; onLarge?: () => void }) {
  return (
    <>
      <div class="side-by-side">
        <Picture id={identity.document} name="Document" />
        <Picture id={identity.face} name="Face" />
      </div>
      {onLarge && identity.document && identity.face && (
        <p>
          <button type="button" class="link-button small" onClick={onLarge}>
            Compare them large
          </button>
        </p>
      )}
    </>
  );
}

function Picture({ id, name }: { id: string | null; name: string }) {
  return (
    <figure class="picture">
      {id ? (
        <img key={id} src={`/staff/evidence/${encodeURIComponent(id)}`} alt={`${name} picture`} />
      ) : (
        <p class="blank">Not taken</p>
      )}
      <figcaption>{name}</figcaption>
    </figure>
  );
}

function Decided({ identity, onAgain }: { identity: Identity; onAgain?: () => void }) {
  const confirmed = identity.decision === "confirmed";
  return (
    <div class={`notice ${confirmed ? "notice--good" : "notice--bad"}`}>
      <p>
        <strong>{confirmed ? "Confirmed" : "Not confirmed"}</strong>
        {identity.at && ` at ${clockTime(identity.at)}`}
        <br />
        {identity.reason}
      </p>
      {onAgain && (
        <button type="button" class="link-button small" onClick={onAgain}>
          Check the identity again
        </button>
      )}
    </div>
  );
}

function Decide({ room }: { room: Room }) {
  const asking = useAction();
  const [decision, setDecision] = useState<Decision | null>(null);
  const [reason, setReason] = useState("");
  const choose = (next: Decision): void => {
    setDecision(next);
    if (next === "confirmed" && !reason) setReason(SUGGESTED);
    if (next === "not_confirmed" && reason === SUGGESTED) setReason("");
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    await asking.run(() => room.request("decide_identity", { decision, reason }));
  };
  return (
    <form onSubmit={submit}>
      <fieldset>
        <legend>Your decision</legend>
        <Choice id="confirmed" decision={decision} onChoose={choose}>
          Confirmed: it is this person
        </Choice>
        <Choice id="not_confirmed" decision={decision} onChoose={choose}>
          Not confirmed
        </Choice>
      </fieldset>
      <div class="field">
        <label for="identity-reason">Reason</label>
        <textarea
          id="identity-reason"
          required
          maxlength={1000}
          rows={2}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </div>
      <Refusal error={asking.error} />
      <button class="button" disabled={asking.busy || !decision}>
        Record the decision
      </button>
    </form>
  );
}

function Choice(props: {
  id: Decision;
  decision: Decision | null;
  onChoose: (decision: Decision) => void;
  children: string;
}) {
  return (
    <div class="choice">
      <input
        type="radio"
        name="decision"
        id={`decision-${props.id}`}
        required
        checked={props.decision === props.id}
        onChange={() => props.onChoose(props.id)}
      />
      <label for={`decision-${props.id}`}>{props.children}</label>
    </div>
  );
}

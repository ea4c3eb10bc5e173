// Who sits there: the pictures, what was read beside the booking, and the invigilator's decision.
// A person decides; what the machine read and found is only shown.

import { useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import type { Identity, Referred, RoomState } from "../lib/protocol";
import { Challenges } from "./challenges";
import { Decide } from "./decide";
import { CaptureLine, Findings, Hints, LikenessLine, ReadingLine } from "./findings";
import { useAction, type Action } from "./hooks";
import { KeyButton, Refusal, useKeys } from "./parts";
import { CompareDialog, Larger, Pictures } from "./pictures";
import { Rechecks } from "./rechecks";
import type { Room } from "./room";
import { firstQuestion, isEarly } from "./turn";
import { TypedDialog } from "./typed";

export function IdentityPanel(props: { room: Room; state: RoomState; keys: boolean }) {
  const { room, state, keys } = props;
  const [shown, setShown] = useState<"compare" | "typed" | null>(null);
  const taking = useAction();
  const { identity } = state;
  const seen = Boolean(identity?.document ?? identity?.face);
  const decided = identity?.decision != null;
  const may = !room.supervising && isEarly(state) && !decided && identity?.state !== "referred";
  const typing = may && identity?.document != null;
  useKeys(
    {
      ...(seen && firstQuestion(state) !== "recheck" && { Z: () => setShown("compare") }),
      ...(typing && { Q: () => setShown("typed") }),
    },
    keys,
  );
  if (!identity) return null;
  return (
    <section class={`card ${decided ? "later" : "identity"}`} aria-labelledby="identity-title">
      <div class="identity-head">
        <h2 id="identity-title">Identity</h2>
        {seen && !decided && <Larger onLarge={() => setShown("compare")} />}
      </div>
      {decided ? (
        <AfterDecision
          room={room}
          state={state}
          identity={identity}
          keys={keys}
          onLarge={() => setShown("compare")}
        />
      ) : (
        <>
          <CaptureLine identity={identity} />
          {identity.referred && <Waiting room={room} referred={identity.referred} />}
          <Seen identity={identity} />
          {may && (
            <Tools
              room={room}
              state={state}
              keys={keys}
              taking={taking}
              onType={() => setShown("typed")}
            />
          )}
          <Challenges challenges={state.challenges ?? []} />
          {may && (
            <Decide
              room={room}
              identity={identity}
              keys={keys && firstQuestion(state) === "identity"}
              taking={taking.busy}
            />
          )}
        </>
      )}
      {shown === "compare" && <CompareDialog identity={identity} onClose={() => setShown(null)} />}
      {shown === "typed" && (
        <TypedDialog room={room} identity={identity} onClose={() => setShown(null)} />
      )}
    </section>
  );
}

/** The pictures, and everything that the machine says of them. */
function Seen({ identity }: { identity: Identity }) {
  return (
    <>
      <Pictures identity={identity} />
      <Hints identity={identity} />
      <Findings identity={identity} />
      <ReadingLine identity={identity} />
      <LikenessLine identity={identity} />
    </>
  );
}

/** New pictures, typing by eye, and a challenge. */
function Tools(props: {
  room: Room;
  state: RoomState;
  keys: boolean;
  taking: Action;
  onType: () => void;
}) {
  const { room, state, keys, taking, onType } = props;
  const { identity } = state;
  const take = (kind: string) => () => void taking.run(() => room.request("snapshot", { kind }));
  const ask = () => void taking.run(() => room.request("ask_document"));
  useKeys({ D: take("id_document"), F: take("face") }, keys && !taking.busy);
  const [one, other] = [identity?.document, identity?.face];
  return (
    <>
      <div class={`buttons tools ${one && other ? "tools--done" : ""}`}>
        <KeyButton keyName="D" disabled={taking.busy} onPress={take("id_document")}>
          Take ID picture
        </KeyButton>
        <KeyButton keyName="F" disabled={taking.busy} onPress={take("face")}>
          Take face picture
        </KeyButton>
        {one && (
          <KeyButton keyName="Q" onPress={onType}>
            Type by eye…
          </KeyButton>
        )}
        <Draw room={room} state={state} keys={keys} />
        <button type="button" class="link-button small" disabled={taking.busy} onClick={ask}>
          {one ? "Ask the learner's page for it again" : "Ask the learner's page for it"}
        </button>
      </div>
      {taking.busy && (
        <p class="small" role="status">
          Taking the picture…
        </p>
      )}
      <Refusal error={taking.error} />
    </>
  );
}

/** Lets the server draw a challenge; one at a time. */
function Draw({ room, state, keys }: { room: Room; state: RoomState; keys: boolean }) {
  const drawing: Action = useAction();
  const open = state.challenges?.some(({ result }) => result === null) ?? false;
  const can = !open && !drawing.busy && !room.supervising;
  const draw = () => void drawing.run(() => room.request("challenge"));
  useKeys({ L: draw }, keys && can);
  return (
    <>
      <KeyButton keyName="L" disabled={!can} onPress={draw}>
        Draw a challenge
      </KeyButton>
      <Refusal error={drawing.error} />
    </>
  );
}

/** A colleague was asked: who waits for whom, and the way back. */
function Waiting({ room, referred }: { room: Room; referred: Referred }) {
  const reopening = useAction();
  const back = () => void reopening.run(() => room.request("reopen_identity"));
  return (
    <div class="notice notice--warn small" role="status">
      <p>
        <strong>A colleague is asked to look</strong> since {clockTime(referred.at)}, by{" "}
        {referred.by}.{" "}
        {referred.proposed === "confirmed" ? "Proposed: confirm." : "Nothing was proposed."}
        <br />
        {referred.reason}
      </p>
      {!room.supervising && (
        <button type="button" class="link-button" disabled={reopening.busy} onClick={back}>
          Begin the check again, with new pictures
        </button>
      )}
      <Refusal error={reopening.error} />
    </div>
  );
}

/** What was decided; later on, the faces that were taken again. */
function AfterDecision(props: {
  room: Room;
  state: RoomState;
  identity: Identity;
  keys: boolean;
  onLarge: () => void;
}) {
  const { room, state, identity, keys, onLarge } = props;
  const [open, setOpen] = useState(false);
  const asking = useAction();
  const mine = !room.supervising && !asking.busy;
  const early = isEarly(state);
  const sitting = state.state === "in_progress" || state.state === "paused";
  const again = () => void asking.run(() => room.request("reopen_identity"));
  const face = () => void asking.run(() => room.request("recheck"));
  useKeys({ F: face }, keys && mine && sitting);
  return (
    <>
      <Decided identity={identity} onAgain={early && mine ? again : undefined} />
      <CaptureLine identity={identity} />
      <Rechecks rechecks={state.rechecks ?? []} />
      {sitting && !room.supervising && (
        <div class="buttons tools tools--done">
          <KeyButton keyName="F" disabled={!mine} onPress={face}>
            Take face again
          </KeyButton>
          <Draw room={room} state={state} keys={keys} />
        </div>
      )}
      <Refusal error={asking.error} />
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary class="small">Show what it was decided by</summary>
        {open && (
          <>
            <Larger onLarge={onLarge} />
            <Seen identity={identity} />
            <Challenges challenges={state.challenges ?? []} />
          </>
        )}
      </details>
    </>
  );
}

function Decided({ identity, onAgain }: { identity: Identity; onAgain?: () => void }) {
  const confirmed = identity.decision === "confirmed";
  return (
    <div class={`notice ${confirmed ? "notice--good" : "notice--bad"}`}>
      <p>
        <strong>{confirmed ? "Confirmed" : "Not confirmed"}</strong>
        {identity.at && ` at ${clockTime(identity.at)}`}
        {identity.by_colleague && " by a colleague"}
        {identity.reason && <br />}
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

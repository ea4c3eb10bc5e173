// Handing learners over to a colleague, and taking over from one.

import { useRef, useState } from "preact/hooks";
import type { Colleague, Handover } from "../lib/protocol";
import type { Desk } from "./desk";
import { useAction } from "./hooks";
import { Dialog, Refusal } from "./parts";
import type { Room } from "./room";

/** Offers the learner in focus, or all learners, to one colleague. */
export function HandOverDialog(props: { desk: Desk; room: Room; onClose: () => void }) {
  const { desk, room, onClose } = props;
  // Who is here can accept: they stand first, and the first of them is proposed.
  const order = useRef<string[] | null>(null);
  order.current ??= hereFirst(desk.colleagues).map(({ id }) => id);
  const place = ({ id }: Colleague): number => (order.current ?? []).indexOf(id) + 1 || Infinity;
  const colleagues = [...desk.colleagues].sort((a, b) => place(a) - place(b));
  const [to, setTo] = useState(() => colleagues.find(({ here }) => here)?.id ?? "");
  const [all, setAll] = useState(false);
  const asking = useAction();
  const mine = desk.mine();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const offered = all ? mine : [room];
    const work = async (): Promise<void> => {
      for (const each of offered) await each.request("hand_over", { to });
    };
    if (await asking.run(work)) onClose();
  };
  return (
    <Dialog title="Hand over" onClose={onClose}>
      <p>
        Your colleague accepts in their console. Until then you go on, and nothing is interrupted.
      </p>
      <form onSubmit={submit}>
        <fieldset>
          <legend>To whom?</legend>
          {colleagues.length === 0 && <p class="soft">There is no other invigilator.</p>}
          {colleagues.map(({ id, name, here }) => (
            <div class="choice" key={id}>
              <input
                type="radio"
                name="colleague"
                id={`colleague-${id}`}
                checked={to === id}
                onChange={() => setTo(id)}
              />
              <label for={`colleague-${id}`}>
                {name}{" "}
                <span class={`tag ${here ? "tag--good" : "tag--quiet"}`}>
                  {here ? "Here" : "Not here"}
                </span>
              </label>
            </div>
          ))}
        </fieldset>
        {mine.length > 1 && (
          <fieldset>
            <legend>Whom?</legend>
            <Scope id="one" checked={!all} onChoose={() => setAll(false)}>
              {room.name}
            </Scope>
            <Scope id="all" checked={all} onChoose={() => setAll(true)}>
              {`All my learners (${mine.length})`}
            </Scope>
          </fieldset>
        )}
        <Refusal error={asking.error} />
        <button class="button" disabled={asking.busy || !to}>
          Offer
        </button>
        <button type="button" class="button button--quiet" onClick={onClose}>
          Go back
        </button>
      </form>
    </Dialog>
  );
}

function hereFirst(colleagues: Colleague[]): Colleague[] {
  return [...colleagues].sort((a, b) => Number(b.here) - Number(a.here));
}

function Scope(props: { id: string; checked: boolean; onChoose: () => void; children: string }) {
  return (
    <div class="choice">
      <input
        type="radio"
        name="scope"
        id={`scope-${props.id}`}
        checked={props.checked}
        onChange={props.onChoose}
      />
      <label for={`scope-${props.id}`}>{props.children}</label>
    </div>
  );
}

/** An offer that waits for the colleague's answer. */
export function Offered({ room, handover }: { room: Room; handover: Handover }) {
  const asking = useAction();
  const withdraw = () => void asking.run(() => room.request("withdraw_handover"));
  return (
    <div class="notice small">
      <p>
        Offered to {handover.to.name}. You go on until they accept.{" "}
        {!room.supervising && (
          <button type="button" class="link-button" disabled={asking.busy} onClick={withdraw}>
            Take the offer back
          </button>
        )}
      </p>
      <Refusal error={asking.error} />
    </div>
  );
}

// The decision: one key where nothing differs, else a reason; two people where it takes two.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Identity } from "../lib/protocol";
import { useAction } from "./hooks";
import { KeyButton, Refusal, useKeys } from "./parts";
import type { Room } from "./room";

type Step = "confirm" | "reject" | "refer";

const SUGGESTED = "The face matches the photo, and the name matches the booking.";
const TITLES: Record<Step, string> = {
  confirm: "Confirm: it is this person",
  reject: "Reject: it is not confirmed",
  refer: "Ask a colleague to look",
};

/** Only that nothing was read stands against one key. */
function onlyUnread({ findings, hints, reading }: Identity): boolean {
  return !reading && !hints.length && !findings.some(({ grade }) => grade === "differs");
}

/** Why it cannot be confirmed by one key; null when it can. */
function whyReason(identity: Identity): string | null {
  if (!identity.needs_reason) return null;
  if (identity.findings.some(({ grade }) => grade === "differs")) {
    return "Something differs: say why it is this person all the same.";
  }
  if (identity.hints.length) return "There is a hint: say what you made of it.";
  return "The name was not read: say what you compared.";
}

/** The pictures that are looked at: the learner may send another at any moment. */
function shown(identity: Identity): Record<string, string> {
  const { document, face } = identity;
  return { ...(document && { document }), ...(face && { face }) };
}

/** Why nobody can confirm it alone. */
function whyTwo(identity: Identity): string {
  const differs = (field: string): boolean =>
    identity.findings.some((one) => one.field === field && one.grade === "differs");
  const causes = [
    differs("expires") && "the document has expired",
    differs("name") && "the name differs",
  ].filter(Boolean);
  return `It takes two people: ${causes.join(", and ") || "what was read before has expired, or has another name"}.`;
}

/** Nobody confirms while a picture is being taken: it would be confirmed unseen. */
export function Decide(props: { room: Room; identity: Identity; keys: boolean; taking: boolean }) {
  const { room, identity, keys, taking } = props;
  const [step, setStep] = useState<Step | null>(null);
  const asking = useAction();
  const both = identity.state === "both_seen";
  const reason = whyReason(identity);
  const plain = both && reason === null && !identity.needs_two;
  const yes = (): void => {
    if (identity.needs_two) setStep("refer");
    else if (plain)
      void asking.run(() =>
        room.request("decide_identity", {
          decision: "confirmed",
          reason: "",
          ...shown(identity),
        }),
      );
    else setStep("confirm");
  };
  const can = !asking.busy;
  const confirms = both && can && !taking;
  useKeys(
    {
      ...(both && { ...(confirms && { Y: yes }), U: () => setStep("refer") }),
      B: () => setStep("reject"),
    },
    keys && can && step === null,
  );
  const key = (name: string): string => (keys ? name : "");
  if (step) {
    return (
      <Reason
        key={step}
        room={room}
        identity={identity}
        step={step}
        why={
          step === "confirm"
            ? reason
            : step === "refer" && identity.needs_two
              ? whyTwo(identity)
              : null
        }
        onBack={() => setStep(null)}
      />
    );
  }
  return (
    <div class="decide" role="group" aria-label="Your decision">
      {both && identity.needs_two && <p class="small">{whyTwo(identity)}</p>}
      <div class="buttons">
        <KeyButton keyName={key("Y")} kind="" disabled={!confirms} onPress={yes}>
          {identity.needs_two ? "Ask a colleague…" : plain ? "Confirm" : "Confirm…"}
        </KeyButton>
        <KeyButton keyName={key("B")} disabled={!can} onPress={() => setStep("reject")}>
          Reject…
        </KeyButton>
        {!identity.needs_two && (
          <KeyButton keyName={key("U")} disabled={!both || !can} onPress={() => setStep("refer")}>
            Not sure…
          </KeyButton>
        )}
      </div>
      <Refusal error={asking.error} />
    </div>
  );
}

function Reason(props: {
  room: Room;
  identity: Identity;
  step: Step;
  why: string | null;
  onBack: () => void;
}) {
  const { room, identity, step, why, onBack } = props;
  const asking = useAction();
  const unread = step === "confirm" && onlyUnread(identity);
  const [reason, setReason] = useState(unread ? SUGGESTED : "");
  const [proposed, setProposed] = useState<"confirmed" | "none">(
    identity.needs_two ? "confirmed" : "none",
  );
  const form = useRef<HTMLFormElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    form.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const send = (): Promise<unknown> =>
    step === "refer"
      ? room.request("refer_identity", { proposed, reason: reason.trim() })
      : room.request("decide_identity", {
          decision: step === "confirm" ? "confirmed" : "not_confirmed",
          reason: reason.trim(),
          ...shown(identity),
        });
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await asking.run(send)) onBack();
  };
  return (
    <form ref={form} class="decide" onSubmit={submit} aria-labelledby="decide-title">
      <h3 id="decide-title">{TITLES[step]}</h3>
      {why && <p class="small">{why}</p>}
      {step === "refer" && (
        <fieldset>
          <legend class="visually-hidden">What would you do?</legend>
          <Proposal id="confirmed" chosen={proposed} onChoose={setProposed}>
            I would confirm
          </Proposal>
          <Proposal id="none" chosen={proposed} onChoose={setProposed}>
            I am not sure
          </Proposal>
        </fieldset>
      )}
      {step === "refer" && identity.needs_two && proposed === "none" && (
        <p class="small">
          Your colleague cannot confirm alone, either: they can only say that it is not this person.
        </p>
      )}
      <div class="field">
        <label for="identity-reason">Reason</label>
        <textarea
          id="identity-reason"
          ref={field}
          required
          maxlength={1000}
          rows={2}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.isComposing) return;
            if (event.key === "Enter" && !event.shiftKey) {
              event.preventDefault();
              form.current?.requestSubmit();
            }
          }}
        />
        {step === "reject" && <p class="hint small">The learner reads it.</p>}
      </div>
      <Refusal error={asking.error} />
      <div class="buttons">
        <button class="button" disabled={asking.busy || !reason.trim()}>
          {step === "refer" ? "Ask a colleague" : "Record the decision"} <kbd>Enter</kbd>
        </button>
        <button type="button" class="button button--quiet" onClick={onBack}>
          Go back
        </button>
      </div>
    </form>
  );
}

function Proposal(props: {
  id: "confirmed" | "none";
  chosen: string;
  onChoose: (id: "confirmed" | "none") => void;
  children: string;
}) {
  return (
    <div class="choice">
      <input
        type="radio"
        name="proposed"
        id={`proposed-${props.id}`}
        checked={props.chosen === props.id}
        onChange={() => props.onChoose(props.id)}
      />
      <label for={`proposed-${props.id}`}>{props.children}</label>
    </div>
  );
}

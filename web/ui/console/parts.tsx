// Small parts that the console's panels share.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { SessionState } from "../lib/protocol";
import { STATE_WORDS } from "../lib/page";

const TONES: Record<SessionState, string> = {
  scheduled: "tag--quiet",
  checked_in: "tag--warn",
  identified: "",
  in_progress: "tag--good",
  paused: "tag--warn",
  refused: "tag--bad",
  stopped: "tag--bad",
  ended: "",
  attested: "tag--good",
  closed: "tag--quiet",
};

export function StateTag({ state }: { state: SessionState }) {
  return <span class={`tag ${TONES[state]}`}>{STATE_WORDS[state]}</span>;
}

/** What the server refused, in its own words. */
export function Refusal({ error }: { error: string | null }) {
  return (
    <p class="error-message" role="alert" hidden={!error}>
      {error}
    </p>
  );
}

interface KeyButtonProps {
  /** Empty while the key means something else. */
  keyName: string;
  onPress: () => void;
  disabled?: boolean;
  /** For what is either on or off. */
  pressed?: boolean;
  kind?: "" | "quiet" | "danger";
  children: ComponentChildren;
}

/** A button that shows the key which does the same. */
export function KeyButton({
  keyName,
  onPress,
  disabled,
  pressed,
  kind = "quiet",
  children,
}: KeyButtonProps) {
  return (
    <button
      type="button"
      class={`button ${kind && `button--${kind}`}`}
      disabled={disabled}
      aria-pressed={pressed}
      aria-keyshortcuts={keyName || undefined}
      onClick={onPress}
    >
      {children} {keyName && <kbd aria-hidden="true">{keyName}</kbd>}
    </button>
  );
}

/** A picture that plays `stream`; its sound is never played here. */
export function Video(props: { stream: MediaStream | null; label?: string; mirror?: boolean }) {
  const video = useRef<HTMLVideoElement>(null);
  const { stream, label, mirror } = props;
  useEffect(() => {
    if (!video.current) return;
    video.current.srcObject = stream;
    if (stream) video.current.play().catch(() => undefined);
  }, [stream]);
  return (
    <video
      ref={video}
      autoplay
      playsInline
      muted
      class={mirror ? "mirror" : ""}
      aria-label={label}
      aria-hidden={label ? undefined : "true"}
    />
  );
}

/**
 * A modal dialog, open as long as it is drawn. Escape calls `onClose`; focus goes back after. It
 * begins at its first field or button; one that `reads`, at its title: it opens at its top.
 */
export function Dialog(props: {
  title: string;
  wide?: boolean;
  reads?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  // The browser tells that a dialog was closed some time later. When that news comes, this one may
  // be gone from the page, and the key pressed meanwhile may have asked for the next one.
  const gone = useRef(false);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      gone.current = true;
      element?.close();
      // It is out of the page by now, so the browser does not give the focus back by itself.
      const lost = document.activeElement === document.body;
      if (lost && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const onClose = (): void => {
    if (!gone.current) props.onClose();
  };
  const onCancel = (event: Event): void => {
    event.preventDefault();
    props.onClose();
  };
  return (
    <dialog
      ref={dialog}
      class={props.wide ? "wide" : ""}
      aria-labelledby="dialog-title"
      onCancel={onCancel}
      onClose={onClose}
    >
      <h2
        id="dialog-title"
        tabIndex={props.reads ? -1 : undefined}
        autoFocus={props.reads ?? false}
      >
        {props.title}
      </h2>
      {props.children}
    </dialog>
  );
}

/**
 * Calls the handler of the key that was pressed, while `active`. Keys are left alone while somebody
 * types (Escape leaves the field), while a dialog is open, and together with Ctrl, Alt or Meta.
 */
export function useKeys(handlers: Record<string, () => void>, active: boolean): void {
  const latest = useRef({ handlers, active });
  latest.current = { handlers, active };
  // Set once, and before the paint: else a key that is pressed as a dialog closes would be lost.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!latest.current.active) return;
      if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
      if (document.querySelector("dialog")) return;
      const target = event.target as Element;
      const field = target.closest("input:not([type=radio], [type=checkbox]), textarea, select");
      if (field) {
        // Out of the field: what is in it stays, and the keys work again.
        if (event.key === "Escape" && !event.isComposing) (field as HTMLElement).blur();
        return;
      }
      const handler = latest.current.handlers[event.key.toUpperCase()];
      if (!handler) return;
      event.preventDefault();
      handler();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

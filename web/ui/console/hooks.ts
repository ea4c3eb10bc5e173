// How components follow the desk, and how they ask for something.

import { useEffect, useReducer, useState } from "preact/hooks";
import type { Desk } from "./desk";

/** Draws the component again whenever the desk changes, and once every `every` milliseconds. */
export function useDesk(desk: Desk, every?: number): void {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => desk.watch(() => redraw(undefined)), [desk]);
  useEffect(() => {
    if (!every) return undefined;
    const timer = setInterval(() => redraw(undefined), every);
    return () => clearInterval(timer);
  }, [every]);
}

export interface Action {
  busy: boolean;
  /** Why the server refused the last time, or null. */
  error: string | null;
  /** Runs `work`; true when it succeeded. */
  run(work: () => Promise<unknown>): Promise<boolean>;
}

/** One thing a person can ask for: busy while it is asked, its refusal kept to be shown. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = async (work: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : "This did not work. Try again.");
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run };
}

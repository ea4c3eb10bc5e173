// The head of the console: our own connection and devices, and who needs us.

import { useEffect, useRef, useState } from "preact/hooks";
import type { ReferralEntry } from "../lib/protocol";
import type { Desk } from "./desk";
import { KeyButton } from "./parts";
import type { Room } from "./room";
import { toStage } from "./stage";
import { troubles, type Trouble } from "./trouble";

/** Trouble that weighs more than this is told aloud when it comes up. */
const TOLD = 60;
/** What stays for its own time, and needs nobody. */
const CALM = 95;
const TELL_MS = 3000;
/** A colleague who asks stands before what weighs so much: somebody waits for both. */
const WRITTEN = 50;

/** Our own link, microphone and camera; whom we hear and who hears us. */
export function Own(props: { desk: Desk; onNotice: () => void; onHelp: () => void }) {
  const { desk, onNotice, onHelp } = props;
  const { devices, link } = desk;
  const several = desk.tiles().length > 1;
  const on = devices.microphone !== null;
  return (
    <section class="own" aria-label="Your connection and devices">
      <p class="own-tags">
        <span class={`tag ${link === "connected" ? "tag--good" : "tag--warn"}`}>
          {desk.elsewhere ? "Open elsewhere" : link === "connected" ? "Connected" : "Connecting"}
        </span>{" "}
        {desk.toAll && on && !desk.muted ? (
          <strong class="tag tag--loud">All learners hear you</strong>
        ) : (
          <span class={`tag ${on && !desk.muted ? "tag--good" : "tag--bad"}`}>
            Microphone {!on ? "off" : desk.muted ? "muted" : "on"}
          </span>
        )}
      </p>
      <div class="own-buttons">
        <KeyButton
          keyName="V"
          pressed={desk.muted}
          disabled={!on}
          onPress={() => desk.set({ muted: !desk.muted })}
        >
          Mute me
        </KeyButton>
        <KeyButton
          keyName="C"
          pressed={devices.camera !== null}
          onPress={() => void desk.toggleCamera()}
        >
          {devices.camera ? "Switch my camera off" : "Switch my camera on"}
        </KeyButton>
        {several && (
          <>
            <KeyButton
              keyName="K"
              pressed={desk.toAll}
              onPress={() => desk.set({ toAll: !desk.toAll })}
            >
              Speak to all
            </KeyButton>
            <KeyButton keyName="M" pressed={desk.mix} onPress={() => desk.set({ mix: !desk.mix })}>
              Quiet mix
            </KeyButton>
            <KeyButton
              keyName="G"
              pressed={desk.overview || desk.focus === null}
              onPress={() => desk.set({ overview: !desk.overview })}
            >
              All tiles
            </KeyButton>
            <KeyButton keyName="N" disabled={!desk.mine().length} onPress={onNotice}>
              Notice to all
            </KeyButton>
          </>
        )}
        <KeyButton keyName="?" onPress={onHelp}>
          Keys
        </KeyButton>
      </div>
      {[...devices.troubles.values()].map(({ kind, title, mend }) => (
        <div class="notice notice--warn small" role="alert" key={kind}>
          <p>
            <strong>{title}</strong> {mend}{" "}
            <button type="button" class="link-button" onClick={() => void devices.open(kind)}>
              Try again
            </button>
          </p>
        </div>
      ))}
    </section>
  );
}

interface Need {
  room: Room;
  first: Trouble;
  more: number;
}

/** Who needs somebody, the most urgent first. */
export function needs(desk: Desk): Need[] {
  return desk
    .tiles()
    .flatMap((room) => {
      const found = troubles(room).filter(({ weight }) => weight < CALM);
      const [first] = found;
      return first ? [{ room, first, more: found.length - 1 }] : [];
    })
    .sort((a, b) => a.first.weight - b.first.weight);
}

/**
 * Trouble rises here, so that the tiles can stay where they are. The line is always there, and
 * always of one height: what stands below it does not move when it fills.
 */
export function Needs({ desk }: { desk: Desk }) {
  const found = needs(desk);
  const offers = (desk.lobby ?? []).filter(({ role }) => role === "offered");
  const alone = (desk.lobby ?? []).filter(({ role }) => role === "unattended");
  const asked = desk.referrals;
  const none = found.length + offers.length + alone.length + asked.length === 0;
  const urgent = ({ first }: Need): boolean => first.weight < WRITTEN;
  const chip = ({ room, first, more }: Need) => (
    <li key={room.session}>
      <button
        type="button"
        class={`need need--${first.tone}`}
        onClick={() => {
          desk.choose(room.session);
          toStage();
        }}
      >
        {keyOf(room.number) && <kbd aria-hidden="true">{keyOf(room.number)}</kbd>}
        <strong>{room.name}</strong> {first.short}
        {more > 0 && ` and ${more} more`}
      </button>
    </li>
  );
  return (
    <section class="needs" aria-labelledby="needs-title">
      <h2 id="needs-title">Needs you</h2>
      {desk.link === "lost" ? (
        <p>
          {desk.restarting
            ? "The service starts again. You are connected again in some seconds; the sessions go on."
            : "Your own connection is lost. Trying again; the sessions go on."}
        </p>
      ) : none ? (
        <p class="soft">Nobody now.</p>
      ) : (
        <ul tabIndex={0} aria-label="Who needs you, the most urgent first">
          {found.filter(urgent).map(chip)}
          {asked.map(({ session, learner, invigilator }) => (
            <li key={`referral-${session}`}>
              <a class="need need--warn" href={referralAt(session)} target="_blank" rel="noopener">
                <strong>{invigilator}</strong> asks you about {learner}
              </a>
            </li>
          ))}
          {found.filter((need) => !urgent(need)).map(chip)}
          {offers.map((entry) => (
            <li key={entry.session}>
              <button type="button" class="need need--warn" onClick={() => toEntry(entry.session)}>
                <strong>{entry.learner}</strong> Offered by {entry.offered_by}
              </button>
            </li>
          ))}
          {alone.map((entry) => (
            <li key={entry.session}>
              <button type="button" class="need need--bad" onClick={() => toEntry(entry.session)}>
                <strong>{entry.learner}</strong> Without an invigilator
              </button>
            </li>
          ))}
        </ul>
      )}
      <Aloud desk={desk} found={found} />
      <Asked referrals={asked} />
    </section>
  );
}

/** Tells a screen reader of what is new with the others, one thing at a time. */
function Aloud({ desk, found }: { desk: Desk; found: Need[] }) {
  const [words, setWords] = useState("");
  const known = useRef(new Set<string>());
  const last = useRef(-Infinity);
  const key = ({ room, first }: Need): string => `${room.session} ${first.short}`;
  const keys = found.map(key).join();
  useEffect(() => {
    // Trouble in focus is told where it is shown.
    const fresh = found.find(
      (need) =>
        need.first.weight < TOLD &&
        need.room.session !== desk.focus &&
        !known.current.has(key(need)),
    );
    known.current = new Set(found.map(key));
    if (!fresh || performance.now() - last.current < TELL_MS) return;
    last.current = performance.now();
    setWords(`${fresh.room.name}: ${fresh.first.short}.`);
  }, [keys]);
  return (
    <p class="visually-hidden" role="status">
      {words}
    </p>
  );
}

/** The page on which a colleague's check is looked at; in a window of its own, as we watch here. */
export function referralAt(session: string): string {
  return `/staff/identity/${encodeURIComponent(session)}`;
}

/** Tells a screen reader that a colleague asks for help. */
function Asked({ referrals }: { referrals: ReferralEntry[] }) {
  const newest = referrals.at(-1);
  return (
    <p class="visually-hidden" role="status">
      {newest && `${newest.invigilator} asks you to look at the identity of ${newest.learner}.`}
    </p>
  );
}

/** The key that brings a learner into focus: 1 to 9, 0, - and =, as they stand on a keyboard; else none. */
export function keyOf(number: number | null): string {
  return (number && "1234567890-="[number - 1]) || "";
}

function toEntry(session: string): void {
  const entry = document.getElementById(`entry-${session}`);
  entry?.scrollIntoView({ block: "center" });
  entry?.querySelector("button")?.focus();
}

// The whole console: who needs us, the lobby, the tiles, and the learner in focus.

import { useEffect, useState } from "preact/hooks";
import type { RoomState } from "../lib/protocol";
import { Actions } from "./actions";
import { Inspections, OpenInspectionPanel } from "./ask";
import { Attest } from "./attest";
import { keyOf, Needs, needs, Own } from "./bar";
import { ChallengePanel } from "./challenges";
import { Chat } from "./chat";
import type { Desk } from "./desk";
import { Gaps } from "./gaps";
import { HandOverDialog } from "./handover";
import { HelpDialog } from "./help";
import { useDesk } from "./hooks";
import { IdentityPanel } from "./identity";
import { IncidentForm, IncidentList } from "./incidents";
import { Lobby } from "./lobby";
import { NoticeDialog } from "./notice";
import { useKeys } from "./parts";
import { RecheckPanel } from "./rechecks";
import { BackendRefusals } from "./refused";
import type { Room } from "./room";
import { Sounds } from "./sounds";
import { Stage, toMessages } from "./stage";
import { Tiles } from "./tiles";
import { firstQuestion } from "./turn";

const KEYS_OFF = "console-keys-off";
const TITLE = document.title;

export function Console({ desk }: { desk: Desk }) {
  useDesk(desk);
  const [keys, setKeys] = useState(() => localStorage.getItem(KEYS_OFF) === null);
  const [asked, setAsked] = useState<"notice" | "help" | null>(null);
  const rooms = desk.tiles();
  const room = desk.focused();
  const focusShown = desk.focus !== null && !desk.overview;
  useTitle(rooms, desk.referrals.length);
  useKeys(frequent(desk, setAsked), keys && !desk.refusal);
  // Nobody is left to be seen on the screen of who may not watch any more.
  if (desk.refusal) return <Refused words={desk.refusal} />;
  return (
    <>
      <div class="console-bar">
        <Own desk={desk} onNotice={() => setAsked("notice")} onHelp={() => setAsked("help")} />
        <Needs desk={desk} />
      </div>
      <div class={`console-grid ${focusShown ? "with-focus" : "all-tiles"}`}>
        <div class="console-left">
          {focusShown && rooms.length > 1 && <Tiles desk={desk} />}
          <aside class="console-lobby" aria-labelledby="lobby-title">
            <h2 id="lobby-title">Today</h2>
            <Lobby desk={desk} />
            <KeysSwitch keys={keys} onSwitch={setKeys} />
          </aside>
        </div>
        {focusShown ? (
          <InFocus desk={desk} room={room} keys={keys} key={desk.focus} />
        ) : (
          <div class="console-all">
            <Banners desk={desk} />
            {rooms.length > 0 ? <Tiles desk={desk} /> : <Nothing desk={desk} />}
          </div>
        )}
      </div>
      <Sounds desk={desk} />
      <News desk={desk} />
      {asked === "notice" && <NoticeDialog desk={desk} onClose={() => setAsked(null)} />}
      {asked === "help" && <HelpDialog keys={keys} onClose={() => setAsked(null)} />}
    </>
  );
}

/** The keys that work whoever is in focus. */
function frequent(desk: Desk, ask: (what: "notice" | "help") => void): Record<string, () => void> {
  const rooms = desk.tiles();
  const room = desk.focused();
  const several = rooms.length > 1;
  const [first] = needs(desk);
  const numbers = rooms.flatMap(({ number, session }) =>
    keyOf(number) ? [[keyOf(number), () => desk.choose(session)] as const] : [],
  );
  return {
    ...Object.fromEntries(numbers),
    "?": () => ask("help"),
    V: () => desk.devices.microphone && desk.set({ muted: !desk.muted }),
    C: () => void desk.toggleCamera(),
    ...(first && { J: () => desk.choose(first.room.session) }),
    ...(several && {
      G: () => desk.set({ overview: !desk.overview }),
      K: () => desk.set({ toAll: !desk.toAll }),
      M: () => desk.set({ mix: !desk.mix }),
      N: () => ask("notice"),
    }),
    ...(room && {
      W: toMessages,
      X: () => {
        room.large = room.views()[1] ?? room.large;
        desk.changed();
      },
    }),
  };
}

function useTitle(rooms: Room[], asked: number): void {
  const unread = rooms.reduce((sum, room) => sum + room.unread(), 0);
  const hands = rooms.filter((room) => room.live && room.state?.learner.hand).length;
  useEffect(() => {
    const words = [
      hands && "Hand raised",
      asked && "A colleague asks you",
      unread && "New message",
    ].filter(Boolean);
    const count = unread + hands + asked;
    document.title = count ? `(${count}) ${words.join(", ")} – ${TITLE}` : TITLE;
  }, [unread, hands, asked]);
}

function KeysSwitch({ keys, onSwitch }: { keys: boolean; onSwitch: (on: boolean) => void }) {
  const change = (on: boolean): void => {
    if (on) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "yes");
    onSwitch(on);
  };
  return (
    <div class="choice small">
      <input
        type="checkbox"
        id="keys"
        checked={keys}
        onChange={(event) => change(event.currentTarget.checked)}
      />
      <label for="keys">Work with single keys</label>
    </div>
  );
}

function InFocus({ desk, room, keys }: { desk: Desk; room: Room | null; keys: boolean }) {
  if (!room?.state) {
    return (
      <div class="console-empty">
        <Banners desk={desk} />
        <Opening desk={desk} room={room} />
      </div>
    );
  }
  return <OpenSession desk={desk} room={room} state={room.state} keys={keys} />;
}

function OpenSession(props: { desk: Desk; room: Room; state: RoomState; keys: boolean }) {
  const { desk, room, state, keys } = props;
  const [noting, setNoting] = useState(false);
  const [handing, setHanding] = useState(false);
  return (
    <>
      <div class="console-stage">
        <Banners desk={desk} />
        {room.replaced && !desk.elsewhere && <Elsewhere room={room} />}
        {room.refusal && <p class="notice notice--warn">{room.refusal}</p>}
        <Stage desk={desk} room={room} state={state} />
        {!room.supervising && (
          <Actions
            room={room}
            state={state}
            keys={keys}
            onIncident={() => setNoting(true)}
            onHandOver={() => setHanding(true)}
          />
        )}
        {noting && <IncidentForm room={room} onClose={() => setNoting(false)} />}
        {handing && <HandOverDialog desk={desk} room={room} onClose={() => setHanding(false)} />}
      </div>
      <div class="console-side">
        <div class="panels">
          <Attest room={room} state={state} />
          {state.inspection && (
            <OpenInspectionPanel
              room={room}
              asked={state.inspection}
              keys={keys}
              key={state.inspection.id}
            />
          )}
          <Questions room={room} state={state} keys={keys} />
          <BackendRefusals refusals={state.backend_refused ?? []} />
          <Gaps room={room} gaps={state.gaps ?? []} />
          <IdentityPanel room={room} state={state} keys={keys} />
          <IncidentList state={state} />
          <Inspections inspections={state.inspections ?? []} />
          <Materials materials={state.assessment.materials} />
        </div>
        <Chat room={room} state={state} />
      </div>
    </>
  );
}

/** What asks for an answer about the person who sits there. */
function Questions({ room, state, keys }: { room: Room; state: RoomState; keys: boolean }) {
  const first = firstQuestion(state);
  const challenge = state.challenges?.find(({ result }) => result === null);
  const [recheck, ...more] = (state.rechecks ?? []).filter(({ result }) => result === null);
  return (
    <>
      {challenge && (
        <ChallengePanel
          room={room}
          challenge={challenge}
          keys={keys && first === "challenge"}
          key={challenge.id}
        />
      )}
      {recheck && state.identity && (
        <RecheckPanel
          room={room}
          recheck={recheck}
          more={more.length}
          identity={state.identity}
          keys={keys && first === "recheck"}
          key={recheck.id}
        />
      )}
    </>
  );
}

function Opening({ desk, room }: { desk: Desk; room: Room | null }) {
  if (!room?.refusal) {
    const words =
      desk.link === "lost" ? "The connection is lost. Trying again." : "Opening the session…";
    return <p class="lede">{words}</p>;
  }
  return (
    <div class="notice notice--warn" role="alert">
      <p>{room.refusal}</p>
      <p>
        <a href={`/staff/records/${encodeURIComponent(room.session)}`}>See the session's record</a>
      </p>
      <button type="button" class="link-button" onClick={() => desk.close(room)}>
        Close
      </button>
    </div>
  );
}

function Nothing({ desk }: { desk: Desk }) {
  const words =
    desk.link === "lost"
      ? "The connection is lost. Trying again."
      : "Nobody is here yet. Learners who come appear by themselves.";
  return <p class="lede console-empty">{words}</p>;
}

function Refused({ words }: { words: string }) {
  return (
    <div class="console-empty">
      <p class="notice notice--warn" role="alert">
        {words}
      </p>
      <p>
        <a href="/staff/sign-in">Sign in</a>
      </p>
    </div>
  );
}

/** What concerns the console as a whole. */
function Banners({ desk }: { desk: Desk }) {
  if (!desk.elsewhere) return null;
  return (
    <p class="notice notice--warn" role="alert">
      The console is open in another window. Go on there, or reload this page to go on here.
    </p>
  );
}

function Elsewhere({ room }: { room: Room }) {
  return (
    <div class="notice notice--warn" role="alert">
      <p>You have opened this session in another window.</p>
      <button type="button" class="button" onClick={() => room.open()}>
        Go on here
      </button>
    </div>
  );
}

/** What has happened to sessions that are no longer here. */
function News({ desk }: { desk: Desk }) {
  return (
    <div class="news" role="status">
      {desk.news.map(({ id, words }) => (
        <p class="notice small" key={id}>
          {words}{" "}
          <button type="button" class="link-button" onClick={() => desk.dismiss(id)}>
            OK
          </button>
        </p>
      ))}
    </div>
  );
}

function Materials({ materials }: { materials: string[] }) {
  return (
    <section class="card later" aria-labelledby="materials-title">
      <h2 id="materials-title">The learner may use</h2>
      <ul>
        {materials.map((material) => (
          <li key={material}>{material}</li>
        ))}
        {materials.length === 0 && <li>Nothing but the device and an identity document</li>}
      </ul>
    </section>
  );
}

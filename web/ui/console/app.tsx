// The whole console: the lobby, the open session, and what is decided about it.

import { useEffect, useState } from "preact/hooks";
import { Actions } from "./actions";
import { Attest } from "./attest";
import { Chat } from "./chat";
import { useDesk, type Desk } from "./desk";
import { IdentityPanel } from "./identity";
import { IncidentForm, IncidentList } from "./incidents";
import { Lobby } from "./lobby";
import { Stage } from "./stage";

const KEYS_OFF = "console-keys-off";
const TITLE = document.title;

export function Console({ desk }: { desk: Desk }) {
  useDesk(desk);
  const [keys, setKeys] = useState(() => localStorage.getItem(KEYS_OFF) === null);
  const switchKeys = (on: boolean): void => {
    if (on) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "yes");
    setKeys(on);
  };
  const unread = desk.unread();
  useEffect(() => {
    document.title = unread ? `(${unread}) New message – ${TITLE}` : TITLE;
  }, [unread]);
  return (
    <div class="console-grid">
      <aside class="console-lobby" aria-labelledby="lobby-title">
        <h2 id="lobby-title">Today</h2>
        <Lobby desk={desk} />
        <Own desk={desk} />
        <div class="choice small">
          <input
            type="checkbox"
            id="keys"
            checked={keys}
            onChange={(event) => switchKeys(event.currentTarget.checked)}
          />
          <label for="keys">Work with single keys</label>
        </div>
      </aside>
      <OpenSession desk={desk} keys={keys} key={desk.session} />
    </div>
  );
}

/** Our own link, microphone and camera. */
function Own({ desk }: { desk: Desk }) {
  const { devices, link } = desk;
  return (
    <section class="own" aria-label="Your connection and devices">
      <p>
        <span class={`tag ${link === "joined" ? "tag--good" : "tag--warn"}`}>
          {link === "joined" ? "Connected" : link === "replaced" ? "Open elsewhere" : "Connecting"}
        </span>{" "}
        <span class={`tag ${devices.microphone ? "tag--good" : "tag--bad"}`}>
          Microphone {devices.microphone ? "on" : "off"}
        </span>
      </p>
      {[...devices.troubles.values()].map(({ kind, title, mend }) => (
        <div class="notice notice--warn small" role="alert" key={kind}>
          <p>
            <strong>{title}</strong> {mend}
          </p>
          <button type="button" class="link-button" onClick={() => void devices.open(kind)}>
            Try again
          </button>
        </div>
      ))}
      <button
        type="button"
        class="button button--quiet"
        aria-pressed={devices.camera !== null}
        onClick={() => void desk.toggleCamera()}
      >
        {devices.camera ? "Switch my camera off" : "Switch my camera on"}
      </button>
    </section>
  );
}

function OpenSession({ desk, keys }: { desk: Desk; keys: boolean }) {
  const [noting, setNoting] = useState(false);
  const { state } = desk;
  if (!state) return <Nothing desk={desk} />;
  return (
    <>
      <div class="console-stage">
        {desk.link === "replaced" && <Replaced />}
        {desk.refusal && <p class="notice notice--warn">{desk.refusal}</p>}
        <Stage desk={desk} state={state} />
        <Actions desk={desk} state={state} keys={keys} onIncident={() => setNoting(true)} />
        {noting && <IncidentForm desk={desk} onClose={() => setNoting(false)} />}
      </div>
      <div class="console-side">
        <div class="panels">
          <Attest desk={desk} state={state} />
          <IdentityPanel desk={desk} state={state} keys={keys} />
          <IncidentList state={state} />
          <Materials materials={state.assessment.materials} />
        </div>
        <Chat desk={desk} state={state} />
      </div>
    </>
  );
}

function Nothing({ desk }: { desk: Desk }) {
  const words = !desk.session
    ? "Choose a session from the list. Who waits for you stands first."
    : desk.link === "lost"
      ? "The connection is lost. Trying again."
      : "Opening the session…";
  return (
    <div class="console-empty">
      {desk.link === "replaced" && <Replaced />}
      {desk.refusal && (
        <div class="notice notice--warn" role="alert">
          <p>{desk.refusal}</p>
          {desk.session && (
            <p>
              <a href={`/staff/records/${encodeURIComponent(desk.session)}`}>
                See the session's record
              </a>
            </p>
          )}
        </div>
      )}
      {!desk.refusal && <p class="lede">{words}</p>}
    </div>
  );
}

function Replaced() {
  return (
    <p class="notice notice--warn" role="alert">
      The console is open in another window. Go on there, or reload this page to go on here.
    </p>
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

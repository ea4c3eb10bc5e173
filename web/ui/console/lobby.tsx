// Today's sessions: who waits first stands first.

import { clockTime } from "../lib/page";
import { isOver, type LobbyEntry } from "../lib/protocol";
import { useDesk, type Desk } from "./desk";
import { StateTag } from "./parts";

const MINUTE_MS = 60_000;

interface Group {
  title: string;
  entries: LobbyEntry[];
}

function grouped(sessions: LobbyEntry[]): Group[] {
  const early = (each: LobbyEntry): boolean => ["scheduled", "checked_in"].includes(each.state);
  const by = (key: (each: LobbyEntry) => string) => (a: LobbyEntry, b: LobbyEntry) =>
    key(a).localeCompare(key(b));
  const waiting = sessions.filter((each) => each.present && early(each));
  const later = sessions.filter((each) => !each.present && early(each));
  const done = sessions.filter((each) => isOver(each.state));
  const running = sessions.filter((each) => !early(each) && !isOver(each.state));
  return [
    { title: "Waiting for you", entries: waiting.sort(by((each) => each.since ?? each.start)) },
    { title: "In the room", entries: running.sort(by((each) => each.start)) },
    { title: "Later", entries: later.sort(by((each) => each.start)) },
    { title: "Finished", entries: done.sort(by((each) => each.start)) },
  ].filter((group) => group.entries.length > 0);
}

function since(entry: LobbyEntry): string {
  if (isOver(entry.state)) return "";
  if (!entry.present) return "Not here";
  if (!entry.since) return "Here";
  const minutes = Math.floor((Date.now() - Date.parse(entry.since)) / MINUTE_MS);
  return minutes < 1 ? "Here since a moment ago" : `Here for ${minutes} min`;
}

export function Lobby({ desk }: { desk: Desk }) {
  useDesk(desk, 15_000);
  if (!desk.sessions) return <p class="soft">Fetching today's sessions…</p>;
  if (!desk.sessions.length) return <p class="soft">No sessions for you today.</p>;
  return (
    <>
      {grouped(desk.sessions).map((group) => (
        <section key={group.title}>
          <h3>{group.title}</h3>
          <ul class="lobby">
            {group.entries.map((entry) => (
              <li key={entry.session}>
                <Row desk={desk} entry={entry} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Row({ desk, entry }: { desk: Desk; entry: LobbyEntry }) {
  const open = desk.session === entry.session;
  const unread = open ? desk.unread() : 0;
  return (
    <button
      type="button"
      class="lobby-row"
      aria-current={open ? "true" : undefined}
      onClick={() => void desk.open(entry.session)}
    >
      <span class="lobby-name">{entry.learner}</span>
      <StateTag state={entry.state} />
      <span class="small soft">
        {clockTime(entry.start)}, {entry.assessment}
      </span>
      {since(entry) && (
        <span class={`small ${entry.present ? "here" : "soft"}`}>{since(entry)}</span>
      )}
      {unread > 0 && (
        <span class="lobby-new">{unread === 1 ? "1 new message" : `${unread} new messages`}</span>
      )}
    </button>
  );
}

// Today's sessions: what asks for an answer stands first, then who waits the longest.

import { clockTime } from "../lib/page";
import { isOver, type LobbyEntry, type ReferralEntry } from "../lib/protocol";
import { referralAt } from "./bar";
import type { Desk } from "./desk";
import { useAction, useDesk } from "./hooks";
import { Refusal, StateTag } from "./parts";
import { toStage } from "./stage";

const MINUTE_MS = 60_000;

interface Group {
  title: string;
  entries: LobbyEntry[];
}

function grouped(all: LobbyEntry[]): Group[] {
  const of = (role: LobbyEntry["role"]) => all.filter((each) => each.role === role);
  const sessions = of("mine");
  const early = (each: LobbyEntry): boolean => ["scheduled", "checked_in"].includes(each.state);
  const by = (key: (each: LobbyEntry) => string) => (a: LobbyEntry, b: LobbyEntry) =>
    key(a).localeCompare(key(b));
  const waiting = sessions.filter((each) => each.present && early(each));
  const later = sessions.filter((each) => !each.present && early(each));
  const done = sessions.filter((each) => isOver(each.state));
  const running = sessions.filter((each) => !early(each) && !isOver(each.state));
  return [
    { title: "Offered to you", entries: of("offered").sort(by((each) => each.start)) },
    { title: "Without an invigilator", entries: of("unattended").sort(by((each) => each.start)) },
    { title: "Waiting for you", entries: waiting.sort(by((each) => each.since ?? each.start)) },
    { title: "In the room", entries: running.sort(by((each) => each.start)) },
    { title: "Later", entries: later.sort(by((each) => each.start)) },
    { title: "Finished", entries: done.sort(by((each) => each.start)) },
    { title: "Colleagues", entries: of("colleague").sort(by((each) => each.start)) },
  ].filter((group) => group.entries.length > 0);
}

function since(entry: LobbyEntry, now: number): string {
  if (isOver(entry.state)) return "";
  if (!entry.present) return "Not here";
  if (!entry.since) return "Here";
  const minutes = Math.floor((now - Date.parse(entry.since)) / MINUTE_MS);
  return minutes < 1 ? "Here since a moment ago" : `Here for ${minutes} min`;
}

export function Lobby({ desk }: { desk: Desk }) {
  useDesk(desk, 15_000);
  if (!desk.lobby) return <p class="soft">Fetching today's sessions…</p>;
  const none = desk.lobby.length + desk.referrals.length === 0;
  if (none) return <p class="soft">No sessions for you today.</p>;
  return (
    <>
      <Referrals referrals={desk.referrals} />
      {grouped(desk.lobby).map((group) => (
        <section key={group.title}>
          <h3>{group.title}</h3>
          <ul class="lobby">
            {group.entries.map((entry) => (
              <li key={entry.session} id={`entry-${entry.session}`}>
                {entry.role === "mine" ? (
                  <Row desk={desk} entry={entry} />
                ) : (
                  <Other desk={desk} entry={entry} />
                )}
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

/** Colleagues who want somebody else to look at an identity, too. */
function Referrals({ referrals }: { referrals: ReferralEntry[] }) {
  if (!referrals.length) return null;
  return (
    <section>
      <h3>A colleague asks you</h3>
      <ul class="lobby">
        {referrals.map(({ session, learner, invigilator, since, proposed }) => (
          <li key={session}>
            <div class="lobby-row lobby-row--offered">
              <span class="lobby-name">{learner}</span>
              <span class="tag tag--warn">Identity</span>
              <span class="small soft">
                {invigilator} asks since {clockTime(since)}
                {proposed === "confirmed" ? ", and would confirm" : ", and is not sure"}
              </span>
              <span class="lobby-buttons">
                <a class="button" href={referralAt(session)} target="_blank" rel="noopener">
                  Look at it<span class="visually-hidden"> {learner}</span>
                </a>
              </span>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Row({ desk, entry }: { desk: Desk; entry: LobbyEntry }) {
  const open = desk.focus === entry.session;
  const unread = desk.has(entry.session)?.unread() ?? 0;
  return (
    <button
      type="button"
      class="lobby-row"
      aria-current={open ? "true" : undefined}
      onClick={() => {
        desk.choose(entry.session);
        toStage();
      }}
    >
      <About entry={entry} now={desk.clock.at(performance.now())} />
      {unread > 0 && (
        <span class="lobby-new">{unread === 1 ? "1 new message" : `${unread} new messages`}</span>
      )}
    </button>
  );
}

/** A session that is not ours: taken over or looked into by a button, never by a slip. */
function Other({ desk, entry }: { desk: Desk; entry: LobbyEntry }) {
  const asking = useAction();
  const { session, role } = entry;
  const take = () => void asking.run(() => desk.takeOver(session));
  const decline = () => void asking.run(() => desk.request("withdraw_handover", session));
  return (
    <div class={`lobby-row lobby-row--${role}`}>
      <About entry={entry} now={desk.clock.at(performance.now())} />
      <span class="small soft">
        {role === "offered" ? `Offered by ${entry.offered_by ?? ""}` : `With ${entry.invigilator}`}
      </span>
      <span class="lobby-buttons">
        {role === "colleague" && desk.has(session)?.supervising ? (
          <strong class="tag">Looking in</strong>
        ) : role === "colleague" ? (
          <Small entry={entry} onPress={() => desk.choose(session)}>
            Look in
          </Small>
        ) : (
          <Small entry={entry} disabled={asking.busy} onPress={take}>
            {role === "offered" ? "Accept" : "Take over"}
          </Small>
        )}
        {role === "offered" && (
          <Small entry={entry} quiet disabled={asking.busy} onPress={decline}>
            Decline
          </Small>
        )}
      </span>
      <Refusal error={asking.error} />
    </div>
  );
}

function Small(props: {
  entry: LobbyEntry;
  quiet?: boolean;
  disabled?: boolean;
  onPress: () => void;
  children: string;
}) {
  const { entry, quiet, disabled, onPress, children } = props;
  return (
    <button
      type="button"
      class={`button ${quiet ? "button--quiet" : ""}`}
      disabled={disabled}
      onClick={onPress}
    >
      {children}
      <span class="visually-hidden"> {entry.learner}</span>
    </button>
  );
}

function About({ entry, now }: { entry: LobbyEntry; now: number }) {
  const words = since(entry, now);
  return (
    <>
      <span class="lobby-name">{entry.learner}</span>
      <StateTag state={entry.state} />
      <span class="small soft">
        {clockTime(entry.start)}, {entry.assessment}
      </span>
      {words && <span class={`small ${entry.present ? "here" : "soft"}`}>{words}</span>}
    </>
  );
}

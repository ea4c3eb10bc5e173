// All learners that are watched, a tile each.
//
// Tiles never change their order: a tile that moves is clicked wrong. Trouble shows as a strong
// border with words, and rises in the list above the tiles instead.

import { duration, remaining, STATE_WORDS } from "../lib/page";
import { isOver } from "../lib/protocol";
import { keyOf } from "./bar";
import type { Desk } from "./desk";
import { useDesk } from "./hooks";
import { thinWords, withoutPicture } from "./link";
import { Video } from "./parts";
import type { Room } from "./room";
import { toStage } from "./stage";
import { Still } from "./stills";
import { troubles } from "./trouble";

export function Tiles({ desk }: { desk: Desk }) {
  useDesk(desk, 1000);
  const rooms = desk.tiles();
  return (
    <ul class="tiles" data-count={Math.min(rooms.length, 12)} aria-label="Learners">
      {rooms.map((room) => (
        <li key={room.session}>
          <Tile desk={desk} room={room} />
        </li>
      ))}
    </ul>
  );
}

function Tile({ desk, room }: { desk: Desk; room: Room }) {
  const { state } = room;
  const found = troubles(room);
  const [worst] = found;
  const key = keyOf(room.number);
  const inFocus = room.session === desk.focus;
  const seen =
    state?.learner.present && state.learner.camera && room.live && !withoutPicture(state);
  const blank = (state && withoutPicture(state) && thinWords(state)) || "No picture";
  const usual = state ? thinWords(state) || STATE_WORDS[state.state] : "Opening…";
  const tone = worst ? `tile--${worst.tone}` : "";
  const words = room.replaced ? "Open elsewhere" : (room.refusal ?? worst?.short ?? usual);
  return (
    <button
      type="button"
      class={`tile ${tone} ${room.speaking ? "tile--speaks" : ""}`}
      aria-current={inFocus ? "true" : undefined}
      aria-keyshortcuts={key || undefined}
      onClick={() => {
        desk.choose(room.session);
        toStage();
      }}
    >
      <span class="tile-picture">
        <Video stream={room.pictures.camera ?? null} />
        {!seen && <span class="tile-blank">{state && isOver(state.state) ? "Over" : blank}</span>}
        <Still desk={desk} room={room} small />
      </span>
      <span class="tile-marks">
        {room.speaking && <span class="mark mark--speaks">Speaks</span>}
        {room.hearsUs && state?.learner.present && <span class="mark mark--hears">Hears you</span>}
        {room.supervising && <span class="mark">Looking in</span>}
      </span>
      <span class="tile-words">
        {words}
        {found.length > 1 && ` +${found.length - 1}`}
      </span>
      <span class="tile-foot">
        {key && <kbd aria-hidden="true">{key}</kbd>}
        <span class="tile-name">{room.name || "…"}</span>
        <span class="tile-time number">{left(room)}</span>
      </span>
    </button>
  );
}

function left({ state, stateAt }: Room): string {
  if (!state?.clock.started || isOver(state.state)) return "";
  return duration(remaining(state.clock, performance.now() - stateAt));
}

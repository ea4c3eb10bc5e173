// The learner's own pages, after the session: what their device recorded while the link was gone
// goes on to the server, as in the room.

import { atRest } from "../lib/at-rest";
import { byId } from "../lib/page";
import { kbitNow } from "../link/budget";
import { Bringer } from "../link/bring";
import { disk } from "../link/disk";
import { Box } from "../link/kept-box";
import { keptWords } from "../link/kept-words";
import { Shelf } from "../link/shelf";

async function bring(place: HTMLElement): Promise<void> {
  const { session = "", key } = place.dataset;
  const shelf = new Shelf(session, await disk(atRest(key)));
  await shelf.open(Date.now());
  if (!shelf.recordings().length) return;
  let [owed, anyway] = [false, false];
  const box = new Box(place, () => {
    anyway = true;
    bringer.wake();
  });
  const bringer: Bringer = new Bringer({
    session,
    url: place.dataset.url ?? "",
    shelf,
    reachable: () => true,
    queue: () => 0,
    kbit: () => (anyway ? null : kbitNow(session)),
    over: () => true,
    allowed: (is) => void (is || shelf.clear()),
    changed() {
      owed ||= bringer.pending;
      box.show(
        keptWords({
          out: null,
          keeps: false,
          room: shelf.room,
          share: bringer.pending ? bringer.share : null,
          over: true,
          done: owed && bringer.standing === "done",
          closed: bringer.standing === "closed",
          limited: bringer.limited,
        }),
      );
    },
  });
  addEventListener("online", () => bringer.wake());
  await bringer.run();
}

void bring(byId("kept"));

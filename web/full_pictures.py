"""A picture of the learner in full size that has come: into the vault, and into the record."""

from __future__ import annotations

from dataclasses import dataclass, replace

from invigilation.bound import Bound
from invigilation.desk import Desk
from invigilation.desk.full_pictures import FullPicture
from invigilation.errors import InvalidInput, InvigilationError
from recordings.errors import EvidenceStoreFull, PictureUndecodable
from recordings.vision.prints import bits_apart
from signalling.full_size import Told, Wish
from web.arriving import NoRoom
from web.evidence import EvidenceShelf


@dataclass(frozen=True, slots=True)
class FullPictures:
    """Keeps them, with what the live stream showed when they were taken."""

    desk: Desk
    shelf: EvidenceShelf

    async def keep(self, session: str, wish: Wish, told: Told, data: bytes) -> str:
        """Put it into the record and return its id.

        Raises `InvalidInput` for one that cannot be used, `Busy`, `NoRoom`, and what the desk
        refuses.
        """
        bound = await told.bound()
        try:
            picture = await self.shelf.full(session, wish.kind, data)
        except PictureUndecodable as error:
            raise InvalidInput("picture", f"This picture cannot be used: {error.why}.") from None
        except EvidenceStoreFull:
            raise NoRoom from None
        bound = replace(bound, live_print_distance=_apart(bound, picture.print))
        one, derived = picture.evidence, picture.derived
        full = FullPicture(wish.kind, one, bound, wish.of, wish.recheck, derived)
        try:
            stands = await self.desk.full_pictures.add(session, full)
        except InvigilationError:
            await self.shelf.discard(one, derived)
            raise
        told.done()
        if stands:
            self.shelf.study(one)
        return one.id


def _apart(bound: Bound, found: int | None) -> int | None:
    live = bound.live_print
    return None if live is None or found is None else bits_apart(live, found)

"""Carries out what a scheduler decided for displaced bookings, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from invigilation.booking import ACTIVE, Booking, BookingState
from invigilation.desk import placing
from invigilation.desk.displaced import REASON_LIMIT, Displaced, Fate, FateKind, Prospect
from invigilation.desk.offers import Pick
from invigilation.desk.office import Office, sitting_of
from invigilation.errors import IllegalTransition, SlotNotOffered, SlotTaken, TooLate
from invigilation.slots import Refusal
from invigilation.store import Tx
from invigilation.store.views import Sitting

NO_REASON = f"Say why it is cancelled, in at most {REASON_LIMIT} letters. The reason is kept."
BEGUN = "This session has begun in the meantime."
ONLY_HELD = "This time is only held for the learner. Give it to somebody else, or cancel it."
TAKEN = "Somebody else has this time by now. Please choose again."
NO_TIME = "Choose the new time."
NO_STAFF = "Choose who invigilates."
NOT_FREE = {
    Refusal.PAST_NOTICE: "This time has passed.",
    Refusal.OUTSIDE_LICENCE: "The learner's licence has ended by then.",
    Refusal.OFF_GRID: "Sessions begin at the full and the half hour.",
    Refusal.CLOSED: "The office is closed then.",
    Refusal.NOT_STAFFED: "Nobody who takes this assessment is on duty then.",
    Refusal.FULL: TAKEN,
}


class _Mistake(Exception):
    """A fate that cannot be carried out, in a plain sentence."""


async def carry_out(
    office: Office,
    tx: Tx,
    actor: str,
    prospect: Prospect,
    displaced: Sequence[Displaced],
    given: Mapping[str, Fate],
) -> tuple[list[Sitting], dict[str, str]]:
    """Return the sittings that were changed, and the sentences of what could not be, by booking.

    With any mistake the transaction is to be rolled back. Bookings may take each other's places:
    what is cancelled goes first, and what finds its place taken waits for the others.
    """
    hand = _Hand(office, tx, actor, prospect)
    done: list[Sitting] = []
    waiting = sorted(
        (each.one.booking.id for each in displaced),
        key=lambda booking: given[booking].kind is not FateKind.CANCEL,
    )
    while waiting:
        mistakes: dict[str, str] = {}
        for booking in waiting:
            try:
                sitting = await hand.settle(booking, given[booking])
            except _Mistake as mistake:
                mistakes[booking] = str(mistake)
            else:
                done += [sitting] if sitting is not None else []
        if len(mistakes) == len(waiting):
            return done, mistakes
        waiting = list(mistakes)
    return done, {}


@dataclass(frozen=True, slots=True)
class _Hand:
    """What settles one booking after the other."""

    office: Office
    tx: Tx
    actor: str
    prospect: Prospect

    async def settle(self, ident: str, fate: Fate) -> Sitting | None:
        """Give a booking its fate; None when it has no session, or needs no fate any more."""
        booking = await self.tx.bookings.find(ident)
        if booking is None or booking.state not in ACTIVE:
            return None  # the learner was faster, and gave it back
        reserved = booking.state is BookingState.RESERVED
        if fate.kind is FateKind.CANCEL:
            return await self._cancel(booking, fate.reason, reserved=reserved)
        if fate.kind is FateKind.MOVE:
            if reserved:
                raise _Mistake(ONLY_HELD)
            if fate.start is None:
                raise _Mistake(NO_TIME)
            return await self._move(booking, fate.start, fate.staff, reserved=False)
        if fate.staff is None:
            raise _Mistake(NO_STAFF)
        return await self._move(booking, booking.start, fate.staff, reserved=reserved)

    async def _cancel(self, booking: Booking, raw: str, *, reserved: bool) -> Sitting | None:
        reason = " ".join(raw.split())
        if not 0 < len(reason) <= REASON_LIMIT:
            raise _Mistake(NO_REASON)
        if reserved:
            await placing.release(self.office, self.tx, booking, self.actor, reason=reason)
            return None
        try:
            return await placing.cancel(self.office, self.tx, booking, reason, self.actor)
        except IllegalTransition:
            raise _Mistake(BEGUN) from None

    async def _move(
        self, booking: Booking, start: datetime, staff: str | None, *, reserved: bool
    ) -> Sitting | None:
        # The calendar in force is not asked: it is just being changed, and may be rolled back.
        calendar = self.prospect.without_holds()
        pick = Pick(start, booking.zone, by_staff=True, staff=staff, calendar=calendar)
        try:
            await placing.move(self.office, self.tx, booking, pick, self.actor)
        except SlotNotOffered as error:
            raise _Mistake(self._not_free(Refusal(error.why), staff)) from None
        except SlotTaken:
            raise _Mistake(TAKEN) from None
        except (TooLate, IllegalTransition):
            raise _Mistake(BEGUN) from None
        if reserved:
            return None
        return await sitting_of(self.tx, await placing.session_of(self.tx, booking.id))

    def _not_free(self, why: Refusal, staff: str | None) -> str:
        if staff is not None and why is Refusal.NOT_STAFFED:
            name = self.prospect.names.get(staff, "This person")
            return f"{name} is not on duty then, or does not take this assessment."
        return NOT_FREE[why]

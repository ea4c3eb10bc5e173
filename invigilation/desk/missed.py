"""All that is known of a missed session, by the server's clock: for whoever judges it.

Reading here locks nothing, so that a page that stays open holds nobody up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from invigilation import attendance
from invigilation.attendance import Condition, Evidence, Finding, Judgement, Silence
from invigilation.booking import BookingState
from invigilation.charge import Charge
from invigilation.desk.office import sitting_of
from invigilation.desk.sessions import ATTEMPTS, READY
from invigilation.record import Entry
from invigilation.report import Channel, DeliveryState
from invigilation.store import Tx
from invigilation.store.outbox import Sent
from invigilation.store.views import Sitting

PROPOSED, DECIDED = "no_show_proposed", "attendance_decided"
AROUND = timedelta(hours=1)
"""So long before check-in opens and after it closes heartbeats are shown, too."""
BEATS_TRUSTED = timedelta(days=29)
"""Heartbeats are removed after 30 days; from then on the record's own proposal speaks for them."""
HEALTHY_THEN = "The service was healthy through the grace time."
DISPUTE_TIME = timedelta(days=14)
"""So long after the decision a learner may dispute it."""


class Side(StrEnum):
    """Whether something speaks for a no-show, against it, or neither."""

    FOR = "for"
    AGAINST = "against"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of the session's record, weighed. `said` is the reason that stands in it."""

    at: datetime
    kind: str
    actor: str
    side: Side
    said: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to the learner, as the outbox knows it, weighed.

    It speaks for a no-show when it had arrived before check-in closed: the learner knew.
    """

    sent: Sent
    side: Side

    @property
    def arrived(self) -> datetime | None:
        """When the mail server of the learner's side took it."""
        return self.sent.next_at if self.sent.state is DeliveryState.DELIVERED else None


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision that was taken, as the record has it."""

    at: datetime
    actor: str
    state: BookingState
    why: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """The evidence of one session. `opens` to `closes` is when the learner could check in.

    `beats` are the heartbeats from an hour before to an hour after that.
    """

    sitting: Sitting
    judgement: Judgement
    opens: datetime
    closes: datetime
    happenings: tuple[Happening, ...]
    letters: tuple[Letter, ...]
    beats: tuple[datetime, ...]
    silences: tuple[Silence, ...]
    from_record: bool
    """The heartbeats are gone: the service's health is what the record says of it."""
    decisions: tuple[Decision, ...]
    charge: Charge | None

    @property
    def attempts_from(self) -> datetime:
        """From when whatever the learner did counts as an attempt to come in."""
        return self.sitting.start - attendance.ATTEMPTS_FROM

    @property
    def reached(self) -> bool:
        """Whether any mail about this session reached the learner in time."""
        return any(one.side is Side.FOR for one in self.letters)

    @property
    def confirmable(self) -> bool:
        """Whether the rule allows that a scheduler confirms a no-show."""
        proposed = self.sitting.booking_state is BookingState.NO_SHOW_PROPOSED
        return proposed and self.judgement.finding is Finding.NO_SHOW

    @property
    def decided(self) -> Decision | None:
        """The decision that stands."""
        return self.decisions[-1] if self.decisions else None

    @property
    def dispute_until(self) -> datetime | None:
        """Until when the learner may dispute a no-show; None when there is none to dispute."""
        last = self.decided
        if last is None or self.sitting.booking_state is not BookingState.LEARNER_NO_SHOW:
            return None
        return last.at + DISPUTE_TIME


async def judge(tx: Tx, session: str, start: datetime, now: datetime) -> Judgement:
    """Judge a session by its record and the heartbeats; nothing is locked."""
    beats = await _beats(tx, start)
    proposed = bool(await tx.sessions.moments(session, PROPOSED))
    return _judge(
        Evidence(
            start,
            await tx.sessions.moments(session, READY),
            beats,
            await tx.sessions.moments(session, *ATTEMPTS),
        ),
        trusted=proposed and _gone(start, now),
    )


async def dossier(tx: Tx, session: str, now: datetime) -> Dossier:
    """Return all that is known of a session; raises `NotFound`."""
    sitting = await sitting_of(tx, session)
    start = sitting.start
    entries = await tx.sessions.entries(session)
    beats = await _beats(tx, start)
    opens, closes = attendance.opens(start), attendance.closes(start)
    trusted = _gone(start, now) and any(one.kind == PROPOSED for one in entries)
    evidence = Evidence(start, _moments(entries, READY), beats, _moments(entries, *ATTEMPTS))
    mails = [one for one in await tx.outbox.of_session(session) if one.channel is Channel.MAIL]
    return Dossier(
        sitting,
        _judge(evidence, trusted=trusted),
        opens,
        closes,
        tuple(_weighed(one, start) for one in entries),
        tuple(Letter(one, _side(one, closes)) for one in mails if one.created <= closes),
        beats,
        () if trusted else attendance.silent(beats, opens, closes),
        trusted,
        tuple(_decision(one) for one in entries if one.kind == DECIDED),
        await tx.charges.of_missed(sitting.booking),
    )


async def _beats(tx: Tx, start: datetime) -> tuple[datetime, ...]:
    first, last = attendance.opens(start) - AROUND, attendance.closes(start) + AROUND
    return await tx.watch.beats(first, last)


def _gone(start: datetime, now: datetime) -> bool:
    return now - attendance.opens(start) > BEATS_TRUSTED


def _judge(evidence: Evidence, *, trusted: bool) -> Judgement:
    """Judge; `trusted` takes the service's health from the record, which proposed a no-show."""
    found = attendance.judge(evidence)
    if not trusted:
        return found
    ready, _, untried = found.conditions
    finding = Finding.PROVIDER_FAULT
    if ready.holds:
        finding = Finding.NO_SHOW if untried.holds else Finding.TECHNICAL
    return Judgement(finding, (ready, Condition(holds=True, words=HEALTHY_THEN), untried))


def _moments(entries: list[Entry], *kinds: str) -> tuple[datetime, ...]:
    return tuple(one.at for one in entries if one.kind in kinds)


def _weighed(entry: Entry, start: datetime) -> Happening:
    side = Side.NEITHER
    early, closes = start - attendance.ATTEMPTS_FROM, attendance.closes(start)
    if entry.kind == READY:
        in_time = attendance.opens(start) <= entry.at <= start
        side = Side.FOR if in_time else Side.NEITHER
    elif entry.kind in ATTEMPTS:
        side = Side.AGAINST if early <= entry.at <= closes else Side.NEITHER
    elif entry.kind == "check_in":
        side = Side.AGAINST
    said = entry.data.get("why") or entry.data.get("reason") or ""
    return Happening(entry.at, entry.kind, entry.actor, side, str(said))


def _side(one: Sent, closes: datetime) -> Side:
    arrived = one.state is DeliveryState.DELIVERED and one.next_at <= closes
    return Side.FOR if arrived else Side.AGAINST


def _decision(entry: Entry) -> Decision:
    data = entry.data
    return Decision(
        entry.at, entry.actor, BookingState(str(data["state"])), str(data.get("why", ""))
    )

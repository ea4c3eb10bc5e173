"""The onboard desk: forms of officers on board who invigilate, reviewed by staff."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from invigilation import record
from invigilation.desk.erased import write_evidence
from invigilation.desk.looks import why_form
from invigilation.desk.office import Office, actor, allow
from invigilation.desk.onboard_papers import (
    PICTURE_KIND,
    Closed,
    Review,
    letter_facts,
    named,
    notice_facts,
    payload,
    stated,
)
from invigilation.desk.onboard_record import (
    BOOKED_INSTEAD,
    OFFICER,
    REPLACED,
    append,
    noted,
    withdraw,
)
from invigilation.desk.reports import openings_of
from invigilation.desk.requests import Asked, whole_of
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.onboard import Facts, OnboardEvent, OnboardState, Verification
from invigilation.people import Role, Staff
from invigilation.record import Data, Envelope
from invigilation.report import Channel, Delivery, report_due
from invigilation.request import RequestEvent, RequestState
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.onboard import Listed

if TYPE_CHECKING:
    # The sweeps know the desks.
    from invigilation.sweeps import Retention

PREFIX = "ob_"
"""Of the ids of forms; a picture lies in the vault under its form's id, as session and as piece."""
REASON = range(5, 1_001)
DAY_ANYWHERE = timedelta(hours=12)
"""So long a day has lasted at the date line when it ends in UTC."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request, the newest form that was not withdrawn, and why none can be sent, if so.

    `given_up` is the newest form, if it was withdrawn because the learner has booked a session.
    """

    asked: Asked
    form: Verification | None
    closed: Closed | None
    given_up: Verification | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture that lies in the vault under a form's id."""

    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class OnboardDesk:
    """Takes forms in, lets staff decide on them, and seals what was accepted."""

    office: Office

    async def case(self, request: str) -> Case:
        """Return how things stand for a request; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.requests.find(request)
            if found is None:
                raise NotFound("request", request)
            asked = await whole_of(tx, found)
            forms = await tx.onboard.of_request(request)
            newest = next((one for one in forms if one.state is not OnboardState.WITHDRAWN), None)
            closed = await self._closed(tx, asked)
            given_up = next(iter(forms), None)
            if closed is not Closed.BOOKED or not _given_up(given_up):
                given_up = None
            return Case(asked, newest, closed, given_up)

    async def _closed(self, tx: Tx, asked: Asked) -> Closed | None:
        if await tx.bookings.active_of(asked.request.id) is not None:
            return Closed.BOOKED
        if asked.request.state is not RequestState.OPEN:
            return Closed.BOOKED if asked.request.state is RequestState.BOOKED else Closed.DONE
        return Closed.LICENCE if asked.request.licence_until <= self.office.clock.now() else None

    def days(self, asked: Asked) -> tuple[date, date]:
        """Return the first and the last day that an assessment may be on."""
        last = asked.request.licence_until - timedelta(microseconds=1)
        first = (self.office.clock.now() - DAY_ANYWHERE).astimezone(UTC).date()
        return first, last.astimezone(self.office.rules.zone).date()

    async def submit(self, request: str, ident: str, facts: Facts, picture: Taken) -> Verification:
        """Take a form in; it replaces one that waits. The same id again is the same form.

        Raises `NotAllowed` when none can be sent, `InvalidInput` for a day that cannot be.
        """
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            # Held: of two forms that come at once, the second sees and replaces the first.
            held = await tx.onboard.hold_request(request)
            if held is None:
                raise NotFound("request", request)
            known = await tx.onboard.find(ident)
            if known is not None:
                return known
            asked = await whole_of(tx, held)
            if await self._closed(tx, asked) is not None:
                raise NotAllowed("send this form now")
            self._check_day(asked, facts.sits_on)
            await withdraw(self.office, tx, request, OFFICER, REPLACED)
            form = Verification(
                id=ident,
                request=request,
                state=OnboardState.SUBMITTED,
                officer=facts.officer,
                rank=facts.rank,
                rank_words=facts.rank_words,
                vessel=facts.vessel,
                imo=facts.imo,
                sits_on=facts.sits_on,
                submitted=now,
                media_type=picture.media_type,
                sha256=picture.sha256,
                size=picture.size,
            )
            await tx.onboard.add(form)
            said, names = stated(form), named(form)
            await append(self.office, tx, ident, "onboard_submitted", OFFICER, said, now, names)
            told = {"request": request, **noted(form)}
            await self.office.note(tx, OFFICER, "onboard.submitted", ident, None, told)
        return form

    def _check_day(self, asked: Asked, day: date) -> None:
        first, last = self.days(asked)
        if day < first:
            raise InvalidInput("sits_on", "This day has passed.")
        if day > last:
            raise InvalidInput("sits_on", "The licence has ended by then.")

    async def listed(self, by: Staff) -> tuple[list[Listed], list[Listed]]:
        """Return the forms that wait, oldest first, and the last ones that were decided."""
        _reader(by)
        async with self.office.store.read() as tx:
            return await tx.onboard.waiting(), await tx.onboard.decided()

    async def review(self, ident: str, by: Staff) -> Review:
        """Return all that is kept of a form, but its picture."""
        _reader(by)
        async with self.office.store.read() as tx:
            form = await tx.onboard.find(ident)
            request = None if form is None else await tx.requests.find(form.request)
            if form is None or request is None:
                raise NotFound("form", ident)
            asked = await whole_of(tx, request)
            sealed = await tx.onboard.attestation(ident)
            entries = tuple(await tx.onboard.entries(ident))
            openings = openings_of(await tx.openings.of(ident), entries, sealed)
            anchors = tuple(await tx.anchors.of(ident))
            closed = await self._closed(tx, asked)
            return Review(form, asked, closed, entries, sealed, openings, anchors)

    async def see(self, ident: str, by: Staff) -> Verification:
        """Return a form whose picture is about to be looked at; the look enters its record.

        To decide on a form is a reason; after that one is said first: `ReasonNeeded`.
        """
        role = _reader(by)
        async with self.office.store.write() as tx:
            form = await tx.onboard.hold(ident)
            if form is None:
                raise NotFound("form", ident)
            if form.erased is None:
                now = self.office.clock.now()
                why = await why_form(tx, now, ident, by)
                data: Data = {"evidence": ident, "kind": PICTURE_KIND, **why.data}
                who, said = actor(by, role), why.private
                await append(self.office, tx, ident, "evidence_viewed", who, data, now, said)
        return form

    async def accept(self, ident: str, by: Staff) -> Verification:
        """Accept a form and seal the report: its request is fulfilled, its people are told.

        All in one transaction. Raises `IllegalTransition` when somebody else has decided, the form
        was replaced, or the learner has booked a session meanwhile.
        """
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            form, asked = await self._held(tx, ident)
            after = _decided(form, OnboardEvent.ACCEPT, by, now, None)
            if await self._closed(tx, asked) is Closed.BOOKED:
                raise NotAllowed("accept this form: the learner has booked a session meanwhile")
            fulfilled = asked.request.after(RequestEvent.FULFIL_ON_BOARD)
            who = actor(by, _reviewer(by))
            await append(self.office, tx, ident, "onboard_accepted", who, {}, now)
            await tx.onboard.save(after)
            await tx.requests.set_state(fulfilled.id, fulfilled.state)
            due = await self._due(tx, after, now)
            entries = tuple(await tx.onboard.entries(ident))
            whole = Review(after, asked, None, entries, None)
            envelope = Envelope()
            told = payload(whole, by, due, self.office.rules.zone, envelope)
            sealed = self.office.sealer.seal(record.canonical(told))
            await tx.onboard.seal(ident, sealed)
            await tx.openings.keep(ident, envelope.openings)
            facts = notice_facts(after, asked, sealed, envelope.openings, due)
            backend = await tx.people.backend(asked.request.backend)
            channel = Channel.WEBHOOK if backend is None else backend.channel
            await tx.outbox.add(
                self.office.told(channel, asked.request.backend, "report.ready", facts),
                self._letter(after, asked),
                session=ident,
            )
            await self.office.note(tx, who, "onboard.accepted", ident, noted(form), noted(after))
        return after

    async def refuse(self, ident: str, by: Staff, reason: str) -> Verification:
        """Refuse a form; the learner is told why, and a new form may be sent."""
        reason = reason.strip()
        if len(reason) not in REASON:
            raise InvalidInput("reason", "Write a reason of 5 to 1,000 letters.")
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            form, asked = await self._held(tx, ident)
            after = _decided(form, OnboardEvent.REFUSE, by, now, reason)
            who, said = actor(by, _reviewer(by)), {"reason": reason}
            await append(self.office, tx, ident, "onboard_refused", who, {}, now, said)
            await tx.onboard.save(after)
            await tx.outbox.add(self._letter(after, asked), session=ident)
            await self.office.note(tx, who, "onboard.refused", ident, noted(form), noted(after))
        return after

    def _letter(self, form: Verification, asked: Asked) -> Delivery:
        kind = f"onboard_{form.state.value}"
        return self.office.letter(asked.learner.email, kind, letter_facts(form, asked))

    async def _held(self, tx: Tx, ident: str) -> tuple[Verification, Asked]:
        """Hold a form's request and the form, in the order in which `submit` does."""
        found = await tx.onboard.find(ident)
        request = None if found is None else await tx.onboard.hold_request(found.request)
        form = await tx.onboard.hold(ident)
        if form is None or request is None:
            raise NotFound("form", ident)
        return form, await whole_of(tx, request)

    async def _due(self, tx: Tx, form: Verification, now: datetime) -> datetime:
        """Return when the certificate is due: as after a remote session that ended on that day."""
        calendar = await self.office.calendar(tx)
        noon = datetime.combine(form.sits_on, time(12), self.office.rules.zone)
        return report_due(max(now, noon), calendar.office)

    async def attestation(self, ident: str, backend: str | None = None) -> bytes:
        """Return the sealed bytes; with `backend`, only if the request is theirs."""
        async with self.office.store.read() as tx:
            form = await tx.onboard.find(ident)
            request = None if form is None else await tx.requests.find(form.request)
            sealed = await tx.onboard.attestation(ident)
        if sealed is None or request is None or backend not in {None, request.backend}:
            raise NotFound("attestation", ident)
        return sealed

    async def accepted(self, request: str) -> Verification | None:
        """Return the form that fulfilled a request, if one did."""
        async with self.office.store.read() as tx:
            found = await tx.requests.find(request)
            if found is None or found.state is not RequestState.FULFILLED:
                return None
            forms = await tx.onboard.of_request(request)
        return next((one for one in forms if one.state is OnboardState.ACCEPTED), None)

    async def erase(self, retention: Retention) -> int:
        """Erase the pictures whose time is over; return how many went.

        What cannot be erased keeps no other from it; at the end its errors are raised.
        """
        async with self.office.store.read() as tx:
            pictures = await tx.onboard.pictures()
        gone = 0
        kept: list[Exception] = []
        for form, over in pictures:
            piece = Evidence(
                form.id,
                form.id,
                PICTURE_KIND,
                form.media_type,
                form.submitted,
                form.sha256,
                form.size,
                None,
            )
            try:
                erased = await retention.erase(piece, over)
            except Exception as error:  # noqa: BLE001 - raised below
                kept.append(error)
                continue
            if erased:
                async with self.office.store.write() as tx:
                    if await tx.onboard.erase(form.id, self.office.clock.now()):
                        await write_evidence(self.office, tx, piece, since=over)
                gone += 1
        if kept:
            raise ExceptionGroup(f"not erased: {len(kept)} pictures of officers", kept)
        return gone


def _reader(by: Staff) -> Role:
    """Return the role in which somebody reads forms; raises `NotAllowed`."""
    allow(by, Role.SCHEDULER, Role.INVIGILATOR, Role.AUDITOR)
    return Role.AUDITOR if by.roles == {Role.AUDITOR} else _reviewer(by)


def _reviewer(by: Staff) -> Role:
    """Return the role in which somebody reviews forms; raises `NotAllowed`."""
    allow(by, Role.SCHEDULER, Role.INVIGILATOR)
    for role in (Role.SCHEDULER, Role.INVIGILATOR):
        if by.is_a(role):
            return role
    return Role.ADMINISTRATOR


def _given_up(form: Verification | None) -> bool:
    if form is None or form.state is not OnboardState.WITHDRAWN:
        return False
    return form.reason == BOOKED_INSTEAD


def _decided(
    form: Verification, event: OnboardEvent, by: Staff, now: datetime, reason: str | None
) -> Verification:
    return replace(form.after(event), reviewed_by=by.id, reviewed=now, reason=reason)

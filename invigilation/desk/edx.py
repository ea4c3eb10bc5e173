"""The edX desk: what an edX platform asks of its proctoring provider."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from invigilation.desk.bookings import BookingDesk
from invigilation.desk.erasure import ErasureDesk
from invigilation.desk.office import Office, Told, new_id
from invigilation.desk.requests import LONGEST, Ask, RequestDesk
from invigilation.edx import AttemptEvent, AttemptState, EdxAttempt, Exam, Platform
from invigilation.errors import InvalidInput, InvigilationError, NotAllowed, NotFound
from invigilation.gap import Gap
from invigilation.incident import Incident
from invigilation.people import Learner
from invigilation.record import Data
from invigilation.report import Channel
from invigilation.request import RequestEvent, RequestState, licence_end
from invigilation.session import OVER, SEALED, Outcome, SessionState
from invigilation.store import Tx
from invigilation.store.edx import Standing
from invigilation.store.views import Sitting

PLATFORM = "platform"
"""The actor in whose name a platform's words are noted."""
PRACTICE_READY = "practice.ready"
PRACTICE_DONE = "practice.done"
REVIEW = "attempt.review"
DELETED = "The platform has deleted this attempt."
RETIRED = "The platform has retired this learner."
HANDED_IN = frozenset({AttemptState.SUBMITTED, AttemptState.ERROR})
HANDED_IN_WITHIN = timedelta(hours=12)
"""So long a good review waits for the platform's word that the exam was handed in.

A platform takes a good review of an exam that was never handed in for an error.
"""
SAID: dict[AttemptEvent, tuple[str, Data]] = {
    AttemptEvent.START: ("assessment_opened", {}),
    AttemptEvent.SUBMIT: ("assessment_handed_in", {"failed": False}),
    AttemptEvent.FAIL: ("assessment_handed_in", {"failed": True}),
}
"""How the platform's words stand in a session's record."""
ERASED = "Deleted user"
ERASED_EMAIL = "deleted@example.invalid"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who is to sit an exam: the platform's obscured name for them, and who they are."""

    user: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one attempt: its minutes, and what the course says is allowed."""

    minutes: int
    rules: tuple[str, ...]
    practice: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a session: all that a review is made of."""

    started: datetime | None
    outcome: Outcome | None
    incidents: tuple[Incident, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class EdxDesk:
    """Keeps exams and attempts, and makes a request of each attempt that is no practice."""

    office: Office
    requests: RequestDesk
    bookings: BookingDesk
    erasure: ErasureDesk

    async def platform(self, backend: str) -> Platform:
        """Return the platform that a backend is; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.edx.platform(backend)
        if found is None:
            raise NotFound("platform", backend)
        return found

    async def keep_exam(self, exam: Exam) -> Exam:
        """Keep an exam, known by the platform's name for it; return it with ours.

        Raises `InvalidInput` for one that nobody could sit here.
        """
        if not exam.practice and not 0 < exam.minutes <= LONGEST:
            raise InvalidInput("time_limit_mins", f"An exam takes 1 to {LONGEST} minutes.")
        async with self.office.store.write() as tx:
            return await tx.edx.keep_exam(exam)

    async def exam(self, backend: str, ident: str) -> Exam:
        """Return an exam by our name for it or the platform's; raises `NotFound`."""
        async with self.office.store.read() as tx:
            return await _exam(tx, backend, ident)

    async def register(
        self, backend: str, exam: str, who: Candidate, terms: Terms, url: str
    ) -> EdxAttempt:
        """Make an attempt, or return the fresh one that its learner has already.

        `url` is where the exam is sat. Raises `NotFound`, and `InvalidInput` for what cannot be
        used; what was begun then goes on when the platform asks again.
        """
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            found = await _exam(tx, backend, exam)
            practice = terms.practice or found.practice
            new = EdxAttempt(
                new_id("at"), found.id, who.user, None, practice, AttemptState.CREATED, now
            )
            attempt = await tx.edx.add_attempt(new)
            if practice and attempt.id == new.id:
                told = self.office.told(
                    Channel.EDX, backend, PRACTICE_READY, {"request": attempt.id}
                )
                await tx.outbox.add(told)
        if practice or attempt.request is not None:
            return attempt
        assessment = await self.requests.keep_assessment(
            backend, _code(found, terms), found.name, terms.minutes, terms.rules
        )
        asked = await self.requests.ask(
            Ask(
                backend,
                attempt.id,
                who.user,
                who.name,
                who.email,
                assessment.code,
                self._until(found, now),
                assessment_url=url,
                return_url=url,
            )
        )
        async with self.office.store.write() as tx:
            held = await _attempt(tx, attempt.id)
            after = replace(held, request=asked.request.id)
            await tx.edx.save(after)
        return after

    def _until(self, exam: Exam, now: datetime) -> datetime:
        """Return until when it may be sat: till the exam is due, else for as long as a licence.

        A learner with more time than others may sit an exam that was due.
        """
        if exam.due is not None and exam.due > now:
            return exam.due
        zone = self.office.rules.zone
        return licence_end(now.astimezone(zone).date(), zone)

    async def attempt(self, backend: str, exam: str, ident: str) -> EdxAttempt:
        """Return an attempt of an exam that is not deleted; raises `NotFound`."""
        async with self.office.store.read() as tx:
            return await _theirs(tx, backend, exam, ident)

    async def standing(self, ident: str) -> tuple[EdxAttempt, Exam | None]:
        """Return an attempt, deleted or not, with its exam; raises `NotFound`."""
        async with self.office.store.read() as tx:
            attempt = await tx.edx.attempt(ident)
            if attempt is None:
                raise NotFound("attempt", ident)
            return attempt, await tx.edx.exam_of(attempt)

    async def sitting(self, attempt: EdxAttempt) -> Sitting | None:
        """Return the booking of an attempt, if it has one."""
        return None if attempt.request is None else await self.bookings.latest(attempt.request)

    async def name_of(self, attempt: EdxAttempt) -> str:
        """Return the name of an attempt's learner; empty for practice."""
        if attempt.request is None:
            return ""
        return (await self.requests.find(attempt.request)).learner.name

    async def move(self, backend: str, exam: str, ident: str, event: AttemptEvent) -> EdxAttempt:
        """Take the platform's word on an attempt; a report that waited for it goes at once."""
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            await _theirs(tx, backend, exam, ident)
            held = await _attempt(tx, ident)
            after = held.after(event)
            if after.state is held.state:
                return held
            await tx.edx.save(after)
            await self._note(tx, after, event, now)
            if after.state in HANDED_IN:
                await tx.edx.hurry(_once(ident), now)
            if after.practice and after.state is AttemptState.SUBMITTED:
                told = self.office.told(Channel.EDX, backend, PRACTICE_DONE, {"request": ident})
                # It may be handed in again, after an error: it has one review.
                await tx.outbox.add_once(told, f"edx.practice:{ident}")
        return after

    async def _note(self, tx: Tx, attempt: EdxAttempt, event: AttemptEvent, now: datetime) -> None:
        """Note the platform's word in the record of a session that is not sealed yet."""
        booking = None if attempt.request is None else await tx.bookings.latest_of(attempt.request)
        session = None if booking is None else await tx.sessions.id_of(booking.id)
        held = None if session is None else await tx.sessions.hold(session)
        if held is None or held.session.state in SEALED:
            return
        kind, data = SAID[event]
        await tx.sessions.append(self.office.entry(held, kind, PLATFORM, data, now))

    async def report(self, ident: str, report: Told, waits: timedelta | None) -> None:
        """Put the review of a session's report into the outbox, once.

        `waits`: how long at most it waits for the exam to be handed in; None sends it at once.
        """
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            held = await _attempt(tx, ident)
            exam = await tx.edx.exam_of(held)
            if exam is None or held.state is AttemptState.DELETED:
                return
            due = now
            if waits is not None and held.state in {AttemptState.CREATED, AttemptState.STARTED}:
                due = now + waits
            told = self.office.told(Channel.EDX, exam.backend, REVIEW, report)
            session = report.get("session")
            once = f"{_once(ident)}{session}"
            await tx.outbox.add_once(replace(told, next_at=due), once, session=str(session))

    async def over(self, session: str) -> bool:
        """Say whether a session is over, or is none at all."""
        async with self.office.store.read() as tx:
            found = await tx.sessions.find(session)
        return found is None or found.state in OVER

    async def seen(self, session: str) -> Seen | None:
        """Return what a review is made of; None for what is no session here."""
        async with self.office.store.read() as tx:
            found = await tx.sessions.find(session)
            if found is None:
                return None
            incidents = await tx.sessions.incidents(session)
            gaps = await tx.marks.gaps(session)
        return Seen(found.started, found.outcome, tuple(incidents), tuple(gaps))

    async def reviewed(self, ident: str) -> None:
        """Note that the platform has taken our review; an attempt that is deleted stays so."""
        async with self.office.store.write() as tx:
            held = await _attempt(tx, ident)
            if held.state is not AttemptState.DELETED:
                await tx.edx.save(held.after(AttemptEvent.REVIEW))

    async def delete(self, backend: str, exam: str, ident: str) -> None:
        """Forget an attempt: nobody can book for it any more, and what is booked is given back.

        A session that is going on, or over, is left as it is.
        """
        async with self.office.store.write() as tx:
            await _theirs(tx, backend, exam, ident)
            after = (await _attempt(tx, ident)).after(AttemptEvent.DELETE)
            await tx.edx.save(after)
            who = f"{PLATFORM}:{backend}"[:60]
            await self.office.note(tx, who, "attempt.deleted", ident, None, None)
        if after.request is not None:
            await self._withdraw(after.request, who)

    async def _withdraw(self, request: str, who: str) -> None:
        sitting = await self.bookings.latest(request)
        if sitting is not None:
            try:
                await self.bookings.cancel(sitting.booking, DELETED, who, by_staff=True)
            except InvigilationError:
                # It has begun, or is over: the session's own rules hold.
                return
        async with self.office.store.write() as tx:
            one = await tx.requests.find(request)
            if one is not None and one.state is RequestState.OPEN:
                after = one.after(RequestEvent.WITHDRAW)
                await tx.requests.step(request, one.state, after.state)

    async def retire(self, backend: str, user: str) -> bool:
        """Forget who a learner is, in their records, too; say whether that is done.

        It is not while a session of theirs goes on, waits for its report, or has something still
        to be delivered: the platform asks again. What is booked is given back.
        """
        who = f"{PLATFORM}:{backend}"[:60]
        async with self.office.store.read() as tx:
            learner = await tx.people.learner_known_as(backend, user)
            attempts = await tx.edx.attempts_of(backend, user)
            sessions = await tx.edx.sessions_of(backend, user)
        if any(state not in {SessionState.SCHEDULED, *SEALED} for state in sessions.values()):
            return False
        if learner is not None and not _retired(learner):
            for session, state in sessions.items():
                if state in SEALED and not await self._forget(session, who):
                    return False
        for one in attempts:
            if one.state is not AttemptState.DELETED:
                await self.delete(backend, one.exam, one.id)
        if learner is not None and not _retired(learner):
            bare = replace(
                learner, name=ERASED, email=ERASED_EMAIL, born=None, document_number=None
            )
            async with self.office.store.write() as tx:
                await tx.people.update_learner(bare)
                await tx.edx.forget_letters(sessions, learner.email, ERASED_EMAIL, RETIRED)
                await self.office.note(tx, who, "learner.retired", learner.id, None, None)
        return True

    async def _forget(self, session: str, who: str) -> bool:
        try:
            await self.erasure.forget(session, who, RETIRED)
        except NotAllowed:
            return False
        return True

    async def of_course(self, backend: str, course: str) -> list[Standing]:
        """Return the attempts of a course, newest first."""
        async with self.office.store.read() as tx:
            return await tx.edx.of_course(backend, course)


async def _exam(tx: Tx, backend: str, ident: str) -> Exam:
    found = await tx.edx.exam(backend, ident)
    if found is None:
        raise NotFound("exam", ident)
    return found


async def _attempt(tx: Tx, ident: str) -> EdxAttempt:
    found = await tx.edx.attempt(ident, hold=True)
    if found is None:
        raise NotFound("attempt", ident)
    return found


async def _theirs(tx: Tx, backend: str, exam: str, ident: str) -> EdxAttempt:
    known = await _exam(tx, backend, exam)
    found = await tx.edx.attempt(ident)
    if found is None or found.exam != known.id or found.state is AttemptState.DELETED:
        raise NotFound("attempt", ident)
    return found


def _retired(learner: Learner) -> bool:
    return (learner.name, learner.email) == (ERASED, ERASED_EMAIL)


def _once(attempt: str) -> str:
    return f"edx.review:{attempt}:"


def _code(exam: Exam, terms: Terms) -> str:
    """Return the name of what is sat: learners with other terms sit another assessment."""
    if terms.minutes == exam.minutes and not terms.rules:
        return exam.id
    said: Sequence[str] = (str(terms.minutes), *terms.rules)
    return f"{exam.id}-{hashlib.sha256(chr(0).join(said).encode()).hexdigest()[:12]}"

"""The request desk: where a backend, or a learner by the public form, asks for a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from invigilation.charge import Charge, ChargeEvent
from invigilation.desk.office import SERVICE, Office, new_id
from invigilation.desk.settling import moved
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Learner, clean_email, clean_name
from invigilation.request import Assessment, Request, RequestState
from invigilation.store import Tx
from invigilation.store.people import Backend
from invigilation.zones import clean_zone

FORM = "form"
"""The backend in whose name requests of the public form are kept."""
REFERENCE_LIMIT = 200
URL_LIMIT = 2_000
NUMBER_LIMIT = 40
CODE_LIMIT = 80
TITLE_LIMIT = 200
LONGEST = 8 * 60
"""Minutes of an office day of the usual week: nothing longer can be booked in it."""
PASS_MARK = 70
MATERIALS_LIMIT = 30
OLDEST = timedelta(days=366 * 130)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for: `reference` is the backend's own name for it, unique with them.

    When the learner was born, and the number of the document that they will show, may be left out.
    """

    backend: str
    reference: str
    learner_reference: str
    name: str
    email: str
    assessment: str
    licence_until: datetime
    assessment_url: str = ""
    return_url: str = ""
    zone: str = "Europe/London"
    born: date | None = None
    document_number: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with all that belongs to it."""

    request: Request
    learner: Learner
    assessment: Assessment
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class RequestDesk:
    """Takes requests, and tells what belongs to one."""

    office: Office

    async def ask(self, ask: Ask) -> Asked:
        """Make the request, or return the one that has the same reference.

        The first request after a missed session takes over the charge that waits for it. Raises
        `InvalidInput` for what cannot be used.
        """
        clean = _clean(ask)
        now = self.office.clock.now()
        if clean.licence_until <= now:
            raise InvalidInput("licence_until", "This licence has ended.")
        if clean.born is not None and not now - OLDEST < _start_of(clean.born) < now:
            raise InvalidInput("learner.born", "Give the day of birth of somebody alive.")
        async with self.office.store.write() as tx:
            known = await tx.requests.known_as(clean.backend, clean.reference)
            if known is not None:
                return await whole_of(tx, known)
            assessment = await tx.requests.assessment_coded(clean.backend, clean.assessment)
            if assessment is None:
                raise InvalidInput("assessment", "There is no such assessment.")
            learner = await self._learner(tx, clean)
            request = Request(
                new_id("rq"),
                clean.backend,
                clean.reference,
                learner.id,
                assessment.id,
                clean.assessment_url,
                clean.return_url,
                clean.licence_until,
                RequestState.OPEN,
                now,
            )
            if not await tx.requests.add(request):
                # The same question, asked in the same instant, came first.
                first = await tx.requests.known_as(clean.backend, clean.reference)
                return await whole_of(tx, first or request)
            for charge in await tx.charges.held_of(learner.id):
                fall_due = ChargeEvent.FALL_DUE
                await moved(self.office, tx, charge, fall_due, SERVICE, request=request.id)
            return await whole_of(tx, request)

    @staticmethod
    async def _learner(tx: Tx, ask: Ask) -> Learner:
        known = await tx.people.learner_known_as(ask.backend, ask.learner_reference)
        if known is None:
            learner = Learner(
                new_id("ln"),
                ask.backend,
                ask.learner_reference,
                ask.name,
                ask.email,
                ask.zone,
                ask.born,
                ask.document_number,
            )
            if await tx.people.add_learner(learner):
                return learner
            known = await tx.people.learner_known_as(ask.backend, ask.learner_reference) or learner
        # What is left out now, and was said before, is not forgotten.
        newer = replace(
            known,
            name=ask.name,
            email=ask.email,
            born=ask.born or known.born,
            document_number=ask.document_number or known.document_number,
        )
        if newer != known:
            await tx.people.update_learner(newer)
        return newer

    async def find(self, ident: str, backend: str | None = None) -> Asked:
        """Return a request; with `backend`, only if it is theirs. Raises `NotFound`."""
        async with self.office.store.read() as tx:
            request = await tx.requests.find(ident)
            if request is None or backend not in {None, request.backend}:
                raise NotFound("request", ident)
            return await whole_of(tx, request)

    async def assessments(self, backend: str) -> list[Assessment]:
        """Return what can be sat for a backend, by title."""
        async with self.office.store.read() as tx:
            return await tx.requests.assessments(backend)

    async def keep_assessment(
        self,
        backend: str,
        code: str,
        title: str,
        minutes: int,
        materials: Sequence[str] | None = None,
    ) -> Assessment:
        """Add what a backend says can be sat, or bring title, length and materials up to date.

        What is too long of a title or a material is cut. What is booked already keeps its length.
        Without `materials` they are the office's own. Raises `InvalidInput`.
        """
        if not 0 < len(code) <= CODE_LIMIT or not code.isprintable():
            raise InvalidInput("code", f"Give plain text of 1 to {CODE_LIMIT} letters.")
        if not 0 < minutes <= LONGEST:
            raise InvalidInput("minutes", f"An assessment takes 1 to {LONGEST} minutes.")
        said = None if materials is None else _clean_materials(materials)
        new = Assessment(
            new_id("as"), backend, code, _clean_title(title), minutes, said or (), PASS_MARK
        )
        async with self.office.store.write() as tx:
            if await tx.requests.add_assessment(new):
                return new
            known = await tx.requests.assessment_coded(backend, code)
            if known is None:
                raise NotFound("assessment", code)
            kept = known.materials if said is None else said
            newer = replace(known, title=new.title, minutes=minutes, materials=kept)
            if newer != known:
                await tx.requests.update_assessment(newer)
            return newer

    async def backend(self, ident: str) -> Backend | None:
        """Find a backend."""
        async with self.office.store.read() as tx:
            return await tx.people.backend(ident)


def _clean(ask: Ask) -> Ask:
    for field, text in (
        ("reference", ask.reference),
        ("learner.reference", ask.learner_reference),
    ):
        if not 0 < len(text) <= REFERENCE_LIMIT or not text.isprintable():
            raise InvalidInput(field, f"Give plain text of 1 to {REFERENCE_LIMIT} letters.")
    for field, url in (("assessment_url", ask.assessment_url), ("return_url", ask.return_url)):
        if url and (len(url) > URL_LIMIT or not url.startswith(("https://", "http://"))):
            raise InvalidInput(field, "Give a web address that begins with https://.")
    return replace(
        ask,
        name=clean_name(ask.name),
        email=clean_email(ask.email),
        zone=clean_zone(ask.zone),
        document_number=_clean_number(ask.document_number),
    )


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)


def _clean_title(raw: str) -> str:
    title = " ".join(raw.split())[:TITLE_LIMIT].rstrip()
    if not title or not title.isprintable():
        raise InvalidInput("title", f"Give a title of 1 to {TITLE_LIMIT} letters.")
    return title


def _clean_materials(raw: Sequence[str]) -> tuple[str, ...]:
    folded = (" ".join(one.split())[:TITLE_LIMIT].rstrip() for one in raw[:MATERIALS_LIMIT])
    return tuple(one for one in folded if one and one.isprintable())


def _clean_number(raw: str | None) -> str | None:
    number = " ".join((raw or "").split())
    if len(number) > NUMBER_LIMIT or not number.isprintable():
        text = f"Give a document's number of at most {NUMBER_LIMIT} letters."
        raise InvalidInput("learner.document_number", text)
    return number or None


async def whole_of(tx: Tx, request: Request) -> Asked:
    """Return a request with all that belongs to it."""
    learner = await tx.people.learner(request.learner)
    assessment = await tx.requests.assessment(request.assessment)
    if learner is None or assessment is None:
        raise NotFound("request", request.id)
    charges = await tx.charges.on(request)
    return Asked(request, learner, assessment, tuple(charges))

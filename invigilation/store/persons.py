"""Everything that the tables hold about one learner: to be handed out, and to be forgotten.

Every table of the schema is named here: as one that speaks of learners, with the columns that say
of whom; or as one that does not. A test fails for a table that nobody has placed.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation import record
from invigilation.booking import ACTIVE
from invigilation.charge import UNPAID
from invigilation.onboard import OnboardState
from invigilation.people import Learner
from invigilation.report import Channel, DeliveryState
from invigilation.request import RequestState
from invigilation.session import SEALED, SessionState
from invigilation.store.audit import PRIVATE, Audit
from invigilation.store.mapping import all_of, load
from invigilation.store.rows import booking, delivery, learner, request, session
from invigilation.store.schema import metadata

SESSIONS = (
    *("identity_check", "incident", "gap", "inspection", "evidence", "chat", "consent"),
    *("challenge", "recheck", "document_mark", "face_mark", "local_recording", "local_chunk"),
    *("gap_fill", "learner_device", "lti_refusal"),
)
"""Tables whose rows belong to a session."""
REQUESTS = ("booking", "enquiry", "onboard", "payment", "waiting", "link_probe", "link_consent")
REQUESTS_TOO = ("edx_attempt", "lti_attempt")
"""Tables whose rows belong to a request."""
RECORDS = ("anchor", "anchor_leaf")
"""Tables whose rows belong to a record: a session's, or an officer's form's."""
OWN_WAYS = (
    "learner",
    "request",
    "session",
    "charge",
    "payment_charge",
    "delivery",
    "audit",
    "look",
)
"""Tables with their own way to a learner."""
IN_RECORDS = ("event", "onboard_event", "sealed_text")
"""What a record's file says as a whole."""
KEYS = ("login", "ticket")
"""What opens something: nobody is told of it, and it ends with an erasure."""
NOT_ABOUT_LEARNERS = frozenset(
    {
        *("anchor_list", "assessment", "backend", "busy", "busy_source", "client", "client_secret"),
        *(
            "audit_seal",
            "closure",
            "company_account",
            "counter",
            "edx_exam",
            "edx_platform",
            "endpoint",
            "erasure",
            "feed",
        ),
        *("health_sample", "heartbeat", "idempotency", "leave", "look_alarm", "lti_nonce"),
        *("opening", "passkey", "platform", "product", "recovery_code", "seat", "shift", "skill"),
        *("staff", "totp", "webhook_secret"),
    }
)
SECRETS = frozenset(
    {
        "secret",
        "opens",
        "attestation",
        "head",
        "csrf",
        "token_sha256",
        "part0",
        "part1",
        "part2",
        "part3",
    }
)
"""Columns that nobody is handed: keys, and what a record's file has already."""
AT_REST = (DeliveryState.DELIVERED, DeliveryState.DISABLED)
ERASED = ("record.forgotten", "learner.erased")
"""What the audit log says of an erasure: who asked for it and why, without a name."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The ids of all that belongs to a learner."""

    learner: Learner
    requests: tuple[str, ...]
    bookings: tuple[str, ...]
    sessions: tuple[str, ...]
    forms: tuple[str, ...]

    @property
    def records(self) -> tuple[str, ...]:
        """Sessions and officers' forms."""
        return (*self.sessions, *self.forms)


class Persons:
    """All rows about one learner."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def known_as(self, reference: str, backend: str | None = None) -> list[Learner]:
        """Return the learners that go by this reference, or by this address, or our id."""
        goes = or_(
            learner.c.reference == reference,
            learner.c.email == reference.lower(),
            learner.c.id == reference,
        )
        query = all_of(learner, Learner).where(goes)
        if backend is not None:
            query = query.where(learner.c.backend == backend)
        return [load(Learner, row) for row in await self._db.execute(query.order_by(learner.c.id))]

    async def whole(self, one: Learner) -> Whole:
        """Return the ids of all that belongs to a learner."""
        requests = await self._ids(request, request.c.learner == one.id)
        bookings = await self._ids(booking, booking.c.request.in_(requests))
        sessions = await self._ids(session, session.c.booking.in_(bookings))
        onboard = metadata.tables["onboard"]
        forms = await self._ids(onboard, onboard.c.request.in_(requests))
        return Whole(one, requests, bookings, sessions, forms)

    async def rows(self, of: Whole) -> dict[str, list[dict[str, object]]]:
        """Return every row about a learner as plain values, by table; without keys and secrets."""
        found: dict[str, list[dict[str, object]]] = {}
        for name, where in _conditions(of).items():
            table = metadata.tables[name]
            shown = [column for column in table.columns if column.name not in SECRETS]
            rows = await self._db.execute(select(*shown).where(where))
            found[name] = [_plain(row._mapping) for row in rows]  # noqa: SLF001 - its public name
        return found

    async def waits(self, of: Whole) -> list[str]:
        """Return sentences about what is not at its end; then nothing can be erased."""
        tables, said = metadata.tables, list[str]()
        enquiry, charge, onboard = (tables[name] for name in ("enquiry", "charge", "onboard"))
        for sentence, table, where in (
            (
                "A booking is not over.",
                booking,
                and_(booking.c.request.in_(of.requests), booking.c.state.in_(sorted(ACTIVE))),
            ),
            (
                "A session is not attested.",
                session,
                and_(
                    session.c.id.in_(of.sessions),
                    session.c.state.not_in(sorted({SessionState.SCHEDULED, *SEALED})),
                ),
            ),
            (
                "A form of an officer on board waits for a decision.",
                onboard,
                and_(onboard.c.request.in_(of.requests), onboard.c.state == OnboardState.SUBMITTED),
            ),
            (
                "A question has no answer.",
                enquiry,
                and_(enquiry.c.request.in_(of.requests), enquiry.c.answered.is_(None)),
            ),
            (
                "A charge is not settled.",
                charge,
                and_(charge.c.learner == of.learner.id, charge.c.state.in_(sorted(UNPAID))),
            ),
            (
                "Something has still to be delivered.",
                delivery,
                and_(_sent(of), delivery.c.state.not_in(AT_REST)),
            ),
        ):
            if await self._ids(table, where):
                said.append(sentence)
        return said

    async def open_requests(self, of: Whole) -> tuple[str, ...]:
        """Return the requests by which something could still be booked."""
        goes = and_(request.c.learner == of.learner.id, request.c.state == RequestState.OPEN)
        return await self._ids(request, goes)

    async def forget(self, of: Whole, bare: Learner, mark: str) -> None:
        """Empty what names the learner in all tables; `mark` stands where names were unique.

        The texts of sessions and forms are forgotten one by one, by `Texts.forget`.
        """
        tables = metadata.tables
        mine = learner.c.id == of.learner.id
        names = {name: getattr(bare, name) for name in ("name", "email", "born", "document_number")}
        await self._db.execute(update(learner).where(mine).values(reference=mark, **names))
        await self._db.execute(
            update(delivery)
            .where(_letters(of), delivery.c.state.in_(AT_REST))
            .values(body=b"", target=bare.email)
        )
        requests, sessions = of.requests, of.sessions
        enquiry, edx, lti = tables["enquiry"], tables["edx_attempt"], tables["lti_attempt"]
        await self._db.execute(
            update(enquiry)
            .where(enquiry.c.request.in_(requests), enquiry.c.answered.is_not(None))
            .values(text="", answer="")
        )
        await self._db.execute(
            update(edx).where(edx.c.request.in_(requests)).values(candidate=mark)
        )
        await self._db.execute(
            update(lti)
            .where(lti.c.request.in_(requests))
            .values(subject=mark, link_claim="{}", session_data="")
        )
        for name in ("link_probe", "link_consent"):
            table = tables[name]
            await self._db.execute(delete(table).where(table.c.request.in_(requests)))
        for name in ("document_mark", "face_mark"):
            table = tables[name]
            await self._db.execute(delete(table).where(table.c.learner == of.learner.id))
        device = tables["learner_device"]
        await self._db.execute(delete(device).where(device.c.session.in_(sessions)))
        for name in KEYS:
            table = tables[name]
            people = (*requests, *sessions)
            await self._db.execute(delete(table).where(table.c.person.in_(people)))
        await self._forget_noted(of)

    async def _forget_noted(self, of: Whole) -> None:
        """Take names and written words out of the audit log's notes about a learner."""
        said = metadata.tables["audit"].c.action.not_in(ERASED)
        await Audit(self._db).forget(and_(_conditions(of)["audit"], said), PRIVATE)

    async def _ids(self, table: Table, where: ColumnElement[bool]) -> tuple[str, ...]:
        rows = await self._db.execute(select(table.c.id).where(where).order_by(table.c.id))
        return tuple(row[0] for row in rows)


def _conditions(of: Whole) -> dict[str, ColumnElement[bool]]:
    """Return which rows of each table are about a learner."""
    tables = metadata.tables
    charge, paid, payment = (tables[name] for name in ("charge", "payment_charge", "payment"))
    charges = select(charge.c.id).where(charge.c.learner == of.learner.id)
    payments = select(payment.c.id).where(payment.c.request.in_(of.requests))
    subjects = (of.learner.id, *of.requests, *of.bookings, *of.records)
    enquiry = tables["enquiry"]
    asked = select(enquiry.c.id).where(enquiry.c.request.in_(of.requests))
    audit = tables["audit"].c.subject
    own: dict[str, ColumnElement[bool]] = {
        "learner": learner.c.id == of.learner.id,
        "request": request.c.learner == of.learner.id,
        "session": session.c.id.in_(of.sessions),
        "charge": charge.c.learner == of.learner.id,
        "payment_charge": paid.c.payment.in_(payments),
        "delivery": _sent(of),
        "audit": or_(audit.in_(subjects), audit.in_(asked), audit.in_(charges)),
        "look": tables["look"].c.subject.in_(of.records),
    }
    for name in SESSIONS:
        own[name] = tables[name].c.session.in_(of.sessions)
    for name in (*REQUESTS, *REQUESTS_TOO):
        own[name] = tables[name].c.request.in_(of.requests)
    for name in RECORDS:
        own[name] = tables[name].c.session.in_(of.records)
    return own


def _letters(of: Whole) -> ColumnElement[bool]:
    return and_(delivery.c.channel == Channel.MAIL, delivery.c.target == of.learner.email)


def _sent(of: Whole) -> ColumnElement[bool]:
    return or_(delivery.c.session.in_(of.records), _letters(of))


def _plain(row: Mapping[Any, Any]) -> dict[str, object]:
    return {str(name): _value(value) for name, value in row.items()}


def _value(value: object) -> object:
    """Return a column's value as JSON can hold it: times in UTC, durations in seconds."""
    said: object = value
    match value:
        case bytes():
            said = _text(value)
        case datetime():
            said = record.stamp(value)
        case date():
            said = value.isoformat()
        case timedelta():
            said = value.total_seconds()
        case tuple() | frozenset():
            said = [_value(one) for one in value]
        case None | bool() | int() | str():
            pass
        case _:
            said = value.text()  # type: ignore[attr-defined]  # a value that writes itself
    return said


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")


def placed(names: Iterable[str]) -> dict[str, bool]:
    """Return, for each of these tables, whether it is placed as one about learners or as none."""
    about = {*SESSIONS, *REQUESTS, *REQUESTS_TOO, *RECORDS, *OWN_WAYS, *IN_RECORDS, *KEYS}
    return {name: (name in about) != (name in NOT_ABOUT_LEARNERS) for name in names}

"""Documents and faces as a room brings them to the identity desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from invigilation.desk.identity import Seen
from invigilation.desk.requests import Ask
from invigilation.document import DocumentKind, Fields, Reading, Source
from invigilation.identity import SnapshotKind
from invigilation.people import Staff
from invigilation.store.evidence import Evidence
from tests import builders
from tests.builders import BACKEND, CONSENT, START

BORN = date(1991, 6, 14)
NUMBER = "P1234567A"
SANTOS = Fields(
    surname="SANTOS",
    given="MARIA",
    number=NUMBER,
    issuer="PHL",
    nationality="PHL",
    sex="F",
    born=BORN,
    expires=date(2030, 1, 31),
)
LINES = (
    "P<PHLSANTOS<<MARIA<<<<<<<<<<<<<<<<<<<<<<<<<<",
    "P1234567A2PHL9106142F3001319<<<<<<<<<<<<<<04",
)


def reading(**changes) -> Reading:
    """What a machine read of the passport of Maria Santos, or of one that differs in this."""
    return Reading(Source.MACHINE, replace(SANTOS, **changes), LINES, "TD3", True, 3, 3)


def picture(session: str, kind: SnapshotKind, ident: str | None = None, digest="ab") -> Evidence:
    """A picture that the vault has."""
    ident = ident or f"ev_{kind.value}_{session}"[:40]
    return Evidence(ident, session, kind.value, "image/jpeg", START, digest * 32, 1_000, None)


def seen(session: str, kind: SnapshotKind, ident: str | None = None, **more) -> Seen:
    return Seen(kind, picture(session, kind, ident, more.pop("digest", "ab")), **more)


async def book(desk, number=1, name="Maria Santos", start=START):
    """A booked session of somebody whose birth and document the backend knows."""
    asked = await desk.requests.ask(
        Ask(
            BACKEND.id,
            f"order-{number}",
            f"learner-{number}",
            name,
            f"lea{number}@example.com",
            "psc",
            datetime(2027, 3, 1, tzinfo=UTC),
            born=BORN,
            document_number=NUMBER,
        )
    )
    return await desk.bookings.book(asked.request.id, start, "Europe/London")


async def arrived(world, number=1, name="Maria Santos", consent=CONSENT):
    """A sitting whose learner has just checked in."""
    sitting = await book(world.desk, number, name)
    world.clock.go_to(START)
    await world.desk.sessions.check_in(sitting.session, consent)
    return sitting


async def shown(world, sitting, said: Reading | None = None, by: Staff | None = None):
    """Both pictures; what was read of the passport comes with it."""
    desk, session = world.desk.identity, sitting.session
    passport = DocumentKind.PASSPORT
    kind = SnapshotKind.ID_DOCUMENT
    await desk.record(session, by, seen(session, kind, reading=said, document=passport))
    return await desk.record(session, by, seen(session, SnapshotKind.FACE))


async def colleague(world, name="Bob Baker", *roles):
    return await builders.add_invigilator(world.desk, name, *roles, seats=0)

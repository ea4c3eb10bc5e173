"""What surrounds an identity check: consent, challenges, re-checks, and what was seen before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, bindparam, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.challenge import Challenge
from invigilation.consent import Consent, Purpose
from invigilation.identity import IdentityCheck, IdentityState
from invigilation.recheck import Recheck
from invigilation.session import LIVE
from invigilation.store.identity_rows import challenge, consent, document_mark, face_mark, recheck
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import identity_check
from invigilation.store.rows import session as session_table

PARTS = 4
PART_BITS = 16
ALIKE_BITS = PARTS - 1
"""Prints that differ in so many bits at most are found."""
MARKS = 200
"""Of one document: the newest."""
LIKELY = 5_000
"""Pictures that share a part of their print: the newest are compared."""

# A room asks for these after each change: they are built once.
_IDENT = bindparam("ident", type_=String)
CONSENTS = all_of(consent, Consent).where(consent.c.session == _IDENT).order_by(consent.c.purpose)
CHALLENGES = (
    all_of(challenge, Challenge)
    .where(challenge.c.session == _IDENT)
    .order_by(challenge.c.asked_at, challenge.c.id)
)
RECHECKS = (
    all_of(recheck, Recheck)
    .where(recheck.c.session == _IDENT)
    .order_by(recheck.c.taken_at, recheck.c.id)
)


@dataclass(frozen=True, slots=True)
class DocumentMark:
    """That a document was shown; `number` and `holder` are keyed digests, 64 hex digits."""

    session: str
    learner: str
    number: str
    holder: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FaceMark:
    """That a picture of a face was taken: its SHA-256, and its print of 64 bits (unsigned)."""

    evidence: str
    session: str
    learner: str
    sha256: str
    print: int
    at: datetime


class Identities:
    """Rows of consents, challenges, re-checks and marks; who changes them holds the session."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def referred(self) -> list[IdentityCheck]:
        """Return the checks that wait for a colleague in sessions that are live, oldest first."""
        query = all_of(identity_check, IdentityCheck).join(
            session_table, session_table.c.id == identity_check.c.session
        )
        rows = await self._db.execute(
            query.where(
                identity_check.c.state == IdentityState.REFERRED,
                session_table.c.state.in_(sorted(LIVE)),
            ).order_by(identity_check.c.referred_at)
        )
        return [load(IdentityCheck, row) for row in rows]

    async def consents(self, session: str) -> list[Consent]:
        """Return what the learner agreed to, and took back."""
        rows = await self._db.execute(CONSENTS, {"ident": session})
        return [load(Consent, row) for row in rows]

    async def give(self, one: Consent) -> None:
        """Write a consent; one that was taken back is given again."""
        values = dump(one)
        statement = self._insert(consent).values(**values)
        again = {"given": one.given, "withdrawn": None}
        keys = ["session", "purpose"]
        await self._db.execute(statement.on_conflict_do_update(index_elements=keys, set_=again))

    async def withdraw(self, session: str, purpose: Purpose, at: datetime) -> bool:
        """Note that a consent was taken back; say whether it stood."""
        done = await self._db.execute(
            update(consent)
            .where(
                consent.c.session == session,
                consent.c.purpose == purpose,
                consent.c.withdrawn.is_(None),
            )
            .values(withdrawn=at)
        )
        return done.rowcount == 1

    async def challenges(self, session: str) -> list[Challenge]:
        """Return a session's challenges in order."""
        rows = await self._db.execute(CHALLENGES, {"ident": session})
        return [load(Challenge, row) for row in rows]

    async def add_challenge(self, one: Challenge) -> None:
        """Insert a challenge; the database refuses a second open one."""
        await self._db.execute(insert(challenge).values(**dump(one)))

    async def save_challenge(self, one: Challenge) -> None:
        """Write a challenge as it now is."""
        await self._db.execute(
            update(challenge).where(challenge.c.id == one.id).values(**dump(one))
        )

    async def rechecks(self, session: str) -> list[Recheck]:
        """Return a session's re-checks in order."""
        rows = await self._db.execute(RECHECKS, {"ident": session})
        return [load(Recheck, row) for row in rows]

    async def add_recheck(self, one: Recheck) -> None:
        """Insert a re-check."""
        await self._db.execute(insert(recheck).values(**dump(one)))

    async def save_recheck(self, one: Recheck) -> None:
        """Write a re-check as it now is."""
        await self._db.execute(update(recheck).where(recheck.c.id == one.id).values(**dump(one)))

    async def mark_document(self, one: DocumentMark) -> None:
        """Note the document of a session; a later one takes its place."""
        values = dump(one)
        statement = self._insert(document_mark).values(**values)
        del values["session"]
        await self._db.execute(
            statement.on_conflict_do_update(index_elements=["session"], set_=values)
        )

    async def same_document(self, number: str, session: str) -> list[DocumentMark]:
        """Return where this number was shown in other sessions, newest first; `MARKS` at most."""
        query = all_of(document_mark, DocumentMark).where(
            document_mark.c.number == number, document_mark.c.session != session
        )
        rows = await self._db.execute(query.order_by(document_mark.c.at.desc()).limit(MARKS))
        return [load(DocumentMark, row) for row in rows]

    async def mark_face(self, one: FaceMark) -> None:
        """Note a picture of a face."""
        parts = {f"part{place}": part for place, part in enumerate(_parts(one.print))}
        values = dump(one) | parts | {"print": _signed(one.print)}
        await self._db.execute(insert(face_mark).values(**values))

    async def alike_faces(self, sha256: str, print_: int, session: str) -> list[FaceMark]:
        """Return pictures of other sessions with these bytes, or with nearly this print.

        Those with these bytes come first, then the newest; `LIKELY` are looked at.
        """
        near = [face_mark.c[f"part{place}"] == part for place, part in enumerate(_parts(print_))]
        query = select(*all_of(face_mark, FaceMark).selected_columns).where(
            face_mark.c.session != session, or_(face_mark.c.sha256 == sha256, *near)
        )
        same = face_mark.c.sha256 == sha256
        newest = query.order_by(same.desc(), face_mark.c.at.desc()).limit(LIKELY)
        rows = await self._db.execute(newest)
        found = [load(FaceMark, (*row[:4], row[4] & _MASK, row[5])) for row in rows]
        return [
            one
            for one in found
            if one.sha256 == sha256 or (one.print ^ print_).bit_count() <= ALIKE_BITS
        ]

    async def forget_face(self, evidence: str) -> None:
        """Remove the mark of a picture that was erased."""
        await self._db.execute(face_mark.delete().where(face_mark.c.evidence == evidence))


_MASK = (1 << PARTS * PART_BITS) - 1


def _parts(print_: int) -> list[int]:
    """Return the print's four parts of 16 bits."""
    return [print_ >> PART_BITS * place & (1 << PART_BITS) - 1 for place in range(PARTS)]


def _signed(print_: int) -> int:
    """Return the print as the databases' signed integers hold it."""
    return print_ - (_MASK + 1) if print_ > _MASK >> 1 else print_

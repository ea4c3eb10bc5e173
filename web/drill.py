"""A restore from the copies into an empty folder, and a check of everything that came back."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from invigilation.desk.exporting import OPERATOR
from invigilation.desk.office import Office
from invigilation.desk.onboard import OnboardDesk
from invigilation.desk.onboard_papers import onboard_file
from invigilation.desk.reports import ReportDesk, record_file
from invigilation.errors import InvigilationError, NotFound
from invigilation.ports import Clock
from invigilation.store import Store, snapshot
from recordings.copies import SNAPSHOT
from recordings.errors import EvidenceDamaged, EvidenceUnfinished, KeyUnknown
from recordings.places import Held, Place
from recordings.reader import Reader
from recordings.seal import Seal
from recordings.session_keys import KEY_NAME
from recordings.signing import SigningKeys
from recordings.vault import Vault
from recordings.verify import Mark, Verdict, verify
from recordings.wrap_keys import WrapKeys
from web.copies import snapshots, taken_at
from web.settings import Unable
from web.vaults import EVIDENCE

CHUNK = 1024 * 1024
CHAIN = {1, 4, 5}
"""The verifier's steps that a record must pass which is not attested yet."""
SHOWN = 20
"""So many faults are named; the rest are counted."""


@dataclass(slots=True)
class Found:
    """What the drill found, as it goes on."""

    taken: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Drill:
    """Restores what `place` holds into `folder`, which is new, with keys that are here."""

    place: Place
    folder: Path
    wrap: WrapKeys
    signing: SigningKeys
    clock: Clock
    database: str = ""
    """An empty PostgreSQL database, where the snapshot is of one."""

    async def run(self) -> Found:
        """Restore and check everything. Raises `Unable` where nothing can be restored."""
        found = Found()
        held = {one.name: one for one in await asyncio.to_thread(lambda: [*self.place.names()])}
        names = snapshots(held)
        if not names:
            raise Unable("There is no snapshot of the database among the copies.")
        found.taken = taken_at(names[-1])
        url = await asyncio.to_thread(self._database, names[-1], held)
        await asyncio.to_thread(self._fetch_all, held, found)
        store = Store(url)
        try:
            await store.migrate()
            await self._records(store, found)
            await self._evidence(store, found)
        finally:
            await store.close()
        return found

    def _database(self, name: str, held: dict[str, Held]) -> str:
        """Bring the snapshot back; return the URL of the database that it is now."""
        kinds = (snapshot.SQLITE, snapshot.POSTGRESQL)
        kind = next(one for one in kinds if f"{name}/{one}.evidence" in held)
        if kind == snapshot.POSTGRESQL and not self.database:
            raise Unable("The snapshot is of PostgreSQL: name an empty one with --database-url.")
        url = self.database or f"sqlite+aiosqlite:///{self.folder.resolve()}/invigilation.db"
        root = self.folder / "snapshot"
        (root / name).mkdir(parents=True, mode=0o700)
        for file in (KEY_NAME, f"{kind}.evidence"):
            self.place.fetch(f"{name}/{file}", root / name / file)
        vault = Vault(root, self.wrap)
        try:
            with vault.open(name, kind) as reader:
                snapshot.put_back(_pieces(reader), kind, url)
        except (snapshot.NoSnapshot, EvidenceDamaged, KeyUnknown) as error:
            raise Unable(f"The snapshot cannot be put back: {error}") from None
        vault.forget(name)
        root.rmdir()
        return url

    def _fetch_all(self, held: dict[str, Held], found: Found) -> None:
        for name in held:
            session, _, file = name.partition("/")
            if session.startswith(SNAPSHOT) or not file:
                continue
            target = self.folder / EVIDENCE / session / file
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self.place.fetch(name, target)
                found.counts["fetched"] += 1
            except (NotFound, EvidenceDamaged) as error:
                target.unlink(missing_ok=True)
                found.faults.append(f"{name} cannot be fetched: {error}")

    async def _records(self, store: Store, found: Found) -> None:
        office = Office(store, self.clock, self.signing, Seal(self.signing))
        async with store.read() as tx:
            sessions, forms = await tx.sessions.idents(), await tx.onboard.idents()

        async def of_session(ident: str) -> tuple[bytes, bool]:
            record = await ReportDesk(office).record(ident, OPERATOR)
            return record_file(record), record.sealed is not None

        async def of_form(ident: str) -> tuple[bytes, bool]:
            form = await OnboardDesk(office).review(ident, OPERATOR)
            return onboard_file(form), form.attestation is not None

        for idents, read in ((sessions, of_session), (forms, of_form)):
            for ident in idents:
                try:
                    data, attested = await read(ident)
                except Exception as error:  # noqa: BLE001 - whatever is wrong with one, go on
                    found.faults.append(f"The record of {ident} cannot be read: {error}")
                else:
                    await self._one(found, ident, data, attested)

    async def _one(self, found: Found, ident: str, data: bytes, attested: bool) -> None:  # noqa: FBT001 - private
        trusted = self.signing.trusted()
        verdict = await asyncio.to_thread(verify, data, trusted, (), self.clock.now())
        why = _broken(verdict, attested=attested)
        if why:
            found.faults.append(f"The record of {ident} does not verify: {why}")
        else:
            found.counts["attested" if attested else "open"] += 1

    async def _evidence(self, store: Store, found: Found) -> None:
        async with store.read() as tx:
            listed = [
                (one.session, one.id, one.sha256, one.size) for one in await tx.evidence.present()
            ]
            forms = [form for form, _ in await tx.onboard.pictures()]
        listed += [(form.id, form.id, form.sha256, form.size) for form in forms]
        vault = Vault(self.folder / EVIDENCE, self.wrap, reserve=0)
        for session, ident, sha256, size in listed:
            why = await asyncio.to_thread(_unequal, vault, session, ident, (sha256, size))
            if why:
                found.faults.append(f"Evidence {ident} of {session}: {why}")
            else:
                found.counts["evidence"] += 1


def told(found: Found, now: datetime) -> Iterator[str]:
    """Yield what the drill found in plain sentences."""
    if found.taken is not None:
        minutes = round((now - found.taken).total_seconds() / 60)
        old = f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
        yield f"Newest copy of the database: {found.taken:%Y-%m-%d %H:%M} UTC, {old} old."
    count = found.counts
    yield f"Records that verify: {count['attested']} attested, {count['open']} not attested yet."
    yield f"Evidence that opens and is what its record says: {count['evidence']} pieces."
    yield from found.faults[:SHOWN]
    if len(found.faults) > SHOWN:
        yield f"And {len(found.faults) - SHOWN} more."
    yield "Everything was restored." if not found.faults else f"Faults: {len(found.faults)}."


def _broken(verdict: Verdict, *, attested: bool) -> str:
    """Return what does not hold; a record that is not attested must be a chain of ours only."""
    steps = [one for one in verdict.steps if attested or one.number in CHAIN]
    failed = [one.sentence for one in steps if one.mark is Mark.FAILED]
    return "; ".join(failed) if steps else "nothing could be checked"


def _unequal(vault: Vault, session: str, ident: str, wanted: tuple[str | None, int | None]) -> str:
    """Return why a piece of evidence is not the one that its record names; empty if it is."""
    digest = hashlib.sha256()
    try:
        with vault.open(session, ident) as reader:
            for piece in _pieces(reader):
                digest.update(piece)
            size = reader.size
    except (NotFound, EvidenceUnfinished):
        return "it is not among the copies"
    except InvigilationError as error:
        return str(error)
    return "" if (digest.hexdigest(), size) == wanted else "it is not what its record says"


def _pieces(reader: Reader) -> Iterator[bytes]:
    for start in range(0, reader.size, CHUNK):
        yield reader.read(start, start + CHUNK)

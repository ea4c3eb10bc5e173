"""Brings finished evidence to its object store, and copies of everything to a place elsewhere."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from aiohttp import web

from invigilation.desk import Desk
from invigilation.store import snapshot
from recordings.copies import SNAPSHOT, Copies
from recordings.faults import Faults
from recordings.files import locked
from recordings.gone import Gone
from recordings.lanes import Lanes
from recordings.places import Held, Place, remove_old
from recordings.session_keys import KEY_NAME
from recordings.shelved import ShelvedVault
from recordings.vault import Vault
from recordings.wrap_keys import WrapKeys
from scheduler.jobs import Job
from web.settings import Settings
from web.vaults import EVIDENCE, copies_of, shelf_of

log = structlog.get_logger(__name__)
SHELVE = timedelta(seconds=30)
FOLLOW_S = 600.0
LASTS_S = 1_500.0
"""So long a sweep begins with one more object; then the next sweep goes on."""
LIMIT = timedelta(minutes=40)
DENSE = timedelta(days=1)
"""So long all snapshots of the database stay; of older days, the last of each."""
STAMP = "%Y%m%dT%H%M%SZ"
BATCH = 500
AT_ONCE, IN_LINE = 2, 4
"""Threads of a sweep: one, and that of an earlier one which a place that hangs still holds.

The process does not wait for them when it ends. What was on its way then goes again at the next
start: the names of the files say what is not there yet.
"""
SCRATCH = ".snapshot-"
"""Folders of `var` that begin so hold a database as it is, while a snapshot of it is taken."""


@dataclass(slots=True)
class Shelving:
    """Brings what is finished to the object store, and erases there what was erased here."""

    vault: ShelvedVault
    settles: bool
    """Whether nobody else has to follow the same words."""
    lanes: Lanes = field(default_factory=lambda: Lanes("store of evidence", AT_ONCE, IN_LINE))
    _followed: float = -FOLLOW_S

    async def sweep(self) -> int:
        """Bring what is finished, and let erasure follow; return how many objects went."""
        gone, faults = 0, Faults()
        with faults.kept(), _patience() as enough:
            gone = await self.lanes.run(self.vault.shelve, enough)
        if time.monotonic() - self._followed >= FOLLOW_S:
            with faults.kept():
                late = await self.lanes.run(self.vault.words.late) if self.settles else []
                await self.lanes.run(self.vault.follow)
                for one in late:
                    one.done()
                self._followed = time.monotonic()
            with faults.kept():
                await self.lanes.run(self.vault.tidy)
        faults.end("the store of evidence")
        return gone


@dataclass(slots=True)
class Copying:
    """Keeps copies of evidence and database in another place, and lets erasure follow."""

    desk: Desk
    settings: Settings
    vault: Vault
    wrap: WrapKeys
    place: Place
    copies: Copies
    newest: datetime | None = None
    """When the newest snapshot was taken that is known to be in the place."""
    behind: int = 0
    """Objects that the last sweep left for the next one."""
    lanes: Lanes = field(default_factory=lambda: Lanes("place of copies", AT_ONCE, IN_LINE))
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def sweep(self) -> int:
        """Follow erasures, take a snapshot, copy what is missing; return how many were copied.

        What fails keeps no other step and no other object back; it is raised at the end.
        """
        done, faults = 0, Faults()
        async with self._turn:
            self.copies.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            await self._follow(faults)
            held: dict[str, Held] | None = None
            with faults.kept():
                held = await self.lanes.run(self.copies.held)
            if held is not None:
                await self._erased_before(held, faults)
                with faults.kept():
                    await self._snapshot(held)
                with faults.kept(), _patience() as enough:
                    done, self.behind = await self.lanes.run(self._copy, held, enough, faults)
            await self.lanes.run(self._tidy, held or {}, faults)
        faults.end("copies")
        return done

    async def _follow(self, faults: Faults) -> None:
        """Erase elsewhere what was erased here; take back words that were followed everywhere."""
        late = await self.lanes.run(Gone(self.copies.root).late)
        follows = [self.copies.follow]
        if isinstance(self.vault, ShelvedVault):
            follows.append(self.vault.follow)
        followed = 0
        for follow in follows:
            with faults.kept():
                await self.lanes.run(follow)
                followed += 1
        if followed == len(follows):
            for one in late:
                one.done()

    async def _erased_before(self, held: dict[str, Held], faults: Faults) -> None:
        """Erase what the database says is erased, should the vault's word of it be lost."""
        parts = [name.removesuffix(".evidence").split("/") for name in held]
        known = {part[1]: part[0] for part in parts if part[1] != KEY_NAME}
        idents = [*known]
        for first in range(0, len(idents), BATCH):
            some = idents[first : first + BATCH]
            with faults.kept():
                async with self.desk.office.store.read() as tx:
                    gone = [*await tx.evidence.gone(some), *await tx.onboard.gone(some)]
                await self.lanes.run(self.copies.erase, [(known[one], one) for one in gone])

    async def _snapshot(self, held: dict[str, Held]) -> None:
        now = self.desk.office.clock.now()
        newest = max((taken_at(name) for name in snapshots(held)), default=None)
        self.newest = newest
        due = timedelta(hours=self.settings.copies_hours) / 2
        if newest is not None and timedelta() <= now - newest < due:
            return
        await self.lanes.run(self._take, f"{SNAPSHOT}{now.astimezone(UTC):{STAMP}}")
        self.newest = now.replace(microsecond=0)

    def _take(self, name: str) -> None:
        """Put a snapshot into the place, encrypted as evidence is, under a key of its own."""
        url = self.settings.database
        kind = snapshot.kind_of(url)
        with (
            tempfile.TemporaryDirectory(dir=self.settings.var, prefix=SCRATCH) as folder,
            _held(Path(folder)),
        ):
            root = Path(folder)
            scratch = Vault(root, self.wrap, self.settings.evidence_reserve)
            scratch.check_space()
            scratch.store(name, kind, snapshot.taken(url, root / "plain"))
            for file in (KEY_NAME, f"{kind}.evidence"):
                self.place.put(f"{name}/{file}", root / name / file)

    def _copy(
        self, held: dict[str, Held], enough: Callable[[], bool], faults: Faults
    ) -> tuple[int, int]:
        done = behind = 0
        faults.again()
        with faults.kept():
            for name, source in self.copies.missing(held):
                behind += 1
                if not enough() and not faults.hopeless:
                    with faults.kept():
                        done += self.copies.copy(name, source, held)
                        behind -= 1
        return done, behind

    def _tidy(self, held: dict[str, Held], faults: Faults) -> None:
        """End snapshots whose time is over, and what kills have left lying about."""
        now = self.desk.office.clock.now()
        for name in outlived(snapshots(held), now, timedelta(days=self.settings.copies_days)):
            with faults.kept():
                for one in list(self.place.names(f"{name}/")):
                    self.place.erase(one.name)
        with faults.kept():
            self.place.tidy()
        for folder in (self.settings.var, self.copies.root):
            for left in (*folder.glob(f"{SCRATCH}*/*"), *folder.glob(".copy-*/*")):
                if left.is_file():
                    remove_old(left, 3600)


COPIES: web.AppKey[Copying | None] = web.AppKey("copies")
"""Who keeps the copies, where some are kept."""


def open_copies(desk: Desk, settings: Settings, vault: Vault, wrap: WrapKeys) -> Copying | None:
    """Return who keeps the copies, if the settings name a place for them.

    Removes what a kill left of a snapshot, which nobody encrypted.
    """
    forget_broken(settings.var)
    place = copies_of(settings, marked=True)
    if place is None:
        return None
    root, shelf = settings.var / EVIDENCE, shelf_of(settings)
    copies = Copies.of(root, place, shelf, settings.evidence_reserve)
    return Copying(desk, settings, vault, wrap, place, copies)


def forget_broken(var: Path) -> None:
    """Remove the folders of snapshots that nobody is taking any more."""
    for folder in var.glob(f"{SCRATCH}*"):
        try:
            with _held(folder) as ours:
                if ours:
                    shutil.rmtree(folder)
        except OSError:
            log.exception("what was left of a snapshot cannot be removed", folder=folder.name)


def jobs(vault: Vault, copying: Copying | None) -> list[Job]:
    """Return what the clock asks for, where there is an object store or a place for copies."""
    found = []
    if isinstance(vault, ShelvedVault):
        shelving = Shelving(vault, copying is None)
        found.append(Job("shelve", SHELVE, LIMIT, shelving.sweep))
    if copying is not None:
        every = timedelta(hours=copying.settings.copies_hours)
        found.append(Job("copies", every, LIMIT, copying.sweep))
    return found


def snapshots(held: dict[str, Held]) -> list[str]:
    """Return the folders of whole snapshots, the oldest first."""
    names = {name.partition("/")[0] for name in held if name.startswith(SNAPSHOT)}
    kinds = (snapshot.SQLITE, snapshot.POSTGRESQL)
    return sorted(
        name
        for name in names
        if f"{name}/{KEY_NAME}" in held and any(f"{name}/{one}.evidence" in held for one in kinds)
    )


def outlived(names: list[str], now: datetime, kept: timedelta) -> Iterator[str]:
    """Yield the snapshots whose time is over; the newest never is."""
    last_of_day = {taken_at(name).date(): name for name in names}
    for name in names[:-1]:
        age = now - taken_at(name)
        if age > kept or (age > DENSE and last_of_day[taken_at(name).date()] != name):
            yield name


def taken_at(name: str) -> datetime:
    """Return when a snapshot was taken, by its folder's name."""
    return datetime.strptime(name.removeprefix(SNAPSHOT), STAMP).replace(tzinfo=UTC)


def _held(folder: Path) -> AbstractContextManager[bool]:
    """Hold a folder; say whether nobody else does."""
    return locked(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


@contextmanager
def _patience() -> Iterator[Callable[[], bool]]:
    """Say when a sweep in a thread has gone on for long enough, or is not wanted any more."""
    over, until = threading.Event(), time.monotonic() + LASTS_S
    try:
        yield lambda: over.is_set() or time.monotonic() > until
    finally:
        over.set()

"""A whole service with two of everything, so that it can be asked by each for the other's.

Everything with `a` in its name belongs to Ana's session and its learner, with `b` to Tom's.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Middleware

from invigilation.charge import Charge, ChargeState
from invigilation.desk import Desk
from invigilation.desk.identity import Seen
from invigilation.desk.onboard import Taken
from invigilation.desk.people import Kind
from invigilation.enquiry import Enquiry, EnquiryKind
from invigilation.identity import SnapshotKind
from invigilation.office_hours import DAY, Hours
from invigilation.onboard import Facts, Rank
from invigilation.people import Role, Staff
from invigilation.proof import Proof
from invigilation.rota import Leave, Shift
from invigilation.store.evidence import Evidence
from invigilation.store.people import Backend
from invigilation.store.views import Sitting
from invigilation.waiting import Waiting, WaitingState
from tests.harness.waiting import until
from tests.web import office
from tests.web.office import ADA, ANA, BACKEND, SAM, START, TOM, HandClock
from web.access.table import Who
from web.api.oauth import Client, Scope, Tokens
from web.app import application
from web.auth import cookies
from web.auth.links import onboard_link, personal_link
from web.backends.edx.setup import Lms, add_platform
from web.house import House, derived, edx_wrapping, open_house
from web.settings import Settings

AUD = Staff("st_aud", "aud@example.org", "Audrey Stern", frozenset({Role.AUDITOR}))
OTHER_BACKEND = "rival"
PLATFORM = "campus"
LATER = START + timedelta(days=7)
SHUT = datetime(2026, 11, 27, tzinfo=UTC)
"""A day on which the office is closed: nobody who waits for it is offered anything."""
NOON = Hours(time(12), time(13))
NEVER_S = 86_400.0
"""Sweeps run once, at the start, and then not while a test lasts."""
SIDES = ("a", "b")
PASSING = frozenset({"heartbeat", "health_sample"})
"""Tables that the service writes by itself, whoever asks for what."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks: as what, with which cookies or token, and the token for their forms."""

    who: Who
    side: str = ""
    """Whose things are theirs: of `a` or of `b`; empty for people who own nothing here."""
    headers: Mapping[str, str] = field(default_factory=dict)
    csrf: str = ""
    own: Mapping[str, str] = field(default_factory=dict)
    """What is theirs alone, by parameter."""
    scopes: frozenset[Scope] = frozenset()
    """Of a machine's token."""


@dataclass(frozen=True, repr=False, slots=True)
class World:
    """The service, its people, and the names of the two of everything, by parameter."""

    house: House
    client: TestClient[web.Request, web.Application]
    app: web.Application
    database: Path
    things: Mapping[str, Mapping[str, str]]
    """Side -> name of a thing -> its id."""
    callers: Mapping[str, Caller]
    """By name, such as `learner a`."""
    reached: list[str]
    """Paths whose handlers were reached: the gate let them pass."""

    def of(self, who: Who) -> list[Caller]:
        """Return everybody who asks as this."""
        return [one for one in self.callers.values() if one.who is who]


@asynccontextmanager
async def open_world(template: Path, folder: Path) -> AsyncIterator[World]:
    """Open the whole application over SQLite, with its people and their things."""
    settings = Settings(
        var=folder,
        stripe_api_key="sk_test_1",  # type: ignore[arg-type]  # pydantic makes it a secret
        stripe_webhook_secret="whsec_1",  # type: ignore[arg-type]  # the same
        heartbeat_seconds=60,
        sweep_seconds=NEVER_S,
        rate_factor=1_000,
        deliver_seconds=NEVER_S,
        webhook_private_addresses=True,
    )
    database = folder / "invigilation.db"
    shutil.copy(template, database)
    opened = open_house(settings)
    clock = HandClock()
    at = replace(opened.desk.office, clock=clock)
    house = replace(opened, desk=Desk.of(at, opened.payments))
    app = application(house)
    reached: list[str] = []
    app.middlewares.append(_reaching(reached))
    client: TestClient[web.Request, web.Application] = TestClient(TestServer(app))
    try:
        await office.people(house.desk.office.store, "")
        things = await _things(house, clock)
        callers = await _callers(house, things)
        await client.start_server()
        await until(lambda: _swept(house), 30, "the first run of every sweep")
        yield World(house, client, app, database, things, callers, reached)
    finally:
        await client.close()
        await house.desk.office.store.close()


def _reaching(reached: list[str]) -> Middleware:
    """Return what stands behind the gate and notes what came past it."""

    @web.middleware
    async def note(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        reached.append(request.path)
        return await handler(request)

    return note


SWEEPS = ("holidays", "offer", "lapse", "remind", "mark_no_shows", "purge", "deliver", "busy")


async def _swept(house: House) -> bool:
    """Say whether each sweep that writes has run once, and nothing is left to be sent."""
    value = house.metrics.registry.get_sample_value
    ran = (value("invigilation_sweeps_total", {"job": one, "result": "good"}) for one in SWEEPS)
    if not all(ran):
        return False
    async with house.desk.office.store.read() as tx:
        return await tx.outbox.oldest_pending() is None


async def _things(house: House, clock: HandClock) -> dict[str, dict[str, str]]:
    """Make two of everything, and leave the clock in the middle of two sessions."""
    desk = house.desk
    async with desk.office.store.write() as tx:
        await tx.people.add_staff(AUD, "")
        await tx.people.add_backend(Backend(OTHER_BACKEND, "Rival", "", ""))
        lms = Lms("https://lms.example.org", "invigilation", "the-secret-of-the-platform")
        await add_platform(tx, edx_wrapping(house), PLATFORM, "Campus", lms)
    asked = [await _asked(desk, number) for number in (1, 2, 3, 4)]
    sittings = [await desk.bookings.book(one, START, "Asia/Manila") for one in asked[:2]]
    sittings.sort(key=lambda one: one.staff)
    assert [one.staff for one in sittings] == [ANA.id, TOM.id]
    clock.move_to(START - timedelta(minutes=20))
    things = {}
    for side, sitting, other in zip(SIDES, sittings, asked[2:], strict=True):
        things[side] = await _of_session(house, side, sitting)
        things[side] |= await _of_office(desk, side, sitting, other)
        things[side] |= await _links(house, sitting, other)
    return things


async def _asked(desk: Desk, number: int) -> str:
    world = office.World(desk, None, None, None, None)  # type: ignore[arg-type]  # asks, and no more
    return (await world.asked(number)).request.id


async def _of_session(house: House, side: str, sitting: Sitting) -> dict[str, str]:
    """Check in, take a picture, ask a colleague; a gap; return the names of what came of it."""
    desk, session = house.desk, sitting.session
    by = ANA if sitting.staff == ANA.id else TOM
    now = desk.office.clock.now()
    await desk.sessions.check_in(session, ("identity", "recording"))
    things = {"session": session, "booking": sitting.booking, "request": sitting.request}
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        ident = f"ev_{kind.value}_{side}"
        stored = house.vault.put(session, ident, b"picture")
        taken = Evidence(
            ident, session, kind.value, "image/jpeg", now, stored.sha256, stored.size, None
        )
        await desk.identity.record(session, by, Seen(kind, taken))
        things["evidence"] = ident
    gap = await desk.gaps.open(session, now - timedelta(seconds=30))
    things["gap"] = "ga_none" if gap is None else gap.id
    return things


async def _of_office(desk: Desk, side: str, sitting: Sitting, other: str) -> dict[str, str]:
    """Put into the office what somebody might have there."""
    now = desk.office.clock.now()
    on_leave = Leave(sitting.staff, LATER + timedelta(days=30), LATER + timedelta(days=31))
    place = Waiting(
        f"wt_{side}", sitting.request, SHUT, SHUT + DAY, "UTC", WaitingState.WAITING, now
    )
    facts = Facts("Olaf Berg", Rank.MASTER, "", "MV North", "9074729", date(2026, 11, 30))
    await desk.onboard.submit(other, f"ob_{side}", facts, Taken("image/jpeg", "ab" * 32, 9_000))
    async with desk.office.store.write() as tx:
        await tx.charges.add(
            Charge(
                f"ch_{side}", sitting.learner, None, None, "expedite", "Expedite", 1_000, 2_000,
                "GBP", ChargeState.HELD, "", now,
            )
        )  # fmt: skip
        question = Enquiry(
            f"eq_{side}", sitting.request, None, EnquiryKind.OTHER, "Where do I sit?", now
        )
        await tx.enquiries.add(question)
        await tx.waiting.join(place, 5)
        await tx.rota.add_leave(f"lv_{side}", on_leave)
        shift = Shift(sitting.staff, LATER.weekday(), NOON, LATER.date(), LATER.date())
        await tx.rota.add_shift(f"sh_{side}", shift)
        await tx.rota.open(f"op_{side}", LATER.date(), NOON)
    return {
        "charge": f"ch_{side}",
        "enquiry": f"eq_{side}",
        "waiting": f"wt_{side}",
        "form": f"ob_{side}",
        "leave": f"lv_{side}",
        "shift": f"sh_{side}",
        "opening": f"op_{side}",
        "staff": sitting.staff,
        "open_request": other,
    }


async def _links(house: House, sitting: Sitting, other: str) -> dict[str, str]:
    """Make the links that are proofs by themselves."""
    secret, desk = house.keyring.secret, house.desk
    by = ANA if sitting.staff == ANA.id else TOM
    until = desk.office.clock.now() + timedelta(days=10)
    return {
        "personal": personal_link(secret, sitting.request).removeprefix("/r/"),
        "onboard": onboard_link(secret, other, until).removeprefix("/onboard/"),
        "second": await desk.reception.second_camera_link(sitting.session),
        "feed": await desk.feeds.new(by, by.id),
    }


# --- the people -----------------------------------------------------------------------------------


async def _callers(house: House, things: Mapping[str, Mapping[str, str]]) -> dict[str, Caller]:
    """Sign everybody in."""
    callers = {
        "nobody": Caller(Who.NOBODY, headers=_cookie(cookies.VISITOR, "v" * 32), csrf="v" * 32)
    }
    for side in SIDES:
        mine = things[side]
        callers |= {
            f"learner {side}": await _signed_in(
                house, Who.LEARNER, side, Kind.LEARNER, mine["request"], cookies.LEARNER
            ),
            f"second camera {side}": await _second_camera(house, side, mine["session"]),
            f"invigilator {side}": await _staff(house, Who.INVIGILATOR, side, mine["staff"]),
        }
    callers |= {
        "scheduler": await _staff(house, Who.SCHEDULER, "", SAM.id),
        "administrator": await _staff(house, Who.ADMINISTRATOR, "", ADA.id),
        "auditor": await _staff(house, Who.AUDITOR, "", AUD.id),
        "entering": await _signed_in(
            house, Who.ENTERING, "", Kind.ENTERING, SAM.id, cookies.ENTERING
        ),
    }
    return callers | _machines(house)


def _cookie(name: str, token: str) -> dict[str, str]:
    return {"Cookie": f"{name}={token}"}


async def _signed_in(
    house: House,
    who: Who,
    side: str,
    kind: Kind,
    person: str,
    cookie: str,
    proof: Proof | None = None,
) -> Caller:
    token, login = await house.desk.reception.sign_in(kind, person, proof)
    return Caller(who, side, _cookie(cookie, token), login.csrf)


async def _staff(house: House, who: Who, side: str, person: str) -> Caller:
    """Sign somebody of the staff in, in two browsers."""
    _, elsewhere = await house.desk.reception.sign_in(Kind.STAFF, person, Proof.CODE)
    here = await _signed_in(house, who, side, Kind.STAFF, person, cookies.STAFF, Proof.CODE)
    return replace(here, own={"login": elsewhere.id})


async def _second_camera(house: House, side: str, session: str) -> Caller:
    link = await house.desk.reception.second_camera_link(session)
    token, login = await house.desk.reception.open_second_camera(link)
    return Caller(Who.SECOND, side, _cookie(cookies.SECOND, token), login.csrf)


def _machines(house: House) -> dict[str, Caller]:
    """Make a token for each scope alone, and one of all others; one of another backend with all.

    Everything here belongs to the backend of side `a`.
    """
    secret, clock = house.keyring.secret, house.desk.office.clock
    api = Tokens(derived(secret, b"api tokens"), clock)
    edx = Tokens(derived(secret, b"edx tokens"), clock)
    every = frozenset(Scope)

    def token(tokens: Tokens, backend: str, scopes: frozenset[Scope]) -> dict[str, str]:
        client = Client(backend, "", frozenset(map(str, scopes)), backend)
        issued = tokens.issue(client, client.scopes)
        return {"Authorization": f"Bearer {issued}"}

    def machine(scopes: frozenset[Scope]) -> Caller:
        return Caller(Who.MACHINE, "a", token(api, BACKEND, scopes), scopes=scopes)

    rival = token(api, OTHER_BACKEND, every)
    campus = token(edx, PLATFORM, frozenset())
    return {
        **{f"machine for {scope}": machine(frozenset({scope})) for scope in Scope},
        **{f"machine but for {scope}": machine(every - {scope}) for scope in Scope},
        "machine of a rival": Caller(Who.MACHINE, "b", rival, scopes=every),
        "platform": Caller(Who.PLATFORM, "a", campus),
    }


# --- the database ---------------------------------------------------------------------------------


class Watched:
    """The database as it was: says whether it has changed since, and puts it back."""

    def __init__(self, path: Path) -> None:
        self._line = sqlite3.connect(path, check_same_thread=False)
        self._kept = sqlite3.connect(":memory:", check_same_thread=False)
        self._line.backup(self._kept)
        self._version = self._now()
        self._digests = self._dump()

    def changed(self) -> list[str]:
        """Return the tables that count and have changed since it was kept."""
        version = self._now()
        if version == self._version:
            return []
        self._version = version
        now = self._dump()
        return [name for name, digest in now.items() if digest != self._digests.get(name)]

    async def restore(self) -> None:
        """Put it back as it was, once nobody is writing."""
        await asyncio.wait_for(asyncio.to_thread(self._kept.backup, self._line, sleep=0.01), 10)
        self._version = self._now()

    def close(self) -> None:
        """Let go of the file."""
        self._line.close()
        self._kept.close()

    def _now(self) -> int:
        return int(self._line.execute("PRAGMA data_version").fetchone()[0])

    def _dump(self) -> dict[str, str]:
        names = self._line.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: hashlib.sha256(
                repr(self._line.execute(f'SELECT * FROM "{name}"').fetchall()).encode()
            ).hexdigest()
            for (name,) in names.fetchall()
            if name not in PASSING
        }

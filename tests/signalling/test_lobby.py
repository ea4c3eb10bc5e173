"""The lobby without sockets."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from invigilation.desk.identity import Seen
from invigilation.identity import Decision, SnapshotKind
from invigilation.office_hours import LONDON
from invigilation.people import Role
from invigilation.store.evidence import Evidence
from signalling.lobby import Lobby, today
from signalling.wire import Glimpse
from tests.builders import CONSENT, START, add_invigilator, booked
from tests.harness.waiting import until
from tests.signalling.doubles import Inbox

NOBODY = Glimpse(None, None, unattended=False)


@pytest.fixture
async def scene(tmp_path, sqlite_template):
    async with booked(tmp_path, sqlite_template) as one:
        yield one


@contextlib.asynccontextmanager
async def running(scene, inbox, glimpse=lambda _session: NOBODY):
    lobby = Lobby(scene.desk, inbox, scene.clock, glimpse)
    task = asyncio.create_task(lobby.run())
    try:
        yield lobby
    finally:
        task.cancel()
        await asyncio.wait([task])


async def ready(scene) -> int:
    async with scene.desk.office.store.read() as tx:
        return len(await tx.sessions.moments(scene.sitting.session, "invigilator_ready"))


async def test_a_list_comes_on_entering_and_after_each_change(scene):
    inbox = Inbox()
    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        await until(lambda: len(inbox.of("ann", "lobby")) == 1, 5, "the first list")
        await scene.desk.sessions.check_in(scene.sitting.session, CONSENT)

        lobby.changed(scene.ann.id)
        await until(lambda: len(inbox.of("ann", "lobby")) == 2, 5, "the second list")

    states = [body["sessions"][0]["state"] for body in inbox.of("ann", "lobby")]
    assert states == ["scheduled", "checked_in"]


async def test_a_list_comes_every_fifteen_seconds_even_without_a_change(scene):
    inbox = Inbox()
    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        await until(lambda: len(inbox.of("ann", "lobby")) == 1, 5, "the first list")

        scene.clock.go(15)

        await until(lambda: len(inbox.of("ann", "lobby")) == 2, 5, "the second list")


async def test_each_sees_their_own_sessions_and_others_none(scene):
    inbox = Inbox()
    bob = await add_invigilator(scene.desk, "Bob Baker")
    cat = await add_invigilator(scene.desk, "Cat Cook", Role.SCHEDULER)
    async with running(scene, inbox) as lobby:
        for sid, person in (("cat", cat), ("ann", scene.ann), ("bob", bob)):
            lobby.enter(sid, person)
        await until(lambda: inbox.of("ann", "lobby") and inbox.of("bob", "lobby"), 5, "the lists")

    assert len(inbox.last("ann", "lobby")["sessions"]) == 1
    assert inbox.last("bob", "lobby")["sessions"] == []
    assert inbox.of("cat", "lobby") == []


@pytest.mark.parametrize(
    ("minutes", "noted"), [(-31, 0), (-30, 1), (-1, 1), (15, 1), (16, 0)], ids=str
)
async def test_readiness_is_noted_in_the_time_of_check_in_only(scene, minutes, noted):
    inbox = Inbox()
    scene.clock.go_to(START)
    scene.clock.go(minutes * 60)
    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        await until(lambda: inbox.of("ann", "lobby"), 5, "the list")

    assert await ready(scene) == noted


async def test_readiness_is_noted_once_a_minute(scene):
    inbox = Inbox()
    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        counts = []
        for number, seconds in enumerate([0, 30, 30, 30], start=1):
            scene.clock.go(seconds)
            lobby.changed(scene.ann.id)
            await until(lambda n=number: len(inbox.of("ann", "lobby")) >= n, 5, "a list")
            counts.append(await ready(scene))

    assert counts == [1, 1, 2, 2]


async def test_nothing_is_sent_after_leaving(scene):
    inbox = Inbox()
    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        lobby.enter("ann2", scene.ann)
        await until(lambda: inbox.of("ann2", "lobby"), 5, "the list")
        lobby.leave("ann")
        before = len(inbox.of("ann", "lobby"))

        lobby.changed(scene.ann.id)
        await until(lambda: len(inbox.of("ann2", "lobby")) == 2, 5, "the next list")

    assert len(inbox.of("ann", "lobby")) == before


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        ("2026-11-23T10:00", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("2026-06-08T23:30", "2026-06-08T23:00", "2026-06-09T23:00"),
        ("2026-10-25T12:00", "2026-10-24T23:00", "2026-10-26T00:00"),
        ("2027-03-28T12:00", "2027-03-28T00:00", "2027-03-28T23:00"),
    ],
)
def test_today_is_londons_day(now, first, last):
    def utc(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert today(utc(now), LONDON) == (utc(first), utc(last))


# Colleagues


def entries(inbox, sid) -> list[tuple[str, str | None]]:
    return [(one["role"], one["offered_by"]) for one in inbox.last(sid, "lobby")["sessions"]]


async def test_what_was_offered_is_shown_to_the_one_and_the_other(scene):
    inbox = Inbox()
    bob = await add_invigilator(scene.desk, "Bob Baker")
    await scene.desk.sessions.check_in(scene.sitting.session, CONSENT)
    await scene.desk.handover.offer(scene.sitting.session, scene.ann, bob.id)
    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        lobby.enter("bob", bob)
        await until(lambda: inbox.of("ann", "lobby") and inbox.of("bob", "lobby"), 5, "the lists")

    assert entries(inbox, "ann") == [("mine", None)]
    assert entries(inbox, "bob") == [("offered", "Ann Archer")]


@pytest.mark.parametrize(
    ("role", "unattended", "shown"),
    [
        (Role.INVIGILATOR, False, []),
        (Role.INVIGILATOR, True, [("unattended", None)]),
        (Role.ADMINISTRATOR, False, [("colleague", None)]),
        (Role.ADMINISTRATOR, True, [("unattended", None)]),
    ],
)
async def test_live_sessions_of_colleagues_are_for_administrators_or_when_left_alone(
    scene, role, unattended, shown
):
    inbox = Inbox()
    bob = await add_invigilator(scene.desk, "Bob Baker", role)
    await scene.desk.sessions.check_in(scene.sitting.session, CONSENT)
    glimpse = Glimpse(None, None, unattended=unattended)
    async with running(scene, inbox, lambda _session: glimpse) as lobby:
        lobby.enter("bob", bob)
        await until(lambda: inbox.of("bob", "lobby"), 5, "the list")

    assert entries(inbox, "bob") == shown


async def test_an_entry_says_who_is_there_and_who_wants_something(scene):
    inbox = Inbox()
    now = scene.clock.now()
    async with running(scene, inbox, lambda _: Glimpse(now, now, unattended=False)) as lobby:
        lobby.enter("ann", scene.ann)
        await until(lambda: inbox.of("ann", "lobby"), 5, "the list")

    (entry,) = inbox.last("ann", "lobby")["sessions"]
    stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert entry == {
        "session": scene.sitting.session,
        "learner": "Lea Learner 1",
        "assessment": "Port State Control",
        "start": "2026-11-23T10:00:00.000Z",
        "state": "scheduled",
        "present": True,
        "since": stamp,
        "hand": stamp,
        "invigilator": "Ann Archer",
        "role": "mine",
        "offered_by": None,
    }


async def test_a_list_says_what_time_it_is_for_a_console_whose_clock_is_wrong(scene):
    inbox = Inbox()
    scene.clock.go_to(START)

    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        await until(lambda: inbox.of("ann", "lobby"), 5, "the list")

    assert datetime.fromisoformat(inbox.last("ann", "lobby")["now"]) == START


async def test_colleagues_who_invigilate_are_named_and_whether_they_are_here(scene):
    inbox = Inbox()
    bob = await add_invigilator(scene.desk, "Bob Baker")
    await add_invigilator(scene.desk, "Cat Cook", Role.SCHEDULER)
    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        await until(lambda: inbox.of("ann", "lobby"), 5, "the first list")
        alone = inbox.last("ann", "lobby")["colleagues"]

        lobby.enter("bob", bob)
        await until(lambda: len(inbox.of("ann", "lobby")) == 2, 5, "the second list")
        together = inbox.last("ann", "lobby")["colleagues"]
        lobby.leave("bob")
        await until(lambda: len(inbox.of("ann", "lobby")) == 3, 5, "the third list")

    assert alone == [{"id": bob.id, "name": "Bob Baker", "here": False}]
    assert together == [{"id": bob.id, "name": "Bob Baker", "here": True}]
    assert inbox.last("ann", "lobby")["colleagues"] == alone


async def test_a_change_in_ones_own_session_is_told_to_oneself_and_administrators(scene):
    inbox = Inbox()
    staff = {
        "ann": scene.ann,
        "bob": await add_invigilator(scene.desk, "Bob Baker"),
        "sue": await add_invigilator(scene.desk, "Sue Supreme", Role.ADMINISTRATOR),
    }
    async with running(scene, inbox) as lobby:
        for sid, person in staff.items():
            lobby.enter(sid, person)
        await until(lambda: all(inbox.of(sid, "lobby") for sid in staff), 5, "the first lists")
        before = {sid: len(inbox.of(sid, "lobby")) for sid in staff}

        lobby.changed(scene.ann.id)
        await until(
            lambda: all(len(inbox.of(sid, "lobby")) > before[sid] for sid in ("ann", "sue")),
            5,
            "the next lists",
        )

    assert len(inbox.of("bob", "lobby")) == before["bob"]


async def test_a_colleagues_check_is_in_the_lobby_of_whoever_may_look_and_not_in_their_own(scene):
    bob = await add_invigilator(scene.desk, "Bob Bower")
    session, desk, inbox = scene.sitting.session, scene.desk, Inbox()
    await desk.sessions.check_in(session, CONSENT)
    for number, kind in enumerate((SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE)):
        now, digest = scene.clock.now(), f"{number}" * 64
        picture = Evidence(f"ev_{number}", session, kind.value, "image/jpeg", now, digest, 9, None)
        await desk.identity.record(session, scene.ann, Seen(kind, picture))
    await desk.identity.refer(session, scene.ann, Decision.CONFIRMED, "It has just expired")

    async with running(scene, inbox) as lobby:
        lobby.enter("ann", scene.ann)
        lobby.enter("bob", bob)
        await until(lambda: inbox.of("ann", "lobby") and inbox.of("bob", "lobby"), 5, "the lists")

    [shown] = inbox.last("bob", "lobby")["referrals"]
    assert (shown["session"], shown["invigilator"]) == (session, scene.ann.name)
    assert (shown["learner"], shown["proposed"]) == (scene.sitting.learner_name, "confirmed")
    assert inbox.last("ann", "lobby")["referrals"] == []

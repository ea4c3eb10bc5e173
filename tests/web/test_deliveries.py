"""The deliveries' pages: how backends are reached, sending again, and the alert after a day."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from invigilation.dispatch import Attempt, Fate
from invigilation.report import Channel, Delivery
from invigilation.store.people import Backend
from invigilation.sweeps import Sweeps
from tests import builders
from tests.web import office
from tests.web.office import ADA, World
from web.alerts import Alerts
from web.backends.keys import PUBLISHED, WEBHOOK_KEY, public_text

HOOK = Backend("acme", "Acme Maritime", "https://lms.example.org/hook", "whsec_" + "QUFB" * 8)
PAGE = "/staff/deliveries/acme"
DAY = 86_400


class Postman:
    """Answers as it is told and keeps what it carried."""

    def __init__(self) -> None:
        self.answer = Attempt(Fate.ACCEPTED, "accepted")
        self.carried: list[Delivery] = []

    async def carry(self, delivery: Delivery) -> Attempt:
        self.carried.append(delivery)
        return self.answer


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
async def world(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[World]:
    """An office with a backend that has been sent three things."""
    async with builders.sqlite_store(tmp_path, sqlite_template) as store:
        world = await office.open_world(store, tmp_path)
        async with store.write() as tx:
            await tx.people.add_backend(HOOK)
        yield world
        await world.client.close()


async def put(world: World, *kinds: str) -> None:
    async with world.desk.office.store.write() as tx:
        for kind in kinds:
            await tx.outbox.add(world.desk.office.told(Channel.WEBHOOK, "acme", kind, {}))


async def carry(world: World, postman: Postman) -> None:
    await Sweeps(world.desk, postman, lambda _: timedelta(minutes=5)).deliver()


def go(world: World, seconds: float) -> None:
    world.clock.move_to(world.clock.now() + timedelta(seconds=seconds))


async def test_a_backend_that_is_well_and_one_that_was_never_tried(world, postman):
    await put(world, "session.started")
    await carry(world, postman)
    ada = await world.staff(ADA)

    listed = await ada.get("/staff/deliveries")
    one = await ada.get(PAGE)

    assert "Acme Maritime acme, by webhooks Well Wed 18 Nov, 09:00 09:00 UTC" in listed.words
    assert "Company company, by webhooks Asks not to be told" in listed.words
    assert "Public form" not in listed.words
    assert "https://lms.example.org/hook" in one.words
    assert "session.started" in one.words
    assert "Accepted" in one.words


async def test_the_public_key_is_shown_and_published(world):
    ada = await world.staff(ADA)
    key = public_text(world.app[WEBHOOK_KEY])

    page = await ada.get("/staff/deliveries")
    published = await world.stranger().get(PUBLISHED)

    assert key.startswith("whpk_")
    assert key in page.words
    assert json.loads(published.body) == {"keys": [key]}


async def test_what_was_said_and_how_often(world, postman):
    postman.answer = Attempt(Fate.FAILED, "status 500: <b>sorry</b>")
    await put(world, "session.started", "session.ended")
    await carry(world, postman)

    page = await (await world.staff(ADA)).get(PAGE)

    assert "State Failing" in page.words
    assert "2 in a row" in page.words
    assert "status 500: &lt;b&gt;sorry&lt;/b&gt;" in page.text
    assert "Waiting 2, the oldest since Wed 18 Nov, 09:00 in London" in page.words


async def test_one_is_sent_again_under_its_name(world, postman):
    await put(world, "session.started", "session.ended")
    await carry(world, postman)
    first = [one.id for one in postman.carried]
    ada = await world.staff(ADA)

    answer = await ada.post(f"{PAGE}/again", {"delivery": first[1]}, PAGE)
    await carry(world, postman)

    assert answer.to == f"{PAGE}?done=again"
    assert [one.id for one in postman.carried] == [*first, first[1]]
    assert "It is sent again now" in (await ada.get(answer.to)).words
    [change] = await audited(world, "delivery.again")
    assert json.loads(change) == {"backend": "acme", "delivery": first[1]}


async def test_all_since_a_moment_are_sent_again(world, postman):
    await put(world, "session.started")
    await carry(world, postman)
    go(world, 3_600)
    await put(world, "session.paused", "session.ended")
    await carry(world, postman)
    ada = await world.staff(ADA)

    answer = await ada.post(f"{PAGE}/again", {"day": "2026-11-18", "time": "09:30"}, PAGE)
    await carry(world, postman)

    assert answer.to == f"{PAGE}?done=since"
    again = [one.type for one in postman.carried[3:]]
    assert sorted(again) == ["session.ended", "session.paused"]
    later = await ada.post(f"{PAGE}/again", {"day": "2026-11-18", "time": "11:00"}, PAGE)
    assert later.to == f"{PAGE}?done=none"


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"day": "soon", "time": "09:30"}, "Enter a day."),
        ({"day": "2026-11-18", "time": "9"}, "Enter a time such as 14:30."),
    ],
)
async def test_what_is_no_moment_is_asked_for_again(world, entered, said):
    answer = await (await world.staff(ADA)).post(f"{PAGE}/again", entered, PAGE)

    assert answer.status == 422
    assert said in answer.words


async def test_a_delivery_to_somebody_else_is_not_sent_again(world, postman):
    async with world.desk.office.store.write() as tx:
        other = world.desk.office.told(Channel.WEBHOOK, "company", "session.started", {})
        await tx.outbox.add(other)
    await carry(world, postman)

    answer = await (await world.staff(ADA)).post(f"{PAGE}/again", {"delivery": other.id}, PAGE)
    await carry(world, postman)

    assert answer.to == f"{PAGE}?done=not"
    assert len(postman.carried) == 1


async def test_a_backend_that_wants_no_more_is_left_alone_until_it_is_told_again(world, postman):
    postman.answer = Attempt(Fate.GONE, "410")
    await put(world, "session.started", "session.paused")
    await carry(world, postman)
    await put(world, "session.ended")
    await carry(world, postman)
    assert len(postman.carried) == 1
    ada = await world.staff(ADA)
    page = await ada.get(PAGE)
    assert "State Wants no more" in page.words
    assert "Given up: 3" in page.words
    assert "Send again" not in page.words
    postman.answer = Attempt(Fate.ACCEPTED, "accepted")
    go(world, 3_600)
    ada = await world.staff(ADA)

    answer = await ada.post(f"{PAGE}/enable", {}, PAGE)
    await carry(world, postman)

    assert answer.to == f"{PAGE}?done=enabled"
    assert sorted(one.type for one in postman.carried[1:]) == [
        "session.ended",
        "session.paused",
        "session.started",
    ]
    assert "State Well" in (await ada.get(PAGE)).words
    assert [json.loads(one)["missed"] for one in await audited(world, "backend.enabled")] == [3]


async def test_an_older_secret_is_named_with_its_end(world):
    async with world.desk.office.store.write() as tx:
        await world.desk.deliveries.rotate(tx, "acme", "whsec_" + "QkJC" * 8, timedelta(hours=5))
    ada = await world.staff(ADA)

    during = (await ada.get(PAGE)).words
    go(world, 5 * 3_600)
    after = (await ada.get(PAGE)).words

    assert "the older one until Wed 18 Nov, 14:00 in London" in during
    assert "the older one" not in after


async def test_an_alert_after_a_day_and_once_a_day(world, postman):
    registry = CollectorRegistry()
    alerts = Alerts(world.desk.deliveries, registry)
    postman.answer = Attempt(Fate.FAILED, "no answer")
    await put(world, "report.ready")
    await carry(world, postman)
    go(world, DAY)
    with capture_logs() as logs:
        assert await alerts.sweep() == []
        go(world, 1)
        warned = [await alerts.sweep(), await alerts.sweep()]
        go(world, DAY)
        warned.append(await alerts.sweep())

    assert warned == [["acme"], [], ["acme"]]
    assert [(one["event"], one["backend"], one["said"]) for one in logs] == [
        ("delivery.late", "acme", "no answer")
    ] * 2
    figure = registry.get_sample_value("invigilation_delivery_age_seconds", {"backend": "acme"})
    assert figure == 2 * DAY + 1
    failures = registry.get_sample_value("invigilation_delivery_failures", {"backend": "acme"})
    assert failures == 1
    page = await (await world.staff(ADA)).get("/staff/deliveries")
    assert re.search(r"Acme Maritime acme, by webhooks Late: over a day", page.words)


async def audited(world: World, action: str) -> list[str]:
    """What the audit log says came after the changes of this kind."""
    async with world.desk.office.store.read() as tx:
        changes = await tx.audit.of("acme")
    return [one.after or "" for one in changes if one.action == action]

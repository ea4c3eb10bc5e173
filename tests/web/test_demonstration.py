"""The demonstration's first words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from invigilation.desk.people import Kind, Whence
from invigilation.errors import PaymentDue
from invigilation.proof import Proof
from tests.builders import START
from tests.simulated_learner import LINK_VARIABLE
from web import demonstration
from web.auth.factors import Factors
from web.demonstration import Places
from web.house import open_house, staff_wrapping
from web.seed import ASKER, STAFF, give_apps, open_demo, seed
from web.settings import Settings
from web.setup import open_store

LINK = "http://localhost:1/r/secret"


async def test_a_session_that_cannot_be_booked_is_said_and_the_rest_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse(*_: object) -> None:
        raise PaymentDue("ch_1", 5_400)

    monkeypatch.setattr(demonstration, "_near", refuse)
    house = open_house(Settings(var=tmp_path))
    demo = open_demo(tmp_path / "demo.json")
    places = Places("http://localhost:1", "http://localhost:2", 2)

    await demonstration._show(house, demo, places, guided=True)

    shown = capsys.readouterr().out
    assert "There is no session to join now: A charge of £54.00 is due" in shown
    assert demo.password in shown
    await house.desk.office.store.close()


async def test_the_simulated_learners_link_is_not_among_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[object, ...]] = []

    async def run(*arguments: str, env: dict[str, str], **_: object) -> None:
        started.append((arguments, env))
        raise asyncio.CancelledError

    async def near(*_: object) -> tuple[SimpleNamespace, str]:
        sitting = SimpleNamespace(start=START, staff_name="Ana", learner_name="Maria")
        return sitting, LINK

    monkeypatch.setattr(asyncio, "create_subprocess_exec", run)
    monkeypatch.setattr(demonstration, "_near", near)
    house = open_house(Settings(var=tmp_path))
    demo = open_demo(tmp_path / "demo.json")
    places = Places("http://localhost:1", "http://localhost:2", 2)

    with pytest.raises(asyncio.CancelledError):
        await demonstration._show(house, demo, places, guided=True)

    ((arguments, environment),) = started
    assert LINK not in arguments
    assert environment[LINK_VARIABLE] == LINK  # type: ignore[index]
    await house.desk.office.store.close()


async def test_the_office_of_the_demonstration_has_something_to_do(tmp_path: Path) -> None:
    house = open_house(Settings(var=tmp_path))
    await open_store(house.desk.office.store)

    await seed(house.desk, open_demo(tmp_path / "demo.json"), "http://127.0.0.1:1/hooks")

    async with house.desk.office.store.read() as tx:
        found = await tx.people.staff_secret(STAFF[3][0])
    assert found is not None
    scheduler = found[0]
    (owed,) = await house.desk.charges.open(scheduler)
    (question,) = await house.desk.enquiries.open(scheduler)
    assert owed.learner.name == question.name == ASKER[1]
    people = await house.desk.rota.everybody(scheduler)
    assert [one.staff.name for one in people if one.leave] == [STAFF[2][1]]
    products = await house.desk.products.all(scheduler)
    assert "late_change" in [one.code for one in products]
    await house.desk.office.store.close()


async def test_everybody_of_the_demonstration_has_an_app_whose_codes_can_be_said(
    tmp_path: Path,
) -> None:
    house = open_house(Settings(var=tmp_path))
    await open_store(house.desk.office.store)
    demo = open_demo(tmp_path / "demo.json")
    await seed(house.desk, demo, "http://127.0.0.1:1/hooks")
    factors = Factors(house.desk, staff_wrapping(house), None)

    for _ in range(2):
        await give_apps(house.desk, demo, staff_wrapping(house))

    for email, _, _ in STAFF:
        found = await house.desk.reception.staff_secret(email)
        assert found is not None
        _, login = await house.desk.reception.sign_in(Kind.ENTERING, found[0].id)
        said = await factors.code_now(found[0].id, login)
        assert await factors.use_code(found[0].id, said, Whence()) is Proof.CODE
    await house.desk.office.store.close()


def test_a_demonstration_of_before_gets_an_app_and_keeps_its_secrets(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    before = {"password": "demo-1", "client_secret": "c", "webhook_secret": "w"}
    file.write_text(json.dumps(before))

    demo = open_demo(file)

    assert (demo.password, demo.client_secret, demo.webhook_secret) == ("demo-1", "c", "w")
    assert len(demo.app_secret) == 32
    assert open_demo(file) == demo
    assert file.stat().st_mode & 0o077 == 0

"""The demonstration's first words."""

from __future__ import annotations

from pathlib import Path

import pytest

from invigilation.errors import PaymentDue
from web import demonstration
from web.app import open_house
from web.demonstration import Places
from web.seed import open_demo
from web.settings import Settings


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

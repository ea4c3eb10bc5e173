"""TURN credentials that run out, and who gets them with a ticket."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from tests.web.office import ANA, START, World
from web.keys import SETTINGS
from web.settings import Settings
from web.turn import ice_servers

URLS = ("turn:turn.example.com:3478?transport=udp", "turns:turn.example.com:443?transport=tcp")


def relayed(folder: Path) -> Settings:
    return Settings(
        var=folder,
        ice_servers=("stun:stun.example.com",),
        turn_urls=URLS,
        turn_secret=SecretStr("north"),
        turn_ttl_s=7200,
    )


def test_credentials_are_those_of_the_scheme(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

    plain, relay = ice_servers(relayed(tmp_path), "st_ana", now)

    assert plain == {"urls": "stun:stun.example.com"}
    assert relay["urls"] == [*URLS]
    assert relay["username"] == f"{int(now.timestamp()) + 7200}:st_ana"
    digest = hmac.new(b"north", str(relay["username"]).encode(), hashlib.sha1).digest()
    assert relay["credential"] == base64.b64encode(digest).decode()


def test_without_a_relay_there_are_no_credentials(tmp_path: Path) -> None:
    assert ice_servers(Settings(var=tmp_path), "st_ana", START) == []


async def test_everybody_who_may_come_in_gets_credentials(world: World) -> None:
    world.app._state[SETTINGS] = relayed(world.app[SETTINGS].var)
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    link = await world.desk.reception.second_camera_link(sitting.session)
    phone = world.stranger()
    await phone.post(f"/second/{link}", {})
    people = [
        (await world.learner(sitting.request), "/me/room", sitting.request),
        (await world.staff(ANA), "/staff/console", ANA.id),
        (phone, "/second", sitting.session),
    ]
    expires = int(START.timestamp()) + 7200

    for person, page, who in people:
        answer = await person.ask(
            "POST",
            "/room/ticket",
            json={"session": sitting.session},
            headers={"X-CSRF-Token": (await person.get(page)).csrf},
        )

        servers = json.loads(answer.body)["ice_servers"]
        assert [one.get("username") for one in servers] == [None, f"{expires}:{who}"]

"""The demonstration: the service, the practice backend beside it, and something to look at."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import typer
from aiohttp import web

from invigilation import attendance
from invigilation.errors import InvigilationError
from invigilation.session import LIVE, SessionState
from invigilation.store.views import Sitting
from web.app import application
from web.auth.links import personal_link, request_of
from web.draining import run_until_told
from web.house import House, open_house, staff_wrapping
from web.pages.second_factor import SAYS_CODE
from web.seed import (
    LEARNER,
    NEAR_ASSESSMENT,
    PRACTICE,
    STAFF,
    Demo,
    book_near,
    give_apps,
    open_demo,
    seed,
)
from web.settings import Settings
from web.setup import open_store

PRACTICE_PORT = 8090
READY_SECONDS = 20.0
END_SECONDS = 5.0
NEAR = "near.json"
"""Under `var`: the request whose session is near, and the practice backend that made it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are."""

    service: str
    practice: str
    practice_port: int


async def demonstrate(settings: Settings, listener: socket.socket, *, guided: bool) -> None:
    """Run the demonstration until it is told to stop."""
    own = settings.model_copy(update={"webhook_private_addresses": True})
    port = listener.getsockname()[1]
    practice_port = _free_port(PRACTICE_PORT)
    places = Places(
        settings.public_url or f"http://localhost:{port}",
        f"http://localhost:{practice_port}",
        practice_port,
    )
    own = own.model_copy(update={"port": port, "public_url": places.service})
    demo = open_demo(_folder(own) / "demo.json")
    house = open_house(own)
    await open_store(house.desk.office.store)
    await seed(house.desk, demo, f"http://127.0.0.1:{practice_port}/webhooks")
    await give_apps(house.desk, demo, staff_wrapping(house))
    app = application(house)
    app[SAYS_CODE] = True
    app.cleanup_ctx.append(_guide(house, demo, places, guided=guided))
    await run_until_told(app, listener)


def _folder(settings: Settings) -> Path:
    settings.var.mkdir(parents=True, exist_ok=True)
    return settings.var


def _free_port(wanted: int) -> int:
    """Return the wanted port if it can be had, else any other."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    return wanted


def _guide(house: House, demo: Demo, places: Places, *, guided: bool):  # type: ignore[no-untyped-def] # noqa: ANN202
    async def context(_: web.Application) -> AsyncIterator[None]:
        async with _practice(house.settings.var, demo, places):
            showing = asyncio.create_task(_show(house, demo, places, guided=guided))
            yield
            showing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await showing

    return context


@asynccontextmanager
async def _practice(var: Path, demo: Demo, places: Places) -> AsyncIterator[None]:
    environment = {
        **os.environ,
        "PRACTICE_PORT": str(places.practice_port),
        "PRACTICE_SERVICE": places.service,
        "PRACTICE_PUBLIC": places.practice,
        "PRACTICE_DATA": str((var / "practice").resolve()),
        "PRACTICE_CLIENT_ID": PRACTICE,
        "PRACTICE_CLIENT_SECRET": demo.client_secret,
        "PRACTICE_WEBHOOK_SECRET": demo.webhook_secret,
    }
    async with _child(var / "practice.log", environment, "web.practice"):
        yield


@asynccontextmanager
async def _child(log: Path, environment: dict[str, str], module: str) -> AsyncIterator[None]:
    with log.open("ab") as out:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdout=out, stderr=out, env=environment
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), END_SECONDS)
        except TimeoutError:
            child.kill()
            await child.wait()


async def _show(house: House, demo: Demo, places: Places, *, guided: bool) -> None:
    near = None
    try:
        near = await _near(house, places)
    except (aiohttp.ClientError, OSError, TimeoutError, LookupError) as error:
        log = house.settings.var / "practice.log"
        typer.echo(f"The practice backend does not answer ({error}): see {log}.")
    except InvigilationError as error:
        # Such as a charge for the session of an earlier start, missed and judged.
        typer.echo(f"There is no session to join now: {error}")
    typer.echo(_table(demo, places, near, house.settings.var))
    if guided and near is not None:
        # Everybody on this machine can read a program's arguments; the link is the learner's.
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "SIMULATED_LEARNER_LINK": near[1],
        }
        log = house.settings.var / "learner.log"
        async with _child(log, environment, "tests.simulated_learner"):
            typer.echo(_guidance(near[0], log))
            await asyncio.Event().wait()


def _guidance(sitting: Sitting, log: Path) -> str:
    email = next((mail for mail, name, _ in STAFF if name == sitting.staff_name), "")
    steps = (
        f"{sitting.learner_name} is a simulated learner and comes in now; you are the invigilator.",
        f"  1. Sign in as {email} and open the invigilator's console.",
        f"  2. Open {sitting.learner_name}'s session. The camera shows the face and, now and then,",
        "     the passport: take a picture of each. Ask for them in a message. (Their camera plays",
        "     a film, and the console finds that out.)",
        "  3. Decide on the identity, then admit. The assessment takes the learner a minute.",
        "  4. Note an incident, pause and resume as you like; end the session; sign and seal.",
        f"What the learner does is in {log}.",
    )
    return "\n".join((*steps, ""))


async def _near(house: House, places: Places) -> tuple[Sitting, str]:
    """Return a session that can be joined now: the last start's, or else a new one."""
    near = await _kept(house, places)
    if near is None:
        near = await _new(house, places)
    return near


async def _kept(house: House, places: Places) -> tuple[Sitting, str] | None:
    """Return the session of the last start if its learner may still come in."""
    file = house.settings.var / NEAR
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    sitting = await house.desk.bookings.latest(kept["request"])
    if kept["practice"] != places.practice or sitting is None:
        return None
    now = house.desk.office.clock.now()
    opens, closes = attendance.opens(sitting.start), attendance.closes(sitting.start)
    waits = sitting.session_state is SessionState.SCHEDULED and opens <= now <= closes
    if not waits and (sitting.session_state not in LIVE or now > sitting.end):
        return None
    return sitting, places.service + personal_link(house.keyring.secret, kept["request"])


async def _new(house: House, places: Places) -> tuple[Sitting, str]:
    """Let the practice backend ask for a session of its first learner, and book it for now."""
    form = {"learner": LEARNER, "assessment": NEAR_ASSESSMENT, "nonce": secrets.token_urlsafe(16)}
    async with aiohttp.ClientSession() as client:
        await _answers(client, f"{places.practice}/healthz")
        await _answers(client, f"{places.service}/readyz")
        async with client.post(
            f"{places.practice}/requests", data=form, allow_redirects=False
        ) as answer:
            link = answer.headers.get("Location", "")
    if "/r/" not in link:
        raise LookupError("it gave no link for the demonstration's session")
    request = request_of(house.keyring.secret, link.rpartition("/r/")[2])
    sitting = await book_near(house.desk, request)
    kept = json.dumps({"request": request, "practice": places.practice})
    (house.settings.var / NEAR).write_text(kept)
    return sitting, link


async def _answers(client: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with client.get(url) as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.1)


def _table(demo: Demo, places: Places, near: tuple[Sitting, str] | None, var: Path) -> str:
    rows = [
        ("Training company (practice)", places.practice),
        ("Ask for a session by hand", f"{places.service}/request"),
        ("Staff sign-in", f"{places.service}/staff/sign-in"),
        *((f"  {role}", email) for email, _, role in STAFF),
        ("  password, for all of them", demo.password),
        ("  code of the second step", "the page says it, in this demonstration alone"),
        ("Invigilator's console", f"{places.service}/staff/console"),
        ("Scheduler's calendar", f"{places.service}/staff/calendar"),
    ]
    if near is not None:
        sitting, link = near
        start = f"{sitting.start:%H:%M} UTC"
        rows[1:1] = [
            (f"Learner's page: {sitting.learner_name}", link),
            ("  session that can be joined now", f"{start}, watched by {sitting.staff_name}"),
        ]
    rows.append(("Mails that were sent", f"{var}/mail"))
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {value}" for name, value in rows]
    return "\n".join(["", "The service is ready. Stop it with Ctrl-C.", "", *lines, ""])

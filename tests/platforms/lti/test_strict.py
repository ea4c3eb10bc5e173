"""The consumer of lti-consumer-xblock, without browsers, as the strictest of platforms.

It honours only `terminate`, writes the number of an attempt as text, and forgets a launch after ten
minutes.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from invigilation.session import Outcome
from invigilation.store.platforms import Attempt as Try
from invigilation.sweeps import Attempt, Fate
from tests.harness.process import free_port
from tests.platforms.lti.process import LtiPlatform
from tests.web.lti_office import Academy, LtiWorld, form_of, lti_world
from tests.web.office import ANA, SECRET_BYTES, Answer, Person
from web.backends.lti import registering
from web.backends.lti.carrier import LtiCarrier
from web.backends.lti.claims import END_ASSESSMENT, START_PROCTORING
from web.backends.lti.keys import ToolKey

REFUSES = ("pause", "resume", "update", "flag")
STATEMENT = "I watched the whole session and saw nothing unusual."
BACKEND = "strict"


class Nobody:
    """Takes what no platform wants to know."""

    async def carry(self, delivery: object) -> Attempt:
        return Attempt(Fate.ACCEPTED, "nobody asked")


@dataclass(slots=True)
class Strict:
    """The office, the real platform, and a learner's browser that goes between the two."""

    lti: LtiWorld
    platform: LtiPlatform
    shift: Path
    person: Person
    client: aiohttp.ClientSession

    async def begin(self) -> None:
        """Bring both to one time, and let the platform register itself."""
        self.now()
        clock = self.lti.office.clock
        one = registering.Invitation(BACKEND, "Strict", clock.now() + timedelta(days=1))
        link = URL(registering.invite(SECRET_BYTES, self.lti.tool.base, one))
        where = f"{self.platform.url}/.well-known/openid-configuration"
        answer = await self.person.get(f"{link.path}?openid_configuration={where}")
        assert answer.status == 200, answer.words

    def now(self) -> None:
        moved = self.lti.office.clock.now() - datetime.now(UTC)
        self.shift.write_text(str(moved.total_seconds()))

    async def launch(self, kind: str = START_PROCTORING) -> Answer:
        begun = await self._get(f"{self.platform.url}/begin?kind={kind}")
        login = await self.person.get(URL(begun.headers["Location"]).raw_path_qs)
        page = await (await self._get(login.to)).text()
        fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', page))
        sent = {name: unescape(value) for name, value in fields.items()}
        cross = {"Sec-Fetch-Site": "cross-site"}
        return await self.person.ask("POST", "/lti/launch", sent, headers=cross)

    async def _get(self, url: str) -> aiohttp.ClientResponse:
        return await self.client.get(URL(url, encoded=True), allow_redirects=False)

    async def attempt(self) -> Try:
        async with self.lti.office.desk.office.store.read() as tx:
            found = await tx.platforms.attempt_of(
                BACKEND, "1", "learner-7", 1, "block-v1:course+exam"
            )
        assert found is not None
        return found

    async def carried(self, session: str, kind: str) -> Attempt:
        """Carry what is due of a type."""
        tool, office = self.lti.tool, self.lti.office.desk.office
        carrier = LtiCarrier(tool.desk, tool.wire, Nobody(), lambda _: None)
        async with office.store.read() as tx:
            ids = {one.id for one in await tx.outbox.of_session(session) if one.type == kind}
            due = [one for one in await tx.outbox.due(office.clock.now(), 100) if one.id in ids]
        return await carrier.carry(due[-1])


@pytest.fixture
async def strict(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Strict]:
    port, shift = free_port(), tmp_path / "shift"
    platform = LtiPlatform(tmp_path, f"http://localhost:{port}", shift, REFUSES)
    academy = Academy(rsa.generate_private_key(65537, 2048))
    key = ToolKey(tmp_path / "keys" / "lti.pem")
    async with (
        lti_world(sqlite_template, tmp_path, academy, key, port) as lti,
        aiohttp.ClientSession() as client,
    ):
        one = Strict(lti, platform, shift, lti.office.stranger(), client)
        one.now()
        await platform.start()
        yield one
    platform.process.kill()


async def test_a_strict_platform_gets_what_it_takes_and_breaks_nothing(strict: Strict) -> None:
    await strict.begin()
    desk, post = strict.lti.office.desk, strict.client.post
    assert (await strict.launch()).to.startswith("/r/")
    sitting = await strict.lti.begun(await strict.attempt())
    strict.now()
    by = replace(ANA, id=sitting.staff)

    # The launch of days ago is forgotten there: it is made anew, and answered at once.
    there, fields = form_of(await strict.launch())
    forged = fields["JWT"][:-8] + "AAAAAAAA"
    assert (await post(there, data={"JWT": forged})).status == 400
    assert (await post(there, data=fields)).status == 200
    (started,) = (await strict.platform.told())["starts"]
    assert started["attempt_number"] == "1"
    assert started["verified_user"]["given_name"] == "Maria"

    await desk.sessions.pause(sitting.session, by, "A fire drill.")
    paused = await strict.carried(sitting.session, "session.paused")
    assert paused.fate is Fate.ACCEPTED
    assert "not accepted, status 400" in paused.note
    shown = await desk.sessions.view(sitting.session)
    assert [(one.action, one.said) for one in shown.refusals] == [("pause", "status 400")]

    ended = await strict.launch(END_ASSESSMENT)
    assert "Your assessment has ended" in ended.words

    await desk.sessions.stop(sitting.session, by, "Somebody else answered.")
    stopped = await strict.carried(sitting.session, "session.stopped")
    assert stopped == Attempt(Fate.ACCEPTED, "terminate: terminated")

    await desk.reports.attest(sitting.session, by, STATEMENT, Outcome.STOPPED)
    report = await strict.carried(sitting.session, "report.ready")
    assert report.fate is Fate.REFUSED_FOR_GOOD
    told = await strict.platform.told()
    assert [one["action"] for one in told["controls"]] == ["terminate"]
    assert [one["action"] for one in told["refused"]] == ["pause", "update"]
    assert len(told["errors"]) == 1  # the forged one

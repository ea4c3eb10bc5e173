"""What an edX platform is told: that a learner may begin, and one review."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from invigilation.dispatch import Attempt, Dispatch, Fate
from invigilation.edx import AttemptState
from invigilation.report import Channel
from invigilation.session import Outcome
from tests.web.campus import (
    CAMPUS,
    LMS_SECRET,
    NOTE,
    WHO,
    sqlite_campus,
)
from web.backends.edx.carrier import EdxCarrier
from web.backends.edx.lms import Lms
from web.backends.webhook import open_session
from web.outward import ANYWHERE

HALF_A_DAY = timedelta(hours=12)


@dataclass
class Platform:
    """Plays the platform: gives tokens, takes callbacks, answers as it is told."""

    granted: int = 0
    heard: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    token: object = None
    headers: dict = field(default_factory=dict)

    def app(self):
        app = web.Application()
        app.router.add_post("/oauth2/access_token", self.grant)
        prefix = "/api/edx_proctoring/v1/proctored_exam/attempt/{attempt}"
        app.router.add_post(prefix + "/{what:ready|reviewed}", self.take)
        return app

    async def grant(self, request):
        form = await request.post()
        wanted = {
            "grant_type": "client_credentials",
            "client_id": "invigilation",
            "client_secret": LMS_SECRET,
            "token_type": "jwt",
        }
        if dict(form) != wanted:
            return web.json_response({"error": "invalid_client"}, status=401)
        self.granted += 1
        given = {"access_token": f"t{self.granted}", "expires_in": 3600, "token_type": "JWT"}
        return web.json_response(given if self.token is None else self.token)

    async def take(self, request):
        if request.headers["Authorization"] != f"JWT t{self.granted}":
            return web.Response(status=401)
        status, text = self.answers.pop(0) if self.answers else (200, '"OK"')
        what, attempt = request.match_info["what"], request.match_info["attempt"]
        self.heard.append((what, attempt, await request.json(), status))
        return web.Response(status=status, text=text, headers=self.headers)

    @property
    def taken(self):
        """What it has taken: (callback, body)."""
        return [(what, body) for what, _, body, status in self.heard if status == 200]


class Worker:
    """The service's worker: the real dispatch with the real carrier."""

    def __init__(self, campus, client):
        self.campus = campus
        self.clock = campus.office.clock
        lms = Lms(client, self.clock, campus.wrapping)
        self.carrier = EdxCarrier(campus.desk, lms)

    async def carry(self, delivery):
        if delivery.channel is not Channel.EDX:
            return Attempt(Fate.ACCEPTED, "letters go elsewhere")
        return await self.carrier.carry(delivery)

    async def work(self):
        """Carry until nothing is due any more."""
        desk = self.campus.office.desk
        async with Dispatch(desk, self, lambda _: timedelta(minutes=1)).running() as dispatch:
            while await dispatch.sweep():
                await dispatch.idle()

    async def later(self, passed):
        self.clock.move_to(self.clock.now() + passed)
        self.campus.tokens.clear()
        await self.work()


@pytest.fixture
async def lms():
    platform = Platform()
    async with TestServer(platform.app()) as server:
        platform.url = str(server.make_url("")).rstrip("/")
        yield platform


@pytest.fixture
async def campus(sqlite_template, tmp_path, lms):
    async with sqlite_campus(sqlite_template, tmp_path, lms.url) as opened:
        yield opened


@pytest.fixture
async def worker(campus):
    async with open_session(ANYWHERE) as client:
        yield Worker(campus, client)


async def handed_in(campus, exam, attempt):
    path = f"/api/v1/exam/{exam}/attempt/{attempt}/"
    for word in ("started", "submitted"):
        assert (await campus.ask("PATCH", path, {"status": word}))[0] == 200


async def state_of(campus, attempt):
    return (await campus.desk.standing(attempt))[0].state


async def test_a_learner_may_begin_when_they_are_admitted_and_not_before(campus, worker, lms):
    _, attempt = await campus.begun()
    await worker.work()
    assert lms.heard == []

    await campus.admitted(attempt)
    await worker.work()

    assert lms.heard == [("ready", attempt, {"status": "ready"}, 200)]


async def test_a_session_ends_in_exactly_one_review_after_the_exam_was_handed_in(
    campus, worker, lms
):
    exam, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    await worker.work()
    await campus.note(sitting, "technical.network")
    await campus.attested(sitting)
    await worker.work()
    assert [what for what, _ in lms.taken] == ["ready"]

    await handed_in(campus, exam, attempt)
    await worker.work()
    await worker.later(HALF_A_DAY)

    (_, body) = lms.taken[-1]
    assert [what for what, _ in lms.taken] == ["ready", "reviewed"]
    assert body["status"] == "passed"
    assert "reviewed_by" not in body
    assert "Maria" not in json.dumps(body)
    assert NOTE not in json.dumps(body)
    texts = [one["comment"] for one in body["comments"]]
    assert texts[0] == "Incident: technical, network (medium severity)."
    assert sitting.session in texts[-1]
    assert await state_of(campus, attempt) is AttemptState.REVIEWED


async def test_what_was_handed_in_before_is_reviewed_at_once(campus, worker, lms):
    exam, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    await handed_in(campus, exam, attempt)
    await campus.note(sitting, "examinee.navigation")
    await campus.attested(sitting)

    await worker.work()

    assert lms.taken[-1][0] == "reviewed"
    assert lms.taken[-1][1]["status"] == "suspicious"
    async with campus.office.desk.office.store.read() as tx:
        said = [
            (one.kind, one.data.get("failed"))
            for one in await tx.sessions.entries(sitting.session)
            if one.actor == "platform"
        ]
    assert said == [("assessment_opened", None), ("assessment_handed_in", False)]


async def test_a_review_does_not_wait_for_ever(campus, worker, lms):
    _, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    await worker.work()
    await campus.attested(sitting)
    await worker.work()

    await worker.later(HALF_A_DAY)

    assert [what for what, _ in lms.taken] == ["ready", "reviewed"]


async def test_a_session_that_was_stopped_is_a_violation_at_once(campus, worker, lms):
    _, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    await campus.attested(sitting, Outcome.STOPPED)

    await worker.work()

    assert lms.taken[-1][1]["status"] == "violation"


async def test_a_lost_answer_costs_no_second_review(campus, worker, lms):
    exam, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    await worker.work()
    await handed_in(campus, exam, attempt)
    await campus.attested(sitting)
    said = '{"detail": "We already have a review submitted regarding attempt_code=1."}'
    lms.answers = [(500, ""), (400, said)]

    await worker.work()
    await worker.later(timedelta(minutes=2))
    await worker.later(timedelta(minutes=2))

    assert [(what, status) for what, _, _, status in lms.heard] == [
        ("ready", 200),
        ("reviewed", 500),
        ("reviewed", 400),
    ]
    assert await state_of(campus, attempt) is AttemptState.REVIEWED


async def test_a_token_is_kept_and_renewed_when_the_platform_wants_another(campus, worker, lms):
    exam, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    await worker.work()
    assert lms.granted == 1
    lms.granted = 5

    await handed_in(campus, exam, attempt)
    await campus.attested(sitting)
    await worker.work()

    assert lms.granted == 6
    assert lms.taken[-1][0] == "reviewed"


async def test_nobody_is_told_of_an_attempt_that_was_deleted(campus, worker, lms):
    exam, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    await campus.ask("DELETE", f"/api/v1/exam/{exam}/attempt/{attempt}/")
    await campus.attested(sitting)

    await worker.later(HALF_A_DAY)

    assert lms.heard == []


async def test_practice_is_ready_at_once_and_passed_when_it_is_handed_in(campus, worker, lms):
    exam = await campus.exam(is_practice_exam=True)
    attempt = await campus.attempt(exam)
    await worker.work()

    await handed_in(campus, exam, attempt)
    await worker.work()

    assert lms.taken == [
        ("ready", {"status": "ready"}),
        ("reviewed", {"status": "passed", "comments": []}),
    ]


@pytest.mark.parametrize("status", [301, 403, 404, 410, 500])
async def test_what_the_platform_refuses_is_tried_again(campus, worker, lms, status):
    _, attempt = await campus.begun()
    await campus.admitted(attempt)
    lms.headers = {"Location": f"{lms.url}/elsewhere"}
    lms.answers = [(status, "no")]

    await worker.work()
    await worker.later(timedelta(minutes=2))

    assert [one[3] for one in lms.heard] == [status, 200]


@pytest.mark.parametrize(
    "token", [{}, [], "x", {"access_token": "a\nb"}, {"access_token": 1, "expires_in": "x"}]
)
async def test_a_token_that_cannot_be_used_is_not_sent(campus, worker, lms, token):
    _, attempt = await campus.begun()
    await campus.admitted(attempt)
    lms.token = token

    await worker.work()

    assert lms.heard == []


async def test_a_platform_that_is_away_is_silent(campus, worker, lms):
    _, attempt = await campus.begun()
    await campus.admitted(attempt)
    async with campus.office.desk.office.store.read() as tx:
        now = campus.office.clock.now()
        (told,) = [
            one
            for one in await tx.outbox.due(now, 100)
            if one.channel is Channel.EDX and one.type == "session.admitted"
        ]
    platform = await campus.desk.platform(CAMPUS)
    assert platform.url == lms.url
    carrier = EdxCarrier(campus.desk, Lms(Away(), worker.clock, campus.wrapping))

    attempted = await carrier.carry(told)

    assert (attempted.fate, attempted.silent) == (Fate.FAILED, True)


class Away:
    """A client that reaches nobody."""

    def post(self, *_, **__):
        raise OSError("unreachable")


async def test_only_public_addresses_are_spoken_to(campus, lms):
    _, attempt = await campus.begun()
    await campus.admitted(attempt)
    async with open_session() as client:
        worker = Worker(campus, client)

        await worker.work()

    assert (lms.granted, lms.heard) == (0, [])


async def test_a_learner_is_retired_after_the_review_and_the_record_tells_it(campus, worker, lms):
    exam, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    await handed_in(campus, exam, attempt)
    await campus.attested(sitting)
    path = "/api/v1/user/" + WHO["user_id"] + "/"
    before = await campus.ask("DELETE", path)

    await worker.work()
    after = [await campus.ask("DELETE", path) for _ in range(2)]

    assert before == (200, False)
    assert after == [(200, True)] * 2
    async with campus.office.desk.office.store.read() as tx:
        kinds = [one.kind for one in await tx.sessions.entries(sitting.session)]
        openings = list(await tx.openings.of(sitting.session))
    assert kinds.count("texts_erased") == 1
    assert openings == []


async def test_with_an_officer_on_board_the_review_waits_until_the_certificate_is_due(
    campus, worker, lms
):
    _, attempt = await campus.begun()
    office = campus.office.desk.office
    due = worker.clock.now() + timedelta(days=5)
    facts = {
        "request": attempt,
        "session": "ob_1",
        "kind": "onboard",
        "outcome": "accepted",
        "attestation": "a.b.c",
        "due": due.isoformat(),
    }
    async with office.store.write() as tx:
        await tx.outbox.add(office.told(Channel.EDX, CAMPUS, "report.ready", facts))

    await worker.work()
    await worker.later(timedelta(days=4))
    before = [what for what, _ in lms.taken]
    await worker.later(timedelta(days=1))

    assert before == ["ready"]
    assert [what for what, _ in lms.taken] == ["ready", "reviewed"]
    body = lms.taken[-1][1]
    assert body["status"] == "passed"
    assert "officer on board" in body["comments"][0]["comment"]


async def test_what_was_erased_is_not_sent_again(campus, worker, lms):
    told = campus.office.desk.office.told(Channel.EDX, CAMPUS, "attempt.review", {})

    attempted = await worker.carrier.carry(replace(told, body=b""))

    assert attempted.fate is Fate.REFUSED_FOR_GOOD
    assert lms.heard == []

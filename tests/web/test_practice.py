"""The practice backend, driven over HTTP as the service and a browser would drive it."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from invigilation.record import Envelope, Opening, keyed
from recordings.seal import Seal, SigningKey
from web.backends.webhook import sign
from web.practice import course
from web.practice.app import application, clock_of
from web.practice.progress import Gate, gate, words
from web.practice.records import Event, Records
from web.practice.settings import Settings, parse

NOW = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
KEY = SigningKey.generate()
STRANGER = SigningKey.generate()
RIGHT = {f"q{n}": str(question.right) for n, question in enumerate(course.QUESTIONS)}


class Service:
    """Plays the invigilation service: tokens, assessments, requests, keys."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict]] = []
        self.status = 201
        self.keys_status = 200
        self.tokens = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/oauth/token", self.token)
        app.router.add_get("/api/assessments", self.assessments)
        app.router.add_post("/api/requests", self.request)
        app.router.add_get("/.well-known/jwks.json", self.keys)
        return app

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        wanted = "Basic " + base64.b64encode(b"practice:s3cret").decode()
        good = request.headers["Authorization"] == wanted
        assert form["grant_type"] == "client_credentials"
        self.tokens += 1
        body = {"access_token": f"t{self.tokens}", "token_type": "Bearer", "expires_in": 900}
        return web.json_response(body if good else {}, status=200 if good else 401)

    async def assessments(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != f"Bearer t{self.tokens}":
            return web.json_response({"detail": "Token over."}, status=401)
        return web.json_response({"assessments": [{"code": "SSA", "title": "Security"}]})

    async def request(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append((request.headers["Idempotency-Key"], body))
        if self.status != 201:
            return web.json_response({"detail": "Not today."}, status=self.status)
        answer = {"id": "rq_1", "state": "open", "booking_url": "http://127.0.0.1/book/1"}
        return web.json_response(answer, status=201)

    async def keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [KEY.jwk()]}, status=self.keys_status)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def settings(service, tmp_path):
    async with TestServer(service.app()) as server:
        yield Settings(
            host="127.0.0.1",
            port=0,
            service=str(server.make_url("")).rstrip("/"),
            public="http://lms.example",
            data=tmp_path / "practice",
            client_id="practice",
            client_secret="s3cret",
            webhook_secret=SECRET,
            testing=True,
        )


@pytest.fixture
async def client(settings):
    async with TestClient(TestServer(application(settings, lambda: NOW))) as client:
        yield client


def body_of(kind: str, /, at: datetime = NOW, session: str = "se_1", **more) -> bytes:
    facts = {"request": "L-1001-0001", "learner": "L-1001", "session": session, "booking": "bk_1"}
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": facts | more}).encode()


def report_of(
    session: str = "se_1", outcome: str = "completed", key: SigningKey = KEY, **more
) -> str:
    report = {
        "format": "invigilation-attestation/1",
        "session": session,
        "kind": "remote",
        "outcome": outcome,
        "learner": {"reference": "L-1001", "name": "Maria Santos"},
        "invigilator": {"id": "st_ana", "name": "Ana Reyes"},
        "assessment": {"reference": "L-1001-0001"},
    }
    return Seal(key).seal(json.dumps(report | more).encode()).decode()


def ready(jws: str, outcome: str = "completed", **more) -> bytes:
    due = "2027-03-03T17:00:00.000000Z"
    return body_of("report.ready", outcome=outcome, attestation=jws, due=due, **more)


async def send(
    client: TestClient, body: bytes, ident: str = "dl_1", at: datetime = NOW, **headers
) -> int:
    stamp = int(at.timestamp())
    signed = {
        "webhook-id": ident,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(SECRET, ident, stamp, body),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    response = await client.post("/webhooks", data=body, headers=signed)
    return response.status


async def listed(client: TestClient, what: str) -> list[dict]:
    return await (await client.get(f"/{what}.json")).json()


async def nonces(client: TestClient) -> list[str]:
    return re.findall(r'name="nonce" value="([^"]+)"', await (await client.get("/")).text())


async def ask(client: TestClient, nonce: str | None = None):
    form = {"learner": "L-1001", "assessment": "SSA", "nonce": nonce or (await nonces(client))[0]}
    return await client.post("/requests", data=form, allow_redirects=False)


async def sheet(client: TestClient) -> str:
    """Return the path of the first request's assessment."""
    found = re.search(r'"(/assessment/[^"]+)"', await (await client.get("/")).text())
    assert found
    return found[1]


# Asking


async def test_asking_leads_to_the_booking_page(client, service):
    response = await ask(client)
    assert (response.status, response.headers["Location"]) == (303, "http://127.0.0.1/book/1")
    _, body = service.asked[0]
    assert body["reference"] == "L-1001-0001"
    assert body["learner"] == {
        "reference": "L-1001",
        "name": "Maria Santos",
        "email": "maria.santos@example.org",
        "born": "1994-03-17",
        "document_number": "LM4821735",
    }
    assert body["purchased_on"] == "2027-01-30"
    assert body["assessment_url"].startswith("http://lms.example/assessment/")
    assert "http://127.0.0.1/book/1" in await (await client.get("/")).text()


async def test_what_is_not_known_of_a_learner_is_left_out(client, service):
    form = {"name": "Ole Hansen", "email": "ole@example.org", "born": "", "document_number": "X1"}
    await client.post("/learners", data=form)
    wish = {"learner": "L-1006", "assessment": "SSA", "nonce": (await nonces(client))[0]}

    await client.post("/requests", data=wish, allow_redirects=False)

    _, body = service.asked[0]
    assert body["learner"] == {
        "reference": "L-1006",
        "name": "Ole Hansen",
        "email": "ole@example.org",
        "document_number": "X1",
    }


async def test_a_double_click_is_one_request(client, service):
    nonce = (await nonces(client))[0]
    await ask(client, nonce)
    await ask(client, nonce)
    assert service.asked[0] == service.asked[1]


async def test_a_second_request_has_its_own_name(client, service):
    await ask(client)
    await ask(client)
    assert [body["reference"] for _, body in service.asked] == ["L-1001-0001", "L-1001-0002"]
    assert service.asked[0][0] != service.asked[1][0]


async def test_refusal_of_the_service_is_shown(client, service):
    service.status = 402
    response = await ask(client)
    assert response.status == 502
    assert "402. Not today." in await response.text()


async def test_token_is_kept_and_renewed_when_it_is_over(client, service):
    await client.get("/")
    await client.get("/")
    kept = service.tokens
    service.tokens += 1  # whatever was given before is over now
    text = await (await client.get("/")).text()
    assert (kept, service.tokens) == (1, 3)
    assert "Ask for a remote session" in text


async def test_wrong_secret(settings):
    wrong = dataclasses.replace(settings, client_secret="guess")
    async with TestClient(TestServer(application(wrong, lambda: NOW))) as client:
        assert "said 401" in await (await client.get("/")).text()


async def test_service_out_of_reach(settings, unused_tcp_port):
    nowhere = dataclasses.replace(settings, service=f"http://127.0.0.1:{unused_tcp_port}")
    async with TestClient(TestServer(application(nowhere, lambda: NOW))) as client:
        response = await client.get("/")
        assert response.status == 200
        assert "does not answer" in await response.text()


@pytest.mark.parametrize("change", [{"learner": "L-9"}, {"assessment": ""}, {"nonce": "short"}])
async def test_unusable_wishes(client, service, change):
    form = {"learner": "L-1001", "assessment": "SSA", "nonce": "n" * 22} | change
    response = await client.post("/requests", data=form)
    assert response.status == 400
    assert service.asked == []


async def test_another_sites_form(client):
    response = await client.post("/learners", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status == 403


async def test_enrolling(client):
    form = {"name": "<b>Zoë</b>", "email": "zoe@example.org"}
    text = await (await client.post("/learners", data=form)).text()
    assert "&lt;b&gt;Zoë&lt;/b&gt;" in text
    assert "L-1006" in text


# Webhooks


async def test_webhook_is_kept_and_shown(client):
    assert await send(client, body_of("session.admitted")) == 200
    (event,) = await listed(client, "events")
    assert (event["id"], event["type"], event["session"]) == ("dl_1", "session.admitted", "se_1")
    assert "session.admitted" in await (await client.get("/")).text()


async def test_same_id_has_one_effect(client):
    await send(client, body_of("session.admitted"))
    assert await send(client, body_of("session.paused")) == 200
    assert [event["type"] for event in await listed(client, "events")] == ["session.admitted"]


async def test_same_content_has_one_effect(client):
    await send(client, body_of("session.admitted"), "dl_1")
    assert await send(client, body_of("session.admitted"), "dl_2") == 200
    assert len(await listed(client, "events")) == 1


async def test_pausing_twice_is_two_events(client):
    await send(client, body_of("session.paused"), "dl_1")
    await send(client, body_of("session.paused", NOW + timedelta(seconds=9)), "dl_2")
    assert len(await listed(client, "events")) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook_signature": ""},
        {"webhook_signature": "v1,"},
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": sign(SECRET, "dl_1", int(NOW.timestamp()), b"{}")},
        {"webhook_signature": "v2," + sign(SECRET, "dl_1", int(NOW.timestamp()), b"{}")[3:]},
        {"webhook_id": "dl_other"},
        {"webhook_id": ""},
        {"webhook_id": "x" * 300},
        {"webhook_timestamp": "now"},
        {"webhook_timestamp": str(int(NOW.timestamp()) + 1)},
    ],
)
async def test_bad_signature(client, headers):
    assert await send(client, body_of("session.admitted"), **headers) == 401
    assert await listed(client, "events") == []


async def test_one_of_several_signatures_will_do(client):
    body, stamp = body_of("session.admitted"), int(NOW.timestamp())
    several = "v1a,AAAA v1,AAAA " + sign(SECRET, "dl_1", stamp, body)
    assert await send(client, body, webhook_signature=several) == 200


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_replay_after_the_tolerance(client, seconds):
    at = NOW + timedelta(seconds=seconds)
    assert await send(client, body_of("session.admitted"), at=at) == 401


@pytest.mark.parametrize("seconds", [-299, 299])
async def test_clocks_may_differ_a_little(client, seconds):
    at = NOW + timedelta(seconds=seconds)
    assert await send(client, body_of("session.admitted"), at=at) == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"type":"x","timestamp":"2027-03-01T09:30:00Z","data":{}}',
     b'{"type":"x","timestamp":"2027-03-01T09:30:00","data":{"session":"s","request":"r"}}',
     b'{"type":"x","timestamp":"2027-03-01T09:30:00Z","data":{"session":1,"request":"r"}}'],
)  # fmt: skip
async def test_unusable_bodies(client, body):
    assert await send(client, body) == 400
    assert await listed(client, "events") == []


async def test_down_and_up(client):
    await client.post("/test/down")
    assert await send(client, body_of("session.ended")) == 503
    assert await listed(client, "events") == []
    await client.post("/test/up")
    assert await send(client, body_of("session.ended")) == 200
    statuses = [one["status"] for one in await listed(client, "deliveries")]
    assert statuses == [200, 503]


async def test_down_is_for_tests_only(settings):
    plain = dataclasses.replace(settings, testing=False)
    async with TestClient(TestServer(application(plain, lambda: NOW))) as client:
        assert (await client.post("/test/down")).status == 404


# Reports


async def test_report_is_verified_and_kept(client):
    jws = report_of()
    assert await send(client, ready(jws)) == 200
    (report,) = await listed(client, "reports")
    assert report["sha256"] == hashlib.sha256(jws.encode()).hexdigest()
    assert (report["session"], report["outcome"]) == ("se_1", "completed")
    assert await (await client.get("/reports/se_1.jws")).text() == jws
    assert report["sha256"] in await (await client.get("/")).text()


async def test_report_again_is_one_report(client):
    jws = report_of()
    for number in range(3):
        assert await send(client, ready(jws), f"dl_{number}") == 200
    assert len(await listed(client, "reports")) == 1


async def test_another_report_of_the_session_changes_nothing(client):
    first = report_of()
    await send(client, ready(first), "dl_1")
    await send(client, ready(report_of(reason="later")), "dl_2")
    (report,) = await listed(client, "reports")
    assert report["jws"] == first


def sealed_report(envelope: Envelope, **more) -> str:
    return report_of(
        format="invigilation-attestation/2",
        learner={"reference": "L-1001", "name": envelope.seal("Maria Santos")},
        invigilator={"id": "st_ana", "name": envelope.seal("Ana Reyes")},
        incidents=[{"note": envelope.seal("A door opened.")}],
        **more,
    )


async def test_the_names_of_a_sealed_report_come_beside_it(client):
    envelope = Envelope()
    jws = sealed_report(envelope)

    assert await send(client, ready(jws, openings=keyed(envelope.openings))) == 200

    (report,) = await listed(client, "reports")
    assert report["invigilator"] == "Ana Reyes"
    assert "Ana Reyes" not in base64.b64decode(jws.split(".")[1] + "==").decode()


async def test_a_sealed_report_without_its_names_is_a_report(client):
    jws = sealed_report(Envelope())

    assert await send(client, ready(jws)) == 200

    assert [one["invigilator"] for one in await listed(client, "reports")] == [""]


def _exchanged(openings):
    first, second = list(openings)[:2]
    return openings | {first: openings[second], second: openings[first]}


@pytest.mark.parametrize(
    "change",
    [
        lambda openings: {
            seal: one | {"text": one["text"] + "."} for seal, one in openings.items()
        },
        lambda openings: {seal: one | {"key": "00" * 32} for seal, one in openings.items()},
        _exchanged,
        lambda openings: openings | keyed([Opening.of("Another.")]),
        lambda openings: dict.fromkeys(openings, "text"),
        list,
    ],
)
async def test_a_text_that_is_not_the_sealed_one(client, change):
    envelope = Envelope()
    jws = sealed_report(envelope)

    assert await send(client, ready(jws, openings=change(keyed(envelope.openings)))) == 422

    assert await listed(client, "reports") == []


def _with_header(jws: str, **header) -> str:
    text = json.dumps({"alg": "Ed25519", "kid": KEY.key_id} | header).encode()
    head = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    signed = f"{head}.{jws.split('.')[1]}"
    signature = base64.urlsafe_b64encode(KEY.sign(signed.encode())).rstrip(b"=").decode()
    return f"{signed}.{signature}"


def test_the_header_of_the_forgeries_is_good():
    assert _with_header(report_of()).count(".") == 2


async def test_a_rebuilt_header_is_accepted(client):
    assert await send(client, ready(_with_header(report_of()))) == 200


@pytest.mark.parametrize(
    "jws",
    [
        "",
        "a.b",
        "a.b.c.d",
        report_of()[:-4] + "AAAA",
        report_of() + "=",
        report_of(key=STRANGER),
        report_of(session="se_2"),
        report_of(outcome="stopped"),
        report_of(format="other/1"),
        report_of(learner={"reference": "L-1002"}),
        report_of(assessment="L-1001-0001"),
        Seal(KEY).seal(b"[]").decode(),
        Seal(KEY).seal(b"not json").decode(),
        _with_header(report_of(), alg="EdDSA"),
        _with_header(report_of(), alg="none"),
        _with_header(report_of(), crit=["exp"]),
        _with_header(report_of(), kid=STRANGER.key_id),
        _with_header(report_of(), kid=7),
    ],
)
async def test_bad_report(client, jws):
    assert await send(client, ready(jws)) == 422
    assert await listed(client, "reports") == []
    assert await listed(client, "events") == []


async def test_missing_report(client):
    assert await send(client, body_of("report.ready", outcome="completed")) == 422


async def test_keys_out_of_reach_come_back(client, service):
    service.keys_status = 503
    first = await send(client, ready(report_of()))
    service.keys_status = 200
    second = await send(client, ready(report_of()))
    assert (first, second) == (503, 200)
    assert len(await listed(client, "reports")) == 1


async def test_everything_is_there_after_a_restart(settings):
    for _ in range(2):
        async with TestClient(TestServer(application(settings, lambda: NOW))) as client:
            await send(client, ready(report_of()))
            reports = await listed(client, "reports")
    assert len(reports) == 1


# The assessment


async def test_the_assessment_opens_when_released(client):
    await ask(client)
    path = await sheet(client)
    before = await (await client.get(path)).text()
    await send(client, body_of("session.admitted"))
    after = await (await client.get(path)).text()
    assert "Not released yet" in before
    assert course.QUESTIONS[0].text not in before
    assert course.QUESTIONS[0].text in after


async def test_passing(client):
    await ask(client)
    path = await sheet(client)
    await send(client, body_of("session.admitted"))
    text = await (await client.post(path, data=RIGHT)).text()
    assert "Passed: 100 %" in text


async def test_failing_and_sitting_it_again(client):
    await ask(client)
    path = await sheet(client)
    await send(client, body_of("session.admitted"))
    assert (
        "Not passed: 60 %"
        in await (await client.post(path, data=RIGHT | {"q0": "1", "q1": "9"})).text()
    )
    assert course.QUESTIONS[0].text in await (await client.get(path + "?again")).text()


@pytest.mark.parametrize("kind", [None, "session.ended", "session.stopped", "session.refused"])
async def test_no_answers_outside_the_session(client, kind):
    await ask(client)
    path = await sheet(client)
    if kind:
        await send(client, body_of("session.admitted"), "dl_1")
        await send(client, body_of(kind, NOW + timedelta(seconds=1)), "dl_2")
    response = await client.post(path, data=RIGHT)
    text = await response.text()
    assert response.status == 409
    assert ("Closed" if kind else "Not released yet") in text


async def test_answers_given_in_a_pause_are_kept(client):
    await ask(client)
    path = await sheet(client)
    await send(client, body_of("session.admitted"), "dl_1")
    await send(client, body_of("session.paused", NOW + timedelta(seconds=1)), "dl_2")
    paused = await client.post(path, data=RIGHT)
    await send(client, body_of("session.resumed", NOW + timedelta(seconds=2)), "dl_3")
    resumed = await (await client.get(path)).text()
    assert paused.status == 409
    assert "Your answers are kept" in await paused.text()
    assert resumed.count("checked") == len(RIGHT)


async def test_unknown_link(client):
    assert (await client.get("/assessment/none")).status == 404


ONBOARD = {
    "kind": "onboard",
    "officer": {"name": "Jan de Vries", "rank": "master", "rank_words": ""},
    "vessel": {"name": "MV Northern Light", "imo": "9074729"},
}


async def test_report_of_an_officer_on_board_is_marked_and_opens_the_assessment(client):
    await ask(client)
    path = await sheet(client)
    jws = report_of("ob_1", "accepted", **ONBOARD)
    told = ready(jws, "accepted", session="ob_1", kind="onboard", booking=None)

    assert await send(client, told) == 200

    (report,) = await listed(client, "reports")
    assert (report["kind"], report["outcome"]) == ("onboard", "accepted")
    assert report["invigilator"] == "Jan de Vries, MV Northern Light, IMO 9074729"
    page = await (await client.get("/")).text()
    assert "An officer on board is accepted" in page
    assert "Not released yet" not in await (await client.get(path)).text()


@pytest.mark.parametrize("kind", [None, "", "something", 1, ["onboard"]])
async def test_report_of_an_unknown_kind_is_refused(client, kind):
    assert await send(client, ready(report_of(kind=kind))) == 422
    assert await listed(client, "reports") == []


async def test_reports_kept_by_an_earlier_version_are_remote_ones(tmp_path):
    path = tmp_path / "old.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE report (session TEXT PRIMARY KEY, request TEXT, learner TEXT, "
            "outcome TEXT, due TEXT, sha256 TEXT, verified TEXT, jws TEXT)"
        )
        db.execute("INSERT INTO report VALUES ('se_1', 'r', 'l', 'completed', '', '', '', '')")
        db.commit()
    records = Records(path)

    records.prepare()

    (report,) = records.reports()
    assert (report.session, report.kind, report.invigilator) == ("se_1", "remote", "")


def event(kind: str, second: int, session: str = "se_1") -> Event:
    at = (NOW + timedelta(seconds=second)).isoformat()
    return Event(f"{session}{second}", kind, session, "", "r", at, at, {})


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], Gate.WAITING),
        ([event("booking.made", 0)], Gate.WAITING),
        ([event("session.admitted", 1), event("session.paused", 2)], Gate.PAUSED),
        ([event("session.admitted", 1), event("report.ready", 2)], Gate.OPEN),
        ([event("session.ended", 1), event("session.resumed", 2)], Gate.CLOSED),
        ([event("session.ended", 1), event("booking.made", 2, "se_2")], Gate.WAITING),
    ],
)
def test_gate(events, state):
    assert gate(events) is state


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"start": "2027-03-03T10:00:00.000000Z"}, "Booked (3 March 2027, 10:00 UTC)"),
        ({"state": "no_show"}, "Booked (no show)"),
        ({}, "Booked"),
    ],
)
def test_words(facts, said):
    assert words([dataclasses.replace(event("booking.made", 0), data=facts)]) == said


def test_what_happens_within_a_step_is_no_step():
    told = [event("session.admitted", 0), event("session.incident", 1)]

    assert words(told) == words(told[:1])


async def test_late_webhooks_count_when_they_happened(client):
    await ask(client)
    path = await sheet(client)
    await send(client, body_of("session.paused", NOW + timedelta(seconds=5)), "dl_2")
    await send(client, body_of("session.admitted", NOW), "dl_1")
    assert "Paused" in await (await client.get(path)).text()


# Settings

ENVIRONMENT = {
    "PRACTICE_SERVICE": "http://127.0.0.1:1/",
    "PRACTICE_DATA": "here",
    "PRACTICE_CLIENT_SECRET": "c",
    "PRACTICE_WEBHOOK_SECRET": SECRET,
}


def test_settings_by_environment_and_arguments():
    settings = parse(["--port", "99", "--testing"], ENVIRONMENT)
    assert (settings.port, settings.service, settings.testing) == (99, "http://127.0.0.1:1", True)
    assert settings.data == Path("here")


def test_clock_of_a_rehearsal(settings, tmp_path):
    shift = tmp_path / "shift"
    shift.write_text("86400")
    moved = clock_of(dataclasses.replace(settings, clock_shift_file=shift))
    assert timedelta(hours=23) < moved() - clock_of(settings)() < timedelta(hours=25)


@pytest.mark.parametrize("arguments", [["--port", "x"], ["--nonsense"]])
def test_unusable_arguments_end_in_a_sentence(capsys, arguments):
    with pytest.raises(SystemExit):
        parse(arguments, ENVIRONMENT)
    assert "error" in capsys.readouterr().err


def test_missing_secret_is_named(capsys):
    with pytest.raises(SystemExit):
        parse([], {})
    assert "--client-secret" in capsys.readouterr().err

"""The machine interface on a real desk and a real database: what a backend can do, and see."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from openapi_spec_validator import OpenAPIV31SpecValidator

from invigilation.charge import Charge, ChargeState
from invigilation.desk import Desk, Office
from invigilation.desk.identity import Seen
from invigilation.desk.onboard import Taken
from invigilation.identity import Decision, SnapshotKind
from invigilation.office_hours import Hours
from invigilation.onboard import Facts, Rank
from invigilation.people import Role, Staff
from invigilation.probe import Figures, ProbeKind
from invigilation.request import Assessment
from invigilation.session import Outcome
from invigilation.slots import Shift
from invigilation.store import Store
from invigilation.store.evidence import Evidence
from invigilation.store.people import Backend, Client
from recordings.seal import Seal, SigningKey, open_seal
from tests.web.api_toy import KEY, HandClock
from tests.web.generated_calls import generated_calls
from web.api import service
from web.api.oauth import Scope, hash_secret
from web.ports import StoredClients, StoredKeys

SECRET = "s" * 43
MONDAY = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
START = datetime(2027, 3, 3, 10, 0, tzinfo=UTC)
LATER = START + timedelta(hours=4)
ANA = Staff("st_ana", "ana@example.org", "Ana Reyes", frozenset({Role.INVIGILATOR}))
SIGNING = SigningKey.generate()
REQUEST = {
    "reference": "e-1",
    "learner": {"reference": "l-1", "name": "Maria Santos", "email": "maria@example.org"},
    "assessment": "SSO",
    "purchased_on": "2027-01-15",
    "assessment_url": "https://lms.example.org/a/1",
}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(MONDAY)


@pytest.fixture
async def desk(store: Store, clock: HandClock) -> Desk:
    async with store.write() as tx:
        await tx.people.add_staff(ANA, "")
        await tx.rota.add_seat("sx_1", ANA.id, 1)
        for weekday in range(5):
            shift = Shift(ANA.id, weekday, Hours(time(9), time(17)), date(2027, 1, 1), None)
            await tx.rota.add_shift(f"sh_{weekday}", shift)
        for name in ("lms", "rival"):
            await tx.people.add_backend(Backend(name, name.upper(), "", ""))
            await tx.people.add_client(Client(name, name, hash_secret(SECRET), tuple(Scope)))
            one = Assessment(f"as_{name}", name, "SSO", "Security", 90, ("Course notes",), 70)
            await tx.requests.add_assessment(one)
    return Desk.of(Office(store, clock, SIGNING, Seal(SIGNING)))


@pytest.fixture
async def server(desk: Desk):
    office = desk.office
    ports = service.Ports(
        clients=StoredClients(office),
        keys=StoredKeys(office),
        token_key=KEY,
        server="",
        link=lambda request: f"https://exams.example.org/r/{request}",
    )
    app = web.Application()
    app.add_subapp("/api", service.build(desk, ports))
    async with TestServer(app) as server:
        yield server


class Lms:
    """A backend's machine client: takes a token and sends a new key with each POST."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self._count = 0

    @classmethod
    async def sign_in(cls, client: TestClient, name: str) -> Lms:
        client.session.headers.pop("Authorization", None)
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": SECRET}
        answer = await (await client.post("/api/oauth/token", data=form)).json()
        client.session.headers["Authorization"] = "Bearer " + answer["access_token"]
        return cls(client)

    async def get(self, path: str) -> ClientResponse:
        return await self._client.get("/api" + path)

    async def post(self, path: str, body: dict, key: str = "") -> ClientResponse:
        self._count += 1
        headers = {"Idempotency-Key": key or f"key-{self._count}"}
        return await self._client.post("/api" + path, json=body, headers=headers)

    async def ask(self, **change) -> dict:
        response = await self.post("/requests", REQUEST | change)
        assert response.status == 201, await response.text()
        return await response.json()

    async def book(self, request: str, start: datetime = START, **more) -> ClientResponse:
        return await self.post("/bookings", {"request": request, "start": start.isoformat()} | more)


@pytest.fixture
async def lms(server):
    async with TestClient(server) as client:
        yield await Lms.sign_in(client, "lms")


@pytest.fixture
async def rival(server):
    async with TestClient(server) as client:
        yield await Lms.sign_in(client, "rival")


async def refused(response: ClientResponse) -> tuple[int, str]:
    body = json.loads(await response.read())
    return response.status, body["type"].removeprefix("/problems/")


# Requests


async def test_asking(lms):
    asked = await lms.ask()
    assert asked == {
        "id": asked["id"],
        "reference": "e-1",
        "state": "open",
        "assessment": "SSO",
        "licence_until": "2027-07-15T23:00:00Z",
        "booking_url": f"https://exams.example.org/r/{asked['id']}",
        "test_url": f"https://exams.example.org/r/{asked['id']}?to=test",
        "booking": None,
        "onboard": None,
        "charge": None,
    }
    assert await (await lms.get(f"/requests/{asked['id']}")).json() == asked


async def test_licence_by_its_last_day(lms):
    body = {k: v for k, v in REQUEST.items() if k != "purchased_on"}
    response = await lms.post("/requests", body | {"licence_until": "2027-04-30"})
    assert (await response.json())["licence_until"] == "2027-04-30T23:00:00Z"


async def test_same_reference_is_same_request(lms):
    assert (await lms.ask())["id"] == (await lms.ask())["id"]


async def test_same_reference_of_two_backends_is_two_requests(lms, rival):
    assert (await lms.ask())["id"] != (await rival.ask())["id"]


async def test_same_key_replays(lms):
    first = await lms.post("/requests", REQUEST, key="k")
    again = await lms.post("/requests", REQUEST, key="k")
    other = await lms.post("/requests", REQUEST | {"reference": "e-2"}, key="k")
    assert await first.read() == await again.read()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await refused(other) == (422, "key_reused")


async def test_one_key_for_two_clients(lms, rival):
    await lms.post("/requests", REQUEST, key="k")
    response = await rival.post("/requests", REQUEST, key="k")
    assert "Idempotent-Replayed" not in response.headers


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"assessment": "NONE"}, "#/assessment"),
        ({"purchased_on": "2026-01-01"}, "#/licence_until"),
        ({"licence_until": "2027-04-30"}, "#"),
        ({"purchased_on": None}, "#/purchased_on"),
        ({"return_url": "javascript:alert(1)"}, "#/return_url"),
        ({"learner": REQUEST["learner"] | {"email": "nobody"}}, "#/learner/email"),
        ({"learner": REQUEST["learner"] | {"name": "\u202e"}}, "#/name"),
        ({"learner": REQUEST["learner"] | {"born": "14.06.1991"}}, "#/learner/born"),
        ({"learner": REQUEST["learner"] | {"born": "1850-01-01"}}, "#/learner/born"),
        ({"learner": REQUEST["learner"] | {"born": "2199-01-01"}}, "#/learner/born"),
        ({"learner": REQUEST["learner"] | {"born": None}}, "#/learner/born"),
        (
            {"learner": REQUEST["learner"] | {"document_number": "<b>"}},
            "#/learner/document_number",
        ),
        ({"backend": "rival"}, "#/backend"),
    ],
)
async def test_unusable_requests(lms, change, pointer):
    response = await lms.post("/requests", REQUEST | change)
    body = json.loads(await response.read())
    assert response.status == 422
    assert [fault["pointer"] for fault in body["errors"]] == [pointer]


async def test_a_learners_birth_and_document_are_kept_and_not_forgotten(lms, desk):
    known = {"born": "1994-03-17", "document_number": "LM4821735"}
    first = await lms.post("/requests", REQUEST | {"learner": REQUEST["learner"] | known})
    assert first.status == 201

    again = await lms.post("/requests", REQUEST | {"reference": "another"})

    kept = (await desk.requests.find((await again.json())["id"])).learner
    assert (kept.born, kept.document_number) == (date(1994, 3, 17), "LM4821735")


async def test_another_day_of_birth_under_one_key_is_another_request(lms):
    def body(born):
        return REQUEST | {"learner": REQUEST["learner"] | {"born": born}}

    first = await lms.post("/requests", body("1994-03-17"), key="k")
    same = await lms.post("/requests", body("1994-03-17"), key="k")
    other = await lms.post("/requests", body("1994-03-18"), key="k")

    assert (first.status, same.status, other.status) == (201, 201, 422)


async def test_assessments_are_ones_own(lms):
    (one,) = (await (await lms.get("/assessments")).json())["assessments"]
    assert one == {
        "code": "SSO",
        "title": "Security",
        "minutes": 90,
        "materials": ["Course notes"],
        "pass_mark": 70,
        "phone_allowed": True,
    }


# Slots and bookings


async def test_slots(lms):
    asked = await lms.ask()
    path = f"/requests/{asked['id']}/slots?from=2027-03-03T00:00:00Z&to=2027-03-04T00:00:00Z"
    slots = await (await lms.get(path)).json()
    assert slots["minutes"] == 90
    assert slots["starts"][0] == "2027-03-03T09:00:00Z"
    assert slots["starts"][-1] == "2027-03-03T15:00:00Z"


async def test_slots_of_the_next_fortnight(lms):
    asked = await lms.ask()
    slots = await (await lms.get(f"/requests/{asked['id']}/slots")).json()
    assert slots["starts"][0] == "2027-03-02T09:30:00Z"
    assert slots["starts"][-1] <= "2027-03-15T09:30:00Z"


@pytest.mark.parametrize(
    "query",
    [
        "from=2027-03-03T00:00:00Z&to=2027-03-02T00:00:00Z",
        "from=2027-03-03T00:00:00Z&to=2028-03-03T00:00:00Z",
    ],
)
async def test_unusable_period(lms, query):
    asked = await lms.ask()
    response = await lms.get(f"/requests/{asked['id']}/slots?{query}")
    assert await refused(response) == (422, "invalid_input")


async def test_booking(lms):
    asked = await lms.ask()
    booked = await (await lms.book(asked["id"], zone="Asia/Manila")).json()
    assert booked == {
        "id": booked["id"],
        "request": asked["id"],
        "session": booked["session"],
        "state": "booked",
        "start": "2027-03-03T10:00:00Z",
        "end": "2027-03-03T11:30:00Z",
        "zone": "Asia/Manila",
        "sequence": booked["sequence"],
        "link": None,
    }
    assert await (await lms.get(f"/bookings/{booked['id']}")).json() == booked
    request = await (await lms.get(f"/requests/{asked['id']}")).json()
    assert (request["state"], request["booking"]) == ("booked", booked["id"])


async def test_what_a_learner_tested_of_their_link_is_told_beside_the_booking(lms, desk):
    asked = await lms.ask()
    booked = await (await lms.book(asked["id"])).json()
    thin = Figures(60, 60, 700, 30, 20, 20, udp=True, turn=None, socket=True)
    await desk.probes.keep(asked["id"], ProbeKind.FULL, thin)

    shown = await (await lms.get(f"/bookings/{booked['id']}")).json()
    cancelled = await (await lms.post(f"/bookings/{booked['id']}/cancel", {})).json()

    assert shown["link"] == {
        "risk": "medium",
        "rung": "slow",
        "way": "direct",
        "tests": 1,
        "at_the_hour": shown["link"]["at_the_hour"],
    }
    assert cancelled["link"] is None


async def test_same_start_again_is_same_booking(lms):
    asked = await lms.ask()
    first, again = await lms.book(asked["id"]), await lms.book(asked["id"])
    assert (first.status, again.status) == (201, 201)
    assert await first.json() == await again.json()


async def test_another_start_while_booked(lms):
    asked = await lms.ask()
    await lms.book(asked["id"])
    assert await refused(await lms.book(asked["id"], LATER)) == (409, "already_booked")


async def test_taken_start(lms, rival):
    mine, theirs = await lms.ask(), await rival.ask()
    await lms.book(mine["id"])
    assert await refused(await rival.book(theirs["id"])) == (409, "slot_taken")


@pytest.mark.parametrize(
    "start", [MONDAY + timedelta(hours=1), START.replace(hour=20), START.replace(minute=7)]
)
async def test_start_that_is_not_offered(lms, start):
    asked = await lms.ask()
    assert await refused(await lms.book(asked["id"], start)) == (409, "slot_not_offered")


async def test_unknown_zone(lms):
    asked = await lms.ask()
    response = await lms.book(asked["id"], zone="Mars/Olympus")
    assert await refused(response) == (422, "invalid_input")


async def test_cancelling_opens_the_request_again(lms):
    asked = await lms.ask()
    booked = await (await lms.book(asked["id"])).json()
    cancelled = await lms.post(f"/bookings/{booked['id']}/cancel", {"reason": "Watch changed"})
    assert (await cancelled.json())["state"] == "cancelled"
    assert (await (await lms.get(f"/requests/{asked['id']}")).json())["state"] == "open"
    assert (await lms.book(asked["id"], LATER)).status == 201


async def test_cancelling_twice(lms):
    asked = await lms.ask()
    booked = await (await lms.book(asked["id"])).json()
    await lms.post(f"/bookings/{booked['id']}/cancel", {})
    again = await lms.post(f"/bookings/{booked['id']}/cancel", {})
    assert await refused(again) == (409, "illegal_transition")


async def test_cancelling_too_late(lms, clock):
    asked = await lms.ask()
    booked = await (await lms.book(asked["id"])).json()
    clock.moment = START - timedelta(hours=2)
    await Lms.sign_in(lms._client, "lms")
    late = await lms.post(f"/bookings/{booked['id']}/cancel", {})
    assert await refused(late) == (409, "too_late")


async def test_charge_is_shown_and_must_be_settled(lms, desk):
    missed = await lms.ask()
    booked = await (await lms.book(missed["id"])).json()
    async with desk.office.store.write() as tx:
        request = await tx.requests.find(missed["id"])
        assert request
        charge = Charge(
            "ch_1",
            request.learner,
            booked["id"],
            None,
            "no_show",
            "Missed session",
            4_500,
            2_000,
            "GBP",
            ChargeState.HELD,
            None,
            MONDAY,
        )
        await tx.charges.add(charge)
    asked = await lms.ask(reference="e-2")
    assert asked["charge"] == {
        "id": "ch_1",
        "state": "due",
        "net": 4500,
        "vat": 900,
        "gross": 5400,
        "currency": "GBP",
    }
    assert await refused(await lms.book(asked["id"], LATER)) == (402, "payment_due")


# Sessions


async def _attest(desk: Desk, clock: HandClock, session: str) -> None:
    clock.moment = START
    await desk.sessions.check_in(session, ("identity", "recording"))
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        taken = Evidence(f"ev_{kind}", session, kind, "image/jpeg", START, "0" * 64, 9, None)
        await desk.identity.record(session, ANA, Seen(kind, taken))
    await desk.identity.decide(session, ANA, Decision.CONFIRMED, "As in the document.")
    await desk.sessions.admit(session, ANA)
    clock.moment = START + timedelta(minutes=40)
    await desk.sessions.end(session, ANA)
    await desk.reports.attest(session, ANA, "I watched the learner throughout.", Outcome.COMPLETED)


async def test_session_and_its_attestation(lms, desk, clock):
    asked = await lms.ask()
    session = (await (await lms.book(asked["id"])).json())["session"]
    before = await lms.get(f"/sessions/{session}/attestation")
    await _attest(desk, clock, session)
    await Lms.sign_in(lms._client, "lms")
    shown = await (await lms.get(f"/sessions/{session}")).json()
    after = await lms.get(f"/sessions/{session}/attestation")
    assert await refused(before) == (404, "not_found")
    assert (shown["state"], shown["outcome"], shown["spent_seconds"]) == (
        "attested",
        "completed",
        2400,
    )
    assert after.content_type == "application/jose"
    report = open_seal(await after.read(), {SIGNING.key_id: SIGNING.public})
    assert json.loads(report)["session"] == session


async def test_an_officer_on_board_and_their_attestation(lms, rival, desk):
    asked = await lms.ask()
    facts = Facts("Jan de Vries", Rank.MASTER, "", "MV Aurora", "9074729", START.date())
    await desk.onboard.submit(asked["id"], "ob_1", facts, Taken("image/jpeg", "ab" * 32, 9_000))
    before = await (await lms.get(f"/requests/{asked['id']}")).json()
    early = await lms.get("/sessions/ob_1/attestation")
    await desk.onboard.accept("ob_1", ANA)

    shown = await (await lms.get(f"/requests/{asked['id']}")).json()
    sealed = await lms.get("/sessions/ob_1/attestation")

    assert (before["state"], before["onboard"]) == ("open", None)
    assert await refused(early) == (404, "not_found")
    assert (shown["state"], shown["onboard"], shown["booking"]) == ("fulfilled", "ob_1", None)
    assert sealed.content_type == "application/jose"
    report = json.loads(open_seal(await sealed.read(), {SIGNING.key_id: SIGNING.public}))
    assert (report["session"], report["kind"]) == ("ob_1", "onboard")
    await Lms.sign_in(rival._client, "rival")
    assert await refused(await rival.get("/sessions/ob_1/attestation")) == (404, "not_found")


async def test_nobody_sees_anothers(lms, rival, desk, clock):
    asked = await lms.ask()
    booked = await (await lms.book(asked["id"])).json()
    await _attest(desk, clock, booked["session"])
    await Lms.sign_in(rival._client, "rival")
    for path in (
        f"/requests/{asked['id']}",
        f"/requests/{asked['id']}/slots",
        f"/bookings/{booked['id']}",
        f"/sessions/{booked['session']}",
        f"/sessions/{booked['session']}/attestation",
    ):
        assert await refused(await rival.get(path)) == (404, "not_found")
    assert await refused(await rival.book(asked["id"])) == (404, "not_found")
    cancel = await rival.post(f"/bookings/{booked['id']}/cancel", {})
    assert await refused(cancel) == (404, "not_found")


# The document


async def test_document_is_valid(server):
    async with TestClient(server) as client:
        document = await (await client.get("/api/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    assert sorted(document["paths"]) == [
        "/assessments",
        "/bookings",
        "/bookings/{id}",
        "/bookings/{id}/cancel",
        "/oauth/token",
        "/requests",
        "/requests/{id}",
        "/requests/{id}/slots",
        "/sessions/{id}",
        "/sessions/{id}/attestation",
    ]


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_schemathesis_finds_nothing(server, lms, tmp_path):
    found = await generated_calls(
        str(server.make_url("/api/openapi.json")),
        lms._client.session.headers["Authorization"],
        tmp_path,
        "--max-examples=12",
        # Not chains of calls: an invented code makes no request that another call could follow.
        "--phases=examples,coverage,fuzzing",
        # What the office's rules refuse (an unknown code, a licence that has ended) no schema says.
        "--exclude-checks=positive_data_acceptance",
    )
    assert found == ""


async def test_an_older_secret_is_good_until_its_time_is_over(
    desk: Desk, lms: Lms, clock: HandClock
) -> None:
    client = lms._client
    del client.session.headers["Authorization"]
    async with desk.office.store.write() as tx:
        fresh = hash_secret("the new secret")
        await desk.clients.rotate(tx, "lms", fresh, timedelta(hours=1))

    async def statuses() -> list[int]:
        found = []
        for secret in (SECRET, "the new secret", "another"):
            form = {"grant_type": "client_credentials", "client_id": "lms", "client_secret": secret}
            found.append((await client.post("/api/oauth/token", data=form)).status)
        return found

    assert await statuses() == [200, 200, 401]
    clock.moment += timedelta(hours=1)
    assert await statuses() == [401, 200, 401]

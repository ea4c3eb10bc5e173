"""The HTTP edge of what a learner's device kept: in order, in size, in time, and nobody else's."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from json import loads

import pytest

from invigilation.consent import Purpose
from invigilation.fill import LASTS, FillState
from invigilation.people import Staff
from invigilation.record import payload_of
from invigilation.session import Outcome, SessionState
from recordings.bundle import packed
from recordings.verify import render, verify
from tests.builders import CONSENT
from tests.devices import Device
from tests.web.office import SAM, START, TOM, Answer, Person, World
from web import local
from web.arriving import CHUNK, LATER_S
from web.exports import Choice, pieces
from web.local import CHUNK_BYTES, HELD_EACH, LASTS_S, MOST_AT_ONCE
from web.pages.local import LOCAL

S = timedelta(seconds=1)
STATEMENT = "I watched the learner from the admission to the end."


@dataclass
class Page:
    """The learner's page, as far as it brings what the device kept."""

    person: Person
    session: str
    token: str
    device: Device

    async def ask(self, method: str, path: str, **more) -> Answer:
        headers = {"X-CSRF-Token": self.token, **more.pop("headers", {})}
        return await self.person.ask(method, f"/room/local{path}", headers=headers, **more)

    async def look(self, session: str | None = None) -> Answer:
        return await self.ask("GET", f"?session={self.session if session is None else session}")

    async def tell(self, first: int = 0, **changed) -> Answer:
        links = self.device.links[first:]
        body = {"session": self.session, "from": first, "links": links, **changed}
        return await self.ask("POST", f"/{self.device.recording}/chain", json=body)

    async def put(self, n: int, offset: int = 0, data: bytes | None = None) -> Answer:
        data = self.device.chunks[n] if data is None else data
        return await self.ask("PUT", f"/{self.device.recording}/{n}/{offset}", data=data)


def said(answer: Answer) -> dict:
    assert answer.header("Content-Type").startswith("application/json"), answer.text
    return loads(answer.body)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, said(answer)["error"]["code"]


async def page_of(world: World, number: int) -> Page:
    sitting = await world.booked(number)
    world.clock.move_to(START - timedelta(minutes=10))
    await world.desk.sessions.check_in(sitting.session, CONSENT)
    person = await world.learner(sitting.request)
    device = Device(sitting.session, f"lc_{number:016x}")
    return Page(person, sitting.session, (await person.get("/me")).csrf, device)


async def running(world: World, session: str) -> None:
    """Let the assessment's clock run, without all that comes before it."""
    async with world.desk.office.store.write() as tx:
        one = await tx.sessions.hold(session)
        entry = world.desk.office.entry(one, "admit", "service", {})
        now = world.clock.now()
        after = one.session.__class__(
            **{name: getattr(one.session, name) for name in one.session.__dataclass_fields__}
            | {"state": SessionState.IN_PROGRESS, "started": now, "running_since": now}
        )
        await tx.sessions.save(after, entry)


async def in_a_gap(world: World, page: Page) -> str:
    """A gap of half a minute that has ended, through which the device recorded."""
    await running(world, page.session)
    began = world.clock.now()
    world.clock.move_to(began + 30 * S)
    gap = await world.desk.gaps.open(page.session, began)
    page.device.record(began - 30 * S, began + 50 * S)
    world.clock.move_to(began + 60 * S)
    await world.desk.gaps.close(page.session, began + 30 * S)
    return gap.id


@pytest.fixture
async def page(world: World) -> Page:
    one = await page_of(world, 1)
    await in_a_gap(world, one)
    return one


async def owner(world: World, page: Page) -> Staff:
    sitting = (await world.desk.sessions.view(page.session)).sitting
    return await world.desk.reception.staff(sitting.staff)


async def test_a_chain_is_told_and_its_wanted_chunks_come_in_pieces(
    world: World, page: Page
) -> None:
    told = said(await page.tell())

    assert told == {
        "have": 4,
        "wanted": [{"n": 1, "have": 0}, {"n": 2, "have": 0}, {"n": 3, "have": 0}],
        "drop": 0,
        "keep": True,
    }
    assert said(await page.put(1, 0, page.device.chunks[1][:600])) == {"have": 600}
    assert said(await page.tell())["wanted"][0] == {"n": 1, "have": 600}
    assert said(await page.put(1, 600, page.device.chunks[1][600:])) == {
        "have": 1001,
        "kept": True,
    }
    for n in (2, 3):
        assert said(await page.put(n))["kept"] is True
    looked = said(await page.look())
    assert looked == {
        "recordings": {page.device.recording: {"have": 4, "wanted": [], "drop": 0}},
        "keep": True,
        "until": None,
        "segment_s": 20.0,
    }
    [fill] = (await world.desk.sessions.view(page.session)).fills
    assert (fill.state, fill.covers) == (FillState.COMPLETE, 30 * S)
    kept = [world.vault.read(page.session, one) for one in fill.evidence]
    assert kept == page.device.chunks[1:]


async def test_staff_see_a_chunk_as_they_see_recordings(world: World, page: Page) -> None:
    await page.tell()
    await page.put(2)
    [evidence] = (await world.desk.sessions.view(page.session)).fills[0].evidence
    ana = await world.staff(await owner(world, page))

    seen = await ana.get(f"/staff/evidence/{evidence}")

    assert (seen.status, seen.body) == (200, page.device.chunks[2])
    assert seen.header("Content-Type") == "video/webm"
    assert seen.header("Content-Disposition") == f'inline; filename="{evidence}.webm"'
    assert seen.header("X-Content-Type-Options") == "nosniff"
    assert "sandbox" in seen.header("Content-Security-Policy")


async def test_what_came_wrong_is_sent_anew(page: Page) -> None:
    await page.tell()

    wrong = await page.put(2, 0, bytes(1002))

    assert code(wrong) == (409, "wrong_digest")
    assert said(await page.look())["recordings"][page.device.recording]["wanted"][1] == {
        "n": 2,
        "have": 0,
    }
    assert said(await page.put(2))["kept"] is True


@pytest.mark.parametrize(("offset", "size"), [(700, 100), (500, 200), (600, 500)])
async def test_a_piece_that_does_not_follow_is_answered_with_what_is_here(
    page: Page, offset: int, size: int
) -> None:
    await page.tell()
    await page.put(1, 0, page.device.chunks[1][:600])

    assert said(await page.put(1, offset, bytes(size))) == {"have": 600}
    assert said(await page.put(1, 600, page.device.chunks[1][600:]))["kept"] is True


@pytest.mark.parametrize(
    ("offset", "size", "wanted"),
    [
        (600, 0, (422, "invalid_input")),
        (600, CHUNK + 1, (413, "too_large")),
    ],
)
async def test_pieces_of_no_size_or_too_large_are_refused(
    page: Page, offset: int, size: int, wanted: tuple[int, str]
) -> None:
    await page.tell()
    await page.put(1, 0, page.device.chunks[1][:600])

    assert code(await page.put(1, offset, bytes(size))) == wanted
    assert said(await page.put(1, 600, page.device.chunks[1][600:]))["kept"] is True


async def test_what_nobody_told_or_wants_is_refused(page: Page) -> None:
    assert code(await page.put(1)) == (404, "not_found")
    await page.tell()

    assert said(await page.put(0))["wanted"] is False
    assert code(await page.put(1, 0, b"")) == (422, "invalid_input")
    page.device.recording = "lc_zz"
    assert code(await page.put(1)) == (404, "not_found")
    assert code(await page.tell()) == (404, "not_found")


async def test_a_chain_that_was_changed_afterwards_is_refused(page: Page) -> None:
    await page.tell()
    page.device.links[2]["sha256"] = hashlib.sha256(b"another").hexdigest()

    assert code(await page.tell()) == (409, "wrong_chain")


NO_LINKS = (
    {"n": 1},
    {"n": True},
    {"sha256": "0" * 63},
    {"sha256": "G" * 64},
    {"head": None},
    {"size": 0},
    {"size": CHUNK_BYTES + 1},
    {"size": 1.0},
    {"type": "text/html"},
    {"type": ["video/webm"]},
    {"from": "2026-11-23T10:00:00Z"},
    {"to": "2026-02-31T10:00:00.000Z"},
    {"to": 7},
    {"more": 1},
)
NO_CHAINS = (
    {"from": -1},
    {"from": True},
    {"from": "0"},
    {"session": 7},
    {"links": {}},
    {"links": [{}] * (MOST_AT_ONCE + 1)},
    {"more": 1},
)


async def test_what_is_no_link_or_no_chain_is_refused(page: Page) -> None:
    link = page.device.links[0]

    links = {str(one): code(await page.tell(links=[{**link, **one}])) for one in NO_LINKS}
    chains = {str(one): code(await page.tell(**one)) for one in NO_CHAINS}

    assert {*(links | chains).values()} == {(422, "invalid_input")}, links | chains


async def test_nobody_reaches_anothers_recording(world: World, page: Page) -> None:
    await page.tell()
    person = await world.learner((await world.asked(2)).request.id)
    other = Page(person, page.session, (await person.get("/me")).csrf, page.device)

    answers = [
        await other.put(1),
        await other.tell(session=page.session),
        await other.look(page.session),
    ]

    assert [code(answer) for answer in answers] == [(404, "not_found")] * 3


async def test_strangers_staff_and_other_tokens_are_sent_away(world: World, page: Page) -> None:
    ana = await world.staff(TOM)
    foreign = [
        Page(world.stranger(), page.session, page.token, page.device),
        Page(page.person, page.session, "", page.device),
        Page(page.person, page.session, "x" * 43, page.device),
        Page(ana, page.session, (await ana.get("/staff/sign-out")).csrf, page.device),
    ]

    for one in foreign:
        for answer in (await one.tell(), await one.put(1)):
            assert answer.status in {401, 403}
    assert (await foreign[0].look()).status == 401


async def test_two_pages_bring_the_same_chunk_once(world: World, page: Page) -> None:
    await page.tell()
    whole = page.device.chunks[2]
    await page.put(2, 0, whole[:500])

    answers = await asyncio.gather(*(page.put(2, 500, whole[500:]) for _ in range(3)))

    assert [said(one)["kept"] for one in answers] == [True] * 3
    assert len(await world.desk.sessions.evidence(page.session)) == 1
    assert len(world.vault.finished(0.0)) == 1


async def test_after_a_restart_a_chunk_begins_anew(world: World, page: Page) -> None:
    await page.tell()
    await page.put(1, 0, page.device.chunks[1][:600])

    world.app[LOCAL]._coming.clear()  # as in a process that has just started

    assert said(await page.put(1, 600, page.device.chunks[1][600:])) == {"have": 0}
    assert said(await page.put(1))["kept"] is True


async def test_a_chunk_that_is_refused_at_the_end_leaves_nothing(world: World, page: Page) -> None:
    await page.tell()
    await page.put(1, 0, page.device.chunks[1][:600])
    await world.desk.consents.withdraw(page.session, Purpose.RECORDING, "learner")

    assert code(await page.put(1, 600, page.device.chunks[1][600:])) == (403, "not_allowed")

    assert world.vault.finished(0.0) == []
    assert world.app[LOCAL]._coming == {}
    assert said(await page.look())["keep"] is False


async def test_on_a_full_disk_a_chunk_waits_at_the_page_and_comes_later(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.tell()
    begun, rest = page.device.chunks[1][:600], page.device.chunks[1][600:]
    await page.put(1, 0, begun)
    with monkeypatch.context() as patch:
        patch.setattr(world.vault, "_reserve", 2**62)
        late = [said(await page.put(1, 600, rest)), said(await page.put(2))]
    kept = [said(await page.put(1, 600, rest)), said(await page.put(2))]

    assert late == [{"have": 600, "later": LATER_S}, {"have": 0, "later": LATER_S}]
    assert [one["kept"] for one in kept] == [True, True]
    [fill] = (await world.desk.sessions.view(page.session)).fills
    assert len(fill.evidence) == 2


async def test_what_is_coming_is_bounded_and_forgotten(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping = world.app[LOCAL]
    await page.tell()
    monkeypatch.setattr(local, "HELD_EACH", 1)
    for n in (1, 2):
        await page.put(n, 0, b"x")
    assert [n for *_, n in keeping._coming] == [2]
    assert HELD_EACH > 1
    monkeypatch.setattr(local, "HELD_BYTES", 1_000)
    assert code(await page.put(3, 0, b"x")) == (503, "busy")
    assert [n for *_, n in keeping._coming] == [2]

    world.clock.move_to(world.clock.at + LASTS_S * S)
    await keeping.sweep()

    assert keeping._coming == {}
    assert keeping._pieces == {}


async def test_only_so_much_is_told_in_a_while(page: Page) -> None:
    answers = [(await page.tell()).status for _ in range(31)]

    assert answers == [200] * 30 + [503]


async def test_after_three_days_nothing_is_taken(world: World, page: Page) -> None:
    await page.tell()
    await page.put(1)
    await world.desk.sessions.end(page.session, await owner(world, page))
    until = world.clock.now() + LASTS
    assert said(await page.look())["until"] == until.isoformat().replace("+00:00", "Z")
    world.clock.move_to(until - S)
    page.person = await world.learner(
        (await world.desk.sessions.view(page.session)).sitting.request
    )
    page.token = (await page.person.get("/me")).csrf
    assert said(await page.put(2))["kept"] is True

    world.clock.move_to(until)
    await world.app[LOCAL].sweep()

    for answer in (await page.look(), await page.tell(), await page.put(3)):
        assert code(answer) == (409, "too_late")
    [fill] = (await world.desk.sessions.view(page.session)).fills
    assert (fill.state, fill.here) == (FillState.PARTIAL, 2)


async def after_the_attestation(world: World, page: Page) -> tuple[Staff, str]:
    """Chunks came before the attestation, and after it; return who attested, and the gap."""
    own = await owner(world, page)
    await page.tell()
    await page.put(1)
    await world.desk.sessions.end(page.session, own)
    await world.desk.reports.attest(page.session, own, STATEMENT, Outcome.COMPLETED)
    for n in (2, 3):
        await page.put(n)
    return own, (await world.desk.sessions.view(page.session)).gaps[0].id


async def test_what_comes_after_the_attestation_is_in_the_bundle_and_verifies(
    world: World, page: Page
) -> None:
    own, gap = await after_the_attestation(world, page)
    await world.desk.fills.judge(page.session, own, gap, accepted=False, note="Somebody else")

    await world.reasons(page.session)
    found = await pieces(world.desk, world.vault, page.session, SAM, Choice.ALL)
    bundle = await asyncio.to_thread(packed, found.members)

    key = world.desk.office.signer.current()
    verdict = verify(bundle, {key.key_id: key.public}, now=world.clock.now())
    assert verdict.ok, render(verdict)
    told = verdict.steps[7].sentence
    assert "yes, 1 items by their SHA-256, and 2 that came later" in told
    assert "3 of them are here and unchanged" in told
    attested = payload_of(await world.desk.reports.attestation(page.session))
    [filled] = attested["presence"]["gaps"]
    assert (filled["filled"], filled["fill"]) == (False, "arriving")


async def test_what_came_and_is_not_named_yet_is_no_part_of_the_record(
    world: World, page: Page
) -> None:
    own = await owner(world, page)
    await page.tell()
    await world.desk.sessions.end(page.session, own)
    await world.desk.reports.attest(page.session, own, STATEMENT, Outcome.COMPLETED)
    await page.put(2)

    answer = await (await world.staff(SAM)).get(f"/staff/records/{page.session}/download")

    key = world.desk.office.signer.current()
    verdict = verify(answer.body, {key.key_id: key.public}, now=world.clock.now())
    assert verdict.ok, render(verdict)
    assert loads(answer.body)["evidence"] == []


async def test_the_records_page_shows_it_and_takes_the_judgement(world: World, page: Page) -> None:
    own, gap = await after_the_attestation(world, page)
    person = await world.staff(own)
    path = f"/staff/records/{page.session}"
    before = await person.get(path)
    judging = f"{path}/gaps/{gap}"
    refused = await person.post(judging, {"verdict": "refuse", "note": " "}, path)
    neither = await person.post(judging, {"verdict": "", "note": "x"}, path)

    judged = await person.post(judging, {"verdict": "refuse", "note": "Another face"}, path)

    assert "Recording waits to be judged" in before.words
    assert "The learner's device recorded 30 of 30 s of this gap." in before.words
    assert "fits the chain that was told at" in before.words
    assert before.text.count("<video") == 3
    assert '"device"' in before.text
    assert (refused.status, neither.status) == (422, 422)
    assert "Give a reason of 1 to 1,000 letters." in refused.words
    assert (judged.status, judged.to) == (303, f"{path}#gap-{gap}")
    after = await person.get(path)
    assert f"Not accepted by {own.name}. Another face" in after.words
    assert "Judge it anew" in after.words


async def test_a_scheduler_sees_it_and_judges_nothing(world: World, page: Page) -> None:
    _, gap = await after_the_attestation(world, page)
    sam = await world.staff(SAM)
    path = f"/staff/records/{page.session}"

    seen = await sam.get(path)
    judged = await sam.post(f"{path}/gaps/{gap}", {"verdict": "accept", "note": ""}, path)

    assert "Recording waits to be judged" in seen.words
    assert "Accept it for the gap" not in seen.words
    assert judged.status == 403


async def test_the_device_s_key_stands_in_the_learner_s_own_pages_while_it_may_be_needed(
    world: World, page: Page
) -> None:
    """In the room, and for 72 hours after it; each session has another."""
    mine = world.app[LOCAL].key_of(page.session)
    assert len(base64.b64decode(mine)) == 32
    assert mine != world.app[LOCAL].key_of("se_other")

    room = await page.person.get("/me/room")
    assert mine in room.text.replace("\\u003d", "=")
    assert room.header("Cache-Control") == "no-store"
    assert mine not in (await page.person.get("/me")).text

    await world.desk.sessions.end(page.session, await owner(world, page))
    until = world.clock.now() + LASTS
    world.clock.move_to(until - S)
    request = (await world.desk.sessions.view(page.session)).sitting.request
    page.person = await world.learner(request)
    for path in ("/me", "/me/receipts"):
        after = await page.person.get(path)
        assert f'data-key="{mine}"' in after.text
        assert after.header("Cache-Control") == "no-store"
    world.clock.move_to(until)
    for path in ("/me", "/me/receipts"):
        assert mine not in (await page.person.get(path)).text

"""The learner's page sends its document in chunks: what it may, and all that it may not."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from json import loads

import cv2
import numpy as np
import pytest

from invigilation.bound import Bound
from invigilation.desk.identity import Seen
from invigilation.document import DocumentKind
from invigilation.identity import Decision, IdentityState, SnapshotKind
from invigilation.inspection import InspectionKind
from invigilation.people import Staff
from invigilation.recheck import RecheckCause
from recordings.vision.eye import Eye, EyeSettings, SeenDocument, SeenFace
from signalling.capture import Side
from signalling.full_size import Told, Wish
from tests.builders import CONSENT
from tests.specimens.camera import shot
from tests.specimens.documents import draw
from tests.specimens.holders import holder
from tests.specimens.zone import Form
from tests.web.eyes import shelf_of
from tests.web.office import START, Answer, Person, World
from web import captures
from web.arriving import CHUNK, LATER_S
from web.captures import BEST_BYTES, HELP_BYTES, LASTS_S, PER_HOUR, Room
from web.pages.captures import CAPTURES

PATH = "/room/captures"


def jpeg(width: int = 640, height: int = 480, seed: int = 1) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()


PICTURE = jpeg()
HELP = b"another frame of the burst"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Page:
    """The learner's room page, as far as it sends documents."""

    person: Person
    session: str
    token: str
    told: list = field(default_factory=list)

    async def ask(self, method: str, path: str, **more) -> Answer:
        headers = {"X-CSRF-Token": self.token, **more.pop("headers", {})}
        return await self.person.ask(method, path, headers=headers, **more)

    async def begin(self, *parts: bytes, **changed) -> Answer:
        body = {
            "session": self.session,
            "kind": "passport",
            "side": "front",
            "parts": [{"sha256": sha(part), "size": len(part)} for part in parts or (PICTURE,)],
            "quality": {"auto": True, "sharpness": 61.5, "camera": "front"},
        }
        return await self.ask("POST", PATH, json={**body, **changed})

    async def put(self, capture: str, part: int, offset: int, data: bytes) -> Answer:
        return await self.ask("PUT", f"{PATH}/{capture}/{part}/{offset}", data=data)

    async def finish(self, capture: str) -> Answer:
        return await self.ask("POST", f"{PATH}/{capture}/finish", json={})

    async def send(self, *parts: bytes, **changed) -> Answer:
        """Send a whole capture."""
        capture = said(await self.begin(*parts, **changed))["capture"]
        for number, part in enumerate(parts or (PICTURE,)):
            for offset in range(0, len(part), CHUNK):
                answer = await self.put(capture, number, offset, part[offset : offset + CHUNK])
                assert answer.status == 200, answer.text
        return await self.finish(capture)


def said(answer: Answer) -> dict:
    assert answer.header("Content-Type").startswith("application/json"), answer.text
    return loads(answer.body)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, said(answer)["error"]["code"]


async def pages_of(world: World, *numbers: int) -> list[Page]:
    """Learners who have checked in, and their pages."""
    sittings = [await world.booked(number) for number in numbers]
    world.clock.move_to(START - timedelta(minutes=10))
    pages = []
    for sitting in sittings:
        await world.desk.sessions.check_in(sitting.session, CONSENT)
        person = await world.learner(sitting.request)
        pages.append(Page(person, sitting.session, (await person.get("/me")).csrf))
    return pages


@pytest.fixture
async def both(world: World) -> list[Page]:
    return await pages_of(world, 1, 2)


@pytest.fixture
async def page(world: World) -> Page:
    [one] = await pages_of(world, 1)
    taken = world.app[CAPTURES]
    tell = Room(
        lambda _, progress: one.told.append(progress.done),
        lambda _, side, kind: one.told.append((side, kind)),
    )
    # The application is frozen by now; the routes ask it at each request.
    object.__setattr__(taken, "room", tell)
    return one


def eye(world: World):
    return world.app[CAPTURES].shelf.eye


async def check(world: World, page: Page):
    return (await world.desk.sessions.view(page.session)).identity


async def own(world: World, page: Page) -> Staff:
    sitting = (await world.desk.sessions.view(page.session)).sitting
    return await world.desk.reception.staff(sitting.staff)


async def test_a_document_comes_whole_and_is_in_the_record(world: World, page: Page) -> None:
    eye(world).seen = SeenDocument(None, b"portrait")

    evidence = said(await page.send(PICTURE, HELP))["evidence"]
    await world.app[CAPTURES].shelf.studies.settled()

    seen = await check(world, page)
    assert (seen.document, seen.kind) == (evidence, DocumentKind.PASSPORT)
    assert seen.state is IdentityState.DOCUMENT_SEEN
    kept = world.vault.read(page.session, evidence)
    assert kept.startswith(b"\xff\xd8")
    assert kept != PICTURE  # drawn anew: nothing comes along that was hidden in the file
    [(read, kind)] = eye(world).documents
    assert (read[1:], kind) == ((HELP,), DocumentKind.PASSPORT)
    assert seen.portrait is not None
    assert world.vault.read(page.session, seen.portrait) == b"portrait"
    assert page.told[0] == 0
    assert page.told[-1] == (Side.FRONT, DocumentKind.PASSPORT)


async def test_both_sides_of_a_card_are_kept(world: World, page: Page) -> None:
    front = said(await page.send(kind="identity_card"))["evidence"]
    back = said(await page.send(jpeg(seed=2), kind="identity_card", side="back"))["evidence"]

    seen = await check(world, page)

    assert (seen.document, seen.back) == (front, back)


async def test_the_same_parts_resume_where_they_were(world: World, page: Page) -> None:
    first = said(await page.begin())
    await page.put(first["capture"], 0, 0, PICTURE[:1000])

    again = said(await page.begin())

    assert first["have"] == [0]
    assert again == {**first, "have": [1000]}
    assert again["chunk"] == CHUNK


async def test_other_parts_take_the_place_of_the_capture_before(page: Page) -> None:
    first = said(await page.begin())
    await page.put(first["capture"], 0, 0, PICTURE[:1000])

    second = said(await page.begin(PICTURE, HELP))

    assert second["have"] == [0, 0]
    assert second["capture"] != first["capture"]
    assert code(await page.put(first["capture"], 0, 1000, PICTURE[1000:1100])) == (404, "not_found")


async def test_a_chunk_that_came_before_is_answered_again(page: Page) -> None:
    capture = said(await page.begin())["capture"]
    await page.put(capture, 0, 0, PICTURE[:2000])

    repeated = await page.put(capture, 0, 1000, PICTURE[1000:2000])

    assert said(repeated) == {"have": 2000}


@pytest.mark.parametrize(
    ("offset", "size"),
    [(3000, 100), (2001, 100), (1500, 600), (0, 2001), (len(PICTURE), 1), (2000, 0)],
)
async def test_chunks_that_do_not_follow_are_refused(page: Page, offset: int, size: int) -> None:
    capture = said(await page.begin())["capture"]
    await page.put(capture, 0, 0, PICTURE[:2000])

    answer = await page.put(capture, 0, offset, bytes(size))

    assert code(answer) in {(409, "wrong_offset"), (422, "invalid_input")}
    assert said(await page.begin())["have"] == [2000]


async def test_a_chunk_beyond_the_end_of_its_part_is_refused(page: Page) -> None:
    capture = said(await page.begin(HELP))["capture"]

    answer = await page.put(capture, 0, 0, HELP + b"!")

    assert code(answer) == (409, "wrong_offset")


@pytest.mark.parametrize("size", [CHUNK + 1, 300 * 1024])
async def test_a_chunk_that_is_too_large_is_refused(page: Page, size: int) -> None:
    capture = said(await page.begin())["capture"]

    answer = await page.put(capture, 0, 0, bytes(size))

    assert code(answer) == (413, "too_large")


@pytest.mark.parametrize("where", ["9/0", "1/0", "x/0", "0/-1", "0/1e3", "0/999999999", "0/٣"])
async def test_places_that_are_not_there_are_not_found(page: Page, where: str) -> None:
    capture = said(await page.begin())["capture"]

    answer = await page.ask("PUT", f"{PATH}/{capture}/{where}", data=b"x")

    assert code(answer) == (404, "not_found")


async def test_a_wrong_digest_is_told_and_that_part_alone_is_sent_anew(page: Page) -> None:
    capture = said(await page.begin(HELP, PICTURE[:100]))["capture"]
    await page.put(capture, 0, 0, HELP)
    await page.put(capture, 1, 0, PICTURE[100:200])

    answer = await page.finish(capture)

    assert code(answer) == (409, "wrong_digest")
    assert said(await page.begin(HELP, PICTURE[:100]))["have"] == [len(HELP), 0]


async def test_what_is_not_whole_cannot_be_finished(page: Page) -> None:
    capture = said(await page.begin())["capture"]
    await page.put(capture, 0, 0, PICTURE[:2000])

    assert code(await page.finish(capture)) == (409, "wrong_offset")


async def test_a_second_finish_is_no_second_picture(world: World, page: Page) -> None:
    capture = said(await page.begin(PICTURE))["capture"]
    for offset in range(0, len(PICTURE), CHUNK):
        await page.put(capture, 0, offset, PICTURE[offset : offset + CHUNK])

    at_once = await asyncio.gather(page.finish(capture), page.finish(capture))
    later = await page.finish(capture)

    evidence = {said(answer)["evidence"] for answer in (*at_once, later)}
    assert len(evidence) == 1
    assert len(await world.desk.sessions.evidence(page.session)) == 1
    resumed = said(await page.begin(PICTURE))
    assert (resumed["have"], resumed["evidence"]) == ([len(PICTURE)], *evidence)


async def test_after_the_document_was_asked_for_anew_the_same_bytes_are_a_new_capture(
    world: World, page: Page
) -> None:
    first = said(await page.send())["evidence"]
    ann = await own(world, page)
    await world.desk.identity.decide(page.session, ann, Decision.NOT_CONFIRMED, "Cannot read it")
    await world.desk.identity.reopen(page.session, ann)

    second = said(await page.send())["evidence"]

    assert second != first
    assert (await check(world, page)).document == second


async def test_after_a_restart_the_page_begins_anew(world: World, page: Page) -> None:
    capture = said(await page.begin())["capture"]
    await page.put(capture, 0, 0, PICTURE[:2000])

    world.app[CAPTURES]._held.clear()  # as in a process that has just started

    assert code(await page.put(capture, 0, 2000, PICTURE[2000:2100])) == (404, "not_found")
    assert code(await page.finish(capture)) == (404, "not_found")
    again = said(await page.begin())
    assert (again["capture"], again["have"]) == (capture, [0])


async def test_nobody_reaches_anothers_capture(both: list[Page]) -> None:
    page, other = both
    capture = said(await page.begin())["capture"]

    answers = [
        await other.put(capture, 0, 0, PICTURE[:10]),
        await other.finish(capture),
        await other.begin(session=page.session),
    ]

    assert [code(answer) for answer in answers] == [(404, "not_found")] * 3
    assert said(await page.begin())["have"] == [0]


async def test_strangers_staff_and_other_tokens_are_sent_away(world: World, page: Page) -> None:
    capture = said(await page.begin())["capture"]
    ann = await world.staff(await own(world, page))
    anns = (await ann.get("/staff/sign-out")).csrf
    double = Person(world.client, {**page.person.cookies, **ann.cookies})
    foreign = [
        Page(world.stranger(), page.session, page.token),
        Page(page.person, page.session, ""),
        Page(page.person, page.session, "x" * 43),
        Page(ann, page.session, anns),
        Page(double, page.session, anns),  # signed in as both, but it is the console that asks
    ]

    for one in foreign:
        for answer in (
            await one.begin(),
            await one.put(capture, 0, 0, PICTURE[:10]),
            await one.finish(capture),
        ):
            assert answer.status in {401, 403}
    assert said(await page.begin())["have"] == [0]


async def test_a_page_of_another_site_is_sent_away(page: Page) -> None:
    answer = await page.ask("POST", PATH, json={}, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status == 403


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "library_card"},
        {"kind": ["passport"]},
        {"kind": None},
        {"side": "edge"},
        {"parts": []},
        {"parts": "x"},
        {"parts": [{"sha256": "0" * 64, "size": 1}] * 6},
        {"parts": [{"sha256": "0" * 64, "size": 0}]},
        {"parts": [{"sha256": "0" * 64, "size": -1}]},
        {"parts": [{"sha256": "0" * 64, "size": True}]},
        {"parts": [{"sha256": "0" * 64, "size": 1.0}]},
        {"parts": [{"sha256": "0" * 64, "size": BEST_BYTES + 1}]},
        {"parts": [{"sha256": "0" * 64, "size": 1}, {"sha256": "0" * 64, "size": HELP_BYTES + 1}]},
        {"parts": [{"sha256": "0" * 63, "size": 1}]},
        {"parts": [{"sha256": "G" * 64, "size": 1}]},
        {"parts": [{"sha256": None, "size": 1}]},
        {"parts": [{"sha256": "0" * 64}]},
        {"parts": [{"sha256": "0" * 64, "size": 1, "more": 1}]},
        {"parts": [7]},
        {"quality": []},
        {"quality": {"a": [1]}},
        {"quality": {"a": None}},
        {"quality": {"camera": "x" * 25}},
        {"quality": {"A" * 30: 1}},
        {"quality": {f"q{chr(97 + n)}": 1 for n in range(13)}},
        {"more": 1},
    ],
)
async def test_what_cannot_be_announced_is_refused(page: Page, changed: dict) -> None:
    assert code(await page.begin(**changed)) == (422, "invalid_input")


@pytest.mark.parametrize("body", ["[]", "7", "null", "{", "\xff", "[" * 100_000], ids=len)
async def test_only_an_object_is_an_announcement(page: Page, body: str) -> None:
    answer = await page.ask("POST", PATH, data=body, headers={"Content-Type": "application/json"})

    assert code(answer) == (422, "invalid_input")


@pytest.mark.parametrize(
    "data", [b"no picture", PICTURE[: len(PICTURE) // 2], b"\x89PNG\r\n\x1a\n" + bytes(400)]
)
async def test_what_is_no_picture_is_refused_and_leaves_nothing(
    world: World, page: Page, data: bytes
) -> None:
    answer = await page.send(data)

    assert code(answer) == (422, "invalid_input")
    assert await world.desk.sessions.evidence(page.session) == []
    assert world.vault.finished(0.0) == []
    assert (await check(world, page)).state is IdentityState.OPEN


async def test_what_cannot_be_used_is_drawn_once_for_each_capture_that_is_counted(
    world: World, page: Page
) -> None:
    await page.send(b"no picture")
    capture = said(await page.begin(b"no picture"))["capture"]

    again = await page.finish(capture)

    assert code(again) == (409, "wrong_offset")


async def test_before_check_in_nothing_is_taken(world: World) -> None:
    sitting = await world.booked()
    person = await world.learner(sitting.request)
    page = Page(person, sitting.session, (await person.get("/me")).csrf)

    assert code(await page.begin()) == (403, "not_allowed")


async def admitted(world: World, page: Page) -> Staff:
    ann = await own(world, page)
    view = await world.desk.sessions.view(page.session)
    seen = view.identity
    if seen.document is None:
        await page.send()
    shelf = world.app[CAPTURES].shelf
    face = await shelf.keep(page.session, SnapshotKind.FACE, jpeg(seed=9))
    await world.desk.identity.record(page.session, ann, Seen(SnapshotKind.FACE, face))
    await world.desk.identity.decide(page.session, ann, Decision.CONFIRMED, "The same person")
    await world.desk.sessions.admit(page.session, ann)
    return ann


async def test_a_capture_that_is_finished_after_admission_is_refused_and_leaves_nothing(
    world: World, page: Page
) -> None:
    await page.send()
    late = jpeg(seed=5)
    capture = said(await page.begin(late))["capture"]
    for offset in range(0, len(late), CHUNK):
        await page.put(capture, 0, offset, late[offset : offset + CHUNK])
    await admitted(world, page)
    before = len(world.vault.finished(0.0))

    answers = [await page.finish(capture), await page.begin(jpeg(seed=6))]

    assert [code(answer) for answer in answers] == [(403, "not_allowed")] * 2
    assert len(world.vault.finished(0.0)) == before


async def test_an_open_inspection_of_identity_lets_another_document_come(
    world: World, page: Page
) -> None:
    ann = await admitted(world, page)
    document = (await check(world, page)).document
    await world.desk.inspections.ask(page.session, ann, InspectionKind.IDENTITY)

    evidence = said(await page.send(jpeg(seed=5)))["evidence"]

    listed = {one.id for one in await world.desk.sessions.evidence(page.session)}
    assert evidence in listed
    assert (await check(world, page)).document == document


async def test_of_hundreds_of_captures_some_are_taken_in_an_hour(world: World, page: Page) -> None:
    answers = [await page.begin(bytes([n]) * 9) for n in range(PER_HOUR + 2)]

    assert [answer.status for answer in answers] == [200] * PER_HOUR + [503] * 2
    assert said(await page.begin(bytes([PER_HOUR - 1]) * 9))["have"] == [0]  # this one goes on
    world.clock.move_to(world.clock.at + timedelta(hours=1))
    assert (await page.begin(b"later")).status == 200


async def test_there_is_room_for_so_much_of_all_captures_together(
    world: World, both: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "HELD_BYTES", len(PICTURE) + 10)
    page, other = both
    await page.begin()

    assert code(await other.begin()) == (503, "busy")
    world.clock.move_to(world.clock.at + timedelta(seconds=LASTS_S))
    assert (await other.begin()).status == 200


async def test_what_is_too_old_is_forgotten(world: World, page: Page) -> None:
    capture = said(await page.begin())["capture"]
    taken = world.app[CAPTURES]
    world.clock.move_to(world.clock.at + timedelta(seconds=LASTS_S))

    assert code(await page.put(capture, 0, 0, PICTURE[:10])) == (404, "not_found")
    await taken.sweep()

    assert taken._held == {}


async def test_a_busy_eye_is_told_and_the_picture_can_be_finished_later(
    world: World, page: Page
) -> None:
    eye(world).busy = 1

    first = await page.send()
    second = await page.finish(said(await page.begin())["capture"])

    assert code(first) == (503, "busy")
    assert second.status == 200


async def test_progress_is_told_now_and_then_only(world: World, page: Page) -> None:
    capture = said(await page.begin())["capture"]
    for offset in range(0, 500, 100):
        await page.put(capture, 0, offset, PICTURE[offset : offset + 100])
    world.clock.seconds += 0.6

    await page.put(capture, 0, 500, PICTURE[500:600])

    assert page.told == [0, 600]


@pytest.fixture
async def real_eye(world: World):
    """The application's own eye is replaced by one that really looks."""
    one = Eye(EyeSettings(seconds=40), world.clock)
    shelf = shelf_of(world.desk, world.vault, world.app[CAPTURES].shelf.snapshots, one)
    object.__setattr__(world.app[CAPTURES], "shelf", shelf)
    await one.open()
    yield one
    await shelf.studies.close()
    await one.close()


async def test_a_passport_that_was_sent_is_read_in_other_processes(
    world: World, page: Page, real_eye: Eye
) -> None:
    specimen = draw(Form.TD3, holder(3))
    burst = [shot(specimen.image, "good", (1280, 720), seed) for seed in range(3)]

    answer = await page.send(*burst)
    await world.app[CAPTURES].shelf.studies.settled()

    seen = await check(world, page)
    assert said(answer)["evidence"] == seen.document
    assert seen.reading is not None
    assert seen.reading.lines == specimen.lines
    assert seen.portrait is not None
    assert world.vault.read(page.session, seen.portrait).startswith(b"\xff\xd8")


async def test_on_a_full_disk_a_picture_waits_and_is_kept_later(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = world.clock
    with monkeypatch.context() as patch:
        patch.setattr(world.vault, "_reserve", 2**62)
        late = said(await page.send())
        capture = said(await page.begin())["capture"]
        clock.move_to(clock.now() + timedelta(seconds=LASTS_S - 1))
        again = said(await page.finish(capture))
        clock.move_to(clock.now() + timedelta(seconds=LASTS_S - 1))
    kept = said(await page.finish(capture))

    assert late == again == {"evidence": None, "later": LATER_S}
    assert (await check(world, page)).document == kept["evidence"]


async def test_on_a_full_disk_a_face_in_full_size_waits_too(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted(world, page)
    with monkeypatch.context() as patch:
        patch.setattr(world.vault, "_reserve", 2**62)
        late = said(await send_face(page))

    assert late == {"evidence": None, "later": LATER_S}
    assert said(await send_face(page))["evidence"] is not None


# The learner in full size


class Telling:
    """What the live room would have been told of one picture."""

    def __init__(self, world: World, kind: SnapshotKind, data: bytes = PICTURE) -> None:
        now = world.clock.now()
        known = Bound(sha(data), len(data), now, now, now, "cd" * 32, now, 0b1011)
        self.told = Told(Wish("pw_1", kind, now, float("inf")), known)

    def find(self, _session: str, sha256: str) -> Told | None:
        there = sha256 == self.told.known.sha256 and self.told.wish.until > 0
        return self.told if there else None


def wanted(world: World, page: Page, kind: SnapshotKind = SnapshotKind.FACE) -> Telling:
    telling = Telling(world, kind)
    room = replace(world.app[CAPTURES].room, told=telling.find)
    object.__setattr__(world.app[CAPTURES], "room", room)
    return telling


UNWANTED = {"evidence": None, "wanted": False}


async def send_face(page: Page, data: bytes = PICTURE, **changed) -> Answer:
    parts = [{"sha256": sha(data), "size": len(data)}]
    body = {"session": page.session, "side": "face", "wanted": "pw_1", "parts": parts, **changed}
    begun = await page.ask("POST", PATH, json=body)
    if "capture" not in said(begun):
        return begun
    capture = said(begun)["capture"]
    for offset in range(0, len(data), CHUNK):
        await page.put(capture, 0, offset, data[offset : offset + CHUNK])
    return await page.finish(capture)


async def snapshots(world: World, page: Page) -> list[dict]:
    async with world.desk.office.store.read() as tx:
        entries = await tx.sessions.entries(page.session)
    return [dict(one.data) for one in entries if one.kind == "snapshot"]


async def test_a_face_in_full_size_names_the_live_frame_in_the_record(
    world: World, page: Page
) -> None:
    telling = wanted(world, page)
    eye(world).found = SeenFace(None, 0b1000, 1)
    await page.send()
    small = await world.app[CAPTURES].shelf.keep(page.session, SnapshotKind.FACE, PICTURE)
    await world.desk.identity.record(page.session, None, Seen(SnapshotKind.FACE, small))
    telling.told.wish.of = small.id

    evidence = said(await send_face(page))["evidence"]

    [*_, entry] = [one for one in await snapshots(world, page) if one["kind"] == "face"]
    assert (await check(world, page)).face == evidence == entry["evidence"]
    assert (entry["of"], entry["told_sha256"]) == (small.id, sha(PICTURE))
    assert (entry["live_sha256"], entry["live_print_distance"]) == ("cd" * 32, 2)
    assert entry["taken_at"] == entry["told_at"] == entry["live_at"] == entry["asked_at"]
    assert page.told[-1] == len(PICTURE)


async def test_a_face_that_comes_after_the_decision_is_evidence_and_changes_nothing(
    world: World, page: Page
) -> None:
    wanted(world, page)
    await page.send()
    small = await world.app[CAPTURES].shelf.keep(page.session, SnapshotKind.FACE, PICTURE)
    await world.desk.identity.record(page.session, None, Seen(SnapshotKind.FACE, small))
    ann = await own(world, page)
    await world.desk.identity.decide(page.session, ann, Decision.CONFIRMED, "Same person")

    evidence = said(await send_face(page))["evidence"]

    assert (await check(world, page)).face == small.id
    assert (await snapshots(world, page))[-1]["evidence"] == evidence


async def test_a_face_of_which_the_room_was_not_told_is_refused(world: World, page: Page) -> None:
    wanted(world, page)

    assert said(await send_face(page, jpeg(seed=7))) == UNWANTED
    assert said(await send_face(page, wanted="pw_2")) == UNWANTED
    assert code(await send_face(page, wanted="../x")) == (422, "invalid_input")
    assert code(await send_face(page, kind="passport")) == (422, "invalid_input")
    assert await snapshots(world, page) == []


async def test_a_face_that_comes_after_the_end_is_not_kept_and_is_no_mistake(
    world: World, page: Page
) -> None:
    wanted(world, page)
    parts = [{"sha256": sha(PICTURE), "size": len(PICTURE)}]
    body = {"session": page.session, "side": "face", "wanted": "pw_1", "parts": parts}
    capture = said(await page.ask("POST", PATH, json=body))["capture"]
    for offset in range(0, len(PICTURE), CHUNK):
        await page.put(capture, 0, offset, PICTURE[offset : offset + CHUNK])
    ann = await own(world, page)
    await world.desk.sessions.refuse(page.session, ann, "Not who it should be")
    before = len(world.vault.finished(0.0))

    assert said(await page.finish(capture)) == UNWANTED
    assert len(world.vault.finished(0.0)) == before


async def test_a_face_and_a_document_come_side_by_side(world: World, page: Page) -> None:
    wanted(world, page)
    document = said(await page.begin(HELP))["capture"]

    face = await send_face(page)

    assert face.status == 200
    assert said(await page.put(document, 0, 0, HELP)) == {"have": len(HELP)}


async def test_a_face_comes_once(world: World, page: Page) -> None:
    wanted(world, page)
    await send_face(page)

    assert said(await send_face(page)) == UNWANTED
    assert len(await snapshots(world, page)) == 1


async def test_a_document_that_was_told_of_is_bound_to_the_stream(world: World, page: Page) -> None:
    telling = wanted(world, page)
    telling.told.wish = None
    object.__setattr__(telling, "find", lambda *_: telling.told)
    room = replace(world.app[CAPTURES].room, told=telling.find)
    object.__setattr__(world.app[CAPTURES], "room", room)

    await page.send()

    [entry] = await snapshots(world, page)
    assert (entry["told_sha256"], entry["live_sha256"]) == (sha(PICTURE), "cd" * 32)


async def test_a_document_from_the_stream_is_read_again_in_full_size(
    world: World, page: Page
) -> None:
    telling = wanted(world, page, SnapshotKind.ID_DOCUMENT)
    ann = await own(world, page)
    small = await world.app[CAPTURES].shelf.keep(page.session, SnapshotKind.ID_DOCUMENT, PICTURE)
    await world.desk.identity.record(page.session, ann, Seen(SnapshotKind.ID_DOCUMENT, small))
    telling.told.wish.of = small.id
    eye(world).seen = SeenDocument(None, b"portrait")

    evidence = said(await send_face(page))["evidence"]
    await world.app[CAPTURES].shelf.studies.settled()

    seen = await check(world, page)
    assert seen.document == evidence
    assert world.vault.read(page.session, seen.portrait or "") == b"portrait"


async def test_a_recheck_shows_the_picture_in_full_size_until_it_is_judged(
    world: World, page: Page
) -> None:
    telling = wanted(world, page, SnapshotKind.FACE_AGAIN)
    shelf = world.app[CAPTURES].shelf
    small = await shelf.keep(page.session, SnapshotKind.FACE_AGAIN, PICTURE)
    taken = await world.desk.rechecks.add(page.session, RecheckCause.GAP, small)
    telling.told.wish.of, telling.told.wish.recheck = small.id, taken.id
    eye(world).found = SeenFace(PICTURE, 5, 1)

    evidence = said(await send_face(page))["evidence"]

    [one] = (await world.desk.sessions.view(page.session)).rechecks
    assert one.evidence == evidence
    assert one.aligned is not None

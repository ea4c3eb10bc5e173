"""An officer on board: the learner's link, the officer's form, and its review by staff."""

from __future__ import annotations

import asyncio
import io
import json
import re
import zipfile
from datetime import timedelta

import aiohttp
import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from invigilation.onboard import DECLARATION, OnboardState, Verification
from invigilation.store.onboard import Listed
from recordings.evidence import Snapshots
from recordings.retention import Policy
from recordings.vision.upload import MAX_BYTES
from tests.web.eyes import shelf_of
from tests.web.office import (
    ADA,
    ANA,
    MORNING,
    SAM,
    SECRET_BYTES,
    START,
    TITLE,
    Answer,
    Person,
    World,
)
from web.auth.links import onboard_link
from web.pages.mistakes import PICTURE_ROOM
from web.pages.onboard import LINK_DAYS, SENT_LIMIT
from web.retention import Eraser

REASON = "The photo page cannot be read. Please take the picture in daylight."
ENTERED = {
    "officer": "Jan de Vries",
    "rank": "officer",
    "rank_words": "Chief Officer",
    "vessel": "MV Northern Light",
    "imo": "IMO 9074729",
    "day": "24",
    "month": "11",
    "year": "2026",
    "declared": "yes",
}


def picture(size: tuple[int, int] = (1_200, 800), kind: str = "JPEG", **more: object) -> bytes:
    """Draw a document that is nobody's."""
    image = Image.new("RGB", size, "#dde8ef")
    ImageDraw.Draw(image).rectangle((60, 60, size[0] // 3, size[1] // 2), fill="#556677")
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def link_on(page: Answer) -> str:
    """Return the path of the officer's link that a learner's page shows."""
    found = re.search(r'id="link">[^<]*?(/onboard/[^<]+)<', page.text)
    assert found, page.words
    return found[1]


async def invited(world: World, number: int = 1) -> tuple[str, str]:
    """Return a fresh request, and the path of the link for its officer."""
    asked = await world.asked(number)
    learner = await world.learner(asked.request.id)
    return asked.request.id, link_on(await learner.get("/me/onboard"))


async def send(
    officer: Person, path: str, changes: dict[str, str] | None = None, file: bytes | None = None
) -> Answer:
    """Fill in the form as a browser does, and send it with a picture."""
    page = await officer.get(f"{path}?again=1")
    once = re.search(r'name="once" value="([^"]+)"', page.text)
    entered = {"csrf": page.csrf, "once": once[1] if once else "", **ENTERED, **(changes or {})}
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in entered.items():
        form.add_field(name, value)
    data = picture() if file is None else file
    name = "IMG_1.jpg" if data else ""
    form.add_field("picture", io.BytesIO(data), filename=name, content_type="image/jpeg")
    return await officer.ask("POST", path, data=form)  # type: ignore[arg-type]


async def waiting(world: World) -> list[Listed]:
    found, _ = await world.desk.onboard.listed(SAM)
    return found


async def one_sent(world: World, number: int = 1) -> Verification:
    """Let an officer send a form; return it."""
    request, path = await invited(world, number)
    assert (await send(world.stranger(), path)).status == 303
    form = (await world.desk.onboard.case(request)).form
    assert form is not None
    return form


def files(world: World) -> list[str]:
    """Return the names of what lies in the vault."""
    return sorted(path.stem for path in world.vault._root.glob("*/*.evidence"))


# --- the learner ----------------------------------------------------------------------------------


async def test_the_learners_page_offers_an_officer_on_board(world: World) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    me, page = await learner.get("/me"), await learner.get("/me/onboard")

    assert "An officer on board can invigilate me" in me.words
    for words in ("Master", "Ship Security Officer", "another officer", "IMO number"):
        assert words in page.words
    assert f'href="{link_on(page)}"' in page.text
    assert "Fill it in on this device" in page.words


async def test_the_code_on_the_learners_page_is_the_link(world: World) -> None:
    asked = await world.asked()
    page = await (await world.learner(asked.request.id)).get("/me/onboard")
    side = int(re.search(r'viewBox="0 0 (\d+) \1" role="img"', page.text)[1])  # type: ignore[index]
    path = re.search(r'<path d="([^"]+)" stroke="#000"', page.text)[1]  # type: ignore[index]

    image = np.full((side, side), 255, np.uint8)
    for x, y, run in re.findall(r"M(\d+) (\d+)\.5h(\d+)", path):
        image[int(y), int(x) : int(x) + int(run)] = 0
    # The reader now and then finds nothing at one size, and never anything wrong.
    read = [
        cv2.QRCodeDetector().detectAndDecode(
            cv2.resize(image, None, fx=size, fy=size, interpolation=0)
        )[0]
        for size in (3, 4, 8)
    ]

    assert {one.endswith(link_on(page)) for one in read if one} == {True}


async def test_with_a_time_booked_the_page_says_what_to_do(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)

    me, page = await learner.get("/me"), await learner.get("/me/onboard")

    assert "Cancel it first" in page.words
    assert "/onboard/" not in page.text.replace("/me/onboard", "")
    assert "officer on board" not in me.words


async def test_the_link_is_for_learners_who_are_signed_in(world: World) -> None:
    assert (await world.stranger().get("/me/onboard")).status == 401


# --- the officer ----------------------------------------------------------------------------------


async def test_the_officer_reads_the_rules_and_sends_the_form(world: World) -> None:
    request, path = await invited(world)
    officer = world.stranger()

    page = await officer.get(path)
    answer = await send(officer, path)

    for words in ("Maria Santos", TITLE, "Course notes, Pen and paper", DECLARATION):
        assert words in page.words
    assert 'capture="environment"' in page.text
    assert answer.to == path
    assert "We have your form" in (await officer.get(path)).words
    form = (await world.desk.onboard.case(request)).form
    assert form is not None
    assert (form.officer, form.rank_words, form.imo) == ("Jan de Vries", "Chief Officer", "9074729")
    assert form.sits_on.isoformat() == "2026-11-24"
    kept = world.vault.read(form.id, form.id)
    assert Image.open(io.BytesIO(kept)).size == (1_200, 800)
    assert form.size == len(kept)
    [entry] = (await world.desk.onboard.review(form.id, SAM)).entries
    assert entry.data["declaration"] == DECLARATION
    on_disk = b"".join(path.read_bytes() for path in world.vault._root.rglob("*.evidence"))
    assert kept[:40] not in on_disk


async def test_every_mistake_is_named_and_what_was_entered_stays(world: World) -> None:
    request, path = await invited(world)
    wrong = {
        "officer": "",
        "rank_words": "",
        "vessel": "MV <Aurora>",
        "imo": "9074728",
        "day": "31",
        "month": "2",
        "declared": "",
    }

    answer = await send(world.stranger(), path, wrong, b"")

    assert answer.status == 422
    for sentence in (
        "Enter your full name, as in your document.",
        "Enter your rank, such as Chief Officer.",
        "This is no IMO number: its last digit does not fit the others.",
        "Enter the day of the assessment as numbers",
        "Choose or take a picture of your identity document.",
        "Read the declaration, and tick it if you agree.",
    ):
        assert answer.words.count(sentence) == 2  # above, and at the field
    assert 'value="MV &lt;Aurora&gt;"' in answer.text
    assert 'value="9074728"' in answer.text
    assert 'value="officer" checked' in answer.text
    assert (await world.desk.onboard.case(request)).form is None
    assert files(world) == []


async def test_the_picture_must_be_chosen_again_after_a_mistake(world: World) -> None:
    _, path = await invited(world)

    answer = await send(world.stranger(), path, {"imo": "1"})

    assert "Please choose the picture again" in answer.words


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rank": ""}, "Choose your rank."),
        ({"day": "16", "month": "11"}, "This day has passed."),
        ({"month": "3", "year": "2027"}, "This day is after the end of the learner"),
        ({"year": "99999"}, "Enter the day of the assessment"),
        ({"officer": "x" * 201}, "plain text of at most 200 letters"),
    ],
)
async def test_fields_that_cannot_be(world: World, changes: dict[str, str], sentence: str) -> None:
    _, path = await invited(world)

    answer = await send(world.stranger(), path, changes)

    assert answer.status == 422
    assert sentence in answer.words


def archive() -> bytes:
    """Return what a word processor or an archiver writes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as whole:
        whole.writestr("picture.jpg", b"no picture")
    return out.getvalue()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"My passport number is 1234.", "it is no JPEG or PNG file"),
        (archive(), "it is no JPEG or PNG file"),
        (b"\0\0\0\x18ftypheic" + bytes(4_000), "it is a HEIC file"),
        (picture()[:3_000], "it cannot be used|not whole|damaged"),
        (picture((200, 200)), "too small to read"),
        (picture() + bytes(MAX_BYTES), "it is larger than 10 MB"),
    ],
)
async def test_pictures_that_cannot_be_used_are_refused_in_words(
    world: World, file: bytes, words: str
) -> None:
    _, path = await invited(world)

    answer = await send(world.stranger(), path, file=file)

    assert answer.status == 422
    assert re.search(f"This picture cannot be used: .*({words})", answer.words)
    assert 'value="MV Northern Light"' in answer.text
    assert files(world) == []


async def test_a_form_beyond_all_measure_is_too_much(world: World) -> None:
    _, path = await invited(world)

    answer = await send(world.stranger(), path, file=bytes(PICTURE_ROOM + 1))

    assert answer.status == 413


async def test_what_the_camera_wrote_beside_the_picture_is_not_kept(world: World) -> None:
    request, path = await invited(world)
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"

    await send(world.stranger(), path, file=picture(exif=exif))

    form = (await world.desk.onboard.case(request)).form
    assert form is not None
    assert b"Secret" not in world.vault.read(form.id, form.id)


async def test_the_same_form_sent_twice_at_once_is_one(world: World) -> None:
    request, path = await invited(world)
    officer = world.stranger()
    page = await officer.get(path)
    once = re.search(r'name="once" value="([^"]+)"', page.text)
    assert once

    def form() -> aiohttp.FormData:
        made = aiohttp.FormData(default_to_multipart=True)
        for name, value in {"csrf": page.csrf, "once": once[1], **ENTERED}.items():
            made.add_field(name, value)
        made.add_field(
            "picture", io.BytesIO(picture()), filename="a.jpg", content_type="image/jpeg"
        )
        return made

    answers = await asyncio.gather(
        *(officer.ask("POST", path, data=form()) for _ in range(3))  # type: ignore[arg-type]
    )

    assert {answer.status for answer in answers} == {303}
    async with world.desk.office.store.read() as tx:
        assert len(await tx.onboard.of_request(request)) == 1
    assert len(files(world)) == 1


async def test_a_corrected_form_replaces_the_first(world: World) -> None:
    request, path = await invited(world)
    officer = world.stranger()
    await send(officer, path)
    assert "Send a corrected form" in (await officer.get(path)).words
    again = await officer.get(f"{path}?again=1")
    assert 'value="MV Northern Light"' in again.text
    assert 'value="officer" checked' in again.text
    assert 'value="2026"' in again.text
    assert 'name="declared" value="yes" checked' not in again.text

    await send(officer, path, {"vessel": "MV Aurora"})

    [found] = await waiting(world)
    assert found.form.vessel == "MV Aurora"
    async with world.desk.office.store.read() as tx:
        states = sorted(one.state for one in await tx.onboard.of_request(request))
    assert states == [OnboardState.SUBMITTED, OnboardState.WITHDRAWN]


async def test_links_that_open_nothing(world: World) -> None:
    _, path = await invited(world)
    personal = world.link("rq_1").rpartition("/")[2]

    for bad in (
        "/onboard/x",
        f"/onboard/{personal}",
        path[:-1],
        f"{path}x",
        "/onboard/" + "a" * 900,
    ):
        assert (await world.stranger().get(bad)).status == 404
        assert (await world.stranger().ask("POST", bad)).status == 404


async def test_a_link_is_good_for_two_weeks(world: World) -> None:
    _, path = await invited(world)
    world.clock.move_to(MORNING + timedelta(days=LINK_DAYS))
    assert (await world.stranger().get(path)).status == 200
    world.clock.move_to(MORNING + timedelta(days=LINK_DAYS + 1))

    answer = await world.stranger().get(path)

    assert answer.status == 410
    assert "Ask the learner for a new one" in answer.words


async def test_a_time_that_is_booked_meanwhile_stops_the_form(world: World) -> None:
    request, path = await invited(world)
    officer = world.stranger()
    page = await officer.get(path)
    await world.desk.bookings.book(request, START, "Asia/Manila")

    answer = await send(officer, path)

    assert page.status == 200
    assert answer.status == 403 or "has a time with one of our invigilators" in answer.words
    assert "has a time with one of our invigilators" in (await officer.get(path)).words
    assert files(world) == []


async def test_forms_of_other_sites_are_refused(world: World) -> None:
    _, path = await invited(world)
    officer = world.stranger()
    officer.headers = {"Sec-Fetch-Site": "cross-site"}

    assert (await send(officer, path)).status == 403


async def test_only_so_many_forms_from_one_place(world: World) -> None:
    _, path = await invited(world)
    officer = world.stranger()
    page = await officer.get(path)
    for _ in range(SENT_LIMIT):
        await officer.ask("POST", path, data={"csrf": page.csrf})

    answer = await officer.ask("POST", path, data={"csrf": page.csrf})

    assert answer.status == 503
    assert "send this again in some minutes" in answer.words


# --- staff ----------------------------------------------------------------------------------------


async def test_staff_see_the_form_and_every_look_at_the_picture_is_noted(world: World) -> None:
    form = await one_sent(world)
    ana = await world.staff(ANA)

    listed = await ana.get("/staff/onboard")
    page = await ana.get(f"/staff/onboard/{form.id}")
    image = await ana.get(f"/staff/onboard/{form.id}/picture")

    assert "Onboard" in listed.words
    assert "Jan de Vries, Chief Officer" in listed.words
    for words in ("IMO number 9074729 (check digit fits)", "MV Northern Light", DECLARATION):
        assert words in page.words
    assert image.body == world.vault.read(form.id, form.id)
    assert image.header("Cache-Control") == "no-store"
    assert "sandbox" in image.header("Content-Security-Policy")
    found = await world.desk.onboard.review(form.id, SAM)
    assert [entry.kind for entry in found.entries] == ["onboard_submitted", "evidence_viewed"]
    assert found.entries[-1].actor == f"invigilator:{ANA.id}"
    page = await ana.get(f"/staff/onboard/{form.id}")
    assert "Looked at evidence (the document): To decide on the form" in page.words


async def test_strangers_and_learners_see_no_form(world: World) -> None:
    form = await one_sent(world)
    learner = await world.learner(form.request)

    for path in ("", f"/{form.id}", f"/{form.id}/picture", f"/{form.id}/download"):
        for person in (world.stranger(), learner):
            assert (await person.get(f"/staff/onboard{path}")).to.startswith("/staff/sign-in")
    for work in ("accept", "refuse"):
        path = f"/staff/onboard/{form.id}/{work}"
        answer = await learner.post(path, {"reason": REASON}, page="/me")
        assert answer.to.startswith("/staff/sign-in")
    found = await world.desk.onboard.review(form.id, SAM)
    assert [entry.kind for entry in found.entries] == ["onboard_submitted"]


async def test_an_accepted_form_is_told_to_the_learner_and_verifies(world: World) -> None:
    form = await one_sent(world)
    sam = await world.staff(SAM)
    page = f"/staff/onboard/{form.id}"

    answer = await sam.post(f"{page}/accept", {}, page=page)

    assert answer.to == "/staff/onboard?done=accepted"
    assert "Verified The record and its seal hold." in (await sam.get(page)).words
    record = json.loads((await sam.get(f"{page}/download")).body)
    assert record["session"] == form.id
    assert record["attestation"]
    me = await (await world.learner(form.request)).get("/me")
    assert "An officer on board invigilates you" in me.words
    assert 'href="https://lms.example.org/sit"' in me.text
    personal = await world.stranger().post(world.link(form.request), {})
    assert personal.to == "/me"
    path = link_on_of(world, form)
    assert "Your form is accepted" in (await world.stranger().get(path)).words


def link_on_of(world: World, form: Verification) -> str:
    """Return an officer's link as the office makes it."""
    return onboard_link(SECRET_BYTES, form.request, world.clock.now() + timedelta(days=1))


async def test_a_refused_form_may_be_sent_anew(world: World) -> None:
    form = await one_sent(world)
    sam = await world.staff(SAM)
    page = f"/staff/onboard/{form.id}"
    short = await sam.post(f"{page}/refuse", {"reason": "no"}, page=page)

    answer = await sam.post(f"{page}/refuse", {"reason": REASON}, page=page)

    assert short.status == 422
    assert answer.to == "/staff/onboard?done=refused"
    me = await (await world.learner(form.request)).get("/me")
    assert REASON in me.words
    path = link_on_of(world, form)
    officer = world.stranger()
    assert REASON in (await officer.get(path)).words
    assert (await send(officer, path)).status == 303
    assert len(await waiting(world)) == 1


async def test_the_second_of_two_decisions_is_told_that_it_is_late(world: World) -> None:
    form = await one_sent(world)
    sam, ada = await world.staff(SAM), await world.staff(ADA)
    page = f"/staff/onboard/{form.id}"
    token = (await ada.get(page)).csrf
    await sam.post(f"{page}/refuse", {"reason": REASON}, page=page)

    answer = await ada.ask("POST", f"{page}/accept", data={"csrf": token})

    assert answer.status == 409
    assert "the form is refused" in answer.words


async def test_no_accept_button_while_a_time_is_held(world: World) -> None:
    form = await one_sent(world)
    await world.desk.bookings.reserve(form.request, START, "Asia/Manila")
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/onboard/{form.id}")

    assert "The learner holds a time with us meanwhile" in page.words
    assert "Accept the form" not in page.words


async def test_the_receipt_names_the_officer_who_was_accepted(world: World) -> None:
    form = await one_sent(world)
    await world.desk.onboard.accept(form.id, SAM)

    receipt = await (await world.learner(form.request)).get("/me/receipts")

    assert "An officer on board was accepted to invigilate you" in receipt.words
    assert f"{form.officer} of {form.vessel}, IMO {form.imo}" in receipt.words


async def test_a_learner_who_books_is_told_that_the_form_is_withdrawn(world: World) -> None:
    form = await one_sent(world)
    await world.desk.bookings.book(form.request, START, "Asia/Manila")
    learner, sam = await world.learner(form.request), await world.staff(SAM)

    mine = await learner.get("/me")
    review = await sam.get(f"/staff/onboard/{form.id}")

    assert "The form of your officer is withdrawn" in mine.words
    assert "Withdrawn" in review.words
    assert "The learner booked a session with us." in review.words
    assert "Accept the form" not in review.words


# --- retention ------------------------------------------------------------------------------------


async def test_the_picture_goes_when_its_time_is_over_and_the_record_still_holds(
    world: World,
) -> None:
    form = await one_sent(world)
    await world.desk.onboard.accept(form.id, SAM)
    async with world.desk.office.store.write() as tx:
        for one in await tx.outbox.due(world.clock.now(), 20):
            if one.type == "report.ready":
                await tx.outbox.claim(one, one.state.CLAIMED, world.clock.now())
    async with world.desk.office.store.write() as tx:
        for one in await tx.outbox.due(world.clock.now(), 20):
            if one.type == "report.ready":
                await tx.outbox.settle(one, one.state.DELIVERED, world.clock.now(), "")
    eraser = Eraser(world.vault, world.clock, Policy())
    world.clock.move_to(MORNING + timedelta(days=29))
    assert await world.desk.onboard.erase(eraser) == 0
    world.clock.move_to(MORNING + timedelta(days=30))

    assert await world.desk.onboard.erase(eraser) == 1

    assert files(world) == []
    sam = await world.staff(SAM)
    page = await sam.get(f"/staff/onboard/{form.id}")
    assert "The picture was deleted" in page.words
    assert "The record and its seal hold." in page.words
    assert (await sam.get(f"/staff/onboard/{form.id}/picture")).status == 410


async def test_a_forms_picture_is_no_stranger_to_the_vault(world: World) -> None:
    form = await one_sent(world)
    snapshots = Snapshots()
    shelf = shelf_of(world.desk, world.vault, snapshots)

    erased = await shelf.erase_strangers(timedelta(seconds=-60))

    snapshots.close()
    assert erased == 0
    assert files(world) == [form.id]

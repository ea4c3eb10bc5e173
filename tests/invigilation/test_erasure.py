"""Names and texts that are erased: when, which, and a record that verifies without them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from invigilation.consent import Purpose
from invigilation.desk import Desk
from invigilation.desk.erasure import Periods
from invigilation.desk.onboard import Taken
from invigilation.desk.reports import record_file
from invigilation.enquiry import EnquiryKind
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.identity import Decision
from invigilation.likeness import Likeness
from invigilation.onboard import Facts, Rank
from invigilation.report import Channel, DeliveryState
from invigilation.session import Outcome
from invigilation.sweeps import Sweeps
from recordings.seal import Seal, SigningKey
from recordings.verify import verify
from tests import builders
from tests.builders import BACKEND
from tests.invigilation.offices import STATEMENT
from tests.invigilation.shown import arrived, reading, shown

DAY = timedelta(days=1)
PERIODS = Periods()
OPERATOR = "staff:operator"
TEXTS = ("Maria Santos", "Is the door shut?", "A drill.", "They broke it off.", STATEMENT)


async def sat(world):
    """An attested session in which people wrote, all of it delivered."""
    one = await arrived(world)
    await shown(world, one, reading())
    desk, ann = world.desk, world.ann
    await desk.identity.decide(one.session, ann, Decision.CONFIRMED, "It is her.")
    await desk.sessions.admit(one.session, ann)
    await desk.sessions.say(one.session, "learner", "Is the door shut?", "c1")
    await desk.sessions.pause(one.session, ann, "A drill.")
    await desk.sessions.stop(one.session, ann, "They broke it off.")
    await desk.reports.attest(one.session, ann, STATEMENT, Outcome.STOPPED)
    return one


async def delivered(world):
    await world.rows("UPDATE delivery SET state = 'delivered', accepted = next_at")


async def opened(world, session):
    """What can still be read of a session's record."""
    entries = await world.entries(session)
    return [str(text) for entry in entries for text in entry.data.values()]


async def lies_about(world, text):
    """The tables in which a text can be found, but the learner's own."""
    found = []
    for (table,) in await world.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
        rows = await world.rows(f'SELECT * FROM "{table}"')
        if any(text.encode() in raw or text in str(raw) for row in rows for raw in map(_raw, row)):
            found.append(table)
    return sorted({*found} - {"learner"})


def _raw(value):
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture
def real(world):
    """The same office with keys that a verifier knows."""
    key = SigningKey.generate()
    office = replace(world.desk.office, signer=key, sealer=Seal(key))
    return replace(world, desk=Desk.of(office)), {key.key_id: key.public}


async def test_chat_goes_when_recordings_do(world):
    one = await sat(world)
    world.clock.go_to(world.clock.now() + 90 * DAY)
    early = await world.desk.erasure.sweep(PERIODS)
    world.clock.go(1)

    gone = await world.desk.erasure.sweep(PERIODS)

    assert (early, gone) == (0, 1)
    assert await world.count("chat") == 0
    said = await opened(world, one.session)
    assert "Is the door shut?" not in said
    assert {"A drill.", STATEMENT} <= {*said}
    assert await world.desk.erasure.sweep(PERIODS) == 0


async def test_everything_goes_after_six_years(world):
    one = await sat(world)
    await delivered(world)
    world.clock.go_to(world.clock.now() + 6 * 366 * DAY + timedelta(seconds=1))

    gone = await world.desk.erasure.sweep(PERIODS)

    assert gone == 2  # the chat, and all the rest
    assert await world.count("sealed_text") == 0
    assert (await world.kinds(one.session))[-1] == "texts_erased"
    assert await world.desk.erasure.sweep(PERIODS) == 0


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_what_is_forgotten_lies_nowhere_and_the_record_verifies(real):
    world, keys = real
    one = await sat(world)
    await delivered(world)
    assert await lies_about(world, STATEMENT) == ["delivery", "sealed_text", "session"]

    seals = await world.desk.erasure.forget(one.session, OPERATOR, "They asked for it.")

    assert seals > 10
    for text in (*TEXTS, "SANTOS", "P1234567A", "It is her."):
        assert await lies_about(world, text) == [], text
    found = await world.desk.reports.record(one.session, world.ann)
    assert found.openings == ()
    verdict = verify(record_file(found), keys)
    assert verdict.ok, verdict
    assert (found.entries[-1].kind, found.entries[-1].data) == ("texts_erased", {"texts": seals})
    [noted] = await world.rows("SELECT actor, after FROM audit WHERE action = 'record.forgotten'")
    assert (noted[0], json.loads(noted[1])) == (
        OPERATOR,
        {"reason": "They asked for it.", "texts": seals},
    )


async def test_a_forgotten_session_can_still_be_looked_at(world):
    one = await sat(world)
    await delivered(world)
    await world.desk.erasure.forget(one.session, OPERATOR, "They asked for it.")

    attested = await world.attested(one.session)
    view = await world.desk.sessions.view(one.session)

    assert (attested["statement"], attested["learner"]["name"]) == (None, None)
    assert attested["learner"]["reference"] == "learner-1"
    assert view.chat == ()


async def test_what_is_forgotten_is_not_sent_again(world):
    one = await sat(world)
    await delivered(world)
    await world.desk.erasure.forget(one.session, OPERATOR, "They asked for it.")

    async with world.store.write() as tx:
        again = await tx.outbox.replay(
            (Channel.WEBHOOK, BACKEND.id), world.clock.now(), since=one.start - DAY
        )

    # What is about the booking alone is still there.
    states = await world.rows("SELECT type, state FROM delivery WHERE channel = 'webhook'")
    assert all(state == DeliveryState.DELIVERED for kind, state in states if kind == "report.ready")
    assert again == sum(state == DeliveryState.PENDING for _, state in states)


async def test_nothing_is_forgotten_too_early(world):
    one = await arrived(world)
    await shown(world, one, reading())
    forget = world.desk.erasure.forget

    with pytest.raises(NotAllowed, match="not attested"):
        await forget(one.session, OPERATOR, "Now.")
    await world.desk.sessions.refuse(one.session, world.ann, "No document.")
    with pytest.raises(NotAllowed, match="not attested"):
        await forget(one.session, OPERATOR, "Now.")
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.REFUSED)
    with pytest.raises(NotAllowed, match="delivered"):
        await forget(one.session, OPERATOR, "Now.")

    assert "No document." in await opened(world, one.session)
    with pytest.raises(InvalidInput):
        await forget(one.session, OPERATOR, "  ")
    with pytest.raises(NotFound):
        await forget("se_none", OPERATOR, "Now.")


async def test_a_form_is_forgotten_too(world):
    request = await builders.ask(world.desk)
    day = world.clock.now().date()
    facts = Facts("Jan de Vries", Rank.MASTER, "", "MV Northern Light", "9074729", day)
    taken = Taken("image/jpeg", "ab" * 32, 90_000)
    await world.desk.onboard.submit(request, "ob_1", facts, taken)
    with pytest.raises(NotAllowed):
        await world.desk.erasure.forget("ob_1", OPERATOR, "Now.")
    await world.desk.onboard.accept("ob_1", world.sam)
    await delivered(world)

    seals = await world.desk.erasure.forget("ob_1", OPERATOR, "Now.")

    review = await world.desk.onboard.review("ob_1", world.sam)
    # Officer and ship in the form's record and in its report; learner and reviewer there alone.
    assert seals == 6
    assert (review.form.officer, review.form.vessel, review.openings) == ("", "", ())
    assert review.entries[-1].kind == "texts_erased"


class Everything:
    """A retention that lets nothing stay."""

    async def erase(self, evidence, delivered_at):
        return True


async def test_what_was_read_of_a_document_goes_with_its_picture(world):
    one = await sat(world)

    await Sweeps(world.desk, None, lambda _: DAY).erase(Everything())

    said = " ".join(await opened(world, one.session))
    assert "P1234567A" not in said
    assert STATEMENT in said
    assert (await world.desk.sessions.view(one.session)).identity.reading is None


LIKE = Likeness("dlib", 0.43, 1_000, None)


async def likened(world):
    """An attested session in which the faces were compared by a machine."""
    one = await arrived(world, consent=("identity", "recording", "likeness"))
    check = await shown(world, one, reading())
    await world.desk.identity.set_likeness(one.session, check.document, check.face, LIKE)
    await world.desk.identity.decide(one.session, world.ann, Decision.CONFIRMED, "")
    await world.desk.sessions.admit(one.session, world.ann)
    await world.desk.sessions.end(one.session, world.ann)
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)
    return one


async def openings_sent(world):
    [sent] = await world.bodies("report.ready")
    return {one["text"] for one in sent["data"]["openings"].values()}


async def test_how_alike_faces_are_goes_with_the_pictures_wherever_it_stands(world):
    one = await likened(world)
    before = await openings_sent(world)

    await Sweeps(world.desk, None, lambda _: DAY).erase(Everything())

    assert LIKE.text() in before
    assert (await world.attested(one.session))["identity"]["likeness"]["figure"] is None
    assert await openings_sent(world) == before - {LIKE.text()}
    rows = await world.rows("SELECT text FROM sealed_text")
    assert LIKE.text() not in {text for (text,) in rows}


async def test_how_alike_faces_are_is_not_sent_without_the_consent(world):
    one = await likened(world)

    await world.desk.consents.withdraw(one.session, Purpose.LIKENESS, "learner")

    sent = await openings_sent(world)
    assert LIKE.text() not in sent
    assert STATEMENT in sent


async def test_letters_that_were_sent_are_emptied_in_time(world):
    await sat(world)
    await delivered(world)
    world.clock.go_to(world.clock.now() + 91 * DAY)

    await world.desk.erasure.sweep(PERIODS)

    letters = await world.rows("SELECT body FROM delivery WHERE channel = 'mail'")
    assert letters
    assert all(not body for (body,) in letters)
    others = await world.rows("SELECT body FROM delivery WHERE channel <> 'mail'")
    assert any(body for (body,) in others)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_what_is_forgotten_cannot_be_read_in_the_files(world, tmp_path):
    one = await sat(world)
    await delivered(world)
    files = list(tmp_path.glob("test.sqlite3*"))
    before = b"".join(file.read_bytes() for file in files)

    await world.desk.erasure.forget(one.session, OPERATOR, "They asked for it.")

    after = b"".join(file.read_bytes() for file in files)
    for text in (*TEXTS[1:], "It is her."):
        assert text.encode() in before
        assert text.encode() not in after, text


async def test_what_people_wrote_about_a_session_goes_elsewhere_too(world):
    sitting = await sat(world)
    asked = await world.desk.enquiries.ask(sitting.request, EnquiryKind.OTHER, "Was it my bell?")
    await world.desk.enquiries.answer(world.sam, asked.id, "It was the neighbour.")
    async with world.store.write() as tx:
        why = {"reason": "Their mother rang."}
        await world.desk.office.note(tx, "staff:sam", "any.change", sitting.booking, None, why)
    await delivered(world)

    await world.desk.erasure.forget(sitting.session, OPERATOR, "They asked for it.")

    for table in ("enquiry", "audit"):
        rows = str(await world.rows(f"SELECT * FROM {table}"))
        for text in ("Was it my bell?", "It was the neighbour.", "Their mother rang."):
            assert text not in rows, (table, text)
    assert "They asked for it." in str(await world.rows("SELECT after FROM audit"))

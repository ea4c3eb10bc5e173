"""The identity desk: what is seen, what is read, and how it is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from invigilation.comparing import Field, Grade
from invigilation.consent import Purpose
from invigilation.document import DocumentKind, Fields, Source
from invigilation.errors import IllegalTransition, InvalidInput, NeedsColleague, NotAllowed
from invigilation.hints import HintKind
from invigilation.identity import Decision, IdentityState, SnapshotKind
from invigilation.inspection import InspectionKind
from invigilation.likeness import Likeness
from invigilation.session import SessionState
from invigilation.store import identities
from invigilation.sweeps import Sweeps
from tests.builders import CONSENT
from tests.invigilation.shown import (
    LINES,
    arrived,
    colleague,
    picture,
    reading,
    seen,
    shown,
)

DOCUMENT, BACK, FACE = SnapshotKind.ID_DOCUMENT, SnapshotKind.ID_BACK, SnapshotKind.FACE
LIKE = Likeness("dlib", 0.9, 500, date(2026, 11, 1))
WITH_LIKENESS = (*CONSENT, "likeness")


async def last(world, session, kind):
    """The newest entry of that kind."""
    return [one for one in await world.entries(session) if one.kind == kind][-1]


async def grades(world, session):
    view = await world.desk.sessions.view(session)
    return {one.field: one.grade for one in view.findings}


# --- pictures ---


async def test_the_learners_page_shows_the_document_and_the_service_takes_the_face(world):
    one = await arrived(world)

    check = await shown(world, one, reading())

    assert check.state is IdentityState.BOTH_SEEN
    assert check.kind is DocumentKind.PASSPORT
    assert check.reading == reading()
    entries = [it for it in await world.entries(one.session) if it.kind == "snapshot"]
    assert [(it.actor, it.data["kind"]) for it in entries] == [
        ("learner", "id_document"),
        ("service", "face"),
    ]


async def test_what_was_cut_out_is_kept_beside_its_picture(world):
    one = await arrived(world)
    front = seen(one.session, DOCUMENT, derived=picture(one.session, SnapshotKind.PORTRAIT))
    face = seen(one.session, FACE, derived=picture(one.session, SnapshotKind.FACE_ALIGNED))

    await world.desk.identity.record(one.session, None, front)
    check = await world.desk.identity.record(one.session, None, face)

    kept = {it.id: it.kind for it in await world.desk.sessions.evidence(one.session)}
    assert kept[check.portrait] == "portrait"
    assert kept[check.aligned] == "face_aligned"


async def test_a_portrait_and_an_aligned_face_may_come_later(world):
    one = await arrived(world)
    await shown(world, one)
    desk, portrait = world.desk.identity, picture(one.session, SnapshotKind.PORTRAIT)
    aligned = picture(one.session, SnapshotKind.FACE_ALIGNED)
    before = (await world.desk.sessions.view(one.session)).identity

    await desk.set_reading(one.session, before.document, reading(), portrait)
    check = await desk.set_aligned(one.session, before.face, aligned)

    assert (check.portrait, check.aligned) == (portrait.id, aligned.id)
    assert check.reading == reading()


async def test_what_was_read_of_an_older_picture_changes_nothing(world):
    one = await arrived(world)
    desk = world.desk.identity
    await desk.record(one.session, None, seen(one.session, DOCUMENT, "ev_first"))
    await desk.record(one.session, None, seen(one.session, DOCUMENT, "ev_second"))
    before = await world.everything()

    portrait = picture(one.session, SnapshotKind.PORTRAIT)
    await desk.set_reading(one.session, "ev_first", reading(), portrait)
    await desk.set_aligned(one.session, "ev_first", portrait)

    assert await world.everything() == before
    assert (await world.desk.sessions.view(one.session)).identity.reading is None


async def test_a_new_front_forgets_all_that_was_said_of_the_old_one(world):
    one = await arrived(world)
    await shown(world, one, reading())
    await world.desk.identity.record(one.session, None, seen(one.session, BACK))

    check = await world.desk.identity.record(
        one.session, world.ann, seen(one.session, DOCUMENT, "ev_again")
    )

    assert (check.document, check.back, check.reading) == ("ev_again", None, None)
    assert check.state is IdentityState.BOTH_SEEN


async def test_a_card_is_read_from_its_back(world):
    one = await arrived(world)
    desk = world.desk.identity
    await desk.record(one.session, None, seen(one.session, DOCUMENT))
    check = await desk.record(one.session, None, seen(one.session, BACK))
    assert check.state is IdentityState.DOCUMENT_SEEN

    check = await desk.set_reading(one.session, check.back, replace(reading(), lines=("I<",)))

    assert check.reading is not None
    assert check.kind is DocumentKind.IDENTITY_CARD
    again = await desk.record(one.session, None, seen(one.session, BACK, "ev_other_back"))
    assert again.reading is None


@pytest.mark.parametrize("kind", [SnapshotKind.FACE_AGAIN, SnapshotKind.PORTRAIT])
async def test_only_pictures_of_document_and_face_move_the_check(world, kind):
    one = await arrived(world)

    with pytest.raises(InvalidInput):
        await world.desk.identity.record(one.session, world.ann, seen(one.session, kind))
    incident = seen(one.session, SnapshotKind.INCIDENT)
    with pytest.raises(InvalidInput):
        await world.desk.identity.record(one.session, None, incident)

    assert await world.count("evidence") == 0


@pytest.mark.parametrize(
    "state", [SessionState.SCHEDULED, SessionState.IDENTIFIED, SessionState.IN_PROGRESS]
)
async def test_the_learners_page_sends_no_document_when_none_is_wanted(world, state):
    one = await world.brought_to(state)
    pictures = await world.count("evidence")

    with pytest.raises((NotAllowed, IllegalTransition)):
        await world.desk.identity.record(one.session, None, seen(one.session, DOCUMENT, "ev_late"))
    with pytest.raises(NotAllowed):
        await world.desk.identity.may_picture(one.session, None)

    assert await world.count("evidence") == pictures
    assert not (await world.desk.sessions.view(one.session)).capture_allowed


async def test_a_document_shown_again_in_mid_session_is_evidence_alone(world):
    one = await world.admitted()
    before = (await world.desk.sessions.view(one.session)).identity
    await world.desk.inspections.ask(one.session, world.ann, InspectionKind.IDENTITY)
    assert (await world.desk.sessions.view(one.session)).capture_allowed

    await world.desk.identity.may_picture(one.session, None)
    await world.desk.identity.record(one.session, None, seen(one.session, DOCUMENT, "ev_again"))

    assert (await world.desk.sessions.view(one.session)).identity == before
    kept = await world.desk.sessions.evidence(one.session)
    assert "ev_again" in {it.id for it in kept}
    assert (await last(world, one.session, "snapshot")).data["evidence"] == "ev_again"


# --- readings ---


async def test_the_record_commits_to_a_reading_and_shows_its_grades(world):
    one = await arrived(world)

    await shown(world, one, reading(number="X9999999"))

    entry = await last(world, one.session, "document_read")
    assert entry.data["reading"] == reading(number="X9999999").text()
    assert (entry.data["name_grade"], entry.data["number_grade"]) == ("same", "differs")
    for told in ("SANTOS", "X9999999", LINES[0]):
        assert told.encode() not in entry.body


async def test_what_is_read_is_compared_with_the_booking(world):
    one = await arrived(world)
    assert await grades(world, one.session) == {}

    await shown(world, one, reading(born=date(1990, 1, 1)))

    found = await grades(world, one.session)
    assert (found[Field.NAME], found[Field.BORN]) == (Grade.SAME, Grade.DIFFERS)
    assert [*found] == [*Field]


async def test_whether_it_had_expired_does_not_change_with_the_years(world):
    one = await arrived(world)
    await shown(world, one, reading(expires=date(2026, 12, 1)))

    world.clock.go(400 * 24 * 3_600)

    assert (await grades(world, one.session))[Field.EXPIRES] is Grade.SAME


async def test_a_document_that_no_machine_reads_is_typed_by_eye(world):
    one = await arrived(world)
    await shown(world, one)
    said = Fields(surname=" Santos ", given="Maria  Luz", number="D1", expires=date(2031, 1, 1))
    licence = DocumentKind.DRIVING_LICENCE

    check = await world.desk.identity.typed(one.session, world.ann, licence, said)

    assert check.kind is licence
    assert check.reading.source is Source.TYPED
    assert (check.reading.fields.surname, check.reading.fields.given) == ("Santos", "Maria Luz")
    entry = await last(world, one.session, "document_read")
    assert (entry.actor, entry.data["source"]) == (f"invigilator:{world.ann.id}", "typed")
    unsure = replace(reading(surname="SANTO5"), check_digits_right=False)
    kept = await world.desk.identity.set_reading(one.session, check.document, unsure)
    assert kept.reading == check.reading


async def test_what_was_read_with_all_check_digits_right_is_not_typed_over(world):
    one = await arrived(world)
    await shown(world, one, reading(expires=date(2020, 1, 1)))
    better = Fields(surname="Santos", given="Maria", expires=date(2030, 1, 1))

    passport = DocumentKind.PASSPORT

    with pytest.raises(NotAllowed):
        await world.desk.identity.typed(one.session, world.ann, passport, better)

    assert (await world.desk.sessions.view(one.session)).needs_two


async def test_who_types_faster_than_the_machine_reads_puts_nothing_aside(world):
    one = await arrived(world)
    check = await shown(world, one)
    better = Fields(surname="Santos", given="Maria", expires=date(2030, 1, 1))
    await world.desk.identity.typed(one.session, world.ann, DocumentKind.PASSPORT, better)

    expired = reading(expires=date(2020, 1, 1))
    check = await world.desk.identity.set_reading(one.session, check.document, expired)

    assert check.reading == expired
    with pytest.raises(NeedsColleague):
        await world.desk.identity.decide(one.session, world.ann, Decision.CONFIRMED, "Typed.")


async def test_a_picture_that_cannot_be_read_does_not_put_an_expired_document_aside(world):
    one = await arrived(world)
    await shown(world, one, reading(expires=date(2020, 1, 1)))
    hidden = seen(one.session, DOCUMENT, "ev_hidden")
    await world.desk.identity.record(one.session, None, hidden)

    with pytest.raises(NeedsColleague):
        await world.desk.identity.decide(one.session, world.ann, Decision.CONFIRMED, "By eye.")


async def test_nor_does_beginning_again_and_typing(world):
    one = await arrived(world)
    await shown(world, one, reading(expires=date(2020, 1, 1)))
    await world.desk.identity.decide(one.session, world.ann, Decision.NOT_CONFIRMED, "Expired.")
    await world.desk.identity.reopen(one.session, world.ann)
    for kind in (DOCUMENT, FACE):
        again = seen(one.session, kind, f"ev_again_{kind}")
        await world.desk.identity.record(one.session, world.ann, again)
    said = Fields(surname="Santos", given="Maria", expires=date(2030, 1, 1))
    await world.desk.identity.typed(one.session, world.ann, DocumentKind.PASSPORT, said)

    with pytest.raises(NeedsColleague):
        await world.desk.identity.decide(one.session, world.ann, Decision.CONFIRMED, "By eye.")


async def test_another_document_that_a_machine_reads_is_judged_by_itself(world):
    one = await arrived(world)
    await shown(world, one, reading(expires=date(2020, 1, 1)))
    valid = seen(one.session, DOCUMENT, "ev_valid", reading=reading())
    await world.desk.identity.record(one.session, None, valid)

    _, check = await world.desk.identity.decide(one.session, world.ann, Decision.CONFIRMED, "")

    assert check.state is IdentityState.CONFIRMED


async def test_the_back_of_a_document_puts_nothing_aside_that_its_front_says(world):
    one = await arrived(world)
    desk = world.desk.identity
    expired = reading(expires=date(2020, 1, 1))
    await shown(world, one, expired)

    for ident in ("ev_back", "ev_another_back"):
        await desk.record(one.session, None, seen(one.session, BACK, ident))
        check = await desk.set_reading(one.session, ident, reading())

    assert check.reading == expired
    assert (await world.desk.sessions.view(one.session)).needs_two


@pytest.mark.parametrize(
    "said", [Fields(number="1"), Fields(surname="x" * 201), Fields(surname="a\u202eb")]
)
async def test_typed_fields_have_a_name_and_are_plain(world, said):
    one = await arrived(world)
    await shown(world, one)

    with pytest.raises(InvalidInput):
        await world.desk.identity.typed(one.session, world.ann, DocumentKind.OTHER, said)


async def test_nothing_is_typed_without_a_picture_or_by_a_colleague(world):
    one = await arrived(world)
    bob = await colleague(world)
    typed = world.desk.identity.typed

    for by in (world.ann, bob):
        with pytest.raises(NotAllowed):
            await typed(one.session, by, DocumentKind.OTHER, Fields(surname="Santos"))


async def test_a_picture_that_nothing_could_be_read_of_is_in_the_record(world):
    one = await arrived(world)
    check = await shown(world, one)

    await world.desk.identity.set_reading(one.session, check.document, None)

    assert (await world.kinds(one.session))[-1] == "document_unread"


async def test_a_reading_that_comes_after_the_decision_is_still_shown(world):
    one = await arrived(world)
    check = await shown(world, one)
    confirmed = Decision.CONFIRMED
    await world.desk.identity.decide(one.session, world.ann, confirmed, "Read by eye.")

    await world.desk.identity.set_reading(one.session, check.document, reading(surname="OTHER"))

    view = await world.desk.sessions.view(one.session)
    assert view.identity.state is IdentityState.CONFIRMED
    assert view.needs_two
    with pytest.raises(NeedsColleague):
        await world.desk.sessions.admit(one.session, world.ann)


# --- likeness ---


async def test_a_likeness_is_kept_with_consent_and_is_no_secret_of_the_record(world):
    one = await arrived(world, consent=WITH_LIKENESS)
    check = await shown(world, one)

    kept = await world.desk.identity.set_likeness(one.session, check.document, check.face, LIKE)

    assert kept.likeness == LIKE
    entry = await last(world, one.session, "likeness")
    assert b"0.9" not in entry.body


@pytest.mark.parametrize("consent", [CONSENT, WITH_LIKENESS])
async def test_a_likeness_is_dropped_without_consent(world, consent):
    one = await arrived(world, consent=consent)
    check = await shown(world, one)
    await world.desk.consents.withdraw(one.session, Purpose.LIKENESS, "learner")

    kept = await world.desk.identity.set_likeness(one.session, check.document, check.face, LIKE)
    taken = await world.desk.identity.record(
        one.session, None, seen(one.session, FACE, "ev_new", likeness=LIKE)
    )

    assert (kept.likeness, taken.likeness) == (None, None)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
async def test_a_likeness_is_a_number(world, score):
    one = await arrived(world, consent=WITH_LIKENESS)
    check = await shown(world, one)
    odd = Likeness("dlib", score)

    with pytest.raises(InvalidInput):
        await world.desk.identity.set_likeness(one.session, check.document, check.face, odd)


async def test_a_likeness_of_older_pictures_changes_nothing(world):
    one = await arrived(world, consent=WITH_LIKENESS)
    check = await shown(world, one)
    await world.desk.identity.record(one.session, None, seen(one.session, FACE, "ev_new"))

    kept = await world.desk.identity.set_likeness(one.session, check.document, check.face, LIKE)

    assert kept.likeness is None


# --- hints ---


async def hints(world, session):
    view = await world.desk.sessions.view(session)
    return {one.kind: one.session for one in view.hints}


async def two(world, other="Joan Cruz"):
    """Two sittings at the same time."""
    await colleague(world)
    first = await arrived(world, 1)
    world.clock.go(-24 * 3_600 * 3)
    async with world.store.write() as tx:
        await tx.rota.add_seat("seat_more", world.ann.id, 1)
    second = await arrived(world, 2, other)
    return first, second


async def test_a_document_shown_for_another_learner_is_hinted_at(world):
    first, second = await two(world)
    await shown(world, first, reading())

    await shown(world, second, reading())

    assert await hints(world, second.session) == {HintKind.SAME_NUMBER_OTHER_LEARNER: first.session}
    assert await hints(world, first.session) == {}
    assert (await last(world, second.session, "hint")).data["session"] == first.session
    assert (await world.desk.sessions.view(second.session)).needs_reason


async def test_a_document_shown_with_another_name_is_hinted_at(world):
    first, second = await two(world)
    await shown(world, first, reading())

    await shown(world, second, reading(surname="CRUZ", given="JOAN"))

    assert await hints(world, second.session) == {HintKind.SAME_DOCUMENT_OTHER_NAME: first.session}


async def test_one_person_with_two_companies_is_no_hint(world):
    first, second = await two(world, "Maria  SANTOS")
    await shown(world, first, reading())

    await shown(world, second, reading())

    assert await hints(world, second.session) == {}


async def test_the_same_number_of_another_state_is_another_document(world):
    first, second = await two(world)
    await shown(world, first, reading())

    await shown(world, second, reading(issuer="NOR"))

    assert await hints(world, second.session) == {}


@pytest.mark.parametrize(
    ("digest", "print_", "expected"),
    [
        ("ab", 0, {HintKind.SAME_FACE_PICTURE}),
        ("cd", (1 << 63) | 0b111, {HintKind.SIMILAR_FACE_PICTURE}),
        ("cd", (1 << 63) | 0b1111, set()),
    ],
)
async def test_a_face_picture_used_before_is_hinted_at(world, digest, print_, expected):
    first, second = await two(world)
    record_ = world.desk.identity.record
    before = seen(first.session, FACE, "ev_1", print=1 << 63)
    await record_(first.session, None, before)

    await record_(
        second.session, None, seen(second.session, FACE, "ev_2", digest=digest, print=print_)
    )

    assert {*await hints(world, second.session)} == expected


async def test_of_many_pictures_that_are_alike_the_same_bytes_are_seen_first(world, monkeypatch):
    monkeypatch.setattr(identities, "LIKELY", 1)
    first, second = await two(world)
    record_ = world.desk.identity.record
    await record_(first.session, None, seen(first.session, FACE, "ev_1", print=7))
    world.clock.go(60)
    await record_(first.session, None, seen(first.session, FACE, "ev_2", digest="cd", print=7))

    await record_(second.session, None, seen(second.session, FACE, "ev_3", print=7))

    assert {*await hints(world, second.session)} == {HintKind.SAME_FACE_PICTURE}


async def test_a_hint_goes_with_the_picture_that_it_is_about(world):
    first, second = await two(world)
    record_ = world.desk.identity.record
    await record_(first.session, None, seen(first.session, FACE, "ev_1", print=5))
    await record_(second.session, None, seen(second.session, FACE, "ev_2", print=5))
    assert HintKind.SAME_FACE_PICTURE in await hints(world, second.session)

    await record_(second.session, None, seen(second.session, FACE, "ev_3", digest="cd"))

    assert await hints(world, second.session) == {}
    assert "hint" in await world.kinds(second.session)


@pytest.mark.parametrize("number", ["", "1", "NONE", "UNKNOWN", "- - -"])
async def test_what_is_no_number_of_a_document_marks_none(world, number):
    one = await arrived(world)

    await shown(world, one, reading(number=number))

    assert await world.count("document_mark") == 0


async def test_marks_hold_no_names_and_no_numbers(world):
    one = await arrived(world)

    await shown(world, one, reading())

    [row] = await world.rows("SELECT number, holder FROM document_mark")
    assert all(len(digest) == 64 and "SANTOS" not in digest for digest in row)


async def test_a_face_is_forgotten_with_its_picture(world):
    one = await arrived(world)
    face = seen(one.session, FACE, print=5)
    await world.desk.identity.record(one.session, None, face)
    assert await world.count("face_mark") == 1

    await Sweeps(world.desk, None, None).erase(Shredder())

    assert await world.count("face_mark") == 0


class Shredder:
    """Erases everything."""

    async def erase(self, evidence, delivered_at):
        del evidence, delivered_at
        return True


async def test_a_camera_that_is_a_program_is_noted_once(world):
    one = await arrived(world)

    for label in ("Integrated Camera", "OBS Virtual Camera", "OBS Virtual Camera"):
        await world.desk.identity.camera(one.session, label)

    assert {*await hints(world, one.session)} == {HintKind.VIRTUAL_CAMERA}
    assert (await world.kinds(one.session)).count("hint") == 1
    assert (await last(world, one.session, "hint")).data["label"] == "OBS Virtual Camera"


async def test_the_room_hints_at_a_stream_that_repeats_itself(world):
    one = await arrived(world)

    await world.desk.identity.hint(one.session, HintKind.LOOPING)
    await world.desk.identity.hint(one.session, HintKind.FROZEN)

    assert {*await hints(world, one.session)} == {HintKind.LOOPING, HintKind.FROZEN}
    with pytest.raises(InvalidInput):
        await world.desk.identity.hint(one.session, HintKind.SAME_FACE_PICTURE)

"""Who decides on an identity, alone or in two, and what the attestation says of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from invigilation import record
from invigilation.bound import Bound
from invigilation.desk import Desk
from invigilation.desk.full_pictures import FullPicture
from invigilation.desk.reports import record_file
from invigilation.enquiry import EnquiryKind
from invigilation.errors import (
    IllegalTransition,
    InvalidInput,
    InvigilationError,
    NeedsColleague,
    NotAllowed,
    NotFound,
    TooLate,
)
from invigilation.identity import Decision, IdentityState, SnapshotKind
from invigilation.likeness import Likeness
from invigilation.people import Role, Staff
from invigilation.recheck import RecheckCause, RecheckResult
from invigilation.session import Outcome, SessionState
from recordings.seal import Seal, SigningKey, open_seal
from recordings.verify import verify
from tests.builders import CONSENT, START
from tests.invigilation.offices import STATEMENT
from tests.invigilation.shown import arrived, colleague, picture, reading, seen, shown

YES, NO = Decision.CONFIRMED, Decision.NOT_CONFIRMED
EXPIRED = {"expires": date(2025, 1, 1)}
WHY = "The renewal is under way; the face is the same."
ADA = Staff("st_ada", "ada@example.com", "Ada Stone", frozenset({Role.ADMINISTRATOR}))


async def both(world, **said):
    """A sitting with both pictures, and what was read of the passport."""
    one = await arrived(world)
    await shown(world, one, reading(**said))
    return one


async def referred(world, proposed=YES, **said):
    one = await both(world, **said or EXPIRED)
    await world.desk.identity.refer(one.session, world.ann, proposed, WHY)
    return one


# --- alone ---


async def test_where_nothing_differs_no_reason_is_needed(world):
    one = await both(world)

    session, check = await world.desk.identity.decide(one.session, world.ann, YES, "")

    assert (session.state, check.state) == (SessionState.IDENTIFIED, IdentityState.CONFIRMED)
    entry = (await world.entries(one.session))[-1]
    assert entry.kind == "identity_decided"
    assert (entry.data["name_grade"], entry.data.get("reason")) == ("same", None)


@pytest.mark.parametrize("kind", [SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE])
async def test_a_picture_that_comes_in_the_last_moment_is_not_confirmed_unseen(world, kind):
    one = await arrived(world)
    looked = await shown(world, one, reading())
    late = seen(one.session, kind, "ev_late", reading=reading())
    check = await world.desk.identity.record(one.session, None, late)
    decide = world.desk.identity.decide

    with pytest.raises(NotAllowed):
        await decide(one.session, world.ann, YES, WHY, document=looked.document, face=looked.face)
    _, check = await decide(
        one.session, world.ann, YES, WHY, document=check.document, face=check.face
    )

    assert check.state is IdentityState.CONFIRMED


async def test_a_picture_in_full_size_of_the_same_moment_does_not_undo_a_look(world):
    one = await both(world)
    looked = (await world.desk.sessions.view(one.session)).identity
    large = picture(one.session, SnapshotKind.FACE, "ev_large")
    told = Bound("ab" * 32, 1_000, START, START)
    await world.desk.full_pictures.add(
        one.session, FullPicture(SnapshotKind.FACE, large, told, of=looked.face)
    )

    _, check = await world.desk.identity.decide(
        one.session, world.ann, YES, "", document=looked.document, face=looked.face
    )

    assert (check.state, check.face) == (IdentityState.CONFIRMED, looked.face)


async def test_where_something_differs_a_reason_is_needed(world):
    one = await both(world, number="X1")
    decide = world.desk.identity.decide

    with pytest.raises(InvalidInput):
        await decide(one.session, world.ann, YES, " ")
    _, check = await decide(one.session, world.ann, YES, "A new passport since the booking.")

    assert check.state is IdentityState.CONFIRMED


async def test_where_nothing_was_read_a_reason_is_needed(world):
    one = await arrived(world)
    await shown(world, one)

    with pytest.raises(InvalidInput):
        await world.desk.identity.decide(one.session, world.ann, YES, "")

    assert (await world.desk.sessions.view(one.session)).needs_reason


@pytest.mark.parametrize("said", [EXPIRED, {"surname": "HANSEN", "given": "OLE"}])
async def test_nobody_overrides_an_expired_document_or_another_name_alone(world, said):
    one = await both(world, **said)
    before = await world.everything()

    with pytest.raises(NeedsColleague):
        await world.desk.identity.decide(one.session, world.ann, YES, WHY)

    assert await world.everything() == before
    _, check = await world.desk.identity.decide(one.session, world.ann, NO, "Expired.")
    assert check.state is IdentityState.NOT_CONFIRMED


# --- in two ---


async def test_a_colleague_confirms_what_was_proposed(world):
    one = await referred(world)
    bob = await colleague(world)

    [waits] = await world.desk.identity.waiting(bob)
    session, check = await world.desk.identity.second(one.session, bob, YES, "I agree.")

    assert (waits.session, waits.learner, waits.invigilator) == (
        one.session,
        "Maria Santos",
        "Ann Archer",
    )
    assert (waits.reason, waits.proposed, waits.since) == (WHY, YES, START)
    assert session.state is SessionState.IDENTIFIED
    assert (check.decided_by, check.referred_by) == (bob.id, world.ann.id)
    assert await world.desk.identity.waiting(bob) == []
    entries = (await world.entries(one.session))[-2:]
    assert [(it.kind, it.actor) for it in entries] == [
        ("identity_referred", f"invigilator:{world.ann.id}"),
        ("identity_decided", f"invigilator:{bob.id}"),
    ]
    assert entries[1].data["referred_by"] == world.ann.id
    await world.desk.sessions.admit(one.session, world.ann)


async def test_an_administrator_may_be_the_second(world):
    one = await referred(world)

    await world.desk.identity.second(one.session, ADA, NO, "The face is another one.")

    entry = (await world.entries(one.session))[-1]
    assert entry.actor == "administrator:st_ada"


async def test_never_the_same_person_twice_and_never_the_scheduler(world):
    one = await referred(world)
    before = await world.everything()

    for by in (world.ann, world.sam):
        with pytest.raises(NotAllowed):
            await world.desk.identity.second(one.session, by, YES, WHY)
    with pytest.raises(NotAllowed):
        await world.desk.identity.decide(one.session, world.ann, YES, WHY)

    assert await world.desk.identity.waiting(world.ann) == []
    assert await world.everything() == before


async def test_a_colleague_confirms_nothing_alone_either(world):
    one = await referred(world, proposed=None)
    bob = await colleague(world)
    second = world.desk.identity.second

    with pytest.raises(NeedsColleague):
        await second(one.session, bob, YES, "It is fine.")
    await world.desk.identity.refer(one.session, world.ann, YES, "Bob explained it to me.")
    _, check = await second(one.session, bob, YES, "It is fine.")

    assert check.state is IdentityState.CONFIRMED


async def test_what_was_proposed_before_it_was_read_is_proposed_no_more(world):
    one = await arrived(world)
    check = await shown(world, one)
    bob = await colleague(world)
    await world.desk.identity.refer(one.session, world.ann, YES, "A little blurred.")

    check = await world.desk.identity.set_reading(
        one.session, check.document, reading(surname="HANSEN", given="OLE")
    )
    with pytest.raises(NeedsColleague):
        await world.desk.identity.second(one.session, bob, YES, "The face is the same.")

    assert check.proposed is None
    await world.desk.identity.refer(one.session, world.ann, YES, WHY)
    await world.desk.identity.second(one.session, bob, YES, "She has married.")
    await world.desk.sessions.admit(one.session, world.ann)


@pytest.mark.parametrize("proposed", [YES, None])
async def test_two_who_did_not_know_have_not_decided(world, proposed):
    one = await arrived(world)
    check = await shown(world, one)
    bob = await colleague(world)
    await world.desk.identity.refer(one.session, world.ann, proposed, "A little blurred.")
    await world.desk.identity.second(one.session, bob, YES, "Read by eye.")

    await world.desk.identity.set_reading(one.session, check.document, reading(**EXPIRED))

    with pytest.raises(NeedsColleague):
        await world.desk.sessions.admit(one.session, world.ann)


async def test_a_doubt_without_a_difference_may_be_settled_by_a_colleague(world):
    one = await both(world)
    bob = await colleague(world)
    await world.desk.identity.refer(one.session, world.ann, None, "Are these two the same?")

    session, _ = await world.desk.identity.second(one.session, bob, YES, "Yes: the scar.")

    assert session.state is SessionState.IDENTIFIED


async def test_a_second_decision_has_a_reason(world):
    one = await referred(world)
    bob = await colleague(world)

    with pytest.raises(InvalidInput):
        await world.desk.identity.second(one.session, bob, NO, "  ")
    with pytest.raises(InvalidInput):
        await world.desk.identity.refer(one.session, world.ann, YES, "")


async def test_of_two_colleagues_at_once_one_decides(world):
    one = await referred(world)
    bob, cy = await colleague(world), await colleague(world, "Cy Cook")
    second = world.desk.identity.second

    ends = await asyncio.gather(
        second(one.session, bob, YES, "Yes."),
        second(one.session, cy, NO, "No."),
        return_exceptions=True,
    )

    assert sum(isinstance(end, IllegalTransition) for end in ends) == 1
    assert (await world.kinds(one.session)).count("identity_decided") == 1


async def test_no_picture_is_taken_while_a_colleague_looks(world):
    one = await referred(world)
    record = world.desk.identity.record
    before = await world.everything()

    for by in (None, world.ann):
        for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.ID_BACK, SnapshotKind.FACE):
            with pytest.raises(IllegalTransition):
                await record(one.session, by, seen(one.session, kind, "ev_new"))

    assert await world.everything() == before
    assert not (await world.desk.sessions.view(one.session)).capture_allowed


async def test_a_picture_and_a_referral_at_once_leave_nothing_half_done(world):
    one = await both(world, **EXPIRED)
    identity = world.desk.identity

    ends = await asyncio.gather(
        identity.refer(one.session, world.ann, YES, WHY),
        identity.record(one.session, None, seen(one.session, SnapshotKind.FACE, "ev_new")),
        return_exceptions=True,
    )

    check = (await world.desk.sessions.view(one.session)).identity
    taken = not isinstance(ends[1], InvigilationError)
    assert check.state is IdentityState.REFERRED
    assert (check.face == "ev_new") is taken


async def test_a_referral_is_taken_back_by_asking_again(world):
    one = await referred(world)
    bob = await colleague(world)

    _, check = await world.desk.identity.reopen(one.session, world.ann)

    assert (check.state, check.referred_by, check.document) == (IdentityState.OPEN, None, None)
    assert await world.desk.identity.waiting(bob) == []
    with pytest.raises(IllegalTransition):
        await world.desk.identity.second(one.session, bob, YES, "Yes.")


async def test_nobody_waits_for_a_session_that_is_over(world):
    one = await referred(world)
    bob = await colleague(world)

    await world.desk.sessions.refuse(one.session, world.ann, "You must leave.")

    assert await world.desk.identity.waiting(bob) == []
    with pytest.raises(NotAllowed):
        await world.desk.identity.second(one.session, bob, YES, "Yes.")


async def test_nothing_is_referred_before_both_pictures(world):
    one = await arrived(world)

    with pytest.raises(IllegalTransition):
        await world.desk.identity.refer(one.session, world.ann, None, WHY)


# --- the colleague's panel ---


async def test_a_colleague_sees_the_check_while_it_waits_and_what_they_decided(world):
    one = await referred(world)
    bob, cy = await colleague(world), await colleague(world, "Cy Cook")
    panel, see = world.desk.identity.panel, world.desk.identity.see

    before = await panel(one.session, bob)
    await see(before.check.document, bob)
    await world.desk.identity.second(one.session, bob, YES, "Yes.")
    after = await panel(one.session, bob)

    assert (before.may_decide, after.may_decide) == (True, False)
    assert before.facts.needs_two
    assert before.names == {world.ann.id: "Ann Archer"}
    assert after.names[bob.id] == "Bob Baker"
    assert {it.purpose for it in before.consents} == {*CONSENT}
    assert (await world.kinds(one.session)).count("evidence_viewed") == 1
    with pytest.raises(NotFound):
        await panel(one.session, cy)
    with pytest.raises(NotFound):
        await see(before.check.document, cy)


async def test_a_colleague_sees_only_what_the_check_is_about(world):
    one = await both(world, **EXPIRED)
    bob = await colleague(world)
    incident = seen(one.session, SnapshotKind.INCIDENT)
    await world.desk.identity.record(one.session, world.ann, incident)
    panel, see = world.desk.identity.panel, world.desk.identity.see
    with pytest.raises(NotFound):
        await panel(one.session, bob)
    await world.desk.identity.refer(one.session, world.ann, YES, WHY)

    with pytest.raises(NotFound):
        await see(incident.picture.id, bob)

    assert not (await panel(one.session, world.ann)).may_decide
    assert not (await panel(one.session, world.sam)).may_decide
    assert (await panel(one.session, ADA)).may_decide


# --- the attestation ---


async def test_the_attestation_says_how_identity_was_established(world):
    one = await referred(world)
    bob = await colleague(world)
    await world.desk.identity.second(one.session, bob, YES, "I agree.")
    await world.desk.sessions.admit(one.session, world.ann)
    await world.desk.sessions.end(one.session, world.ann)

    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)

    told = (await world.attested(one.session))["identity"]
    assert (told["state"], told["kind"], told["reason"]) == ("confirmed", "passport", "I agree.")
    assert told["reading"] == {
        "source": "machine",
        "form": "TD3",
        "check_digits_right": True,
        "images": 3,
        "agreed": 3,
    }
    assert (told["grades"]["name"], told["grades"]["expires"]) == ("same", "differs")
    assert told["decided_by"] == {"id": bob.id, "name": "Bob Baker"}
    assert told["referral"]["by"] == {"id": world.ann.id, "name": "Ann Archer"}
    assert told["likeness"] == {"consent": False, "figure": None}
    assert told["rechecks"] == {
        "taken": 0, "same": 0, "not_same": 0, "unclear": 0, "unjudged": 0
    }  # fmt: skip
    for secret in ("SANTOS", "P1234567A", "1991"):
        assert secret not in json.dumps(told)


async def test_a_record_with_all_that_identity_leaves_verifies(world):
    key = SigningKey.generate()
    real = Desk.of(replace(world.desk.office, signer=key, sealer=Seal(key)))
    there = replace(world, desk=real)
    one = await arrived(there, consent=(*CONSENT, "likeness"))
    check = await shown(there, one)
    portrait = picture(one.session, SnapshotKind.PORTRAIT)
    bob = await colleague(there)
    like = Likeness("dlib", 0.1 + 0.2, 500, date(2026, 11, 1))
    identity = real.identity
    check = await identity.set_reading(one.session, check.document, reading(**EXPIRED), portrait)
    await identity.set_likeness(one.session, check.portrait, check.face, like)
    await identity.camera(one.session, "OBS Virtual Camera é")
    await identity.refer(one.session, there.ann, YES, WHY)
    await identity.second(one.session, bob, YES, "I agree.")
    await real.challenges.ask(one.session, there.ann)
    await real.sessions.admit(one.session, there.ann)
    again = picture(one.session, SnapshotKind.FACE_AGAIN)
    taken = await real.rechecks.add(one.session, RecheckCause.GAP, again)
    await real.rechecks.judge(one.session, there.ann, taken.id, RecheckResult.NOT_SAME, "")
    await real.sessions.end(one.session, there.ann)

    await real.reports.attest(one.session, there.ann, STATEMENT, Outcome.COMPLETED)

    found = await real.reports.record(one.session, there.ann)
    verdict = verify(record_file(found), {key.key_id: key.public})
    assert verdict.ok
    payload = json.loads(open_seal(found.sealed.attestation, {key.key_id: key.public}))
    told = record.opened(payload, found.openings)["identity"]
    assert Likeness.of(told["likeness"]["figure"]) == like
    assert told["hints"] == ["virtual_camera"]
    assert told["rechecks"]["not_same"] == 1
    assert [it["result"] for it in told["challenges"]] == ["skipped"]


# --- refused ---


async def refused(world):
    one = await both(world, surname="HANSEN", given="OLE")
    await world.desk.identity.decide(one.session, world.ann, NO, "Another person's passport.")
    await world.desk.sessions.refuse(one.session, world.ann, "The passport is not yours.")
    return one


async def test_who_was_refused_for_their_identity_may_answer_for_14_days(world):
    one = await refused(world)

    found = await world.desk.enquiries.refusal(one.request)
    asked = await world.desk.enquiries.ask(one.request, EnquiryKind.DISPUTE, "It is mine.")

    assert (found.reason, found.at) == ("The passport is not yours.", START)
    assert (found.until, found.disputed) == (START + timedelta(days=14), False)
    assert asked.booking == one.booking
    assert (await world.desk.enquiries.refusal(one.request)).disputed
    with pytest.raises(InvalidInput):
        await world.desk.enquiries.ask(one.request, EnquiryKind.DISPUTE, "Again.")


async def test_it_is_too_late_to_answer_after_that_and_attesting_changes_nothing(world):
    one = await refused(world)
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.REFUSED)
    assert (await world.desk.enquiries.refusal(one.request)).reason
    world.clock.go_to(START + timedelta(days=14, seconds=1))

    with pytest.raises(TooLate):
        await world.desk.enquiries.ask(one.request, EnquiryKind.DISPUTE, "It is mine.")


async def test_another_refusal_is_none_for_the_identity(world):
    one = await world.brought_to(SessionState.REFUSED)

    assert await world.desk.enquiries.refusal(one.request) is None
    with pytest.raises(InvalidInput):
        await world.desk.enquiries.ask(one.request, EnquiryKind.DISPUTE, "Why?")

"""A colleague's identity check on its page, and what the record's page tells of it."""

from __future__ import annotations

import re
from datetime import date

from invigilation.challenge import ChallengeResult
from invigilation.consent import Purpose
from invigilation.document import Reading
from invigilation.identity import Decision, IdentityState, SnapshotKind
from invigilation.likeness import Likeness
from invigilation.people import Staff
from invigilation.store.views import Sitting
from tests.invigilation.shown import picture, reading, seen, shown
from tests.web.office import ANA, SAM, START, TOM, Answer, World
from web.pages import identity_words as told

EXPIRED = date(2026, 6, 15)
OTHER = {ANA.id: TOM, TOM.id: ANA}
EMBASSY = "It is her; the new passport is at the embassy."


def first_of(sitting: Sitting) -> Staff:
    return {ANA.id: ANA, TOM.id: TOM}[sitting.staff]


async def referred(
    world: World, said: Reading | None = None, proposed: Decision | None = Decision.CONFIRMED
) -> Sitting:
    """A learner whose passport has expired; who invigilates asks a colleague."""
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    await shown(world, sitting, said or reading(expires=EXPIRED))
    await world.desk.identity.refer(sitting.session, first_of(sitting), proposed, EMBASSY)
    return sitting


async def test_a_colleague_sees_what_to_decide_by(world: World) -> None:
    sitting = await referred(world)
    colleague = await world.staff(OTHER[sitting.staff])

    page = await colleague.get(f"/staff/identity/{sitting.session}")

    assert page.status == 200
    for words in (
        "Maria Santos",
        EMBASSY,
        "Would confirm",
        f"The learner and {first_of(sitting).name} are waiting",
        "Expired",
        "Passport",
        "Read by machine: 3 of 3 pictures agree.",
        "It takes two people to confirm this.",
        "Confirmed: it is this person",
    ):
        assert words in page.words
    assert page.words.index("Expires") < page.words.index("Name")  # the worst stands first
    assert f"/staff/evidence/{picture(sitting.session, SnapshotKind.FACE).id}" in page.text


async def test_a_colleague_confirms_and_the_session_goes_on(world: World) -> None:
    sitting = await referred(world)
    colleague = await world.staff(OTHER[sitting.staff])
    path = f"/staff/identity/{sitting.session}"

    answer = await colleague.post(path, {"decision": "confirmed", "reason": "The same face."})

    assert answer.to == f"{path}?done=decided"
    check = (await world.desk.sessions.view(sitting.session)).identity
    assert (check.state, check.decided_by) == (IdentityState.CONFIRMED, OTHER[sitting.staff].id)
    after = await colleague.get(answer.to)
    assert "The same face." in after.words
    assert "You can close this window." in after.words
    assert "Your decision" not in after.words


async def test_a_form_without_reason_or_choice_says_so(world: World) -> None:
    sitting = await referred(world)
    colleague = await world.staff(OTHER[sitting.staff])
    path = f"/staff/identity/{sitting.session}"

    none = await colleague.post(path, {"decision": "", "reason": "x"})
    bare = await colleague.post(path, {"decision": "not_confirmed", "reason": ""})

    assert (none.status, bare.status) == (422, 422)
    assert 'href="#decision-1"' in none.text
    assert 'href="#reason"' in bare.text
    check = (await world.desk.sessions.view(sitting.session)).identity
    assert check.state is IdentityState.REFERRED


async def test_who_has_an_old_page_looks_again_first(world: World) -> None:
    sitting = await referred(world, reading())
    colleague = await world.staff(OTHER[sitting.staff])
    path = f"/staff/identity/{sitting.session}"
    form = {"decision": "confirmed", "reason": "The same face."}
    old = {**form, "seen": hidden(await colleague.get(path))}
    await world.desk.identity.refer(
        sitting.session, first_of(sitting), Decision.CONFIRMED, "The photo is an old one."
    )

    refused = await colleague.post(path, old)
    taken = await colleague.post(path, {**form, "seen": hidden(refused)})

    assert refused.status == 422
    assert "Something has changed" in refused.words
    assert taken.to == f"{path}?done=decided"


def hidden(page: Answer) -> str:
    [seen] = re.findall(r'name="seen" value="([0-9a-f]+)"', page.text)
    return seen


async def test_nobody_confirms_alone_what_takes_two(world: World) -> None:
    sitting = await referred(world, proposed=None)
    colleague = await world.staff(OTHER[sitting.staff])
    path = f"/staff/identity/{sitting.session}"

    page = await colleague.get(path)
    forced = await colleague.post(path, {"decision": "confirmed", "reason": "It is her."})

    assert "Is not sure" in page.words
    assert "you cannot confirm it alone" in page.words
    assert "Confirmed: it is this person" not in page.words
    assert forced.status == 422


async def test_who_asked_cannot_decide_and_strangers_see_nothing(world: World) -> None:
    sitting = await referred(world)
    first, scheduler = await world.staff(first_of(sitting)), await world.staff(SAM)
    path = f"/staff/identity/{sitting.session}"

    own = await first.get(path)
    decided = await first.post(path, {"decision": "confirmed", "reason": "It is her."})

    assert own.status == 200
    assert "Your decision" not in own.words
    assert decided.status in {403, 404, 409}
    assert (await scheduler.get(path)).status in {403, 404}
    assert (await world.stranger().get(path)).status in {303, 401, 403}


async def test_the_record_tells_of_two_people_challenges_and_rechecks(world: World) -> None:
    sitting = await referred(world)
    desk, session, first = world.desk, sitting.session, first_of(sitting)
    second = OTHER[sitting.staff]
    await desk.identity.second(session, second, Decision.CONFIRMED, "The same face.")
    asked = await desk.challenges.ask(session, first)
    await desk.challenges.judge(session, first, asked.id, ChallengeResult.NOT_SEEN, "")
    await desk.consents.withdraw(session, Purpose.IDENTITY, "learner")

    page = await (await world.staff(first)).get(f"/staff/records/{session}")

    for words in (
        f"Two people looked: {first.name} asked a colleague, and {second.name} decided.",
        "Shown: passport.",
        "The document was read: by machine. Day of expiry differs",
        f"Asked a colleague to look at the identity, too: would confirm. {EMBASSY}",
        "Judged what the learner did: ",
        "Not seen",
        "The learner took a consent back: pictures of document and face",
    ):
        assert words in page.words


def test_a_likeness_is_told_by_its_meaning() -> None:
    rare = told.likeness(Likeness("dlib", 0.61, 500, date(2026, 11, 3)))
    common = told.likeness(Likeness("dlib", 0.2, 4, date(2026, 11, 3)))
    unmeasured = told.likeness(Likeness("dlib", 0.61))

    assert rare.startswith("About 2 in 1,000 pairs of different people score this high")
    assert "3 November 2026" in rare
    assert common.startswith("About 25 in 100 pairs")
    assert "never measured" in unmeasured
    assert told.likeness(None).startswith("Not computed")


async def test_cut_out_pictures_stand_side_by_side(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    desk, session = world.desk.identity, sitting.session
    await world.desk.sessions.check_in(session, ("identity", "recording"))
    portrait = picture(session, SnapshotKind.PORTRAIT)
    aligned = picture(session, SnapshotKind.FACE_ALIGNED)
    front = seen(session, SnapshotKind.ID_DOCUMENT, derived=portrait, reading=reading())
    await desk.record(session, None, front)
    await desk.record(session, None, seen(session, SnapshotKind.FACE, derived=aligned))
    await desk.refer(session, first_of(sitting), None, "I do not know.")
    colleague = await world.staff(OTHER[sitting.staff])

    page = await colleague.get(f"/staff/identity/{session}")

    both = page.text.index(portrait.id), page.text.index(aligned.id)
    assert both[0] < both[1] < page.text.index("The whole pictures")

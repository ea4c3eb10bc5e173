"""An officer on board invigilates: the form, its rules, and how staff decides on it."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta

import pytest

from invigilation import record
from invigilation.desk.onboard import Taken
from invigilation.desk.onboard_papers import Closed
from invigilation.errors import IllegalTransition, InvalidInput, NotAllowed, NotFound
from invigilation.onboard import (
    DECLARATION,
    Facts,
    OnboardState,
    Rank,
    clean_imo,
    clean_officer,
    clean_rank,
    clean_vessel,
)
from invigilation.people import Role, Staff
from invigilation.request import RequestState
from tests import builders
from tests.builders import BOOKED_AT, MONDAY, START

ADA = Staff("st_ada", "ada@example.com", "Ada Stone", frozenset({Role.ADMINISTRATOR}))
NOBODY = Staff("st_no", "no@example.com", "No Role", frozenset())
SHA = "cd" * 32
PICTURE = Taken("image/jpeg", SHA, 90_000)
REASON = "The name in the document is another one."


def facts(officer="Jan de Vries", sits_on=MONDAY, **more):
    return Facts(
        officer,
        more.get("rank", Rank.MASTER),
        more.get("rank_words", ""),
        more.get("vessel", "MV Northern Light"),
        "9074729",
        sits_on,
    )


async def sent(world, request, ident="ob_1", **more):
    return await world.desk.onboard.submit(request, ident, facts(**more), PICTURE)


async def kinds(world, ident):
    async with world.store.read() as tx:
        return [entry.kind for entry in await tx.onboard.entries(ident)]


def attested(sealed):
    """What the tests' own sealer has sealed."""
    return record.payload_of(sealed.encode())


def opened(told):
    """The openings that a notice carries."""
    return [
        record.Opening(seal, bytes.fromhex(one["key"]), one["text"])
        for seal, one in told["openings"].items()
    ]


# --- the fields -----------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", ["9074729", "IMO 9074729", "imo9074729", " 9176187 ", "9321483"])
def test_imo_numbers_of_real_ships(raw):
    assert clean_imo(raw) == raw.strip()[-7:]


@pytest.mark.parametrize("raw", ["", "907472", "90747299", "9074728", "IMO", "9O74729", "٩٠٧٤٧٢٩"])
def test_what_is_no_imo_number(raw):
    with pytest.raises(InvalidInput) as refused:
        clean_imo(raw)
    assert refused.value.field == "imo"


def test_which_slips_of_one_digit_the_imo_check_finds():
    """Weights 7 and 3 share no factor with 10; 6, 4 and 2 do, and 5: there some slips stay hidden.

    With an even weight a digit that is 5 off is not seen, with 5 one that is an even number off.
    """
    true = "9074729"
    hidden = set()
    for place in range(7):
        for digit in "0123456789":
            other = true[:place] + digit + true[place + 1 :]
            if other == true:
                continue
            try:
                clean_imo(other)
            except InvalidInput:
                continue
            hidden.add((place, abs(int(digit) - int(true[place]))))

    by_place = {place: {off for at, off in hidden if at == place} for place in range(7)}
    assert by_place[0] == by_place[4] == by_place[6] == set()
    assert by_place[1] == by_place[3] == by_place[5] == {5}
    assert by_place[2] == {2, 4, 6}


def test_names_are_folded_and_ranks_are_named():
    assert clean_officer("  Jan   de Vries ") == "Jan de Vries"
    assert clean_vessel("MV  Aurora") == "MV Aurora"
    assert clean_rank("master", "left over") == (Rank.MASTER, "")
    assert clean_rank("officer", " Chief  Officer ") == (Rank.OFFICER, "Chief Officer")


@pytest.mark.parametrize(
    ("clean", "field"),
    [
        (lambda: clean_officer(" "), "officer"),
        (lambda: clean_officer("a\u202eb"), "officer"),
        (lambda: clean_officer("x" * 201), "officer"),
        (lambda: clean_vessel(""), "vessel"),
        (lambda: clean_rank("", ""), "rank"),
        (lambda: clean_rank("cook", ""), "rank"),
        (lambda: clean_rank("officer", " "), "rank_words"),
    ],
)
def test_fields_that_cannot_be_used_are_named(clean, field):
    with pytest.raises(InvalidInput) as refused:
        clean()
    assert refused.value.field == field


# --- sending it -----------------------------------------------------------------------------------


async def test_a_form_begins_its_record_with_what_was_declared_and_no_names(world):
    request = await builders.ask(world.desk)

    form = await sent(world, request)

    assert (form.state, form.submitted) == (OnboardState.SUBMITTED, BOOKED_AT)
    async with world.store.read() as tx:
        [entry] = await tx.onboard.entries("ob_1")
    assert entry.data["declaration"] == DECLARATION
    assert entry.data["sha256"] == SHA
    assert json.loads(entry.body)["session"] == "ob_1"
    assert b"Vries" not in entry.body
    assert b"Lea" not in entry.body


async def test_the_same_form_twice_is_one_form(world):
    request = await builders.ask(world.desk)

    first = await sent(world, request)
    world.clock.go(60)
    again = await sent(world, request)

    assert again == first
    assert await kinds(world, "ob_1") == ["onboard_submitted"]


async def test_a_newer_form_replaces_the_one_that_waits(world):
    request = await builders.ask(world.desk)
    await sent(world, request)
    world.clock.go(60)

    newer = await sent(world, request, "ob_2", officer="Eva Lund")

    case = await world.desk.onboard.case(request)
    assert case.form == newer
    waiting, _ = await world.desk.onboard.listed(world.sam)
    assert [one.form.id for one in waiting] == ["ob_2"]
    assert await kinds(world, "ob_1") == ["onboard_submitted", "onboard_withdrawn"]


async def test_forms_that_come_at_once_leave_one_waiting(world):
    request = await builders.ask(world.desk)

    await asyncio.gather(*(sent(world, request, f"ob_{number}") for number in range(6)))

    waiting, _ = await world.desk.onboard.listed(world.sam)
    assert len(waiting) == 1
    assert await world.count("onboard") == 6


async def test_no_form_beside_a_booking(world):
    sitting = await builders.book(world.desk)

    with pytest.raises(NotAllowed):
        await sent(world, sitting.request)

    assert (await world.desk.onboard.case(sitting.request)).closed is Closed.BOOKED
    assert await world.count("onboard") == 0
    await world.desk.bookings.cancel(sitting.booking, "an officer is here")
    await sent(world, sitting.request)
    assert (await world.desk.onboard.case(sitting.request)).closed is None


async def test_no_form_beside_a_reserved_seat(world):
    request = await builders.ask(world.desk)
    await world.desk.bookings.reserve(request, START, "Europe/London")

    with pytest.raises(NotAllowed):
        await sent(world, request)

    assert (await world.desk.onboard.case(request)).closed is Closed.BOOKED
    await world.desk.bookings.give_back(request, "learner")
    await sent(world, request)


async def test_no_form_when_the_licence_has_ended(world):
    request = await builders.ask(world.desk)
    end = (await world.desk.requests.find(request)).request.licence_until
    world.clock.go_to(end)

    with pytest.raises(NotAllowed):
        await sent(world, request)

    assert (await world.desk.onboard.case(request)).closed is Closed.LICENCE


@pytest.mark.parametrize(
    ("day", "fine"),
    [
        (date(2026, 11, 18), False),
        (date(2026, 11, 19), True),  # it is still the 19th somewhere
        (date(2027, 2, 28), True),
        (date(2027, 3, 1), False),  # the licence ends when it begins
    ],
)
async def test_the_day_lies_ahead_and_within_the_licence(world, day, fine):
    request = await builders.ask(world.desk)

    if fine:
        await sent(world, request, sits_on=day)
    else:
        with pytest.raises(InvalidInput) as refused:
            await sent(world, request, sits_on=day)
        assert refused.value.field == "sits_on"

    assert await world.count("onboard") == fine


async def test_a_request_that_does_not_exist(world):
    with pytest.raises(NotFound):
        await world.desk.onboard.case("rq_none")
    with pytest.raises(NotFound):
        await sent(world, "rq_none")


# --- deciding -------------------------------------------------------------------------------------


async def test_accepting_seals_a_report_and_fulfils_the_request(world):
    request = await builders.ask(world.desk)
    await sent(world, request, rank=Rank.OFFICER, rank_words="Chief Officer")
    await world.desk.onboard.see("ob_1", world.sam)
    world.clock.go(3600)

    form = await world.desk.onboard.accept("ob_1", world.sam)

    assert (form.state, form.reviewed_by) == (OnboardState.ACCEPTED, world.sam.id)
    assert await world.request_state(request) is RequestState.FULFILLED
    assert await world.desk.onboard.accepted(request) == form
    assert await world.sent() == ["webhook report.ready", "mail onboard_accepted"]
    [webhook] = await world.bodies("report.ready")
    told = webhook["data"]
    assert (told["session"], told["kind"], told["outcome"]) == ("ob_1", "onboard", "accepted")
    says = record.opened(attested(told["attestation"]), opened(told))
    assert says["kind"] == "onboard"
    assert says["officer"] == {
        "name": "Jan de Vries",
        "rank": "officer",
        "rank_words": "Chief Officer",
    }
    assert says["vessel"] == {"name": "MV Northern Light", "imo": "9074729"}
    assert says["sits_on"] == "2026-11-23"
    assert says["declaration"] == DECLARATION
    assert says["reviewer"] == {"id": world.sam.id, "name": "Sam Field"}
    assert says["learner"]["name"] == "Lea Learner 1"
    assert says["evidence"] == [
        {"id": "ob_1", "kind": "id_document", "sha256": SHA, "size": 90_000}
    ]
    assert says["chain"]["length"] == 3
    # The Monday of the assessment, and two working days more.
    assert told["due"] == says["due"] == "2026-11-25T17:00:00.000000Z"
    assert await kinds(world, "ob_1") == [
        "onboard_submitted",
        "evidence_viewed",
        "onboard_accepted",
    ]
    [letter] = await world.bodies("onboard_accepted")
    assert (letter["officer"], letter["vessel"]) == ("Jan de Vries", "MV Northern Light")
    async with world.store.read() as tx:
        changes = {one.action: one.actor for one in await tx.audit.of("ob_1")}
    assert changes == {
        "onboard.submitted": "officer",
        "onboard.accepted": f"scheduler:{world.sam.id}",
    }


async def test_the_attestation_is_for_its_backend_alone(world):
    request = await builders.ask(world.desk)
    await sent(world, request)
    with pytest.raises(NotFound):
        await world.desk.onboard.attestation("ob_1", "acme")
    await world.desk.onboard.accept("ob_1", world.ann)

    assert (await world.desk.onboard.attestation("ob_1", "acme")).startswith(b"sealed.")
    with pytest.raises(NotFound):
        await world.desk.onboard.attestation("ob_1", "other")


async def test_a_refused_form_leaves_the_request_open_for_another(world):
    request = await builders.ask(world.desk)
    await sent(world, request)

    refused = await world.desk.onboard.refuse("ob_1", world.ann, f" {REASON} ")

    assert (refused.state, refused.reason) == (OnboardState.REFUSED, REASON)
    assert await world.request_state(request) is RequestState.OPEN
    assert await world.sent() == ["mail onboard_refused"]
    assert (await world.bodies("onboard_refused"))[0]["reason"] == REASON
    world.clock.go(60)
    newer = await sent(world, request, "ob_2")
    assert (await world.desk.onboard.case(request)).form == newer
    assert await world.desk.onboard.accepted(request) is None


@pytest.mark.parametrize("reason", ["", "    ", "no", "x" * 1_001])
async def test_refusing_takes_a_reason(world, reason):
    request = await builders.ask(world.desk)
    await sent(world, request)

    with pytest.raises(InvalidInput) as wrong:
        await world.desk.onboard.refuse("ob_1", world.sam, reason)

    assert wrong.value.field == "reason"
    assert await kinds(world, "ob_1") == ["onboard_submitted"]


async def test_of_two_who_decide_at_once_one_has_decided(world):
    request = await builders.ask(world.desk)
    await sent(world, request)
    desk = world.desk.onboard

    ends = await asyncio.gather(
        desk.accept("ob_1", world.sam),
        desk.refuse("ob_1", world.ann, REASON),
        desk.accept("ob_1", ADA),
        return_exceptions=True,
    )

    assert sum(isinstance(end, IllegalTransition) for end in ends) == 2
    assert len(await kinds(world, "ob_1")) == 2
    assert len([kind for kind in await world.sent() if kind.startswith("mail")]) == 1


async def test_a_form_that_was_replaced_cannot_be_accepted(world):
    request = await builders.ask(world.desk)
    await sent(world, request)
    await sent(world, request, "ob_2")

    with pytest.raises(IllegalTransition):
        await world.desk.onboard.accept("ob_1", world.sam)


async def test_no_form_is_accepted_while_a_time_is_held(world):
    request = await builders.ask(world.desk)
    await sent(world, request)
    await world.desk.bookings.reserve(request, START, "Europe/London")

    with pytest.raises(NotAllowed):
        await world.desk.onboard.accept("ob_1", world.sam)

    await world.desk.bookings.give_back(request)
    assert (await world.desk.onboard.accept("ob_1", world.sam)).state is OnboardState.ACCEPTED


@pytest.mark.parametrize("held_first", [False, True])
async def test_a_form_that_waits_is_withdrawn_when_a_session_is_booked(world, held_first):
    request = await builders.ask(world.desk)
    await sent(world, request)
    if held_first:
        await world.desk.bookings.reserve(request, START, "Europe/London")
    world.clock.go(60)

    sitting = await world.desk.bookings.book(request, START, "Europe/London")

    case = await world.desk.onboard.case(request)
    assert (case.form, case.given_up.id, case.closed) == (None, "ob_1", Closed.BOOKED)
    assert case.given_up.reason == "The learner booked a session with us."
    assert await world.desk.onboard.listed(world.sam) == ([], [])
    assert await kinds(world, "ob_1") == ["onboard_submitted", "onboard_withdrawn"]
    with pytest.raises(IllegalTransition):
        await world.desk.onboard.accept("ob_1", world.sam)
    await world.desk.bookings.cancel(sitting.booking, "an officer is here")
    await sent(world, request, "ob_2")
    after = await world.desk.onboard.case(request)
    assert (after.form.id, after.given_up) == ("ob_2", None)


async def test_whatever_becomes_of_a_form_is_in_the_audit_log(world):
    request = await builders.ask(world.desk)
    for ident in ("ob_1", "ob_2"):
        await sent(world, request, ident)
        world.clock.go(60)
    await world.desk.onboard.refuse("ob_2", world.sam, REASON)

    noted = await world.rows("SELECT subject, actor, action FROM audit ORDER BY at")

    officer, sam = "officer", f"scheduler:{world.sam.id}"
    assert sorted(tuple(row) for row in noted) == [
        ("ob_1", officer, "onboard.submitted"),
        ("ob_1", officer, "onboard.withdrawn"),
        ("ob_2", officer, "onboard.submitted"),
        ("ob_2", sam, "onboard.refused"),
    ]


async def test_a_booking_and_an_acceptance_at_once_never_both_hold(world):
    request = await builders.ask(world.desk)
    await sent(world, request)

    await asyncio.gather(
        world.desk.onboard.accept("ob_1", world.sam),
        world.desk.bookings.book(request, START, "Europe/London"),
        return_exceptions=True,
    )

    accepted = await world.desk.onboard.accepted(request)
    booked = await world.desk.bookings.latest(request)
    assert (accepted is None) != (booked is None)


async def test_only_schedulers_invigilators_and_administrators_review(world):
    request = await builders.ask(world.desk)
    await sent(world, request)
    desk = world.desk.onboard

    for work in (
        desk.listed(NOBODY),
        desk.review("ob_1", NOBODY),
        desk.see("ob_1", NOBODY),
        desk.accept("ob_1", NOBODY),
        desk.refuse("ob_1", NOBODY, REASON),
    ):
        with pytest.raises(NotAllowed):
            await work

    assert await kinds(world, "ob_1") == ["onboard_submitted"]
    for person in (world.ann, world.sam, ADA):
        assert (await desk.review("ob_1", person)).declaration == DECLARATION


# --- the picture's end ----------------------------------------------------------------------------


class Month:
    """Erases what was of no use any more a month ago, and notes what it was asked."""

    def __init__(self, clock):
        self.clock = clock
        self.asked = []
        self.fault = None

    async def erase(self, evidence, delivered_at):
        self.asked.append((evidence.id, evidence.session, evidence.kind, delivered_at))
        if self.fault == evidence.id:
            raise OSError("the disk")
        return delivered_at is not None and self.clock.now() - delivered_at > timedelta(days=30)


async def deliver(world):
    """Let everything have arrived just now."""
    await world.rows("UPDATE delivery SET state = 'delivered'")


async def test_an_accepted_picture_counts_from_the_delivery_of_the_report(world):
    request = await builders.ask(world.desk)
    await sent(world, request)
    month = Month(world.clock)
    assert await world.desk.onboard.erase(month) == 0
    await world.desk.onboard.accept("ob_1", world.sam)
    assert await world.desk.onboard.erase(month) == 0
    await deliver(world)
    world.clock.go(31 * 86_400)

    assert await world.desk.onboard.erase(month) == 1

    assert month.asked == [
        ("ob_1", "ob_1", "id_document", None),
        ("ob_1", "ob_1", "id_document", None),
        ("ob_1", "ob_1", "id_document", BOOKED_AT),
    ]
    form = await world.desk.onboard.see("ob_1", world.sam)
    assert form.erased == world.clock.now()
    assert (await kinds(world, "ob_1"))[-1] == "onboard_accepted"
    assert await world.desk.onboard.erase(month) == 0


async def test_refused_and_replaced_pictures_count_from_then(world):
    first, second = await builders.ask(world.desk), await builders.ask(world.desk, 2)
    await sent(world, first, "ob_1")
    await sent(world, first, "ob_2")
    await sent(world, second, "ob_3")
    await world.desk.onboard.refuse("ob_3", world.sam, REASON)
    month = Month(world.clock)
    world.clock.go(31 * 86_400)

    assert await world.desk.onboard.erase(month) == 2

    assert {ident for ident, *_, over in month.asked if over is None} == {"ob_2"}


async def test_a_picture_that_cannot_be_erased_keeps_no_other(world):
    first, second = await builders.ask(world.desk), await builders.ask(world.desk, 2)
    for ident, request in (("ob_1", first), ("ob_2", second)):
        await sent(world, request, ident)
        await world.desk.onboard.refuse(ident, world.sam, REASON)
    month = Month(world.clock)
    month.fault = "ob_1"
    world.clock.go(31 * 86_400)

    with pytest.raises(ExceptionGroup):
        await world.desk.onboard.erase(month)

    assert (await world.desk.onboard.see("ob_2", world.sam)).erased is not None
    await world.desk.looks.open("ob_1", world.sam, "quality")
    assert (await world.desk.onboard.see("ob_1", world.sam)).erased is None


async def test_a_forms_picture_is_no_stranger(world):
    request = await builders.ask(world.desk)
    await sent(world, request)

    assert await world.desk.recordings.unknown(["ob_1", "ev_lost"]) == ["ev_lost"]


async def test_a_request_that_was_read_before_it_changed_is_not_written_over(world):
    request = await builders.ask(world.desk)
    await sent(world, request)
    await world.desk.onboard.accept("ob_1", world.sam)

    async with world.store.write() as tx:
        done = await tx.requests.step(request, RequestState.OPEN, RequestState.BOOKED)

    assert not done
    assert await world.request_state(request) is RequestState.FULFILLED

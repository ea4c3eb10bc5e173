"""All that is kept about a learner: found in every table, handed out, and erased."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from invigilation.booking import BookingState
from invigilation.desk import Desk
from invigilation.desk.edx import ERASED, ERASED_EMAIL
from invigilation.desk.erased import BY_REQUEST, EVIDENCE, PERSON, TEXTS
from invigilation.desk.persons import Unfinished
from invigilation.desk.reports import record_file
from invigilation.enquiry import EnquiryKind
from invigilation.errors import InvalidInput, NotFound
from invigilation.store.persons import placed
from invigilation.store.schema import metadata
from recordings.seal import Seal, SigningKey
from recordings.verify import verify
from tests import builders
from tests.builders import BACKEND
from tests.invigilation.conftest import kept_loop
from tests.invigilation.test_erasure import delivered, lies_about, sat

WHO = "staff:operator"
OPERATOR_REASON = "They asked for it in a letter."
NAMES = ("Maria Santos", "Is the door shut?", "lea1@example.com", "They broke it off.", "P1234567A")


@kept_loop
async def over(world):
    """An office with keys that a verifier knows, in which Maria has sat and nothing waits."""
    key = SigningKey.generate()
    office = replace(world.desk.office, signer=key, sealer=Seal(key))
    there = replace(world, desk=Desk.of(office))
    one = await sat(there)
    await delivered(there)
    return there, one, {key.key_id: key.public}


class Vault:
    """Notes what is destroyed."""

    def __init__(self):
        self.gone = []

    async def destroy(self, session, ident):
        self.gone.append((session, ident))


async def erase(world, of, vault=None):
    return await world.desk.persons.erase(of, WHO, OPERATOR_REASON, (vault or Vault()).destroy)


async def chain(world):
    async with world.store.read() as tx:
        return [entry async for entry in tx.erasures.entries()]


def test_every_table_is_placed():
    """A new table speaks of learners, or it does not: somebody says so in `store/persons.py`."""
    wrong = [name for name, right in placed(metadata.tables).items() if not right]

    assert wrong == []


async def test_a_learner_goes_by_reference_address_and_id(world):
    one = await builders.book(world.desk)
    found = await world.desk.persons.find("learner-1")

    for name in ("lea1@example.com", "LEA1@example.com", found.learner.id, " learner-1 "):
        assert await world.desk.persons.find(name) == found
    assert found.sessions == (one.session,)
    assert (await world.desk.persons.find("learner-1", BACKEND.id)) == found
    with pytest.raises(NotFound):
        await world.desk.persons.find("learner-1", "another")
    with pytest.raises(NotFound):
        await world.desk.persons.find("learner-2")


async def test_several_of_one_address_are_told_apart(world):
    await builders.ask(world.desk)
    await builders.ask(world.desk, 2)
    await world.rows("UPDATE learner SET email = 'crew@example.com'")

    with pytest.raises(InvalidInput) as several:
        await world.desk.persons.find("crew@example.com")

    assert several.value.reason.count(f"(of {BACKEND.id})") == 2


async def test_all_that_is_kept_is_handed_out_and_that_is_noted(over):
    world, one, _ = over
    desk = world.desk
    await desk.enquiries.ask(one.request, EnquiryKind.OTHER, "Where is my certificate?")
    of = await desk.persons.find("learner-1")

    kept = await desk.persons.take(of, world.sam)

    rows = kept.rows
    assert rows["learner"][0]["name"] == "Maria Santos"
    assert [one["text"] for one in rows["chat"]] == ["Is the door shut?"]
    assert [one["text"] for one in rows["enquiry"]] == ["Where is my certificate?"]
    assert {one["purpose"] for one in rows["consent"]} == {"identity", "recording"}
    assert rows["document_mark"][0]["session"] == one.session
    assert not {"secret", "csrf", "token_sha256"} & {*rows["session"][0]}
    assert json.dumps(rows)
    [export] = kept.sessions
    assert {piece.kind for piece in export.pieces} == {"id_document", "face"}
    looks = [it for it in await world.entries(one.session) if it.kind == "evidence_viewed"]
    assert {it.data["reason"] for it in looks} == {"learner_rights"}
    async with world.store.read() as tx:
        assert [it.action for it in await tx.audit.of(of.learner.id)] == ["learner.exported"]


async def test_another_learner_is_in_none_of_it(over):
    world, _, _ = over
    await builders.ask(world.desk, 7)
    of = await world.desk.persons.find("learner-1")

    kept = await world.desk.persons.take(of, world.sam)

    assert "Lea Learner 7" not in json.dumps(kept.rows)
    assert "lea7@example.com" not in json.dumps(kept.rows)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_what_is_erased_lies_nowhere_and_the_record_verifies(over):
    world, one, keys = over
    of, vault = await world.desk.persons.find("learner-1"), Vault()
    pieces = [it.id for it in (await world.desk.reports.record(one.session, world.sam)).evidence]

    gone = await erase(world, of, vault)

    assert {text: await lies_about(world, text) for text in NAMES} == {text: [] for text in NAMES}
    async with world.store.read() as tx:
        bare = await tx.people.learner(of.learner.id)
    assert (bare.name, bare.email, bare.born) == (ERASED, ERASED_EMAIL, None)
    assert bare.reference == f"erased-{bare.id}"
    assert (gone.pieces, [ident for _, ident in vault.gone]) == (len(pieces), pieces)
    for table in ("document_mark", "face_mark", "chat", "sealed_text"):
        assert await world.count(table) == 0, table
    file = record_file(await world.desk.reports.record(one.session, world.sam))
    assert verify(file, keys, now=world.clock.now()).ok
    with pytest.raises(NotFound):
        await world.desk.persons.find("learner-1")


async def test_what_went_stands_in_the_chain_and_in_the_audit_log(over):
    world, one, _ = over
    of = await world.desk.persons.find("learner-1")

    await erase(world, of)

    entries = await chain(world)
    assert [it.kind for it in entries] == [EVIDENCE, EVIDENCE, TEXTS, PERSON]
    assert {(it.actor, it.data["rule"]) for it in entries} == {(WHO, BY_REQUEST)}
    assert {it.data["of"] for it in entries[:2]} == {"id_document", "face"}
    assert entries[2].data["session"] == one.session
    assert b"Maria" not in b"".join(it.body for it in entries)
    async with world.store.read() as tx:
        [noted] = [it for it in await tx.audit.of(of.learner.id) if it.action == "learner.erased"]
    assert json.loads(noted.after)["reason"] == OPERATOR_REASON


async def test_a_letter_of_theirs_reaches_nobody_and_their_links_end(over):
    world, one, _ = over
    await world.desk.reception.sign_in("learner", one.request)
    before = await world.count("login WHERE kind = 'learner'")
    of = await world.desk.persons.find("learner-1")

    await erase(world, of)

    assert before == 1
    assert await world.count("login WHERE kind = 'learner'") == 0
    rows = await world.rows("SELECT target, body FROM delivery WHERE channel = 'mail'")
    assert {(target, bytes(body)) for target, body in rows} == {(ERASED_EMAIL, b"")}


async def test_while_something_waits_nothing_is_erased(over):
    world, one, _ = over
    await world.desk.enquiries.ask(one.request, EnquiryKind.OTHER, "Where is it?")
    of, vault = await world.desk.persons.find("learner-1"), Vault()

    with pytest.raises(Unfinished) as waits:
        await erase(world, of, vault)

    assert "A question has no answer." in waits.value.waits
    assert (vault.gone, await chain(world)) == ([], [])
    assert (await world.desk.persons.find("learner-1")).learner.name == "Maria Santos"


async def test_a_booking_that_is_to_come_and_an_open_session_wait_too(world):
    one = await builders.book(world.desk)
    of = await world.desk.persons.find("learner-1")
    with pytest.raises(Unfinished) as waits:
        await erase(world, of)
    assert "A booking is not over." in waits.value.waits
    assert one.booking_state is BookingState.BOOKED

    await world.desk.bookings.cancel(one.booking, "ill", by_staff=True)
    await delivered(world)
    gone = await erase(world, of)

    assert gone.pieces == 0
    assert (await world.request_state(one.request)).value == "withdrawn"


async def test_an_erasure_that_was_broken_off_is_taken_up(over):
    world, one, _ = over
    of = await world.desk.persons.find("learner-1")
    done = []

    async def breaks(session, ident):
        if done:
            raise OSError("the disk is away")
        done.append((session, ident))

    with pytest.raises(OSError, match="the disk"):
        await world.desk.persons.erase(of, WHO, OPERATOR_REASON, breaks)
    assert len(await chain(world)) == 1

    gone = await erase(world, of)

    assert gone.pieces == 1
    assert [it.kind for it in await chain(world)] == [EVIDENCE, EVIDENCE, TEXTS, PERSON]
    assert one.session in of.sessions


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1_001])
async def test_a_reason_is_given(over, reason):
    world, _, _ = over
    of = await world.desk.persons.find("learner-1")

    with pytest.raises(InvalidInput):
        await world.desk.persons.erase(of, WHO, reason, Vault().destroy)

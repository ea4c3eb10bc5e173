"""What staff sign in with, as the desk keeps it: each good once, and always one way left."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from invigilation.desk.credentials import NewPasskey
from invigilation.desk.people import Kind, Whence
from invigilation.errors import InvalidInput, NotFound, NotSignedIn
from invigilation.proof import (
    MAX_PASSKEYS,
    RECOVERY_CODES,
    Proof,
    new_recovery_code,
    plain_code,
)
from invigilation.store.credentials import Totp

HERE = Whence("Firefox on Windows", "203.0.113.7")


def passkey(number, counter=0):
    return NewPasskey(b"credential %d" % number, b"key", counter, f"Key {number}", ("usb",))


async def login_of(world, kind=Kind.STAFF):
    proof = Proof.CODE if kind is Kind.STAFF else None
    return (await world.desk.reception.sign_in(kind, world.ann.id, proof, HERE))[1]


async def give_app(world, secret=b"wrapped"):
    async with world.store.write() as tx:
        await tx.credentials.set_totp(Totp(world.ann.id, secret, 0, world.clock.now()))


async def test_of_two_that_send_one_code_one_is_let_in(world):
    await give_app(world)
    app = await world.desk.credentials.app(world.ann.id)

    used = await asyncio.gather(*(world.desk.credentials.use_step(app, 7) for _ in range(2)))

    assert sorted(used) == [False, True]
    assert await world.desk.credentials.use_step(app, 7) is False
    assert await world.desk.credentials.use_step(app, 6) is False
    assert await world.desk.credentials.use_step(app, 8) is True


async def test_a_step_of_an_app_that_was_replaced_is_not_used(world):
    await give_app(world)
    before = await world.desk.credentials.app(world.ann.id)
    await give_app(world, b"another")

    assert await world.desk.credentials.use_step(before, 7) is False


async def test_of_two_that_send_one_recovery_code_one_is_let_in(world):
    codes = await world.desk.credentials.new_codes(world.ann, HERE)

    used = await asyncio.gather(
        *(world.desk.credentials.use_code(world.ann.id, codes[0], HERE) for _ in range(2))
    )

    assert sorted(used) == [False, True]
    standing = await world.desk.credentials.standing(world.ann.id)
    assert standing.codes_left == RECOVERY_CODES - 1


async def test_a_challenge_is_taken_once(world):
    login = await login_of(world)
    await world.desk.credentials.challenge(login, "first")
    await world.desk.credentials.challenge(login, "second")

    taken = [await world.desk.credentials.take_challenge(login) for _ in range(2)]

    assert taken == ["second", None]


async def test_nobody_is_left_without_a_second_factor(world):
    desk, login = world.desk.credentials, await login_of(world)
    await give_app(world)
    one = await desk.add_passkey(world.ann, login, passkey(1), HERE)
    await desk.remove_app(world.ann, HERE)

    with pytest.raises(InvalidInput):
        await desk.remove_passkey(world.ann, one.id, HERE)

    assert (await desk.standing(world.ann.id)).passkeys == (one,)
    other = await desk.add_passkey(world.ann, login, passkey(2), HERE)
    await desk.remove_passkey(world.ann, one.id, HERE)
    assert (await desk.standing(world.ann.id)).passkeys == (other,)
    with pytest.raises(NotFound):
        await desk.remove_passkey(world.ann, one.id, HERE)


async def test_passkeys_are_ten_at_most_and_nobodys_twice(world):
    desk, login = world.desk.credentials, await login_of(world)
    for number in range(MAX_PASSKEYS - 1):
        await desk.add_passkey(world.ann, login, passkey(number), HERE)

    with pytest.raises(InvalidInput, match="already"):
        await desk.add_passkey(world.sam, login, passkey(0), HERE)
    await desk.add_passkey(world.ann, login, passkey(MAX_PASSKEYS), HERE)
    with pytest.raises(InvalidInput, match="Remove one"):
        await desk.add_passkey(world.ann, login, passkey(99), HERE)


async def test_a_passkey_whose_counter_goes_back_is_refused(world):
    desk, login = world.desk.credentials, await login_of(world)
    counts = await desk.add_passkey(world.ann, login, passkey(1, counter=5), HERE)
    silent = await desk.add_passkey(world.ann, login, passkey(2), HERE)

    used = [await desk.use_passkey(counts, counter) for counter in (6, 6, 5, 0, 9)]
    still = [await desk.use_passkey(silent, 0) for _ in range(2)]

    assert used == [True, False, False, False, True]
    assert still == [True, True]


async def test_the_password_alone_sets_up_no_second_way(world):
    desk, entering = world.desk.credentials, await login_of(world, Kind.ENTERING)
    await desk.begin_app(entering, b"mine")
    await desk.add_passkey(world.ann, await login_of(world), passkey(1), HERE)

    with pytest.raises(NotSignedIn):
        await desk.set_app(world.ann, entering, b"mine", 1, HERE)
    with pytest.raises(NotSignedIn):
        await desk.add_passkey(world.ann, entering, passkey(2), HERE)

    assert await desk.app(world.ann.id) is None


async def test_a_changed_password_ends_all_other_logins_and_their_tickets(world):
    desk, reception = world.desk.credentials, world.desk.reception
    kept, login = await reception.sign_in(Kind.STAFF, world.ann.id, Proof.CODE, HERE)
    other, _ = await reception.sign_in(Kind.STAFF, world.ann.id, Proof.CODE, HERE)
    entering, _ = await reception.sign_in(Kind.ENTERING, world.ann.id)
    sams, _ = await reception.sign_in(Kind.STAFF, world.sam.id, Proof.CODE, HERE)
    ticket = await reception.ticket(Kind.STAFF, world.ann.id, None)

    await desk.change_password(world.ann, login, "new hash", HERE)

    alive = [await reception.login(token) is not None for token in (kept, other, entering, sams)]
    assert alive == [True, False, False, True]
    assert await desk.password_hash(world.ann.id) == "new hash"
    with pytest.raises(NotSignedIn):
        await reception.use_ticket(ticket)


async def test_one_login_is_ended_by_its_name_and_nobody_elses(world):
    desk, reception = world.desk.credentials, world.desk.reception
    token, login = await reception.sign_in(Kind.STAFF, world.ann.id, Proof.CODE, HERE)
    mine = await login_of(world)

    with pytest.raises(NotFound):
        await desk.end_login(world.sam, login.id)
    await desk.end_login(world.ann, login.id)

    assert await reception.login(token) is None
    assert [one.id for one in await desk.logins(world.ann)] == [mine.id]
    assert mine.device == "Firefox on Windows"
    assert mine.place == "203.0.113.7"


async def test_a_reset_takes_all_factors_and_tells_the_person(world):
    desk = world.desk.credentials
    await give_app(world)
    await desk.add_passkey(world.ann, await login_of(world), passkey(1), HERE)
    await desk.new_codes(world.ann, HERE)

    async with world.store.write() as tx:
        await desk.forget(tx, world.ann.id)

    standing = await desk.standing(world.ann.id)
    assert (standing.ready, standing.codes_left) == (False, 0)
    async with world.store.read() as tx:
        told = await tx.outbox.due(world.clock.now(), 10)
    assert told[-1].target == world.ann.email
    assert any(b'"change": "reset"' in one.body or b'"reset"' in one.body for one in told)


async def test_every_change_is_in_the_audit_log_with_device_and_place(world):
    desk = world.desk.credentials
    await desk.new_codes(world.ann, HERE)

    async with world.store.read() as tx:
        rows = await tx.audit._db.exec_driver_sql("SELECT actor, action, after FROM audit")
        (found,) = [row for row in rows if row[1].startswith("sign_in.")]
    assert found[:2] == (f"staff:{world.ann.id}", "sign_in.codes_made")
    assert "Firefox on Windows" in found[2]
    assert "203.0.113.7" in found[2]


def test_recovery_codes_have_140_random_bits_and_are_read_as_people_type_them():
    code = new_recovery_code()

    assert len(plain_code(code)) * 5 == 140
    assert plain_code(f" {code.upper().replace('-', ' ')}\t") == plain_code(code)
    assert plain_code("Oil8" * 7) == plain_code("0118" * 7)
    assert len({new_recovery_code() for _ in range(100)}) == 100
    letters = set("".join(new_recovery_code() for _ in range(1_000)))
    assert len(letters - {"-"}) == 32


async def test_a_code_of_before_is_good_until_there_are_new_ones(world):
    desk, old = world.desk.credentials, "oilb-obii-k7qd-m2xw"
    digest = hashlib.sha256(b"OILBOBIIK7QDM2XW").hexdigest()
    async with world.desk.office.store.write() as tx:
        await tx.credentials.set_codes(world.ann.id, [digest, "0" * 64])

    assert await desk.use_code(world.ann.id, "0IL8 0BI1 K7QD M2XW", HERE)
    async with world.desk.office.store.write() as tx:
        await tx.credentials.set_codes(world.ann.id, [digest])
    await desk.new_codes(world.ann, HERE)
    assert not await desk.use_code(world.ann.id, old, HERE)

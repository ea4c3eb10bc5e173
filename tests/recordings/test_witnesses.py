"""Time stamps in a record: over a list of many heads, by a real authority."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation import merkle
from recordings.verify import Mark, NotVerified, Verdict, render, verify
from recordings.verify.merkle import root_of
from recordings.verify.timestamp import open_token, tidied
from tests.harness.tsa import TimeStampAuthority

from .bundles import KEY, Draft, canonical, pack, stamp, unpack

KEYS = {KEY.key_id: KEY.public}
INDEX, SIZE = 5, 11


def test_each_leaf_of_each_tree_leads_to_its_root() -> None:
    for size in range(1, 40):
        leaves = [bytes([number]) * 32 for number in range(size)]

        found = {
            root_of(leaf, number, size, path)
            for number, (leaf, path) in enumerate(zip(leaves, merkle.paths(leaves), strict=True))
        }

        assert found == {merkle.root(leaves)}


@settings(max_examples=100, deadline=None)
@given(size=st.integers(2, 60), data=st.data())
def test_another_place_or_another_path_leads_elsewhere(size: int, data: st.DataObject) -> None:
    leaves = [number.to_bytes(32) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size).filter(lambda one: one != index))
    path = merkle.paths(leaves)[index]

    for place, steps in ((other, path), (index, path[:-1]), (index, [*path, bytes(32)])):
        try:
            assert root_of(leaves[index], place, size, steps) != merkle.root(leaves)
        except NotVerified:
            continue


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeStampAuthority:
    return TimeStampAuthority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def stamped(authority: TimeStampAuthority) -> bytes:
    return with_stamp(authority, dt.timedelta(hours=3))


def with_stamp(authority: TimeStampAuthority, after: dt.timedelta) -> bytes:
    """A bundle that was attested that long before it is stamped, at this moment."""
    attested = dt.datetime.now(dt.UTC) - after
    members = Draft(start=attested - dt.timedelta(minutes=100), receipt=None).members()
    record = json.loads(members["record.json"])
    claims = json.loads(base64.urlsafe_b64decode(record["attestation"].split(".")[1] + "=="))
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(SIZE)]
    leaves[INDEX] = bytes.fromhex(claims["chain"]["head"])
    head = SIZE.to_bytes(8) + merkle.root(leaves)
    digest = hashlib.sha256(head).digest()
    token = tidied(authority.token(digest))
    anchor = {
        "kind": "timestamp",
        "at": stamp(open_token(token, digest, ()).at),
        "index": INDEX,
        "size": SIZE,
        "path": [one.hex() for one in merkle.paths(leaves)[INDEX]],
        "token": base64.b64encode(token).decode(),
    }
    record["anchors"] = [anchor]
    return pack(members | {"record.json": canonical(record)})


def last(verdict: Verdict) -> tuple[int, Mark]:
    assert [step.mark for step in verdict.steps[:10]] == [Mark.OK] * 10, render(verdict)
    return verdict.steps[10].number, verdict.steps[10].mark


def certificates(authority: TimeStampAuthority) -> tuple[x509.Certificate, ...]:
    return (authority.root,)


def test_a_stamped_record_verifies(authority: TimeStampAuthority, stamped: bytes) -> None:
    verdict = verify(stamped, KEYS, certificates(authority))

    assert last(verdict) == (11, Mark.OK), render(verdict)
    assert "stamped it on" in verdict.steps[10].sentence


def test_an_authority_that_nobody_trusts_is_a_warning(stamped: bytes) -> None:
    verdict = verify(stamped, KEYS)

    assert last(verdict) == (11, Mark.WARNING)
    assert "was not checked" in verdict.steps[10].sentence


def test_a_stamp_three_days_later_may_mean_that_it_is_dated_back(
    authority: TimeStampAuthority,
) -> None:
    late = with_stamp(authority, dt.timedelta(days=3))

    verdict = verify(late, KEYS, certificates(authority))

    assert last(verdict) == (11, Mark.WARNING)
    assert "72 hours after" in verdict.steps[10].sentence
    assert "may be dated back" in verdict.steps[10].sentence


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another place": lambda one: one.update(index=INDEX + 1),
    "no place": lambda one: one.update(index=-1),
    "a place that is none": lambda one: one.update(index=True),
    "a longer list": lambda one: one.update(size=SIZE + 1),
    "a list without end": lambda one: one.update(size=10**30),
    "no list": lambda one: one.update(size=0),
    "a step changed": lambda one: one["path"].__setitem__(0, "00" * 32),
    "a step in capitals": lambda one: one["path"].__setitem__(0, one["path"][0].upper()),
    "a step missing": lambda one: one["path"].pop(),
    "a step more": lambda one: one["path"].append("00" * 32),
    "two steps exchanged": lambda one: one["path"].reverse(),
    "another time": lambda one: one.update(at="2026-11-23T10:00:00.000000Z"),
    "the time spelt otherwise": lambda one: one.update(at=one["at"][:-1] + "+00:00"),
    "no token": lambda one: one.update(token=""),
    "a token that is none": lambda one: one.update(token="AAAA"),
    "a line break in the token": lambda one: one.update(token=one["token"] + "\n"),
    "a member more": lambda one: one.update(note=""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_stamp_is_named(
    authority: TimeStampAuthority, stamped: bytes, change: Callable[[dict[str, Any]], object]
) -> None:
    members = unpack(stamped)
    record = json.loads(members["record.json"])
    change(record["anchors"][0])
    changed = pack(members | {"record.json": canonical(record)})

    verdict = verify(changed, KEYS, certificates(authority))

    assert last(verdict) == (11, Mark.FAILED), render(verdict)


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_no_changed_letter_of_a_stamp_verifies(
    authority: TimeStampAuthority, stamped: bytes, at: int, flip: int
) -> None:
    members = unpack(stamped)
    raw = bytearray(members["record.json"])
    begin, end = raw.index(b'"anchors"'), raw.index(b'"attestation":"')
    raw[begin + at % (end - begin)] ^= flip

    verdict = verify(pack(members | {"record.json": bytes(raw)}), KEYS, certificates(authority))

    assert not verdict.ok

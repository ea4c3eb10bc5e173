"""The record: canonical bytes, the chain from body to body, and commitments."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation import record
from invigilation.record import EMPTY, FIRST_PREVIOUS, Head

AT = datetime(2026, 11, 23, 10, 0, 0, 5, tzinfo=UTC)


class ReversingSigner:
    """Signs by turning the bytes around, so that a test sees what was signed."""

    key_id = "key-1"

    def sign(self, data):
        return data[::-1]


def entry(previous=EMPTY, kind="booked", data=None, at=AT):
    when = record.Moment(at, 1_234)
    return record.write(previous, "se_1", when, kind, "learner", data or {}, ReversingSigner())


def test_the_canonical_text_is_sorted_dense_and_utf_8():
    text = record.canonical({"b": 1, "a": {"z": None, "é": "Ö"}, "c": [True]})

    assert text == '{"a":{"z":null,"é":"Ö"},"b":1,"c":[true]}'.encode()


def test_the_first_entry_follows_nothing():
    first = entry(data={"start": "now"})

    assert json.loads(first.body) == {
        "v": 2,
        "session": "se_1",
        "seq": 1,
        "at": "2026-11-23T10:00:00.000005Z",
        "monotonic_ms": 1_234,
        "kind": "booked",
        "actor": "learner",
        "data": {"start": "now"},
        "prev": FIRST_PREVIOUS,
    }
    assert (first.signature, first.key_id) == (first.body[::-1], "key-1")
    assert first.data == {"start": "now"}


def test_each_entry_names_the_digest_of_the_body_before_it():
    first = entry()

    second = entry(first.head, "moved")

    assert second.seq == 2
    assert json.loads(second.body)["prev"] == hashlib.sha256(first.body).hexdigest()
    assert second.head == Head(2, hashlib.sha256(second.body).hexdigest())


DATA = st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers() | st.none())


@given(st.lists(DATA, min_size=2, max_size=5), st.data())
@settings(max_examples=50)
def test_a_chain_tells_of_any_change_before_its_head(contents, data):
    def chain(all_data):
        head = EMPTY
        for each in all_data:
            head = entry(head, "noted", each).head
        return head

    place = data.draw(st.integers(0, len(contents) - 1))
    changed = [*contents]
    changed[place] = {**contents[place], "forged": True}

    assert chain(contents) == chain(contents)
    assert chain(contents) != chain(changed)
    assert chain(contents) != chain(contents[:-1])


def test_a_stamp_is_utc_with_microseconds():
    local = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert record.stamp(local) == "2026-07-01T06:30:00.000000Z"


def test_a_commitment_is_the_hmac_of_the_text_under_the_session_key():
    committed = record.commitment(b"k" * 32, "Zoë")

    assert committed == hmac.new(b"k" * 32, "Zoë".encode(), hashlib.sha256).hexdigest()
    assert committed != record.commitment(b"l" * 32, "Zoë")

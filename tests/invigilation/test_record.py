"""The record: canonical bytes, the chain from body to body, and commitments."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation import record
from invigilation.record import EMPTY, FIRST_PREVIOUS, Head

AT = datetime(2026, 11, 23, 10, 0, 0, 5, tzinfo=UTC)


class ReversingSigner:
    """Signs by turning the bytes around, so that a test sees what was signed."""

    key_id = "key-1"

    def current(self):
        return self

    def sign(self, data):
        return data[::-1]


def entry(previous=EMPTY, kind="booked", data=None, at=AT, private=record.NO_TEXTS):
    when = record.Moment(at, 1_234)
    signer = ReversingSigner()
    return record.write(previous, "se_1", when, kind, "learner", data or {}, signer, private)


def test_the_canonical_text_is_sorted_dense_and_utf_8():
    text = record.canonical({"b": 1, "a": {"z": None, "é": "Ö"}, "c": [True]})

    assert text == '{"a":{"z":null,"é":"Ö"},"b":1,"c":[true]}'.encode()


def test_the_first_entry_follows_nothing():
    first = entry(data={"start": "now"})

    assert json.loads(first.body) == {
        "v": 3,
        "session": "se_1",
        "seq": 1,
        "at": "2026-11-23T10:00:00.000005Z",
        "monotonic_ms": 1_234,
        "kind": "booked",
        "actor": "learner",
        "data": {"start": "now"},
        "sealed": {},
        "prev": FIRST_PREVIOUS,
    }
    assert (first.signature, first.key_id) == (first.body[::-1], "key-1")
    assert first.data == {"start": "now"}


def test_a_private_text_stands_in_the_body_as_its_seal_alone():
    said = entry(data={"minutes": 5}, private={"reason": "Ines is ill."})

    (opening,) = said.private
    assert b"Ines" not in said.body
    assert json.loads(said.body)["sealed"] == {"reason": opening.seal}
    assert opening.seal == hmac.new(opening.key, b"Ines is ill.", hashlib.sha256).hexdigest()
    assert said.data == {"minutes": 5, "reason": "Ines is ill."}


def test_the_same_text_twice_has_two_seals():
    one, other = (entry(private={"reason": "Ill."}) for _ in range(2))

    assert one.seals["reason"] != other.seals["reason"]


def test_an_entry_whose_text_was_erased_says_all_the_rest():
    said = entry(data={"minutes": 5}, private={"reason": "Ines is ill."})

    erased = replace(said, private=())

    assert (erased.data, erased.head) == ({"minutes": 5}, said.head)


def test_an_envelope_keeps_what_opens_its_seals():
    envelope = record.Envelope()

    sealed = envelope.seal("Ines Duarte")

    (opening,) = envelope.openings
    assert sealed == {"sealed": record.commitment(opening.key, "Ines Duarte")}


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

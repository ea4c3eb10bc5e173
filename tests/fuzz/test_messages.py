"""Anything at all given to the parser of messages: it answers with a message or a refusal."""

from __future__ import annotations

import binascii
import contextlib
import dataclasses
import json
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.errors import InvalidInput
from signalling.forms import FORMS, SDP_LIMIT, parse
from signalling.messages import Message
from tests.signalling.bodies import BODIES

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
EVENTS = st.sampled_from(sorted(FORMS))


def read(event: object, body: object) -> Message | None:
    with contextlib.suppress(InvalidInput):
        return parse(event, body)
    return None


@given(event=st.text() | EVENTS | ANYTHING, body=ANYTHING)
@settings(deadline=None)
def test_anything_is_read_or_refused(event, body):
    read(event, body)


@given(event=EVENTS, data=st.data())
@settings(max_examples=300, deadline=None)
def test_one_wrong_field_among_good_ones(event, data):
    body = {"session": "se_1", **BODIES[event]}
    name = data.draw(st.sampled_from(sorted(body)))
    value = data.draw(ANYTHING)

    message = read(event, {**body, name: value})

    if message is not None:
        kept = getattr(message, name)
        if isinstance(kept, bytes):
            assert binascii.a2b_base64(value) == kept
            return
        assert kept == value
        assert isinstance(kept, str | bool | int)
        if isinstance(kept, str):
            assert len(kept) <= SDP_LIMIT
            kept.encode()  # can be stored and sent: no halves of characters


@given(event=EVENTS, more=st.dictionaries(st.text(), ANYTHING, min_size=1, max_size=5))
@settings(deadline=None)
def test_fields_that_nobody_asked_for_are_refused(event, more):
    body = {"session": "se_1", **BODIES[event]}

    message = read(event, {**more, **body})

    assert message is None or more.keys() <= body.keys()


NOT_AS_WRITTEN = {"link", "still", "sound"}
"""Of their fields some are bytes, moments and limits when they have been read."""


@given(event=st.sampled_from(sorted(FORMS.keys() - NOT_AS_WRITTEN)))
@settings(deadline=None)
def test_what_was_read_can_be_read_again(event):
    first = read(event, {"session": "se_1", **BODIES[event]})

    assert first is not None
    said = {name: value for name, value in dataclasses.asdict(first).items() if value is not None}
    assert read(event, json.loads(json.dumps(said, default=in_json))) == first


def in_json(value: object) -> str:
    """A moment or bytes as a page would send them."""
    if isinstance(value, bytes):
        return binascii.b2a_base64(value, newline=False).decode()
    assert isinstance(value, datetime)
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_deep_nesting_is_refused_without_looking_into_it():
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]

    assert read("chat", {"session": "se_1", "text": deep, "client_id": "client-0001"}) is None
    assert read("chat", deep) is None
    while isinstance(deep, list):  # taken apart by hand: the collector would recurse
        deep = deep[0]

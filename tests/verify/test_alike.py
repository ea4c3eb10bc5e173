"""Whatever is changed in a record, by whomever: page and command mark the same steps."""

from __future__ import annotations

import base64
import copy
import json
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordings.verify import parse_keys, verify_file
from tests.recordings.bundles import KEY, NOW, base64url, canonical, jws, key_set, pack, with_local
from tests.verify.node import Node

KEYS = canonical(key_set())
TRUSTED = parse_keys(KEYS)
MEMBERS = with_local().members()
RECORD = json.loads(MEMBERS["record.json"])
CLAIMS = json.loads(base64.urlsafe_b64decode(RECORD["attestation"].split(".")[1] + "=="))
NAMES = ("extra", "__proto__", "sealed", "\ufffd", "\U0001f6a2")
ODD = (
    None,
    True,
    0,
    -1,
    10**9,
    "",
    "é\U0001f6a2",
    "0" * 64,
    "2026-11-23T10:00:00.000001Z",
    "2026-02-30T10:00:00.000001Z",
    "2026-11-23T24:00:00.000000Z",
    "constructor",
    [],
    {},
    {"sealed": "0" * 64},
)
"""Whole numbers only: others stand in no record, and the page refuses them at once."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all that is in a value."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def changed(value: Any, luck: Random) -> Any:
    """Return a copy in which one thing is gone, more, doubled, in another order, or another."""
    whole = copy.deepcopy(value)
    *way, last = luck.choice([place for place in places(whole) if place])
    here = whole
    for key in way:
        here = here[key]
    what = luck.choice(["gone", "more", "again", "order", "other"])
    if what == "gone":
        del here[last]
    elif what == "more" and isinstance(here, dict):
        here[luck.choice(NAMES)] = luck.choice(ODD)
    elif what == "again" and isinstance(here, list):
        here.append(copy.deepcopy(here[last]))
    elif what == "order" and isinstance(here, list):
        luck.shuffle(here)
    else:
        here[last] = luck.choice(ODD)
    return whole


def forged(luck: Random) -> bytes:
    """Return a bundle with one change: by a stranger, or by who can sign as the service."""
    record = copy.deepcopy(RECORD)
    where = luck.choice(["record", "claims", "body", "anchor"])
    if where == "record":
        record = changed(record, luck)
    elif where == "claims":
        record["attestation"] = jws(changed(CLAIMS, luck), KEY)
    elif where == "anchor":
        record["anchors"] = [changed(record["anchors"][0], luck)]
    else:
        at = luck.randrange(len(record["events"]))
        text = canonical(changed(json.loads(record["events"][at]["body"]), luck))
        signature = base64url(KEY.sign(text))
        event = {"body": text.decode(), "signature": signature, "key_id": KEY.key_id}
        record["events"][at] = event
    return pack(MEMBERS | {"record.json": canonical(record)})


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(luck=st.randoms(use_true_random=False))
def test_page_and_command_mark_the_same_steps(node: Node, luck: Random) -> None:
    bundle = forged(luck)

    verdict = node.verify(bundle, KEYS, NOW)

    command = verify_file(bundle, TRUSTED, now=NOW)
    assert verdict.marks == {step.number: step.mark.value for step in command.steps}

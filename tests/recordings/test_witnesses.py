"""Step 11 with timestamps: which list, whose word, how late, and what is dated back."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from invigilation import merkle
from invigilation.record import stamp
from recordings.verify.anchors import witnessed
from recordings.verify.record import Record
from recordings.verify.timestamp import open_token, tidied
from recordings.verify.verdict import Found, Mark, NotVerified
from tests.harness.tsa import TimeStampAuthority

HEADS = sorted(hashlib.sha256(bytes([number])).digest() for number in range(5))
MINE = 3
HOUR = timedelta(hours=1)


class Stamped:
    """A list of five heads, stamped just now, and what a record of its own says of that."""

    def __init__(self, tsa: TimeStampAuthority) -> None:
        self.tsa = tsa
        digest = hashlib.sha256(len(HEADS).to_bytes(8) + merkle.root(HEADS)).digest()
        token = tidied(tsa.token(digest))
        self.at = open_token(token, digest).at
        self.anchor: dict[str, Any] = {
            "kind": "timestamp",
            "at": stamp(self.at),
            "index": MINE,
            "size": len(HEADS),
            "path": [node.hex() for node in merkle.paths(HEADS)[MINE]],
            "token": base64.b64encode(token).decode(),
        }

    def judged(
        self,
        *anchors: dict[str, Any],
        head: bytes = HEADS[MINE],
        before: timedelta = HOUR,
        trusted: bool = True,
    ) -> Found[None]:
        """Take the step for a record that says it was attested so long `before` the stamp."""
        claims = {"chain": {"head": head.hex()}, "attested_at": stamp(self.at - before)}
        record = Record("ses_7", (), (), None, [], anchors=anchors)
        roots = (self.tsa.root,) if trusted else ()
        return witnessed(record, claims, roots, datetime.now(UTC))


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Stamped:
    return Stamped(TimeStampAuthority(tmp_path_factory.mktemp("tsa")))


def test_a_head_on_a_stamped_list_is_witnessed(stamped: Stamped) -> None:
    found = stamped.judged(stamped.anchor)

    assert found.mark is Mark.OK
    when = f"{stamped.at:%d %B %Y at %H:%M} UTC"
    assert found.clause == f"yes, Clock of the tests stamped it on {when}"


def test_without_an_authority_to_hold_it_against_that_is_said(stamped: Stamped) -> None:
    found = stamped.judged(stamped.anchor, trusted=False)

    assert found.mark is Mark.WARNING
    assert "whether Clock of the tests is to be trusted was not checked" in found.clause


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (49 * HOUR, "the first of them came 49 hours after the time that the attestation gives"),
        (-HOUR, "came before the time that the attestation gives"),
    ],
)
def test_a_record_that_is_dated_otherwise_is_named(
    stamped: Stamped, before: timedelta, said: str
) -> None:
    found = stamped.judged(stamped.anchor, before=before)

    assert found.mark is Mark.WARNING
    assert said in found.clause


@pytest.mark.parametrize(("before", "mark"), [(49 * HOUR, Mark.WARNING), (HOUR, Mark.OK)])
def test_a_record_without_a_witness_is_named_after_two_days(
    stamped: Stamped, before: timedelta, mark: Mark
) -> None:
    found = stamped.judged(before=before)

    assert found.mark is mark
    assert found.clause.startswith("nobody has witnessed this record yet")


@pytest.mark.parametrize("head", [HEADS[0], HEADS[4], bytes(32)])
def test_another_head_is_not_on_the_list_at_that_place(stamped: Stamped, head: bytes) -> None:
    with pytest.raises(NotVerified, match="the time-stamp is about something else"):
        stamped.judged(stamped.anchor, head=head)


@pytest.mark.parametrize(
    "changes",
    [
        {"index": 2},
        {"index": 5},
        {"index": -1},
        {"index": True},
        {"size": 6},
        {"size": 4},
        {"size": 0},
        {"size": 2**63},
        {"path": []},
        {"path": ["00" * 32] * 21},
        {"path": ["AB" * 32] * 3},
        {"path": [1, 2, 3]},
        {"at": "2026-11-23T00:00:00.000000Z"},
        {"at": "yesterday"},
        {"token": ""},
        {"token": "MAA="},
        {"token": " "},
        {"note": "trust me"},
    ],
)
def test_whatever_is_changed_in_an_anchor_is_refused(
    stamped: Stamped, changes: dict[str, Any]
) -> None:
    with pytest.raises(NotVerified):
        stamped.judged(stamped.anchor | changes)


def test_one_witness_that_is_not_good_spoils_the_others(stamped: Stamped) -> None:
    with pytest.raises(NotVerified):
        stamped.judged(stamped.anchor, stamped.anchor | {"size": 6})

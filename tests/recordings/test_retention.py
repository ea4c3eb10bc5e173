from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from invigilation.errors import NotFound
from invigilation.presence import Source
from recordings.retention import Policy, due, purge
from recordings.vault import Vault

STORED = datetime(2026, 11, 23, 10, tzinfo=UTC)
DELIVERED = STORED + timedelta(days=2)
SECOND = timedelta(seconds=1)
ENDS = [
    *((source.value, DELIVERED, STORED + timedelta(days=90)) for source in Source),
    ("recording", None, STORED + timedelta(days=90)),
    ("incident", DELIVERED, STORED + timedelta(days=90)),
    ("id_document", DELIVERED, DELIVERED + timedelta(days=30)),
    ("face", DELIVERED, DELIVERED + timedelta(days=30)),
    ("id_back", DELIVERED, DELIVERED + timedelta(days=30)),
    ("portrait", DELIVERED, DELIVERED + timedelta(days=30)),
    ("face_aligned", DELIVERED, DELIVERED + timedelta(days=30)),
    ("face_again", DELIVERED, DELIVERED + timedelta(days=30)),
    ("face", None, STORED + timedelta(days=90)),
    ("attestation", DELIVERED, STORED + timedelta(days=2196)),
]


@pytest.mark.parametrize(("kind", "delivered", "end"), ENDS)
def test_each_kind_has_its_end(kind: str, delivered: datetime | None, end: datetime) -> None:
    policy = Policy()

    before = due(kind, STORED, end - SECOND, policy, delivered)
    at = due(kind, STORED, end, policy, delivered)

    assert (before, at) == (False, True)


def test_an_attestation_lives_for_six_whole_years() -> None:
    assert not due("attestation", STORED, STORED.replace(year=2032), Policy(), None)


def test_a_kind_without_a_period_is_an_error() -> None:
    with pytest.raises(KeyError):
        due("fingerprint", STORED, STORED, Policy(), None)


def test_periods_can_be_set() -> None:
    policy = Policy(periods={"recording": timedelta(days=1)})

    assert due("recording", STORED, STORED + timedelta(days=1), policy, None)


def test_a_purge_erases_what_is_named_and_can_be_repeated(vault: Vault) -> None:
    for name in ("e1", "e2", "e3"):
        vault.put("s1", name, b"x")

    gone = purge(vault, "s1", ["e1", "e3", "e9"])

    assert gone == ("e1", "e3")
    assert purge(vault, "s1", ["e1", "e3"]) == ()
    assert vault.read("s1", "e2") == b"x"
    with pytest.raises(NotFound):
        vault.read("s1", "e1")

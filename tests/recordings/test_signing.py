"""Keys that change while the service runs, and their published history."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from invigilation import record
from invigilation.ports import Signer
from recordings import signing
from recordings.seal import Seal, SigningKey
from recordings.signing import HISTORY, KEY, NEXT, SigningKeys, rotate
from recordings.verify import Mark, verify
from web.keyring import open_keyring

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    open_keyring(tmp_path / "keys", NOW)
    return tmp_path / "keys"


def test_a_rotation_counts_at_once_in_what_runs_already(folder):
    running: Signer = SigningKeys(folder)
    old = running.current()

    retired, new = rotate(folder, NOW + timedelta(days=1))

    assert running.key_id == new.key_id != old.key_id == retired
    new.public.verify(running.sign(b"x"), b"x")


def test_a_rotation_while_another_is_read_lets_no_old_key_sign(folder, monkeypatch):
    running = SigningKeys(folder)
    rotate(folder, NOW)
    real, later = signing._in_use, []

    def overtaken(where, key_id):
        if not later:
            later.append(None)
            later[0] = rotate(folder, NOW)[1]
        return real(where, key_id)

    monkeypatch.setattr(signing, "_in_use", overtaken)

    assert running.key_id == later[0].key_id


def test_a_next_key_that_is_half_written_stops_nobody(folder):
    running = SigningKeys(folder)
    _, new = rotate(folder, NOW)
    (folder / NEXT).write_text("-----BEGIN PRIV")

    assert running.key_id == new.key_id


def test_what_signs_keeps_its_key_from_beginning_to_end(folder):
    running = SigningKeys(folder)
    held = running.current()

    rotate(folder, NOW)

    assert held.key_id != running.key_id
    held.current().public.verify(held.sign(b"x"), b"x")


def test_all_keys_are_published_with_their_times(folder):
    first = SigningKeys(folder).key_id
    second = rotate(folder, NOW + timedelta(days=1))[1].key_id
    third = rotate(folder, NOW + timedelta(days=2))[1].key_id

    published = SigningKeys(folder).published()

    day = 86_400
    begin = int(NOW.timestamp())
    assert [one["kid"] for one in published] == [third, second, first]
    assert [(one["nbf"], one.get("exp")) for one in published] == [
        (begin + 2 * day, None),
        (begin + day, begin + 2 * day),
        (published[2]["nbf"], begin + day),
    ]
    assert published[2]["nbf"] <= begin
    assert all("d" not in one for one in published)


def test_a_retired_private_key_is_gone(folder):
    before = (folder / KEY).read_bytes()

    rotate(folder, NOW)

    assert before not in {path.read_bytes() for path in folder.iterdir()}
    assert not (folder / NEXT).exists()
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("step", ["save", "_replace", "_in_use"])
def test_a_rotation_that_dies_is_undone_or_completed(folder, monkeypatch, step):
    running = SigningKeys(folder)
    before = running.key_id

    def dies(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(*((SigningKey, step) if step == "save" else (signing, step)), dies)
    with pytest.raises(OSError, match="Input/output"):
        rotate(folder, NOW)
    monkeypatch.undo()

    after = SigningKeys(folder)

    assert after.key_id == running.key_id == after.published()[0]["kid"]
    assert (after.key_id == before) is (step != "_in_use")
    assert rotate(folder, NOW)[1].key_id == running.key_id


def test_a_history_that_is_damaged_while_it_runs_stops_nobody(folder):
    running = SigningKeys(folder)
    before = running.key_id

    (folder / HISTORY).write_text("{")

    assert running.key_id == before
    with pytest.raises(ValueError, match="damaged"):
        SigningKeys(folder)


def test_a_key_that_the_history_does_not_name_is_refused(folder):
    (folder / KEY).unlink()
    SigningKey.generate().save(folder / KEY)

    with pytest.raises(ValueError, match="is not the key"):
        SigningKeys(folder)


def test_a_lost_key_is_followed_by_a_new_one(folder):
    lost = SigningKeys(folder).key_id
    (folder / KEY).unlink()
    with pytest.raises(ValueError, match="missing"):
        open_keyring(folder, NOW)

    retired, new = rotate(folder, NOW)

    assert retired == lost
    assert open_keyring(folder, NOW).signing.key_id == new.key_id


def test_a_key_from_before_there_was_a_history_has_its_files_time(folder):
    (folder / HISTORY).unlink()
    made = int((NOW - timedelta(days=100)).timestamp())
    os.utime(folder / KEY, (made, made))

    ring = open_keyring(folder, NOW)

    assert [one["nbf"] for one in ring.signing.published()] == [made]


def record_over(keys: Signer, change, attest_at: datetime) -> bytes:
    """Write a record of two events, `change` between them, and attest it."""
    entries, head = [], record.EMPTY
    for number in range(2):
        when = record.Moment(attest_at - timedelta(minutes=1 - number), number)
        entries.append(record.write(head, "se_1", when, "chat", "learner", {}, keys))
        head = entries[-1].head
        if number == 0:
            change()
    payload = {
        "format": "invigilation-attestation/2",
        "session": "se_1",
        "attested_at": record.stamp(attest_at),
        "chain": {"head": head.digest, "length": head.seq},
        "evidence": [],
    }
    events = [
        {
            "body": one.body.decode(),
            "signature": base64.urlsafe_b64encode(one.signature).rstrip(b"=").decode(),
            "key_id": one.key_id,
        }
        for one in entries
    ]
    whole = {
        "format": "invigilation-record/2",
        "session": "se_1",
        "events": events,
        "attestation": Seal(keys).seal(record.canonical(payload)).decode(),
        "openings": {},
        "evidence": [],
        "anchors": [],
    }
    return record.canonical(whole)


def test_a_record_over_a_rotation_verifies_by_the_published_history(folder):
    keys = SigningKeys(folder)
    at = NOW + timedelta(days=1)

    found = verify(record_over(keys, lambda: rotate(folder, at), at), keys.trusted(), now=at)

    assert found.ok, found
    assert len({one["kid"] for one in keys.published()}) == 2


def test_a_stolen_key_that_was_retired_signs_nothing_more(folder):
    stolen = SigningKeys(folder).current()
    rotate(folder, NOW + timedelta(days=1))
    keys = SigningKeys(folder)
    later = NOW + timedelta(days=2)

    found = verify(record_over(stolen, lambda: None, later), keys.trusted(), now=later)

    assert [one.number for one in found.steps if one.mark is Mark.FAILED] == [6]
    assert "was retired" in found.steps[5].sentence


def test_the_history_is_a_key_set(folder):
    assert json.loads((folder / HISTORY).read_text())["keys"] == SigningKeys(folder).published()

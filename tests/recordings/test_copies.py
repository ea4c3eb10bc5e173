"""Copies of a vault elsewhere, and the erasure that follows to them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recordings.copies import Copies
from recordings.errors import EvidenceStoreFull
from recordings.gone import LATE_S, Gone
from recordings.places import FolderPlace, Place, PlaceAway
from recordings.vault import Vault
from tests.recordings.far import ONE, Unreliable, names, shelved


def swept(copies: Copies) -> int:
    """Follow and copy, as the service's sweep does; return how many were copied."""
    copies.follow()
    held = copies.held()
    return sum([copies.copy(name, source, held) for name, source in copies.missing(held)])


def test_copies_open_like_the_vault_and_are_made_once(place: Place, tmp_path: Path) -> None:
    vault = Vault(tmp_path / "evidence", ONE, 0, Gone(tmp_path / "evidence"))
    copies = Copies.of(tmp_path / "evidence", place)
    vault.put("s1", "e1", b"one")
    growing = vault.open_append("s1", "e2")

    copied = [swept(copies), swept(copies)]
    growing.finish()
    copied.append(swept(copies))

    assert copied == [2, 0, 1]
    assert names(place) == ["s1/e1.evidence", "s1/e2.evidence", "s1/key"]
    for name in names(place):
        target = tmp_path / "restored" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        place.fetch(name, target)
    assert Vault(tmp_path / "restored", ONE, 0).read("s1", "e1") == b"one"


def test_what_is_in_the_store_is_copied_from_there(tmp_path: Path, far: Unreliable) -> None:
    (tmp_path / "elsewhere").mkdir()
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    vault.shelve()
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()
    vault.put("s1", "e2", b"two")
    copies = Copies.of(tmp_path / "evidence", FolderPlace(tmp_path / "elsewhere"), far)

    copied = swept(copies)

    assert copied == 3
    assert Vault(tmp_path / "elsewhere", ONE, 0).read("s1", "e1") == b"one"
    assert Vault(tmp_path / "elsewhere", ONE, 0).read("s1", "e2") == b"two"
    assert not list((tmp_path / "evidence").glob(".copy-*"))


def test_what_goes_to_the_store_while_it_is_to_be_copied_is_copied_all_the_same(
    tmp_path: Path, far: Unreliable
) -> None:
    (tmp_path / "elsewhere").mkdir()
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    copies = Copies.of(tmp_path / "evidence", FolderPlace(tmp_path / "elsewhere"), far)
    listed = list(copies.missing({}))
    vault.shelve()
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()

    copied = [copies.copy(name, source, {}) for name, source in listed]

    assert copied == [True, True]
    assert Vault(tmp_path / "elsewhere", ONE, 0).read("s1", "e1") == b"one"


def test_erasure_follows_to_the_copy(place: Place, tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    vault, copies = Vault(root, ONE, 0, Gone(root)), Copies.of(root, place)
    for session, ident in (("s1", "e1"), ("s1", "e2"), ("s2", "e1")):
        vault.put(session, ident, b"one")
    swept(copies)

    vault.erase("s1", "e1")
    vault.forget("s2")
    swept(copies)

    assert names(place) == ["s1/e2.evidence", "s1/key"]


def test_an_object_that_cannot_be_erased_keeps_no_other(tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    (tmp_path / "elsewhere").mkdir()
    place = FolderPlace(tmp_path / "elsewhere")
    vault, copies = Vault(root, ONE, 0, Gone(root)), Copies.of(root, place)
    idents = ("e1", "e2", "e3")
    for ident in idents:
        vault.put("s1", ident, b"one")
    swept(copies)
    (tmp_path / "elsewhere" / "s1" / "e1.evidence").unlink()
    (tmp_path / "elsewhere" / "s1" / "e1.evidence").mkdir()

    with pytest.raises(PlaceAway):
        copies.erase(("s1", ident) for ident in idents[:2])
    known = names(place, "s1/e")
    for ident in idents:
        vault.erase("s1", ident)
    with pytest.raises(PlaceAway):
        copies.follow()

    assert known == ["s1/e1.evidence", "s1/e3.evidence"]
    assert names(place, "s1/e") == ["s1/e1.evidence"]


def test_on_a_full_disk_evidence_is_erased_and_the_copy_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "evidence"
    vault = Vault(root, ONE, 0, Gone(root))
    vault.put("s1", "e1", b"one")
    real = Gone.add

    def full(gone: Gone, session: str, evidence: str = "") -> None:
        if (root / "s1" / "e1.evidence").exists():
            raise EvidenceStoreFull(0)
        real(gone, session, evidence)

    monkeypatch.setattr(Gone, "add", full)

    assert vault.erase("s1", "e1")

    assert [one.evidence for one in Gone(root).all()] == ["e1"]


def test_a_vault_that_was_lost_does_not_take_its_copies_along(place: Place, tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    Vault(root, ONE, 0, Gone(root)).put("s1", "e1", b"one")
    swept(Copies.of(root, place))
    root.rename(tmp_path / "lost")
    root.mkdir()

    swept(Copies.of(root, place))

    assert names(place) == ["s1/e1.evidence", "s1/key"]


def test_a_word_of_an_erasure_stays_for_a_day(tmp_path: Path) -> None:
    gone = Gone(tmp_path)
    gone.add("s1", "e1")
    gone.add("s2")
    old = next(one for one in gone.all() if one.session == "s2")
    os.utime(old.word, (1, old.word.stat().st_mtime - LATE_S - 60))

    late = gone.late()
    late[0].done()

    assert [(one.session, one.evidence) for one in late] == [("s2", "")]
    assert [(one.session, one.evidence) for one in gone.all()] == [("s1", "e1")]
    assert gone.find("s1", "e1") is not None
    assert gone.find("s1", "e2") is None


def test_a_copy_that_was_cut_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "evidence"
    vault, copies = Vault(root, ONE, 0), Copies.of(root, FolderPlace(tmp_path / "elsewhere"))
    vault.put("s1", "e1", b"one")
    swept(copies)
    (tmp_path / "elsewhere" / "s1" / "e1.evidence").write_bytes(b"cut")

    copied = swept(copies)

    assert copied == 1
    assert Vault(tmp_path / "elsewhere", ONE, 0).read("s1", "e1") == b"one"

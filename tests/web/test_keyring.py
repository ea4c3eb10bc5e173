"""The service's own keys: made once, whole, and for the service's eyes alone."""

from __future__ import annotations

import hmac
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from recordings.wrap_keys import LocalKeys
from web.house import edx_wrapping, open_house
from web.keyring import KEY_BYTES, link_secret, open_keyring, rewrap_root
from web.settings import Unable, read_settings
from web.wrapping import Wrapping


def facts(ring):
    return (ring.signing.key_id, ring.database, ring.secret, ring.pepper)


def test_the_first_start_makes_keys_and_the_next_finds_them(tmp_path):
    first = open_keyring(tmp_path / "keys")

    again = open_keyring(tmp_path / "keys")

    assert facts(first) == facts(again)
    assert len(first.database) == len(first.secret) == len(first.pepper) == KEY_BYTES
    assert len({first.database, first.secret, first.pepper}) == 3
    assert first.signing.sign(b"x") == again.signing.sign(b"x")


def test_two_services_have_different_keys(tmp_path):
    one, other = open_keyring(tmp_path / "one"), open_keyring(tmp_path / "other")

    assert not set(facts(one)) & set(facts(other))


def test_nobody_else_can_read_them(tmp_path):
    open_keyring(tmp_path / "keys")

    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    files = list((tmp_path / "keys").iterdir())
    assert sorted(path.name for path in files) == [
        "database.wrapped",
        "pepper.key",
        "secret.key",
        "signing.json",
        "signing.pem",
        "wrap.key",
    ]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_processes_that_start_together_agree(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: open_keyring(tmp_path / "keys"), range(16)))

    assert len({facts(ring) for ring in rings}) == 1


@pytest.mark.parametrize(
    "name", ["wrap.key", "secret.key", "pepper.key", "signing.pem", "database.wrapped"]
)
@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_damaged_key_is_refused_and_not_replaced(tmp_path, name, content):
    open_keyring(tmp_path)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ValueError, match=r"."):
        open_keyring(tmp_path)

    assert (tmp_path / name).read_bytes() == content


def test_a_start_that_dies_half_way_leaves_no_half_key(tmp_path, monkeypatch):
    def dies(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", dies)
    with pytest.raises(OSError, match="Input/output"):
        open_keyring(tmp_path)
    monkeypatch.undo()

    ring = open_keyring(tmp_path)

    assert len(ring.database) == len(ring.secret) == KEY_BYTES


def test_with_a_wrap_key_from_elsewhere_none_lies_here(tmp_path):
    outside = LocalKeys([bytes(range(32))])

    first = open_keyring(tmp_path, outside=outside)

    assert not (tmp_path / "wrap.key").exists()
    assert open_keyring(tmp_path, outside=outside).database == first.database
    with pytest.raises(ValueError, match="does not open"):
        open_keyring(tmp_path, outside=LocalKeys([bytes(32)]))
    assert link_secret(tmp_path) == first.secret


def test_what_an_older_service_wrapped_in_its_database_goes_on_opening(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "wrap.key").write_bytes(bytes(range(32)))
    settings = read_settings(var=tmp_path)
    older = Wrapping(hmac.digest(bytes(range(32)), b"edx secrets", "sha256"))

    house = open_house(settings)

    assert edx_wrapping(house).open("edx:a", older.wrap("edx:a", "a secret")) == "a secret"


def test_the_databases_root_is_wrapped_anew_and_stays_what_it_was(tmp_path):
    before = open_keyring(tmp_path)
    old = (tmp_path / "wrap.key").read_bytes()
    outside = LocalKeys([bytes(range(32)), old])

    changed = [rewrap_root(tmp_path, outside), rewrap_root(tmp_path, outside)]

    (tmp_path / "wrap.key").unlink()
    assert changed == [True, False]
    assert open_keyring(tmp_path, outside=outside).database == before.database


def test_a_key_service_that_is_away_is_one_sentence(tmp_path):
    settings = read_settings(
        var=tmp_path, kms_url="http://127.0.0.1:9/v1/transit", kms_token="s.secret"
    )

    with pytest.raises(Unable) as refused:
        open_house(settings)

    assert str(refused.value).startswith("The key service cannot be used: URLError:")
    assert "s.secret" not in str(refused.value)

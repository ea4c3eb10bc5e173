"""Wrap keys: in the process, in files that change, at a key service, and from one to another."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recordings.session_keys import context_of
from recordings.transit import TransitKeys
from recordings.vault import Vault
from recordings.wrap_keys import (
    Either,
    FileKeys,
    KeysAway,
    LocalKeys,
    WrapKeys,
    WrongKey,
    name_of,
)

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
KEY = bytes(range(2, 34))
CONTEXT = context_of("s1")
TOKEN = "s.right"


class KeyService:
    """A transit engine: versions of one key, and a token that must be right."""

    def __init__(self) -> None:
        self.versions = [os.urandom(32)]
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {}

    def answer(self, path: str, token: str | None, sent: dict[str, str]) -> tuple[int, bytes]:
        verb = path.split("/")[-2]
        self.asked.append(verb)
        if verb in self.answers:
            return self.answers[verb]
        if token != TOKEN:
            return 403, b'{"errors": ["permission denied"]}'
        bound = base64.b64decode(sent["associated_data"])
        if verb == "encrypt":
            sealed = AESGCM(self.versions[-1]).encrypt(
                bytes(12), base64.b64decode(sent["plaintext"]), bound
            )
            text = f"vault:v{len(self.versions)}:{base64.b64encode(sealed).decode()}"
            return 200, json.dumps({"data": {"ciphertext": text}}).encode()
        _, version, sealed_text = sent["ciphertext"].split(":")
        try:
            opened = AESGCM(self.versions[int(version[1:]) - 1]).decrypt(
                bytes(12), base64.b64decode(sealed_text), bound
            )
        except InvalidTag:
            return 400, b'{"errors": ["cipher: message authentication failed"]}'
        return 200, json.dumps({"data": {"plaintext": base64.b64encode(opened).decode()}}).encode()


class Handler(BaseHTTPRequestHandler):
    service: ClassVar[KeyService]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, data = self.service.answer(self.path, self.headers.get("X-Vault-Token"), body)
        self.send_response(status)
        if status == 307:
            self.send_header("Location", data.decode())
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service() -> KeyService:
    return KeyService()


@pytest.fixture
def address(service: KeyService) -> Iterator[str]:
    handler = type("Ours", (Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/transit"
    server.shutdown()
    thread.join()
    server.server_close()


def transit(address: str, token: str = TOKEN) -> TransitKeys:
    return TransitKeys(address, "invigilation", lambda: token)


def keep(folder: Path, *keys: bytes) -> Path:
    (folder / "wrap.key").write_bytes(keys[0])
    for key in keys[1:]:
        (folder / f"wrap-{name_of(key).hex()}.key").write_bytes(key)
    return folder


def before_names(key: bytes) -> bytes:
    """Return what the first version of the service wrote."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, KEY, CONTEXT)


def opens(keys: WrapKeys, wrapped: bytes, context: bytes = CONTEXT) -> bool:
    try:
        return keys.unwrap(wrapped, context) == KEY
    except WrongKey:
        return False


def test_the_first_key_wraps_and_all_of_them_open() -> None:
    older = LocalKeys([ONE]).wrap(KEY, CONTEXT)
    keys = LocalKeys([TWO, ONE])

    newer = keys.wrap(KEY, CONTEXT)

    assert opens(keys, older)
    assert opens(keys, newer)
    assert not opens(LocalKeys([ONE]), newer)
    assert (keys.newest(older), keys.newest(newer)) == (False, True)


def test_a_wrapped_key_opens_for_its_own_session_only() -> None:
    keys = LocalKeys([ONE])
    wrapped = keys.wrap(KEY, CONTEXT)

    flipped = [wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :] for at in (0, 9, 20, 70)]

    assert not opens(keys, wrapped, context_of("s2"))
    assert not any(opens(keys, one) for one in [*flipped, wrapped[:-1], b"", wrapped + b"\0"])


def test_what_was_wrapped_before_keys_had_names_still_opens() -> None:
    keys = LocalKeys([TWO, ONE])

    assert opens(keys, before_names(ONE))
    assert not opens(LocalKeys([TWO]), before_names(ONE))
    assert not keys.newest(before_names(TWO))


@pytest.mark.parametrize("keys", [[], [b"short"], [ONE, b""]])
def test_a_wrap_key_has_32_bytes(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LocalKeys(keys)


def test_a_key_that_is_rotated_by_another_process_counts_at_once(tmp_path: Path) -> None:
    keys = FileKeys(keep(tmp_path, ONE))
    older = keys.wrap(KEY, CONTEXT)
    (tmp_path / f"wrap-{name_of(ONE).hex()}.key").write_bytes(ONE)
    (tmp_path / "next").write_bytes(TWO)
    (tmp_path / "next").replace(tmp_path / "wrap.key")

    newer = keys.wrap(KEY, CONTEXT)

    assert opens(LocalKeys([TWO]), newer)
    assert opens(keys, older)
    assert not keys.newest(older)


def test_what_comes_from_a_file_goes_on_opening_beside_a_key_from_elsewhere(tmp_path: Path) -> None:
    files = FileKeys(keep(tmp_path, ONE))
    older = files.wrap(KEY, CONTEXT)
    keys = Either(LocalKeys([TWO]), [files])

    newer = keys.wrap(KEY, CONTEXT)

    assert opens(keys, older)
    assert opens(LocalKeys([TWO]), newer)
    assert (keys.newest(older), keys.newest(newer)) == (False, True)


def test_a_key_service_wraps_and_opens(address: str, service: KeyService) -> None:
    keys = transit(address)

    wrapped = keys.wrap(KEY, CONTEXT)

    assert opens(keys, wrapped)
    assert not opens(keys, wrapped, context_of("s2"))
    assert KEY not in wrapped
    assert not opens(keys, LocalKeys([ONE]).wrap(KEY, CONTEXT))


def test_a_key_that_was_opened_is_not_asked_for_again(address: str, service: KeyService) -> None:
    keys = transit(address)
    wrapped = keys.wrap(KEY, CONTEXT)

    opened = [opens(keys, wrapped) for _ in range(3)]

    assert all(opened)
    assert service.asked == ["encrypt", "decrypt"]


def test_a_service_that_rotates_its_key_is_followed(address: str, service: KeyService) -> None:
    keys = transit(address)
    older = keys.wrap(KEY, CONTEXT)
    service.versions.append(os.urandom(32))

    newer = keys.wrap(KEY, CONTEXT)

    assert (keys.newest(older), keys.newest(newer)) == (False, True)
    assert opens(keys, older)


@pytest.mark.parametrize(
    "answer",
    [
        (403, b"{}"),
        (500, b"no"),
        (307, b"http://127.0.0.1:9/v1/transit/encrypt/invigilation"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"data": {}}'),
        (200, b'{"data": {"ciphertext": 7}}'),
    ],
)
def test_a_key_service_that_refuses_or_babbles_is_away(
    address: str, service: KeyService, answer: tuple[int, bytes]
) -> None:
    service.answers["encrypt"] = answer

    with pytest.raises(KeysAway):
        transit(address).wrap(KEY, CONTEXT)


def test_what_a_key_service_opens_must_be_a_key(address: str, service: KeyService) -> None:
    keys = transit(address)
    wrapped = keys.wrap(KEY, CONTEXT)
    service.answers["decrypt"] = (200, b'{"data": {"plaintext": "c2hvcnQ="}}')

    with pytest.raises(WrongKey):
        keys.unwrap(wrapped, CONTEXT)


def test_while_the_key_service_is_away_nothing_opens_and_nothing_is_called_damaged(
    address: str, service: KeyService, tmp_path: Path
) -> None:
    Vault(tmp_path, transit(address), 0).put("s1", "e1", b"one")
    service.answers = {"encrypt": (503, b""), "decrypt": (503, b"")}
    vault = Vault(tmp_path, transit(address), 0)

    with pytest.raises(KeysAway):
        vault.read("s1", "e1")
    with pytest.raises(KeysAway):
        vault.put("s2", "e2", b"two")
    service.answers = {}

    assert vault.read("s1", "e1") == b"one"


def test_a_key_service_that_hangs_holds_up_one_who_asks_and_not_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recordings.transit.TIME_LIMIT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keys = transit(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/transit")
        said = []

        for _ in range(2):
            with pytest.raises(KeysAway) as away:
                keys.wrap(KEY, CONTEXT)
            said.append(away.value.why)

    assert "timed out" in said[0]
    assert said[1] == "it did not answer a moment ago"


def test_a_token_in_a_file_that_is_gone_is_a_service_that_is_away(tmp_path: Path) -> None:
    keys = TransitKeys("http://127.0.0.1:9", "k", (tmp_path / "token").read_text)

    with pytest.raises(KeysAway) as away:
        keys.wrap(KEY, CONTEXT)

    assert away.value.why.startswith("FileNotFoundError")


def test_keys_of_sessions_are_wrapped_anew_and_the_evidence_stays_as_it_is(tmp_path: Path) -> None:
    for session in ("s1", "s2"):
        Vault(tmp_path, LocalKeys([ONE]), 0).put(session, "e1", session.encode())
    vault = Vault(tmp_path, LocalKeys([TWO, ONE]), 0)
    before = (tmp_path / "s1" / "e1.evidence").read_bytes()

    changed = [vault.keys.rewrap(session) for session in vault.keys.all()]

    assert changed == [True, True]
    assert not vault.keys.rewrap("s1")
    assert Vault(tmp_path, LocalKeys([TWO]), 0).read("s2", "e1") == b"s2"
    assert (tmp_path / "s1" / "e1.evidence").read_bytes() == before
    assert not vault.keys.rewrap("never")

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from invigilation.ports import Sealer, Signer
from recordings.errors import SealBroken
from recordings.seal import Seal, SigningKey, open_seal

KEY = SigningKey.generate()
KEYS = {KEY.key_id: KEY.public}


def part(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def forged(header: object, payload: bytes = b"{}") -> bytes:
    """Return what the holder of the key could sign under another header."""
    signed = part(header) + b"." + base64.urlsafe_b64encode(payload).rstrip(b"=")
    return signed + b"." + base64.urlsafe_b64encode(KEY.sign(signed)).rstrip(b"=")


def test_the_ports_are_satisfied() -> None:
    signer: Signer = KEY
    sealer: Sealer = Seal(signer)

    assert open_seal(sealer.seal(b'{"a": 1}'), KEYS) == b'{"a": 1}'


def test_the_header_is_the_agreed_one() -> None:
    header = Seal(KEY).seal(b"x").split(b".")[0]

    assert json.loads(base64.urlsafe_b64decode(header + b"==")) == {
        "alg": "Ed25519",
        "kid": KEY.key_id,
        "typ": "invigilation-attestation+jws",
    }


GOOD = {"alg": "Ed25519", "kid": KEY.key_id, "typ": "invigilation-attestation+jws"}


@pytest.mark.parametrize(
    "jws",
    [
        forged(GOOD | {"alg": "EdDSA"}),
        forged(GOOD | {"alg": "none"}),
        forged(GOOD | {"alg": "ed25519"}),
        forged(GOOD | {"alg": ["Ed25519"]}),
        forged(GOOD | {"kid": "other"}),
        forged(GOOD | {"kid": None}),
        forged(GOOD | {"typ": "JWT"}),
        forged(GOOD | {"crit": ["b64"], "b64": False}),
        forged(GOOD | {"jwk": KEY.jwk()}),
        forged([]),
        forged({"alg": "Ed25519"}),
        forged(GOOD) + b"=",
        forged(GOOD) + b".x",
        b"..",
        b"",
        forged(GOOD)[:-1],
        forged(GOOD).replace(b".", b".e", 1),
        part(GOOD | {"alg": "none"}) + b".e30.",
    ],
)
def test_a_seal_fails_closed(jws: bytes) -> None:
    with pytest.raises(SealBroken):
        open_seal(jws, KEYS)


def test_the_forger_of_these_tests_can_forge() -> None:
    assert open_seal(forged(GOOD), KEYS) == b"{}"


def test_a_key_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    KEY.save(path)

    loaded = SigningKey.load(path)

    assert loaded.key_id == KEY.key_id
    assert loaded.sign(b"x") == KEY.sign(b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        KEY.save(path)


def test_the_key_id_is_the_thumbprint_of_rfc_8037(tmp_path: Path) -> None:
    # The key of RFC 8037, appendix A.1, and its thumbprint of appendix A.3.
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(seed))

    key.save(tmp_path / "key.pem")

    loaded = SigningKey.load(tmp_path / "key.pem")
    assert loaded.jwk()["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert loaded.key_id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

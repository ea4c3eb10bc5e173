"""A JOSE library in another language takes our attestations by the published keys alone."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from invigilation import record
from invigilation.desk import Desk
from invigilation.session import Outcome, SessionState
from recordings.seal import Seal, SigningKey
from recordings.signing import SigningKeys, rotate
from tests import builders
from tests.invigilation.offices import STATEMENT, World
from web.keyring import open_keyring

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "web" / "ui" / "node_modules" / "jose" / "dist" / "webapi" / "index.js"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def opened(jwks: object, documents: dict[str, str]) -> dict[str, str | None]:
    """Return what the library says of each document."""
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("jose.mjs"))],
        input=json.dumps({"library": str(LIBRARY), "jwks": jwks, "documents": documents}),
        check=True,
        capture_output=True,
        text=True,
    )
    said: dict[str, str | None] = json.loads(done.stdout)
    return said


def published(keys: SigningKeys) -> object:
    """The key set as it is served; a member that is not of RFC 7517 stands in it, too."""
    return {"keys": keys.published(), "documents": []}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return open_keyring(tmp_path_factory.mktemp("keys"), NOW).signing


@pytest.fixture(scope="module")
def attestation(
    keys: SigningKeys, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> str:
    """The attestation of a session that came to nothing."""

    async def attested() -> bytes:
        clock = builders.FixedClock()
        async with builders.sqlite_store(tmp_path_factory.mktemp("office"), sqlite_template) as db:
            plain = builders.office(db, clock)
            await builders.add_assessment(plain)
            ann = await builders.add_invigilator(plain)
            desk = Desk.of(replace(plain.office, signer=keys, sealer=Seal(keys)))
            world = World(db, clock, desk, ann, ann)
            one = await world.brought_to(SessionState.REFUSED)
            await desk.reports.attest(one.session, ann, STATEMENT, Outcome.REFUSED)
            return await desk.reports.attestation(one.session)

    return asyncio.run(attested()).decode("ascii")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def header(jws: str, **changes: str) -> str:
    first, *rest = jws.split(".")
    changed = json.loads(unpacked(first)) | changes
    return ".".join([base64url(json.dumps(changed).encode()), *rest])


def payload(jws: str, old: bytes, new: bytes) -> str:
    first, middle, last = jws.split(".")
    said = unpacked(middle)
    assert said.count(old) == 1
    return f"{first}.{base64url(said.replace(old, new))}.{last}"


def signature(jws: str) -> str:
    start, last = jws.rsplit(".", 1)
    flipped = bytearray(unpacked(last))
    flipped[40] ^= 1
    return f"{start}.{base64url(bytes(flipped))}"


def by_another_key(jws: str) -> str:
    start = jws.rsplit(".", 1)[0]
    return f"{start}.{base64url(SigningKey.generate().sign(start.encode()))}"


CHANGES: dict[str, Callable[[str], str]] = {
    "another outcome": lambda jws: payload(jws, b'"outcome":"refused"', b'"outcome":"completed"'),
    "one letter less": lambda jws: payload(
        jws, b"invigilation-attestation", b"invigilation-attestatio"
    ),
    "no algorithm": lambda jws: header(jws, alg="none").rsplit(".", 1)[0] + ".",
    "a secret in place of a key": lambda jws: header(jws, alg="HS256"),
    "another name of the key": lambda jws: header(jws, kid="another"),
    "another type": lambda jws: header(jws, typ="JWT"),
    "one bit of the signature": signature,
    "signed by another key of that name": by_another_key,
    "no signature": lambda jws: jws.rsplit(".", 1)[0] + ".",
}


def test_the_attestation_is_taken_and_whatever_was_changed_is_refused(
    keys: SigningKeys, attestation: str
) -> None:
    changed = {name: change(attestation) for name, change in CHANGES.items()}

    said = opened(published(keys), {"as it is": attestation} | changed)

    whole = json.loads(said.pop("as it is") or "{}")
    assert whole == record.payload_of(attestation.encode())
    assert whole["outcome"] == "refused"
    assert said == dict.fromkeys(CHANGES)


def test_after_a_rotation_both_keys_are_known_and_a_stranger_is_not(tmp_path: Path) -> None:
    keys = open_keyring(tmp_path, NOW).signing
    seal = Seal(keys)
    before = seal.seal(b'{"n":1}').decode()
    rotate(tmp_path, NOW + timedelta(days=1))
    after = seal.seal(b'{"n":2}').decode()
    stranger = Seal(SigningKey.generate()).seal(b'{"n":3}').decode()

    said = opened(published(keys), {"before": before, "after": after, "stranger": stranger})

    assert said == {"before": '{"n":1}', "after": '{"n":2}', "stranger": None}

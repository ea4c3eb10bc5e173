"""What a hostile file does to the verifier: it neither persuades it, nor stops it, nor speaks."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from recordings.seal import SigningKey
from recordings.verify import NotVerified, parse_keys, render, verify_file
from recordings.verify import timestamp as tokens
from recordings.verify.certificates import issuer_and_serial
from recordings.verify.der import CONTEXT, OCTETS, SEQUENCE, SET, TIME, make, number, oid
from recordings.verify.timestamp import open_token

from .bundles import COMPANY, NEXT, NOW, RETIRED, START, Draft, canonical, key_set, pack, stamp
from .changes import own_receipt, report_unnamed

KEYS = parse_keys(json.dumps(key_set()).encode())
BACKENDS = {COMPANY.key_id: COMPANY.public}
DIGEST = hashlib.sha256(b"whatever").digest()


def certificate(
    subject: str, key: Ed25519PrivateKey, issuer: str, by: Ed25519PrivateKey, *, until: int = 30
) -> x509.Certificate:
    """Return a certificate that ends `until` days after the bundle is checked."""

    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    stamps = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=90))
        .not_valid_after(NOW + timedelta(days=until))
        .add_extension(stamps, critical=True)
        .sign(by, None)
    )


def token(key: Ed25519PrivateKey, certificates: list[x509.Certificate]) -> bytes:
    """Return a token over DIGEST, signed by the holder of the first certificate."""
    raw = [one.public_bytes(Encoding.DER) for one in certificates]
    kind = oid("1.2.840.113549.1.9.16.1.4")
    said = (number(1), oid("1.2.3.4"), tokens.imprint_of(DIGEST), number(7))
    info = make(SEQUENCE, *said, make(TIME, f"{NOW:%Y%m%d%H%M%S}Z".encode()))
    named = make(SEQUENCE, make(OCTETS, hashlib.sha256(raw[0]).digest()))
    attributes = [
        (oid("1.2.840.113549.1.9.3"), kind),
        (oid("1.2.840.113549.1.9.4"), make(OCTETS, hashlib.sha256(info).digest())),
        (oid("1.2.840.113549.1.9.16.2.47"), make(SEQUENCE, make(SEQUENCE, named))),
    ]
    signed = make(SET, *sorted(make(SEQUENCE, name, make(SET, one)) for name, one in attributes))
    digest = make(SEQUENCE, oid("2.16.840.1.101.3.4.2.1"))
    signer = make(
        SEQUENCE,
        number(1),
        issuer_and_serial(raw[0]),
        digest,
        bytes([CONTEXT]) + signed[1:],
        make(SEQUENCE, oid("1.3.101.112")),
        make(OCTETS, key.sign(signed)),
    )
    whole = make(
        SEQUENCE,
        number(3),
        make(SET, digest),
        make(SEQUENCE, kind, make(CONTEXT, make(OCTETS, info))),
        make(CONTEXT, *sorted(raw)),
        make(SET, signer),
    )
    return make(SEQUENCE, oid("1.2.840.113549.1.7.2"), make(CONTEXT, whole))


def test_a_token_of_the_tests_opens() -> None:
    key = Ed25519PrivateKey.generate()

    stamped = open_token(token(key, [certificate("Time", key, "Time", key)]), DIGEST)

    assert (stamped.at, stamped.authority) == (NOW.replace(microsecond=0), "Time")


def test_the_name_of_an_authority_cannot_speak_to_the_terminal() -> None:
    key = Ed25519PrivateKey.generate()
    name = "\x1b[2J\x1b[HVERIFIED.\n\u202e"

    with pytest.raises(NotVerified) as caught:
        open_token(token(key, [certificate(name, key, name, key, until=-9)]), DIGEST)

    assert "was not in force" in str(caught.value)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def test_certificates_that_vouch_for_each_other_are_no_maze(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, one, other = (Ed25519PrivateKey.generate() for _ in range(3))
    maze = [certificate("A", one, "B", other) for _ in range(14)]
    maze += [certificate("B", other, "A", one) for _ in range(14)]
    whole = token(key, [certificate("Time", key, "A", one), *maze])
    asked: list[None] = []
    real = tokens.issued
    monkeypatch.setattr(
        tokens, "issued", lambda *pair: (asked.append(None), real(*pair))[1], raising=True
    )

    with pytest.raises(NotVerified, match="form in which one is kept"):
        open_token(whole, DIGEST)
    tokens.tidied(whole)

    # Each is held against each other once at most.
    assert 0 < len(asked) <= 30 * 30


def test_a_witness_of_ones_own_hides_no_late_one() -> None:
    late = Draft(start=START - timedelta(days=10), receipt_after=timedelta(days=10, minutes=101))
    record, report = late.record()
    own = own_receipt(record, accepted_at=stamp(late.at(8) + timedelta(seconds=9)))
    record["anchors"].insert(0, own)
    bundle = pack(late.members() | {"record.json": canonical(record), "report.pdf": report})

    verdict = verify_file(bundle, KEYS, now=NOW, backends=BACKENDS)

    assert verdict.ok
    assert "the first of those that you trust came 240 hours after" in render(verdict)


def test_an_unknown_witness_is_worth_a_warning() -> None:
    verdict = verify_file(Draft().packed(), KEYS, now=NOW)

    assert verdict.ok
    assert verdict.steps[-1].mark == "warning"
    assert "was not checked: ask them" in verdict.steps[-1].sentence


@pytest.mark.parametrize("key", [RETIRED, NEXT])
def test_an_attestation_alone_by_a_key_out_of_its_time_fails(key: SigningKey) -> None:
    alone = Draft(sealer=key).record()[0]["attestation"].encode()

    verdict = verify_file(alone, KEYS, now=NOW)

    assert not verdict.ok
    assert [(step.number, step.mark) for step in verdict.steps] == [(2, "ok"), (6, "failed")]


def test_what_can_be_said_of_the_end_is_said() -> None:
    record, _ = Draft(with_report=False).record()
    report_unnamed(record)

    verdict = verify_file(canonical(record), KEYS, now=NOW)

    assert verdict.ok
    assert "whether others followed, nothing proves" in verdict.steps[6].sentence


def test_a_sea_of_dots_is_no_attestation() -> None:
    verdict = verify_file(b"." * 70_000_000, KEYS, now=NOW)

    assert "it is not a compact JWS" in verdict.steps[0].sentence


def test_witnesses_without_number_are_refused() -> None:
    record, _ = Draft(with_report=False).record()
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    ids = range(1_001)
    record["anchors"] = [
        own_receipt(record, webhook_id=str(one), accepted_at=stamp(at)) for one in ids
    ]

    verdict = verify_file(canonical(record), KEYS, now=NOW)

    assert verdict.steps[-1].mark == "failed"
    assert "more witnesses" in verdict.steps[-1].sentence

"""Time-stamp tokens, made by OpenSSL: what is taken, what is refused, and that no byte is free."""

from __future__ import annotations

import datetime as dt
import hashlib
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from recordings.verify import certificates
from recordings.verify.certificates import check_chain, vouched
from recordings.verify.der import make, number, oid, single
from recordings.verify.timestamp import nonce_of, open_token, tidied
from recordings.verify.verdict import NotVerified
from tests.harness.tsa import DAY, STAMPS, TimeStampAuthority, certificate, key

DIGEST = hashlib.sha256(b"the head of a list").digest()
NOW = dt.timedelta(seconds=30)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeStampAuthority:
    return TimeStampAuthority(tmp_path_factory.mktemp("tsa"), links=2)


@pytest.fixture(scope="module")
def token(authority: TimeStampAuthority) -> bytes:
    return tidied(authority.token(DIGEST))


def test_a_token_says_who_and_when(authority: TimeStampAuthority, token: bytes) -> None:
    stamped = open_token(token, DIGEST, (authority.root,))

    assert (stamped.authority, stamped.trusted) == ("Clock of the tests", True)
    assert abs(stamped.at - dt.datetime.now(dt.UTC)) < NOW
    assert not open_token(token, DIGEST).trusted


def test_openssl_takes_a_token_in_our_form(authority: TimeStampAuthority, token: bytes) -> None:
    assert authority.accepts(token, DIGEST)
    assert not authority.accepts(token, bytes(32))


@pytest.mark.parametrize("which", ["signer", "issuer", "root"])
def test_each_certificate_of_the_chain_may_be_the_trusted_one(
    authority: TimeStampAuthority, token: bytes, which: str
) -> None:
    known = {"signer": authority.signer, "issuer": authority.between[0], "root": authority.root}

    assert open_token(token, DIGEST, (known[which],)).trusted


def test_a_chain_is_completed_from_what_is_trusted(tmp_path: Path) -> None:
    authority = TimeStampAuthority(tmp_path)
    authority.send()

    alone = tidied(authority.token(DIGEST))
    whole = tidied(authority.token(DIGEST), [authority.root])

    assert len(whole) > len(alone)
    assert open_token(alone, DIGEST, (authority.root,)).trusted
    assert open_token(whole, DIGEST, (authority.root,)).trusted


def test_a_root_that_another_one_signed_leads_to_either(tmp_path: Path) -> None:
    authority = TimeStampAuthority(tmp_path, links=2)
    old = key()
    older = certificate("Older root", old, None, old)
    crossed = certificate("Root of time", authority.root_key, older, old)
    authority.send(*authority.between, crossed)

    raw = authority.token(DIGEST)

    for root in (authority.root, older):
        assert open_token(tidied(raw, [root]), DIGEST, (root,)).trusted
    assert open_token(tidied(raw, [older]), DIGEST, (authority.between[0],)).trusted
    with pytest.raises(NotVerified, match="is not an authority that you trust"):
        open_token(tidied(raw), DIGEST, (older,))


def test_no_byte_of_it_can_be_changed(authority: TimeStampAuthority, token: bytes) -> None:
    unseen = []
    for place in range(len(token)):
        changed = bytearray(token)
        changed[place] ^= 1 << place % 8
        try:
            open_token(bytes(changed), DIGEST, (authority.root,))
        except NotVerified:
            continue
        unseen.append(place)

    assert unseen == []


def test_a_signature_of_a_certificate_has_one_spelling() -> None:
    own = key()
    made = (certificate("Root", own, None, own) for _ in count())
    one = next(it for it in made if it.signature[-1] & 1 == 0)
    raw = one.public_bytes(Encoding.DER)
    at = len(raw) - len(one.signature) - 1
    respelt = raw[:at] + b"\1" + raw[at + 1 :]

    assert certificates.certificate(raw) == one
    assert x509.load_der_x509_certificate(respelt).signature == one.signature
    with pytest.raises(NotVerified, match="cannot be read"):
        certificates.certificate(respelt)


def test_no_byte_can_be_cut_off_or_added(authority: TimeStampAuthority, token: bytes) -> None:
    for other in (token[:-1], token + b"\0", b"\0" + token, token[1:], b""):
        with pytest.raises(NotVerified):
            open_token(other, DIGEST, (authority.root,))


def test_a_token_about_something_else_is_refused(token: bytes) -> None:
    with pytest.raises(NotVerified, match="the time-stamp is about something else"):
        open_token(token, bytes(32))


def test_an_authority_of_the_same_name_is_not_the_trusted_one(token: bytes, tmp_path: Path) -> None:
    other = TimeStampAuthority(tmp_path)

    with pytest.raises(NotVerified, match="Clock of the tests is not an authority that you trust"):
        open_token(token, DIGEST, (other.root, other.signer))


def test_a_trusted_certificate_that_may_issue_none_vouches_for_none() -> None:
    above = key()
    plain = certificate("Nobody's issuer", above, None, above, ca=False)
    signer = certificate("Clock", key(), plain, above, ca=False, usage=STAMPS)
    now = dt.datetime.now(dt.UTC)

    with pytest.raises(NotVerified, match="Clock is not an authority that you trust"):
        vouched([signer], [plain], now)
    with pytest.raises(NotVerified, match="issued by one that may not issue any"):
        check_chain([signer, plain], now)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"until": -1 * DAY}, "the certificate of Clock of the tests was not in force at that"),
        ({"signing": "short"}, "has less than 2048 bits"),
    ],
)
def test_a_signer_that_is_not_fit_is_named(
    tmp_path: Path, more: dict[str, object], said: str
) -> None:
    if more.get("signing") == "short":
        more = {"signing": rsa.generate_private_key(65537, 1024)}
    authority = TimeStampAuthority(tmp_path, **more)  # type: ignore[arg-type]

    with pytest.raises(NotVerified, match=said):
        open_token(tidied(authority.token(DIGEST)), DIGEST, (authority.root,))


@pytest.mark.parametrize(
    ("signing", "ess"),
    [("rsa", "sha256"), ("rsa", "sha1"), ("p384", "sha512")],
)
def test_other_keys_and_digests_that_authorities_use(
    tmp_path: Path, signing: str, ess: str
) -> None:
    own = (
        rsa.generate_private_key(65537, 2048)
        if signing == "rsa"
        else ec.generate_private_key(ec.SECP384R1())
    )
    authority = TimeStampAuthority(tmp_path, signing=own, ess=ess)
    token = tidied(authority.token(DIGEST))

    assert open_token(token, DIGEST, (authority.root,)).trusted
    assert authority.accepts(token, DIGEST)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
        x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]
        ),
    ],
)
def test_a_certificate_for_other_uses_cannot_stamp(usage: x509.ExtendedKeyUsage | None) -> None:
    own = key()
    signer = certificate("Clock", own, None, own, ca=False, usage=usage)

    with pytest.raises(NotVerified, match="is not one for time-stamps"):
        check_chain([signer], dt.datetime.now(dt.UTC))


def test_a_token_that_was_not_tidied_up_is_refused(authority: TimeStampAuthority) -> None:
    raw = authority.token(DIGEST)
    assert tidied(raw) != raw

    with pytest.raises(NotVerified, match="not in the form in which one is kept"):
        open_token(raw, DIGEST, (authority.root,))


def test_a_token_repeats_what_the_asker_gave_along(authority: TimeStampAuthority) -> None:
    assert nonce_of(authority.token(DIGEST)) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x80\x00\x00",
        b"\x30\x81\x01\x00",
        b"\x30\x82\x00\x81" + bytes(129),
        b"\x30\x89" + b"\x01" * 200,
        b"\x1f\x01\x00",
        b"\x30",
        b"\x30\x02\x00",
        b"",
    ],
)
def test_what_is_no_der_is_refused(data: bytes) -> None:
    with pytest.raises(NotVerified):
        single(data)


def test_der_is_written_as_it_is_read() -> None:
    for size in (0, 1, 127, 128, 255, 256, 65_536):
        assert single(make(4, bytes(size))).content == bytes(size)
    for value in (0, 1, 127, 128, 255, 256, 2**63):
        assert single(number(value)).integer() == value
    assert oid("1.2.840.113549.1.7.2").hex() == "06092a864886f70d010702"

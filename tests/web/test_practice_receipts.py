"""The practice backend signs for what it took, and the service accepts what it signed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from invigilation.report import Channel, Delivery, DeliveryState
from recordings.seal import Seal, SigningKey
from web.backends import receipts
from web.backends.keys import public_text
from web.backends.webhook import sign, sign_by
from web.practice.receipts import KEY, Pen
from web.practice.records import Report
from web.practice.signatures import Refused, check_webhook

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
STAMP = int(AT.timestamp())
OLD, NEW, OTHER = ("whsec_" + word * 8 for word in ("b2xk", "bmV3", "b3Ro"))
OWN = SigningKey.generate()
ATTESTED = {"session": "se_1", "chain": {"head": "ab" * 32, "length": 7}}


def sealed(attested: object = ATTESTED) -> str:
    return Seal(OWN).seal(json.dumps(attested).encode()).decode()


def taken(jws: str) -> Report:
    digest = hashlib.sha256(jws.encode()).hexdigest()
    when = "2026-11-20T08:59:00Z"
    return Report("se_1", "r", "l", "completed", "", digest, when, jws, "remote", "Ana Reyes")


def on_its_way(jws: str) -> Delivery:
    data = {"session": "se_1", "attestation": jws}
    body = json.dumps({"type": "report.ready", "data": data}).encode()
    state = DeliveryState.CLAIMED
    return Delivery("dl_1", Channel.WEBHOOK, "practice", "report.ready", body, state, 1, AT, AT)


@pytest.fixture
def pen(tmp_path: Path) -> Pen:
    made = Pen(tmp_path, "practice")
    made.prepare()
    return made


def test_the_service_accepts_the_receipt(pen: Pen) -> None:
    jws = sealed()
    answer = json.dumps({"note": "kept"} | pen.receipt("dl_1", taken(jws))).encode()

    found = receipts.find(on_its_way(jws), answer, AT)

    assert found is not None
    assert (found.session, found.at) == ("se_1", datetime(2026, 11, 20, 8, 59, tzinfo=UTC))
    assert found.body["backend"] == "practice"


def test_the_same_report_gets_the_same_receipt_for_ever(pen: Pen, tmp_path: Path) -> None:
    jws = sealed()
    again = Pen(tmp_path, "practice")
    again.prepare()

    assert again.receipt("dl_1", taken(jws)) == pen.receipt("dl_1", taken(jws))
    assert (tmp_path / KEY).stat().st_mode & 0o077 == 0


def test_a_receipt_for_another_report_is_refused(pen: Pen) -> None:
    answer = json.dumps(pen.receipt("dl_1", taken(sealed()))).encode()
    other = sealed(ATTESTED | {"chain": {"head": "cd" * 32, "length": 7}})

    with pytest.raises(receipts.NotVerified, match="its head is not that of the report"):
        receipts.find(on_its_way(other), answer, AT)
    with pytest.raises(receipts.NotVerified, match="its webhook_id"):
        receipts.find(replace(on_its_way(sealed()), id="dl_2"), answer, AT)


def test_a_report_without_a_chain_is_not_signed_for(pen: Pen) -> None:
    assert pen.receipt("dl_1", taken(sealed({"session": "se_1"}))) == {}


def headers(*signatures: str) -> dict[str, str]:
    return {
        "webhook-id": "dl_1",
        "webhook-timestamp": str(STAMP),
        "webhook-signature": " ".join(signatures),
    }


def by(secret: str, body: bytes = b"{}") -> str:
    return sign(secret, "dl_1", STAMP, body)


@pytest.mark.parametrize(
    ("known", "signatures"),
    [
        (OLD, (by(NEW), by(OLD))),
        (NEW, (by(NEW), by(OLD))),
        (f"{OLD} {NEW}", (by(NEW),)),
        (f"{NEW} {OLD}", (by(OLD),)),
    ],
)
def test_while_a_secret_is_replaced_either_side_may_be_first(
    known: str, signatures: tuple[str, ...]
) -> None:
    assert check_webhook(known, headers(*signatures), b"{}", AT) == "dl_1"


def test_a_secret_that_is_over_opens_nothing() -> None:
    with pytest.raises(Refused, match="no signature"):
        check_webhook(NEW, headers(by(OLD), by(OTHER)), b"{}", AT)


def test_whoever_knows_our_public_key_asks_for_both_signatures() -> None:
    own, public = sign_by(OWN, "dl_1", STAMP, b"{}"), public_text(OWN)

    assert check_webhook(NEW, headers(by(NEW), own), b"{}", AT, public) == "dl_1"
    for wrong in (
        (by(NEW),),
        (by(NEW), sign_by(OWN, "dl_2", STAMP, b"{}")),
        (by(NEW), sign_by(SigningKey.generate(), "dl_1", STAMP, b"{}")),
        (by(NEW), "v1a,AAAA"),
    ):
        with pytest.raises(Refused, match="the service's own signature"):
            check_webhook(NEW, headers(*wrong), b"{}", AT, public)
    with pytest.raises(Refused, match="no signature"):
        check_webhook(NEW, headers(own), b"{}", AT, public)

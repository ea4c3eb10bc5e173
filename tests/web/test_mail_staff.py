"""Letters to staff about unusual looks, as they leave."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from invigilation.looks import AlarmKind
from invigilation.proof import Change
from invigilation.report import Channel, Delivery, DeliveryState
from web.mail.letters import Letterhead, Letters

NOW = datetime(2026, 11, 23, 23, 5, tzinfo=UTC)
HEAD = Letterhead(
    "Invigilation", "a@b.example", "https://b.example", lambda request: f"/me/{request}"
)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (AlarmKind.MANY, "the evidence of 12 records in a short time."),
        (AlarmKind.NIGHT, "the evidence of 12 records, at night."),
        (AlarmKind.UNFOUNDED, "for reasons that nothing in the office shows."),
    ],
)
def test_the_letter_says_who_what_and_where_to_go_on(kind: AlarmKind, says: str) -> None:
    facts = {"name": "Ada Stone", "about": "Sam Field", "kind": kind, "records": 12}
    body = json.dumps(facts | {"page": "/staff/looks"}).encode()
    pending = DeliveryState.PENDING
    delivery = Delivery(
        "dl_1", Channel.MAIL, "ada@b.example", "look_alarm", body, pending, 0, NOW, NOW
    )

    mail = Letters(HEAD).write(delivery, NOW)

    text = mail.get_body(("plain",))
    assert text is not None
    words = " ".join(text.get_content().split())
    assert "Dear Ada Stone, Sam Field has opened pictures of people" in words
    assert says in words
    assert "https://b.example/staff/looks" in words
    assert mail["Subject"] == "Please look into it: unusual looks at evidence"


def test_the_letter_about_guessed_codes_says_that_the_password_is_known() -> None:
    facts = {"name": "Sam Field", "page": "/staff/me", "change": Change.CODES_GUESSED, "left": None}
    facts |= {"device": "", "place": "203.0.113.9", "at": NOW.isoformat()}
    body, pending = json.dumps(facts).encode(), DeliveryState.PENDING
    delivery = Delivery(
        "dl_1", Channel.MAIL, "sam@b.example", "sign_in_changed", body, pending, 0, NOW, NOW
    )

    mail = Letters(HEAD).write(delivery, NOW)

    text = mail.get_body(("plain",))
    assert text is not None
    words = " ".join(text.get_content().split())
    assert "many wrong codes were typed after your right password. London:" in words
    assert "if this was not you, somebody else knows your password. Change it" in words
    assert "if this was you, nothing." not in words

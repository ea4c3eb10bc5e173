"""Carrying what the outbox holds: one attempt, and what became of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiosmtplib
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from invigilation.dispatch import Receipt
from invigilation.report import Channel, Delivery, DeliveryState
from invigilation.store.people import Backend
from invigilation.sweeps import Attempt, Fate, Sweeps
from recordings.seal import Seal, SigningKey
from tests import builders
from web.backends import webhook
from web.carrier import NOTE_LIMIT, UNWRITTEN, Carrier, pause_after
from web.mail.letters import Letterhead, Letters
from web.mail.post import Smtp
from web.outward import ANYWHERE

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0" * 4
FACTS = {
    "start": "2026-11-23T10:00:00Z",
    "request": "rq_1",
    "name": "Maria Santos",
    "zone": "Asia/Manila",
    "title": "Ship Security Officer",
    "outcome": "completed",
    "reason": None,
}


class Post:
    """Takes mails, or raises what it was told to."""

    def __init__(self, error=None):
        self.error = error
        self.mails = []

    async def send(self, mail):
        if self.error is not None:
            raise self.error
        self.mails.append(mail)


class Hook:
    """A backend that answers as it is told and keeps what it heard."""

    def __init__(self):
        self.status = 204
        self.answer = ...
        self.heard = []
        self.meanwhile = lambda: None

    async def take(self, request):
        self.heard.append((dict(request.headers), await request.read()))
        self.meanwhile()
        if self.answer is ...:
            return web.Response(status=self.status)
        return web.json_response(self.answer)


@pytest.fixture
async def hook():
    return Hook()


@pytest.fixture
async def desk(tmp_path, hook, sqlite_template):
    """An office that knows a backend with a hook, and one without."""
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    async with TestServer(app) as server, builders.sqlite_store(tmp_path, sqlite_template) as store:
        made = builders.office(store, builders.FixedClock(AT))
        async with store.write() as tx:
            await tx.people.add_backend(Backend("told", "T", str(server.make_url("/hook")), SECRET))
            await tx.people.add_backend(Backend("quiet", "Q", "", ""))
            await tx.people.add_backend(Backend("broken", "B", "https://x.example", "no secret"))
            down = "http://127.0.0.1:9/hook"
            await tx.people.add_backend(Backend("down", "D", down, SECRET))
        yield made


async def carry(desk, delivery, post=None, others=None, key=None):
    head = Letterhead("Invigilation", "s@i.example", "https://i.example", lambda request: request)
    async with webhook.open_session(ANYWHERE) as client:
        carrier = Carrier(desk, client, Letters(head), post or Post(), others or {}, key)
        return await carrier.carry(delivery)


def delivery(channel, target, kind="receipt", body=None, ident="dl_1"):
    raw = json.dumps(FACTS).encode() if body is None else body
    return Delivery(ident, channel, target, kind, raw, DeliveryState.CLAIMED, 1, AT, AT)


class Other:
    """Carries a channel of its own."""

    def __init__(self):
        self.taken = []

    async def carry(self, delivery):
        self.taken.append(delivery)
        return Attempt(Fate.ACCEPTED, "thanks")


@pytest.mark.parametrize("channel", [Channel.LTI, Channel.EDX])
async def test_another_channel_has_a_carrier_of_its_own(desk, channel):
    other = Other()
    one = delivery(channel, "told")

    attempt = await carry(desk, one, others={channel: other})

    assert attempt == Attempt(Fate.ACCEPTED, "thanks")
    assert other.taken == [one]


async def test_what_nobody_here_can_carry_waits(desk, hook):
    attempt = await carry(desk, delivery(Channel.LTI, "told"), others={Channel.EDX: Other()})

    assert attempt == Attempt(Fate.FAILED, "nothing here carries lti")
    assert hook.heard == []


async def test_a_letter_that_cannot_be_written_is_tried_for_a_day_and_then_given_up(desk):
    post = Post()
    one = delivery(Channel.MAIL, "maria@example.org", kind="greeting")

    early = await carry(desk, one, post)
    late = await carry(desk, replace(one, attempts=UNWRITTEN), post)

    assert (early.fate, late.fate) == (Fate.FAILED, Fate.REFUSED_FOR_GOOD)
    assert early.note == "there is no letter 'greeting'"
    assert post.mails == []


async def test_a_reminder_that_has_become_wrong_does_not_leave(desk):
    post = Post()
    facts = FACTS | {"booking": "bk_gone", "sequence": 0, "hours": 24, "end": FACTS["start"]}
    body = json.dumps(facts).encode()

    attempt = await carry(desk, delivery(Channel.MAIL, "m@example.org", "reminder", body), post)

    assert attempt.fate is Fate.REFUSED_FOR_GOOD
    assert attempt.note.startswith("not sent:")
    assert post.mails == []


async def test_a_letter_is_written_and_handed_over(desk):
    post = Post()

    attempt = await carry(desk, delivery(Channel.MAIL, "maria@example.org"), post)

    assert attempt.fate is Fate.ACCEPTED
    [mail] = post.mails
    assert mail["To"] == "Maria Santos <maria@example.org>"
    assert mail["Message-ID"] == "<dl_1@i.example>"


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (ConnectionRefusedError("nobody"), Fate.FAILED),
        (TimeoutError("too long"), Fate.FAILED),
        (aiosmtplib.SMTPServerDisconnected("gone"), Fate.FAILED),
        (aiosmtplib.SMTPResponseException(451, "later"), Fate.FAILED),
        (
            aiosmtplib.SMTPRecipientsRefused(
                [aiosmtplib.SMTPRecipientRefused(550, "no such user", "maria@example.org")]
            ),
            Fate.REFUSED_FOR_GOOD,
        ),
        (
            aiosmtplib.SMTPRecipientsRefused(
                [aiosmtplib.SMTPRecipientRefused(450, "mailbox busy", "maria@example.org")]
            ),
            Fate.FAILED,
        ),
    ],
)
async def test_what_the_mail_server_does_never_raises(desk, error, fate):
    attempt = await carry(desk, delivery(Channel.MAIL, "maria@example.org"), Post(error))

    assert attempt.fate is fate
    assert 0 < len(attempt.note) <= NOTE_LIMIT


async def test_a_note_has_a_limit(desk):
    noisy = Post(OSError("x" * 5_000))

    attempt = await carry(desk, delivery(Channel.MAIL, "maria@example.org"), noisy)

    assert len(attempt.note) == NOTE_LIMIT


async def test_a_letter_arrives_by_smtp(desk, mailbox):
    post = Smtp(mailbox.host, mailbox.port, "", "", tls=False)

    attempt = await carry(desk, delivery(Channel.MAIL, "maria@example.org"), post)

    assert attempt.fate is Fate.ACCEPTED
    assert (await mailbox.wait_for("maria@example.org"))["Message-ID"] == "<dl_1@i.example>"


async def test_a_webhook_is_the_stored_bytes_signed(desk, hook):
    body = b'{"type":"report.ready","data":{}}'

    attempt = await carry(desk, delivery(Channel.WEBHOOK, "told", "report.ready", body))

    assert attempt.fate is Fate.ACCEPTED
    [(headers, heard)] = hook.heard
    assert heard == body
    assert headers["webhook-id"] == "dl_1"
    stamp = int(headers["webhook-timestamp"])
    assert stamp == int(AT.timestamp())
    assert headers["webhook-signature"] == webhook.sign(SECRET, "dl_1", stamp, body)


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (200, Fate.ACCEPTED),
        (500, Fate.FAILED),
        (302, Fate.FAILED),
        (404, Fate.FAILED),
        (410, Fate.GONE),
    ],
)
async def test_the_backends_answer_decides(desk, hook, status, fate):
    hook.status = status

    attempt = await carry(desk, delivery(Channel.WEBHOOK, "told", "x", b"{}"))

    assert attempt.fate is fate


async def test_while_a_secret_is_replaced_both_sign_and_our_own_key_too(desk, hook):
    new, own = "whsec_" + "bmV3c2Vj" * 4, SigningKey.generate()
    async with desk.office.store.write() as tx:
        await desk.deliveries.rotate(tx, "told", new, timedelta(hours=1))

    await carry(desk, delivery(Channel.WEBHOOK, "told", "x", b"{}"), key=own)
    desk.office.clock.go(3_600)
    await carry(desk, delivery(Channel.WEBHOOK, "told", "x", b"{}"), key=own)

    during, after = [headers["webhook-signature"].split(" ") for headers, _ in hook.heard]
    stamp = int(AT.timestamp())
    assert during[:2] == [webhook.sign(one, "dl_1", stamp, b"{}") for one in (new, SECRET)]
    assert after[:1] == [webhook.sign(new, "dl_1", stamp + 3_600, b"{}")]
    assert [one.partition(",")[0] for one in (*during, *after)] == ["v1", "v1", "v1a", "v1", "v1a"]
    for signature, at in ((during[2], stamp), (after[1], stamp + 3_600)):
        raw = base64.b64decode(signature.removeprefix("v1a,"), validate=True)
        own.public.verify(raw, f"dl_1.{at}.".encode() + b"{}")  # raises if it is not right


# --- receipts ---

REPORT = {"session": "se_1", "request": "rq_1", "learner": "l_1"}


def report(office_key):
    """A report on its way, and the claims of a right receipt for it."""
    attested = json.dumps({"chain": {"head": "ab" * 32, "length": 9}}).encode()
    jws = Seal(office_key).seal(attested)
    data = REPORT | {"attestation": jws.decode()}
    body = json.dumps({"type": "report.ready", "data": data}).encode()
    claims = {
        "type": "report.accepted",
        "webhook_id": "dl_1",
        "backend": "told",
        "session": "se_1",
        "head": "ab" * 32,
        "attestation_sha256": hashlib.sha256(jws).hexdigest(),
        "accepted_at": "2026-11-20T09:00:01.000000Z",
    }
    return delivery(Channel.WEBHOOK, "told", "report.ready", body), claims


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed_for(key, claims, **header):
    """The answer of a backend that signs these claims."""
    head = {"alg": "Ed25519", "kid": key.key_id, "typ": "invigilation-receipt+jws"} | header
    signed = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}"
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": key.jwk()["x"]}
    return {"receipt": f"{signed}.{encoded(key.sign(signed.encode()))}", "key": jwk}


async def test_a_receipt_in_the_answer_is_kept(desk, hook):
    one, claims = report(SigningKey.generate())
    backend = SigningKey.generate()
    hook.answer = signed_for(backend, claims)

    attempt = await carry(desk, one)

    assert (attempt.fate, attempt.note) == (Fate.ACCEPTED, "accepted, and signed for")
    assert attempt.receipt == Receipt(
        "se_1",
        AT + timedelta(seconds=1),
        {"backend": "told"} | hook.answer,
        backend.key_id,
    )


async def test_a_receipt_is_held_against_the_time_when_it_came(desk, hook):
    one, claims = report(SigningKey.generate())
    hook.answer = signed_for(
        SigningKey.generate(), claims | {"accepted_at": "2026-11-20T09:10:00.000000Z"}
    )
    hook.meanwhile = lambda: desk.office.clock.go(600)

    attempt = await carry(desk, one)

    assert attempt.receipt is not None
    assert attempt.receipt.at == AT + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "report.seen"}, "its type"),
        ({"webhook_id": "dl_2"}, "its webhook_id"),
        ({"backend": "other"}, "its backend"),
        ({"session": "se_2"}, "its session"),
        ({"head": "cd" * 32}, "its head"),
        ({"attestation_sha256": "ab" * 32}, "its attestation_sha256"),
        ({"accepted_at": "2026-11-20T09:10:00.000000Z"}, "dated ahead"),
        ({"accepted_at": "2026-11-20T09:00:01Z"}, "a time is not spelt"),
        ({"more": "of it"}, "other members"),
    ],
)
async def test_a_receipt_for_something_else_is_not_kept(desk, hook, change, said):
    one, claims = report(SigningKey.generate())
    hook.answer = signed_for(SigningKey.generate(), claims | change)

    attempt = await carry(desk, one)

    assert (attempt.fate, attempt.receipt) == (Fate.ACCEPTED, None)
    assert attempt.note.startswith("accepted; its receipt is not right: ")
    assert said in attempt.note


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"kid": "x"}, {"crit": ["b64"]}]
)
async def test_a_receipt_chooses_nothing_about_how_it_is_checked(desk, hook, header):
    one, claims = report(SigningKey.generate())
    hook.answer = signed_for(SigningKey.generate(), claims, **header)

    attempt = await carry(desk, one)

    assert (attempt.fate, attempt.receipt) == (Fate.ACCEPTED, None)


@pytest.mark.parametrize(
    "answer",
    [
        {"receipt": "x.y.z", "key": {}},
        {"receipt": "x.y.z"},
        {"receipt": "\u00e9", "key": None},
        {"receipt": 7},
        {"note": "x" * 10_000},
        [],
        7,
        None,
    ],
)
async def test_whatever_stands_in_the_answer_what_is_accepted_is_accepted(desk, hook, answer):
    one, _ = report(SigningKey.generate())
    hook.answer = answer

    attempt = await carry(desk, one)

    assert (attempt.fate, attempt.receipt) == (Fate.ACCEPTED, None)


async def test_only_a_report_is_signed_for(desk, hook):
    one, claims = report(SigningKey.generate())
    hook.answer = signed_for(SigningKey.generate(), claims)

    attempt = await carry(desk, replace(one, type="session.ended"))

    assert attempt == Attempt(Fate.ACCEPTED, "accepted")


async def test_a_backend_that_does_not_ask_is_not_told(desk, hook):
    for target in ("quiet", "unknown"):
        attempt = await carry(desk, delivery(Channel.WEBHOOK, target, "x", b"{}"))
        assert attempt.fate is Fate.ACCEPTED

    assert hook.heard == []


@pytest.mark.parametrize("target", ["down", "broken"])
async def test_a_backend_that_cannot_be_reached_is_tried_again(desk, target):
    attempt = await carry(desk, delivery(Channel.WEBHOOK, target, "x", b"{}"))

    assert attempt.fate is Fate.FAILED
    assert attempt.note


async def test_the_sweep_carries_what_the_desk_put_out(desk, hook):
    async with desk.office.store.write() as tx:
        await tx.outbox.add(
            desk.office.told(Channel.WEBHOOK, "told", "greeting", {"hello": "you"}),
            desk.office.letter("maria@example.org", "receipt", FACTS),
        )
    post = Post()
    head = Letterhead("Invigilation", "s@i.example", "https://i.example", lambda request: request)
    async with webhook.open_session(ANYWHERE) as client:
        carrier = Carrier(desk, client, Letters(head), post)

        made = await asyncio.wait_for(Sweeps(desk, carrier, pause_after).deliver(), 30)

    assert (made, len(hook.heard), len(post.mails)) == (2, 1, 1)
    assert json.loads(hook.heard[0][1])["data"] == {"hello": "you"}


@pytest.mark.parametrize("attempts", [1, 2, 5, 50])
def test_the_wait_grows_to_an_hour_with_some_jitter(attempts):
    wait = pause_after(attempts)

    least = webhook.next_attempt(attempts)
    assert least <= wait <= least * 1.2
    assert wait <= timedelta(hours=1.2)


def test_an_attempt_is_a_fate_and_a_note():
    assert Attempt(Fate.FAILED, "why").note == "why"

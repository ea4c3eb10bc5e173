"""Writes letters: plain text, the same as simple HTML, and an invitation to a booking.

A letter is written when it leaves, from the facts of when it was put into the outbox.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError

from invigilation import attendance
from invigilation.probe import at_hour
from invigilation.proof import Change
from invigilation.report import Delivery
from web.auth.links import to_test
from web.mail.invitation import Invitation
from web.mail.kinds import Kind, LetterError, kind_named
from web.mail.times import in_london, in_utc, on_clock, time_left, warnings
from web.pages.words import brief

OUTCOMES = {
    "completed": "You completed your session.",
    "stopped": "Your session was stopped.",
    "refused": "You were not admitted to the assessment.",
    "technical": "Your session ended for a technical reason.",
}
CHANGES = {
    Change.APP_SET: "an authenticator app was set up",
    Change.APP_REMOVED: "the authenticator app was removed",
    Change.PASSKEY_ADDED: "a passkey was added",
    Change.PASSKEY_REMOVED: "a passkey was removed",
    Change.CODES_MADE: "new recovery codes were made",
    Change.CODE_USED: "a recovery code was used",
    Change.PASSWORD_CHANGED: "the password was changed",
    Change.CODES_GUESSED: "many wrong codes were typed after your right password",
    Change.COMPANY_BOUND: "your account at the company's sign-in can be used from now on",
    Change.RESET: "your second step was reset",
    Change.SIGNED_OUT: "an administrator signed you out",
}
ONE_LINE = ("name", "title", "officer", "vessel", "device", "place")
"""Facts that stand in a line of their own, some of them in a header."""
SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
NEVER = frozenset({"Cc", "Cs"})
"""Unicode categories that no letter holds: control characters and halves of characters."""


class _Subject(UniqueUnstructuredHeader):
    """A subject that begins on the line of its name.

    The library puts one that is a little too long onto the next line, and leaves the first one
    empty: some programs then show a subject that begins with a space, or none.
    """

    def fold(self, *, policy: Policy[EmailMessage]) -> str:
        """Return the header, folded."""
        name, _, rest = BaseHeader.fold(self, policy=policy).partition(":")  # type: ignore[arg-type]
        return f"{name}: {rest.lstrip()}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("subject", _Subject)  # type: ignore[arg-type]  # a mix-in, as the library's own
POLICY = SMTP.clone(header_factory=_HEADERS)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes: the service's name, the sender's address, and the links in the letters.

    `link` gives the path of a request's personal link. Answers go to `reply_to`, by default to the
    sender. Until `cutoff` before a session learners may change it themselves.
    """

    service: str
    sender: str
    url: str
    link: Callable[[str], str]
    reply_to: str = ""
    cutoff: timedelta = timedelta(hours=24)

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return self.sender.rpartition("@")[2]


class Letters:
    """Writes one mail for one delivery of the mail channel."""

    def __init__(self, head: Letterhead) -> None:
        self._head = head
        loader = PackageLoader("web.mail", "texts")
        self._texts = Environment(
            loader=loader,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 - plain text; the HTML part is escaped where it is made
        )
        self._html = Environment(loader=loader, undefined=StrictUndefined, autoescape=True)

    def write(self, delivery: Delivery, now: datetime | None = None) -> EmailMessage:
        """Return the whole mail as it is to be sent now (by default when it was made).

        The same delivery always has the same Message-ID. Raises `LetterError`.
        """
        kind = kind_named(delivery.type)
        try:
            facts = _facts(delivery, kind)
            words = self._words(delivery.type, facts, now or delivery.created)
            mail = self._headed(delivery, kind, words)
            self._fill(mail, delivery.type, words)
            if kind.method is not None:
                _enclose(mail, self._invitation(delivery, kind.method, facts, words))
        except (KeyError, TypeError, ValueError, TemplateError) as error:
            raise LetterError(f"{delivery.type}: {type(error).__name__}: {error}") from error
        return mail

    def _headed(self, delivery: Delivery, kind: Kind, words: dict[str, Any]) -> EmailMessage:
        head = self._head
        mail = EmailMessage(policy=POLICY)
        mail["From"] = Address(head.service, addr_spec=head.sender)
        mail["To"] = Address(words["name"], addr_spec=delivery.target)
        if head.reply_to:
            mail["Reply-To"] = Address(head.service, addr_spec=head.reply_to)
        mail["Subject"] = kind.subject.format_map(words)
        mail["Date"] = format_datetime(delivery.created)
        mail["Message-ID"] = f"<{delivery.id}@{head.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        return mail

    def _fill(self, mail: EmailMessage, name: str, words: dict[str, Any]) -> None:
        """Write the text, and the same text as HTML."""
        text = self._texts.get_template(f"{name}.txt").render(words)
        paragraphs = [part.strip() for part in text.strip().split("\n\n")]
        paragraphs = [part for part in paragraphs if part]
        mail.set_content("\n\n".join(paragraphs) + "\n", cte="quoted-printable")
        page = self._html.get_template("frame.html").render(
            paragraphs=[part.split("\n") for part in paragraphs],
            links=(words["link"], words["test_link"]),
        )
        mail.add_alternative(page, subtype="html", cte="quoted-printable")

    def _words(self, name: str, facts: dict[str, Any], now: datetime) -> dict[str, Any]:
        # A letter to staff leads to one of their pages, any other to the learner's own.
        page = facts.get("page")
        link = self._head.url + (page or self._head.link(facts["request"]))
        words = {
            **facts,
            "letter": name,
            "service": self._head.service,
            "link": link,
            "test_link": to_test(link),
            "start": None,
            "opens": attendance.CHECK_IN_OPENS // timedelta(minutes=1),
        }
        if facts.get("start"):
            words |= self._times(datetime.fromisoformat(facts["start"]), facts["zone"], now)
        if "until" in facts:
            words["until"] = brief(datetime.fromisoformat(facts["until"]), facts["zone"])
        if "at" in facts:
            at = datetime.fromisoformat(facts["at"])
            words |= {"london": in_london(at), "utc": in_utc(at)}
        if "change" in facts:
            words["changed"] = CHANGES[Change(facts["change"])]
        if "outcome" in facts:
            words["outcome_words"] = OUTCOMES[facts["outcome"]]
        if "gross_pence" in facts:
            currency = facts.get("currency", "GBP")
            words["gross"] = _money(facts["gross_pence"], currency)
            words["vat"] = _money(facts["vat_pence"], currency)
        return words

    def _times(self, start: datetime, zone: str, now: datetime) -> dict[str, Any]:
        cutoff = start - self._head.cutoff
        return {
            "start": start,
            "yours": on_clock(start, zone),
            "london": in_london(start),
            "utc": in_utc(start),
            "warnings": list(warnings(start, zone, now)),
            "left": time_left(start - now),
            "at_hour": at_hour(start, now),
            "cutoff": brief(cutoff, zone),
            "changeable": now <= cutoff,
        }

    def _invitation(
        self, delivery: Delivery, method: str, facts: dict[str, Any], words: dict[str, Any]
    ) -> Invitation:
        head = self._head
        return Invitation(
            method=method,
            uid=f"{facts['booking']}@{head.domain}",
            sequence=int(facts["sequence"]),
            stamped=delivery.created,
            start=datetime.fromisoformat(facts["start"]),
            end=datetime.fromisoformat(facts["end"]),
            title=facts["title"],
            url=words["link"],
            sender=head.sender,
            sender_name=head.service,
            guest=delivery.target,
            guest_name=facts["name"],
        )


def _facts(delivery: Delivery, kind: Kind) -> dict[str, Any]:
    """Return the facts, cleaned of what no line and no header may hold."""
    facts = json.loads(delivery.body)
    missing = kind.needs - facts.keys()
    if missing:
        raise LetterError(f"{delivery.type} lacks {', '.join(sorted(missing))}")
    facts = {name: _clean(one) if isinstance(one, str) else one for name, one in facts.items()}
    for name in ONE_LINE:
        if name in facts:
            facts[name] = " ".join(facts[name].split())
    return facts


def _clean(text: str) -> str:
    """Return the text with plain line ends and without control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(c for c in lines if c == "\n" or unicodedata.category(c) not in NEVER)


def _money(minor: int, currency: str) -> str:
    """Return "£54.00" of 5,400 pence; a currency without a symbol stands behind: "54.00 NOK"."""
    whole, rest = divmod(minor, 100)
    symbol = SYMBOLS.get(currency)
    amount = f"{whole:,}.{rest:02}"
    return f"{amount} {currency}" if symbol is None else symbol + amount


def _enclose(mail: EmailMessage, invitation: Invitation) -> None:
    """Add the invitation twice: as an alternative to the text, and as a file."""
    raw = invitation.calendar()
    mail.add_alternative(
        raw.decode(), subtype="calendar", cte="base64", params={"method": invitation.method}
    )
    mail.add_attachment(
        raw,
        maintype="application",
        subtype="ics",
        filename="cancel.ics" if invitation.method == "CANCEL" else "invite.ics",
    )

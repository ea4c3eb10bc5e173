"""The messages that a client may send, one frozen dataclass each; see PROTOCOL.md.

`parse` is the only way in: what it returns has been checked for its type, length and characters.
What a message means, and whether it may be sent now, is for the room and the desk to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from invigilation.errors import InvalidInput
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity, check_category
from invigilation.session import EXTRA_MINUTES, Outcome

SDP_LIMIT: Final = 48 * 1024
CHAT_LIMIT: Final = 2_000
REASON_LIMIT: Final = 1_000
NOTE_LIMIT: Final = 1_000
STATEMENT_LIMITS: Final = (20, 4_000)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{8,64}")
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs"})

EnumT = TypeVar("EnumT", bound=StrEnum)


class Party(StrEnum):
    """The two sides of a session."""

    LEARNER = "learner"
    INVIGILATOR = "invigilator"

    @property
    def other(self) -> Party:
        """The other side."""
        return Party.INVIGILATOR if self is Party.LEARNER else Party.LEARNER


@dataclass(frozen=True, slots=True)
class Message:
    """What every message says: which session it is about."""

    session: str


@dataclass(frozen=True, slots=True)
class Join(Message):
    """Come into the room."""


@dataclass(frozen=True, slots=True)
class Leave(Message):
    """Go out of the room and stay out."""


@dataclass(frozen=True, slots=True)
class Offer(Message):
    """Bring sound and picture: an SDP offer (RFC 3264), ASCII."""

    sdp: str


@dataclass(frozen=True, slots=True)
class Chat(Message):
    """Say something in writing; `client_id` names it, so that a repeat is not a second line."""

    text: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Media(Message):
    """Tell what this side sends."""

    camera: bool
    microphone: bool


@dataclass(frozen=True, slots=True)
class Snapshot(Message):
    """Take a picture from the learner's camera."""

    kind: SnapshotKind


@dataclass(frozen=True, slots=True)
class DecideIdentity(Message):
    """Decide whether this is the person who was booked."""

    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class ReopenIdentity(Message):
    """Take the decision back, and ask for document and face again."""


@dataclass(frozen=True, slots=True)
class Admit(Message):
    """Let the assessment begin."""


@dataclass(frozen=True, slots=True)
class Refuse(Message):
    """Do not admit the learner."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoteIncident(Message):
    """Note what was seen, with a picture taken now if `picture`."""

    category: str
    severity: Severity
    note: str
    picture: bool


@dataclass(frozen=True, slots=True)
class Pause(Message):
    """Stop the assessment's clock."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resume(Message):
    """Let the assessment's clock run again."""


@dataclass(frozen=True, slots=True)
class ExtraTime(Message):
    """Give the learner more minutes."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """Break the session off."""

    reason: str


@dataclass(frozen=True, slots=True)
class End(Message):
    """End the assessment as planned."""


@dataclass(frozen=True, slots=True)
class Attest(Message):
    """State how it went, and seal the record."""

    statement: str
    outcome: Outcome


Check = Callable[[str, object], Any]
"""Takes a field's name and what came in it; returns the value or raises `InvalidInput`."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a message is made from, and whether both sides may send it."""

    make: Callable[..., Message]
    fields: Mapping[str, Check]
    both: bool = False


def parse(event: str, body: object) -> Message:
    """Return the message, or raise `InvalidInput`: exactly these fields, each as it must be."""
    form = FORMS.get(event) if isinstance(event, str) else None
    if form is None:
        raise InvalidInput("event", "There is no such message.")
    if type(body) is not dict:
        raise InvalidInput("body", "A message is one JSON object.")
    if body.keys() != form.fields.keys():
        wanted = ", ".join(form.fields)
        raise InvalidInput("body", f"This message has exactly these fields: {wanted}.")
    return form.make(**{name: check(name, body[name]) for name, check in form.fields.items()})


def may_send(party: Party, event: str) -> bool:
    """Say whether this side may send messages of this kind at all."""
    form = FORMS.get(event)
    return form is not None and (form.both or party is Party.INVIGILATOR)


def _text(least: int, most: int, *, lines: str = "\n\t") -> Check:
    """Make a check for text; of the control characters only those in `lines` may be in it."""

    def check(name: str, raw: object) -> str:
        if type(raw) is not str:
            raise InvalidInput(name, "This must be text.")
        if not least <= len(raw) <= most:
            raise InvalidInput(name, f"Write {least:,} to {most:,} characters.")
        if any(c not in lines and unicodedata.category(c) in _REFUSED_CATEGORIES for c in raw):
            raise InvalidInput(name, "There are characters in it that cannot be used.")
        return raw

    return check


def _pattern(pattern: re.Pattern[str]) -> Check:
    def check(name: str, raw: object) -> str:
        if type(raw) is not str or pattern.fullmatch(raw) is None:
            raise InvalidInput(name, "This name cannot be used.")
        return raw

    return check


def _sdp(name: str, raw: object) -> str:
    text: str = _text(1, SDP_LIMIT, lines="\r\n")(name, raw)
    if not text.isascii():
        raise InvalidInput(name, "An offer has no such characters.")
    return text


def _yes_or_no(name: str, raw: object) -> bool:
    if type(raw) is not bool:
        raise InvalidInput(name, "This must be true or false.")
    return raw


def _minutes(name: str, raw: object) -> int:
    if type(raw) is not int or raw not in EXTRA_MINUTES:
        raise InvalidInput(name, f"Give 1 to {EXTRA_MINUTES[-1]} minutes.")
    return raw


def _one_of(words: type[EnumT]) -> Check:
    def check(name: str, raw: object) -> EnumT:
        if type(raw) is not str or raw not in {word.value for word in words}:
            raise InvalidInput(name, f"This must be one of: {', '.join(words)}.")
        return words(raw)

    return check


def _category(name: str, raw: object) -> str:
    if type(raw) is not str:
        raise InvalidInput(name, "This must be text.")
    return check_category(raw)


_SESSION: Final[dict[str, Check]] = {"session": _pattern(_ID)}
_REASON: Final[dict[str, Check]] = _SESSION | {"reason": _text(1, REASON_LIMIT)}
FORMS: Final[Mapping[str, Form]] = {
    "join": Form(Join, _SESSION, both=True),
    "leave": Form(Leave, _SESSION, both=True),
    "offer": Form(Offer, _SESSION | {"sdp": _sdp}, both=True),
    "chat": Form(
        Chat,
        _SESSION | {"text": _text(1, CHAT_LIMIT), "client_id": _pattern(_CLIENT_ID)},
        both=True,
    ),
    "media": Form(Media, _SESSION | {"camera": _yes_or_no, "microphone": _yes_or_no}, both=True),
    "snapshot": Form(Snapshot, _SESSION | {"kind": _one_of(SnapshotKind)}),
    "decide_identity": Form(DecideIdentity, _REASON | {"decision": _one_of(Decision)}),
    "reopen_identity": Form(ReopenIdentity, _SESSION),
    "admit": Form(Admit, _SESSION),
    "refuse": Form(Refuse, _REASON),
    "incident": Form(
        NoteIncident,
        _SESSION
        | {
            "category": _category,
            "severity": _one_of(Severity),
            "note": _text(0, NOTE_LIMIT),
            "picture": _yes_or_no,
        },
    ),
    "pause": Form(Pause, _REASON),
    "resume": Form(Resume, _SESSION),
    "extra_time": Form(ExtraTime, _SESSION | {"minutes": _minutes}),
    "stop": Form(Stop, _REASON),
    "end": Form(End, _SESSION),
    "attest": Form(
        Attest, _SESSION | {"statement": _text(*STATEMENT_LIMITS), "outcome": _one_of(Outcome)}
    ),
}

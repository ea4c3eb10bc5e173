"""What each message looks like and who may send it: the one table of both.

`parse` is the only way in: what it returns has been checked for its type, length and characters.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from invigilation.challenge import ChallengeResult
from invigilation.document import DocumentKind
from invigilation.errors import InvalidInput
from invigilation.gap import Ruling
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity, check_category
from invigilation.inspection import InspectionKind, InspectionResult
from invigilation.ladder import Budget, Rung, Way, Why
from invigilation.recheck import RecheckResult
from invigilation.session import EXTRA_MINUTES, Outcome
from signalling import messages as m
from signalling.messages import Message, Party

SDP_LIMIT: Final = 48 * 1024
CHAT_LIMIT: Final = 2_000
REASON_LIMIT: Final = 1_000
NOTE_LIMIT: Final = 1_000
STATEMENT_LIMITS: Final = (20, 4_000)
LABEL_LIMIT: Final = 120
NAME_LIMIT: Final = 120
"""Of one name of a document's holder."""
NUMBER_LIMIT: Final = 40
ISSUER_LIMIT: Final = 60
STILL_LIMIT: Final = 24 * 1024
SOUND_LIMIT: Final = 16 * 1024
"""Of one piece: some seconds of narrow sound."""
COUNT_LIMIT: Final = 10**9
BUDGET_KBIT: Final = range(8, 10_001)
BUDGET_MB: Final = range(1, 100_001)
TAKEN: Final = (
    SnapshotKind.ID_DOCUMENT,
    SnapshotKind.ID_BACK,
    SnapshotKind.FACE,
    SnapshotKind.INCIDENT,
)
"""The pictures that an invigilator may ask for by name; the others come about by themselves."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{8,64}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_FIGURES: Final = frozenset(one.name for one in fields(m.Figures))
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs"})

EnumT = TypeVar("EnumT", bound=StrEnum)

Check = Callable[[str, object], Any]
"""Takes a field's name and what came in it; returns the value or raises `InvalidInput`."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a message is made from, which parties may send it, and staff who are not in the room.

    Fields that are `optional` may be left out.
    """

    make: type[Message]
    fields: Mapping[str, Check]
    by: frozenset[Party]
    from_outside: bool = False
    optional: Mapping[str, Check] = field(default_factory=dict)


def parse(event: str, body: object) -> Message:
    """Return the message, or raise `InvalidInput`: exactly these fields, each as it must be."""
    form = FORMS.get(event) if isinstance(event, str) else None
    if form is None:
        raise InvalidInput("event", "There is no such message.")
    if type(body) is not dict:
        raise InvalidInput("body", "A message is one JSON object.")
    checks = {**form.fields, **form.optional}
    if not form.fields.keys() <= body.keys() <= checks.keys():
        wanted = ", ".join(form.fields)
        raise InvalidInput("body", f"This message has exactly these fields: {wanted}.")
    return form.make(**{name: checks[name](name, raw) for name, raw in body.items()})


def may_send(party: Party | None, event: str) -> bool:
    """Say whether somebody may send this at all; `None` is staff who are not in the room."""
    form = FORMS.get(event)
    if form is None:
        return False
    return form.from_outside if party is None else party in form.by


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
    """Check an offer's letters, by what costs next to nothing: anybody may send very many."""
    if type(raw) is not str:
        raise InvalidInput(name, "This must be text.")
    if not 1 <= len(raw) <= SDP_LIMIT:
        raise InvalidInput(name, f"Write 1 to {SDP_LIMIT:,} characters.")
    if not raw.isascii() or not raw.replace("\r", "").replace("\n", "").isprintable():
        raise InvalidInput(name, "An offer has no such characters.")
    return raw


def _yes_or_no(name: str, raw: object) -> bool:
    if type(raw) is not bool:
        raise InvalidInput(name, "This must be true or false.")
    return raw


def _minutes(name: str, raw: object) -> int:
    if type(raw) is not int or raw not in EXTRA_MINUTES:
        raise InvalidInput(name, f"Give 1 to {EXTRA_MINUTES[-1]} minutes.")
    return raw


def _day(name: str, raw: object) -> str:
    """Check a day in ISO 8601's long form; an empty text is none."""
    try:
        if raw == "" or (type(raw) is str and _DAY.fullmatch(raw) and date.fromisoformat(raw)):
            return str(raw)
    except ValueError:
        pass  # there is no such day
    raise InvalidInput(name, "Write a day like 1990-03-27, or nothing.")


def _moment(name: str, raw: object) -> datetime:
    try:
        if type(raw) is str and _MOMENT.fullmatch(raw):
            return datetime.fromisoformat(raw).astimezone(UTC)
    except ValueError:
        pass  # there is no such day
    raise InvalidInput(name, "Write a moment like 2026-11-23T10:02:11.000Z.")


def _count(name: str, raw: object) -> int:
    if type(raw) is not int or not 0 <= raw <= COUNT_LIMIT:
        raise InvalidInput(name, "This must be a whole number, not less than nothing.")
    return raw


def _bytes(most: int) -> Check:
    """Make a check for bytes in base64 (RFC 4648, 4); returns the bytes, at least one."""

    def check(name: str, raw: object) -> bytes:
        if type(raw) is not str or not 0 < len(raw) <= (most + 2) // 3 * 4:
            raise InvalidInput(name, f"Send 1 to {most:,} bytes in base64.")
        try:
            decoded = binascii.a2b_base64(raw, strict_mode=True)
        except ValueError:
            raise InvalidInput(name, "This is no base64.") from None
        if not 0 < len(decoded) <= most:
            raise InvalidInput(name, f"Send 1 to {most:,} bytes in base64.")
        return decoded

    return check


def _budget(name: str, raw: object) -> Budget:
    parts = _parts(name, raw, frozenset({"kbit", "mb"}))
    for key, allowed in (("kbit", BUDGET_KBIT), ("mb", BUDGET_MB)):
        value = parts[key]
        if value is not None and (type(value) is not int or value not in allowed):
            raise InvalidInput(name, f"Give {allowed[0]} to {allowed[-1]:,}, or null.")
    return Budget(parts["kbit"], parts["mb"])


def _figures(name: str, raw: object) -> m.Figures:
    parts = _parts(name, raw, _FIGURES)
    return m.Figures(**{key: _count(name, value) for key, value in parts.items()})


def _parts(name: str, raw: object, keys: frozenset[str]) -> dict[str, Any]:
    if type(raw) is not dict or raw.keys() != keys:
        wanted = ", ".join(sorted(keys))
        raise InvalidInput(name, f"This is an object with exactly these fields: {wanted}.")
    return raw


def _one_of(words: Iterable[EnumT]) -> Check:
    known = {word.value: word for word in words}

    def check(name: str, raw: object) -> EnumT:
        if type(raw) is not str or raw not in known:
            raise InvalidInput(name, f"This must be one of: {', '.join(known)}.")
        return known[raw]

    return check


def _category(name: str, raw: object) -> str:
    if type(raw) is not str:
        raise InvalidInput(name, "This must be text.")
    return check_category(raw)


_L, _I, _S, _C = Party.LEARNER, Party.INVIGILATOR, Party.SUPERVISOR, Party.SECOND
_ALL: Final = frozenset(Party)
_INVIGILATOR: Final = frozenset({_I})
_TALKERS: Final = frozenset({_L, _I})
_SESSION: Final[dict[str, Check]] = {"session": _pattern(_ID)}
_REASON: Final[dict[str, Check]] = _SESSION | {"reason": _text(1, REASON_LIMIT)}
_NOTE: Final[dict[str, Check]] = _SESSION | {"note": _text(0, NOTE_LIMIT)}
_LINE: Final[dict[str, Check]] = _SESSION | {
    "text": _text(1, CHAT_LIMIT),
    "client_id": _pattern(_CLIENT_ID),
}
_SENT: Final[dict[str, Check]] = dict.fromkeys(("camera", "microphone", "screen"), _yes_or_no)
_DOCUMENT: Final[dict[str, Check]] = _SESSION | {
    "kind": _one_of(DocumentKind),
    "surname": _text(0, NAME_LIMIT, lines=""),
    "given": _text(0, NAME_LIMIT, lines=""),
    "number": _text(0, NUMBER_LIMIT, lines=""),
    "issuer": _text(0, ISSUER_LIMIT, lines=""),
    "born": _day,
    "expires": _day,
}
_DECIDE: Final[dict[str, Check]] = _SESSION | {
    "decision": _one_of(Decision),
    "reason": _text(0, REASON_LIMIT),
}
_JUDGE_CHALLENGE: Final[dict[str, Check]] = _NOTE | {
    "challenge": _pattern(_ID),
    "result": _one_of(ChallengeResult),
}
_JUDGE_RECHECK: Final[dict[str, Check]] = _NOTE | {
    "recheck": _pattern(_ID),
    "result": _one_of(RecheckResult),
}
_INCIDENT: Final[dict[str, Check]] = _NOTE | {
    "category": _category,
    "severity": _one_of(Severity),
    "picture": _yes_or_no,
}
_JUDGE: Final[dict[str, Check]] = _NOTE | {
    "inspection": _pattern(_ID),
    "result": _one_of(InspectionResult),
}
_RULE_GAP: Final[dict[str, Check]] = _NOTE | {"gap": _pattern(_ID), "ruling": _one_of(Ruling)}
_LINK: Final[dict[str, Check]] = _SESSION | {
    "rung": _one_of(Rung),
    "way": _one_of(Way),
    "why": _one_of(Why),
    "keeps": _yes_or_no,
    "used_kb": _count,
    "budget": _budget,
    "figures": _figures,
}
_STILL: Final[dict[str, Check]] = _SESSION | {"at": _moment, "jpeg": _bytes(STILL_LIMIT)}
_PICTURE: Final[dict[str, Check]] = _SESSION | {
    "id": _pattern(_ID),
    "sha256": _pattern(_SHA256),
    "size": _count,
    "at": _moment,
}
_SOUND: Final[dict[str, Check]] = _SESSION | {
    "stream": _pattern(_ID),
    "n": _count,
    "at": _moment,
    "audio": _bytes(SOUND_LIMIT),
}
_JUDGE_FILL: Final[dict[str, Check]] = _NOTE | {"gap": _pattern(_ID), "accepted": _yes_or_no}
_ATTEST: Final[dict[str, Check]] = _SESSION | {
    "statement": _text(*STATEMENT_LIMITS),
    "outcome": _one_of(Outcome),
}
FORMS: Final[Mapping[str, Form]] = {
    "join": Form(m.Join, _SESSION, _ALL, from_outside=True, optional={"since": _count}),
    "leave": Form(m.Leave, _SESSION, _ALL),
    "offer": Form(m.Offer, _SESSION | {"sdp": _sdp}, _ALL),
    "media": Form(
        m.Media,
        _SESSION | _SENT,
        frozenset({_L, _I, _C}),
        optional={"label": _text(0, LABEL_LIMIT, lines="")},
    ),
    "chat": Form(m.Chat, _LINE, _TALKERS),
    "notice": Form(m.Notice, _LINE, _INVIGILATOR),
    "link": Form(m.Link, _LINK, frozenset({_L})),
    "still": Form(m.Still, _STILL, frozenset({_L})),
    "picture_taken": Form(m.PictureTaken, _PICTURE, frozenset({_L})),
    "sound": Form(m.SoundPiece, _SOUND, _TALKERS),
    "hand": Form(m.Hand, _SESSION | {"raised": _yes_or_no}, _TALKERS),
    "done": Form(m.Done, _SESSION | {"inspection": _pattern(_ID)}, frozenset({_L})),
    "snapshot": Form(m.Snapshot, _SESSION | {"kind": _one_of(TAKEN)}, _INVIGILATOR),
    "ask_document": Form(m.AskDocument, _SESSION, _INVIGILATOR),
    "type_document": Form(m.TypeDocument, _DOCUMENT, _INVIGILATOR),
    "decide_identity": Form(
        m.DecideIdentity,
        _DECIDE,
        _INVIGILATOR,
        optional=dict.fromkeys(("document", "face"), _pattern(_ID)),
    ),
    "refer_identity": Form(
        m.ReferIdentity, _REASON | {"proposed": _one_of(m.Proposal)}, _INVIGILATOR
    ),
    "reopen_identity": Form(m.ReopenIdentity, _SESSION, _INVIGILATOR),
    "challenge": Form(m.AskChallenge, _SESSION, _INVIGILATOR),
    "judge_challenge": Form(m.JudgeChallenge, _JUDGE_CHALLENGE, _INVIGILATOR),
    "recheck": Form(m.TakeRecheck, _SESSION, _INVIGILATOR),
    "judge_recheck": Form(m.JudgeRecheck, _JUDGE_RECHECK, _INVIGILATOR),
    "admit": Form(m.Admit, _SESSION, _INVIGILATOR),
    "refuse": Form(m.Refuse, _REASON, _INVIGILATOR),
    "incident": Form(m.NoteIncident, _INCIDENT, _INVIGILATOR),
    "ask": Form(m.AskInspection, _SESSION | {"kind": _one_of(InspectionKind)}, _INVIGILATOR),
    "judge": Form(m.Judge, _JUDGE, _INVIGILATOR),
    "share_screen": Form(m.ShareScreen, _SESSION | {"wanted": _yes_or_no}, _INVIGILATOR),
    "rule_gap": Form(m.RuleGap, _RULE_GAP, _INVIGILATOR),
    "judge_fill": Form(m.JudgeFill, _JUDGE_FILL, _INVIGILATOR),
    "pause": Form(m.Pause, _REASON, _INVIGILATOR),
    "resume": Form(m.Resume, _SESSION, _INVIGILATOR),
    "extra_time": Form(m.ExtraTime, _SESSION | {"minutes": _minutes}, _INVIGILATOR),
    "stop": Form(m.Stop, _REASON, _INVIGILATOR),
    "end": Form(m.End, _SESSION, _INVIGILATOR),
    "hand_over": Form(m.HandOver, _SESSION | {"to": _pattern(_ID)}, _INVIGILATOR),
    # Whose offer it is, and whether there is one, the desk says.
    "withdraw_handover": Form(m.WithdrawHandover, _SESSION, frozenset({_I, _S}), from_outside=True),
    "take_over": Form(m.TakeOver, _SESSION, frozenset({_S}), from_outside=True),
    "attest": Form(m.Attest, _ATTEST, _INVIGILATOR),
}
EVENTS: Final[Mapping[type[Message], str]] = {form.make: event for event, form in FORMS.items()}
"""By which event a message came."""

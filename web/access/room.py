"""Rows of the room's messages: who may send which, in a session of theirs or of a colleague's.

The rooms keep to what `signalling.forms` says of each message; both are held against each other at
the start, so that neither can be changed alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from signalling.forms import FORMS, Form
from signalling.messages import Party
from web.access.table import EventRow, NoRow, Who, Whose

_L: Final = {Who.LEARNER: Whose.OWN}
_C: Final = {Who.SECOND: Whose.OWN}
_I: Final = {Who.INVIGILATOR: Whose.OWN}
_S: Final = {Who.ADMINISTRATOR: Whose.ALL}
"""Administrators look in as supervisors, in sessions that are not theirs."""
_ASKED: Final = {Who.INVIGILATOR: Whose.ASKED}

EVENTS: Final = (
    EventRow("join", _L | _C | _I | _S),
    EventRow("leave", _L | _C | _I | _S),
    EventRow("offer", _L | _C | _I | _S, note="administrators receive and send nothing"),
    EventRow("media", _L | _C | _I),
    EventRow("chat", _L | _I),
    EventRow("notice", _I),
    EventRow("link", _L),
    EventRow("still", _L),
    EventRow("picture_taken", _L),
    EventRow("sound", _L | _I),
    EventRow("hand", _L | _I, note="invigilators lower it"),
    EventRow("done", _L),
    EventRow("snapshot", _I),
    EventRow("ask_document", _I),
    EventRow("type_document", _I),
    EventRow("decide_identity", _I),
    EventRow("refer_identity", _I),
    EventRow("reopen_identity", _I),
    EventRow("challenge", _I),
    EventRow("judge_challenge", _I),
    EventRow("recheck", _I),
    EventRow("judge_recheck", _I),
    EventRow("admit", _I),
    EventRow("refuse", _I),
    EventRow("incident", _I),
    EventRow("ask", _I),
    EventRow("judge", _I),
    EventRow("share_screen", _I),
    EventRow("rule_gap", _I),
    EventRow("judge_fill", _I),
    EventRow("pause", _I),
    EventRow("resume", _I),
    EventRow("extra_time", _I),
    EventRow("stop", _I),
    EventRow("end", _I),
    EventRow("hand_over", _I),
    EventRow("withdraw_handover", _ASKED, note="who offered it, and to whom it is offered"),
    EventRow("take_over", _ASKED, note="offered to them, or a session that was left alone"),
    EventRow("attest", _I),
)
_SEATS: Final[Mapping[Party, Who]] = {
    Party.LEARNER: Who.LEARNER,
    Party.SECOND: Who.SECOND,
    Party.INVIGILATOR: Who.INVIGILATOR,
    Party.SUPERVISOR: Who.ADMINISTRATOR,
}


def check(forms: Mapping[str, Form] = FORMS) -> None:
    """Raise `NoRow`, which says what to write, unless rows and messages say the same."""
    rows = {row.event: row for row in EVENTS}
    wrong = [_wrong(event, rows.get(event), form) for event, form in forms.items()]
    gone = [f"There is no room message {event}: take its row out." for event in rows.keys() - forms]
    if said := [*filter(None, wrong), *gone]:
        raise NoRow("\n".join(said))


def _wrong(event: str, row: EventRow | None, form: Form) -> str:
    """Say what is wrong with a message's row; empty if nothing is."""
    asked = row is not None and Whose.ASKED in row.who.values()
    # Who is asked to take over sits in no room yet, or looks in.
    taken = {Who.INVIGILATOR} if asked else {_SEATS[party] for party in form.by}
    if row is not None and set(row.who) == taken and (not asked or form.from_outside):
        return ""
    names = " | ".join(f"_{party.name[0]}" for party in sorted(form.by)) or "_I"
    return (
        f"The access table and the room disagree on who may send {event}. In EVENTS of "
        f"web/access/room.py it should be:\n    EventRow({event!r}, {names}),\n"
        "or mend `by` in signalling/forms.py; then write docs/access.md with: python -m web.access"
    )

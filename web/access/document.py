"""The access table as a page for people to read, `docs/access.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from web.access import learners, others, room, staff
from web.access.table import Allowed, Row, Who, Whose

COLUMNS: Final = (
    ("learner", Who.LEARNER),
    ("second camera", Who.SECOND),
    ("invigilator", Who.INVIGILATOR),
    ("scheduler", Who.SCHEDULER),
    ("administrator", Who.ADMINISTRATOR),
    ("auditor", Who.AUDITOR),
)
CELLS: Final = {Whose.ALL: "yes", Whose.OWN: "own", Whose.ASKED: "own, asked"}
PROOFS: Final = {
    Who.NOBODY: "anybody",
    Who.BEARER: "proof",
    Who.OFFICER: "officer",
    Who.ENTERING: "signing in",
    Who.MACHINE: "machine, own",
    Who.PLATFORM: "platform, own",
}
HEAD: Final = """# Who may do what

This page is written by `python -m web.access` from the table that the service itself keeps to
(`web/access`), and a test holds both against each other. Before a route's handler runs, the gate
(`web/access/gate.py`) refuses whoever has no mark here; the handlers check once more. A route or a
message without a row keeps the service from starting. `tests/web/test_access_walk.py` asks for
every route as everybody, of their own and of another's, against the running service;
`tests/web/test_access_room.py` sends every message.

- *yes*: of anybody's. *own*: only what is their own: their request, their session, their rota,
  their backend. *own, asked*: also what a colleague has asked them to look at or to take over.
- *anybody*: no login is needed. *proof*: the request itself holds a link, a secret or a signature,
  and that is checked. *officer*: the same, by the link for an officer on board. *signing in*: staff
  whose first factor was right.
- One person may hold several roles; each adds what it allows. An administrator looks into a live
  session as a supervisor, who is seen by all in it.
- *asks again*: the second step must have been shown in the last minutes; whoever did so before is
  led to it first. Some handlers ask for it themselves, where it depends on what is asked for.
- GET stands for HEAD, too. Changes that a page makes need the token of its form besides.
- A refusal is logged as `access.refused`, without names or ids, and counted in
  `invigilation_access_refused_total`; of room messages as `refused`, in
  `invigilation_messages_refused_total`.
"""
FRESH: Final = "asks again"


def document() -> str:
    """Return the whole page."""
    return "\n".join(
        (
            HEAD,
            *_routes("Learners, second cameras, officers on board", learners.ROWS),
            *_routes("Staff", staff.ROWS),
            *_routes("Public addresses, links, machines", others.ROWS),
            *_events(),
        )
    )


def _routes(heading: str, rows: Iterable[Row]) -> list[str]:
    names = [name for name, _ in COLUMNS]
    lines = [f"## {heading}", "", *_head(["route", "others", *names, "note"])]
    for row in rows:
        cells = [f"{row.methods} `{row.path}`", _proof(row.who), *_marks(row.who), _note(row)]
        lines.append(_line(cells))
    return [*lines, ""]


def _events() -> list[str]:
    names = [name for name, _ in COLUMNS]
    lines = ["## Messages in the live room", "", *_head(["message", *names, "note"])]
    lines += [
        _line([f"`{row.event}`", *_marks(row.who), row.note])
        for row in sorted(room.EVENTS, key=lambda row: row.event)
    ]
    return [*lines, ""]


def _proof(who: Allowed) -> str:
    return ", ".join(PROOFS[one] for one in who if one in PROOFS)


def _marks(who: Allowed) -> list[str]:
    return [CELLS[who[one]] if one in who else "" for _, one in COLUMNS]


def _note(row: Row) -> str:
    if row.fresh:
        return FRESH
    return f"scope `{row.scope}`" if row.scope else row.note


def _head(cells: Sequence[str]) -> list[str]:
    return [_line(cells), _line(["---"] * len(cells))]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

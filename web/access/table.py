"""What a row of the access table says, and the groups of people that rows are made of.

Everybody may do what a row allows them, and nothing else: who is not named is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from invigilation.people import Role


class Who(StrEnum):
    """As what somebody asks. One browser may hold several logins, and a person several roles."""

    NOBODY = "nobody"
    """No login is needed."""
    BEARER = "bearer"
    """The request itself is the proof: it holds a link, a secret or a signature."""
    OFFICER = "officer"
    """An officer on board, whose link is the proof."""
    LEARNER = "learner"
    SECOND = "second camera"
    ENTERING = "entering"
    """Staff whose first factor was right, and whose second is not there yet."""
    INVIGILATOR = "invigilator"
    SCHEDULER = "scheduler"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    MACHINE = "machine"
    """A client of the interface; its token names its backend and scopes."""
    PLATFORM = "platform"
    """An edX platform, with its access token."""


class Whose(StrEnum):
    """Of whom they may ask it."""

    ALL = "all"
    OWN = "own"
    ASKED = "asked"
    """Their own, and what a colleague has asked them to look at or to take over."""


Allowed = Mapping[Who, Whose]
ROLES: Final[Mapping[Role, Who]] = {
    Role.INVIGILATOR: Who.INVIGILATOR,
    Role.SCHEDULER: Who.SCHEDULER,
    Role.ADMINISTRATOR: Who.ADMINISTRATOR,
    Role.AUDITOR: Who.AUDITOR,
}
STAFF_WHO: Final = frozenset(ROLES.values())
SHOWN_BY_THEMSELVES: Final = frozenset({Who.NOBODY, Who.BEARER, Who.OFFICER})
"""The gate lets these pass; the handler reads the proof that the request holds, if it needs one."""
MACHINES_WHO: Final = frozenset({Who.MACHINE, Who.PLATFORM})

EVERYBODY: Final[dict[Who, Whose]] = {Who.NOBODY: Whose.ALL}
BEARERS: Final[dict[Who, Whose]] = {Who.BEARER: Whose.OWN}
OFFICERS: Final[dict[Who, Whose]] = {Who.OFFICER: Whose.OWN}
LEARNERS: Final[dict[Who, Whose]] = {Who.LEARNER: Whose.OWN}
SECOND_CAMERAS: Final[dict[Who, Whose]] = {Who.SECOND: Whose.OWN}
ENTERING: Final[dict[Who, Whose]] = {Who.ENTERING: Whose.OWN}
STAFF: Final[dict[Who, Whose]] = {
    Who.INVIGILATOR: Whose.ALL,
    Who.SCHEDULER: Whose.ALL,
    Who.ADMINISTRATOR: Whose.ALL,
    Who.AUDITOR: Whose.ALL,
}
THEMSELVES: Final[dict[Who, Whose]] = dict.fromkeys(STAFF, Whose.OWN)
"""All staff, each of their own: logins, passkeys."""
ADMINISTRATORS: Final[dict[Who, Whose]] = {Who.ADMINISTRATOR: Whose.ALL}
SCHEDULERS: Final[dict[Who, Whose]] = {Who.SCHEDULER: Whose.ALL, **ADMINISTRATORS}
INVIGILATORS: Final[dict[Who, Whose]] = {Who.INVIGILATOR: Whose.ALL, **ADMINISTRATORS}
OWN_SESSIONS: Final[dict[Who, Whose]] = {Who.INVIGILATOR: Whose.OWN}
"""Invigilators, of the sessions that are theirs (or of their own rota)."""
ASKED_SESSIONS: Final[dict[Who, Whose]] = {Who.INVIGILATOR: Whose.ASKED}
AUDITORS: Final[dict[Who, Whose]] = {Who.AUDITOR: Whose.ALL}
MACHINES: Final[dict[Who, Whose]] = {Who.MACHINE: Whose.OWN}
PLATFORMS: Final[dict[Who, Whose]] = {Who.PLATFORM: Whose.OWN}


@dataclass(frozen=True, slots=True)
class Row:
    """Who may call a route. `methods` stand with blanks between them; GET stands for HEAD, too.

    `scope` is what a machine's token must hold. `note` says what the proof is, where the request
    itself is it, or what else a reader wants to know. `fresh`: staff must have shown their second
    step in the last minutes (`confirmed`): money, prices, keys, and lists and records that are
    taken away.
    """

    methods: str
    path: str
    who: Allowed
    scope: str = ""
    note: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class EventRow:
    """Who may send a room message, in a session that is theirs or a colleague's."""

    event: str
    who: Allowed
    note: str = ""


class NoRow(Exception):
    """Routes that the table does not know, or rows of which there is no route."""


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, found by method and path."""

    rows: tuple[Row, ...]
    _found: dict[tuple[str, str], Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the rows; raises `NoRow` for two of one method and path."""
        for row in self.rows:
            for method in row.methods.split():
                if (method, row.path) in self._found:
                    raise NoRow(f"The access table has two rows for {method} {row.path}.")
                self._found[method, row.path] = row

    def find(self, method: str, path: str) -> Row | None:
        """Return the row of a route, by its path with the parameters' names in it."""
        return self._found.get(("GET" if method == "HEAD" else method, path))

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        """Iterate over every method with its row."""
        for (method, _), row in self._found.items():
            yield method, row

    def check(self, routes: Iterable[tuple[str, str]]) -> None:
        """Raise `NoRow`, which says what to write, if one of these routes has no row."""
        missing = [it for it in dict.fromkeys(routes) if self.find(*it) is None]
        if missing:
            raise NoRow("\n".join(_missing(method, path) for method, path in missing))


def _missing(method: str, path: str) -> str:
    file, group = "others", "EVERYBODY"
    if path.startswith("/staff"):
        file, group = "staff", "STAFF"
    elif path.startswith(("/me", "/rehearsal", "/second")):
        file, group = "learners", "LEARNERS"
    elif path.startswith("/api/"):
        group = 'MACHINES, scope="..."'
    return (
        f"No row of the access table says who may call {method} {path}. Add to ROWS in "
        f"web/access/{file}.py:\n    Row({method!r}, {path!r}, {group}),\n"
        "with the group of web/access/table.py that fits (joined with | if several do); then write "
        "docs/access.md with: python -m web.access"
    )

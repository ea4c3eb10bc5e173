"""A harbour office with berths: a small interface to try the layer on, and doubles of its ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import ConfigDict, Field

from invigilation.errors import NotFound, SlotTaken
from web.api import openapi
from web.api.fields import Ident, Moment, Nothing, Plain, Reference, Whole
from web.api.idempotency import IN_FLIGHT_FOR, Begun, Fresh, InFlight, Mismatch, Replay
from web.api.layer import PREFIX, Api, Call, Document, Operation, Reply, application
from web.api.oauth import TOKEN_PATH, Client, TokenEndpoint, Tokens, hash_secret

NOW = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "correct horse battery staple"
ALL = frozenset({"requests:read", "requests:write"})


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


class FewClients:
    """Two machine clients: one with every scope, one that may only read."""

    async def find(self, client_id: str) -> Client | None:
        scopes = {"lms": ALL, "reader": frozenset({"requests:read"})}.get(client_id)
        return Client(client_id, hash_secret(SECRET), scopes, "academy") if scopes else None


@dataclass
class _Kept:
    digest: str
    since: datetime
    answer: Replay | None = None


class MemoryKeys:
    """Idempotency keys in memory, under the promises of `IdempotencyStore`."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def begin(self, client: str, key: str, digest: str) -> Begun:
        kept = self._kept.get((client, key))
        now = self._clock.now()
        if kept and not (
            now - kept.since > timedelta(hours=24)
            or (kept.answer is None and now - kept.since > IN_FLIGHT_FOR)
        ):
            if kept.digest != digest:
                return Mismatch()
            return kept.answer or InFlight()
        self._kept[client, key] = _Kept(digest, now)
        return Fresh()

    async def finish(self, client: str, key: str, status: int, body: bytes) -> None:
        self._kept[client, key].answer = Replay(status, body)

    async def abandon(self, client: str, key: str) -> None:
        del self._kept[client, key]


class NewBerth(Plain):
    """A ship that wants a berth."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ship": "Aurora", "metres": 120, "until": None}]}
    )

    ship: Reference
    metres: Whole = Field(ge=1, le=400)
    until: Moment | None = None


class Berth(Plain):
    """A berth that a ship holds."""

    id: Ident
    ship: str
    metres: int
    until: Moment | None


class Berths(Plain):
    """Berths, the first first."""

    berths: list[Berth]


class Which(Plain):
    """One berth."""

    id: Ident


class Page(Plain):
    """Which berths."""

    since: Moment | None = None
    limit: int = Field(default=10, ge=1, le=100)


class Reason(Plain):
    """Why a berth is given up."""

    reason: Reference | None = None


@dataclass
class Harbour:
    """The office behind the interface; `refuse` names the next call's failure."""

    berths: dict[str, Berth] = field(default_factory=dict)
    made: int = 0
    refuse: Exception | None = None

    async def take(self, call: Call[NewBerth, Nothing, Nothing]) -> Reply:
        """Give the ship a berth."""
        if self.refuse:
            refused, self.refuse = self.refuse, None
            raise refused
        self.made += 1
        body = call.body
        berth = Berth(id=f"b{self.made}", ship=body.ship, metres=body.metres, until=body.until)
        self.berths[berth.id] = berth
        return Reply(201, berth)

    async def show(self, call: Call[Nothing, Nothing, Which]) -> Reply:
        return Reply(200, self._find(call.path.id))

    async def list(self, call: Call[Nothing, Page, Nothing]) -> Reply:
        return Reply(200, Berths(berths=list(self.berths.values())[: call.query.limit]))

    async def leave(self, call: Call[Reason, Nothing, Which]) -> Reply:
        return Reply(200, self._find(call.path.id))

    async def paper(self, call: Call[Nothing, Nothing, Which]) -> Reply:
        return Reply(200, Document("application/jose", self._find(call.path.id).ship.encode()))

    async def lie(self, call: Call[Nothing, Nothing, Nothing]) -> Reply:
        return Reply(200, Nothing())

    def _find(self, ident: str) -> Berth:
        if ident not in self.berths:
            raise NotFound("berth", ident)
        return self.berths[ident]


READ, WRITE = ("requests:read",), ("requests:write",)


def operations(harbour: Harbour) -> list[Operation]:
    return [
        Operation(
            name="takeBerth",
            method="POST",
            path="/berths",
            summary="Take a berth",
            scopes=WRITE,
            body=NewBerth,
            query=Nothing,
            params=Nothing,
            answers={201: Berth},
            problems=(SlotTaken.code,),
            handler=harbour.take,
        ),
        Operation(
            name="listBerths",
            method="GET",
            path="/berths",
            summary="List the berths",
            scopes=READ,
            body=Nothing,
            query=Page,
            params=Nothing,
            answers={200: Berths},
            handler=harbour.list,
        ),
        Operation(
            name="showBerth",
            method="GET",
            path="/berths/{id}",
            summary="Show a berth",
            scopes=READ,
            body=Nothing,
            query=Nothing,
            params=Which,
            answers={200: Berth},
            handler=harbour.show,
        ),
        Operation(
            name="leaveBerth",
            method="POST",
            path="/berths/{id}/leave",
            summary="Give a berth up",
            scopes=WRITE,
            body=Reason,
            query=Nothing,
            params=Which,
            answers={200: Berth},
            handler=harbour.leave,
        ),
        Operation(
            name="showPaper",
            method="GET",
            path="/berths/{id}/paper",
            summary="Show a berth's paper",
            scopes=READ,
            body=Nothing,
            query=Nothing,
            params=Which,
            answers={200: "application/jose"},
            handler=harbour.paper,
        ),
    ]


def liar(harbour: Harbour) -> Operation:
    """An operation whose function gives what it does not declare."""
    return Operation(
        name="lie",
        method="GET",
        path="/lie",
        summary="Answer out of turn",
        scopes=READ,
        body=Nothing,
        query=Nothing,
        params=Nothing,
        answers={200: Berth},
        handler=harbour.lie,
    )


def toy(harbour: Harbour, clock: HandClock) -> web.Application:
    """Return the whole application with the interface mounted."""
    tokens = Tokens(KEY, clock)
    declared = operations(harbour)
    api = Api(
        operations=[*declared, liar(harbour)],
        guard=tokens,
        keys=MemoryKeys(clock),
        document=openapi.build(declared, title="Harbour", version="1", server=""),
        extra=[web.post(TOKEN_PATH, TokenEndpoint(FewClients(), tokens).serve)],
    )
    app = web.Application()
    app.add_subapp(PREFIX, application(api))
    return app


def bearer(clock: HandClock, scopes: frozenset[str] = ALL) -> dict[str, str]:
    """Return the header of a valid token."""
    client = Client("lms", "", scopes, "academy")
    return {"Authorization": "Bearer " + Tokens(KEY, clock).issue(client, scopes)}


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[TestClient]:
    """Serve the application on a free port."""
    async with TestClient(TestServer(app)) as client:
        yield client

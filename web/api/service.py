"""The machine interface of the exam office, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from invigilation.desk import Desk
from web.api import openapi
from web.api.assessments import Assessments
from web.api.bookings import Bookings
from web.api.idempotency import IdempotencyStore
from web.api.layer import AnyOperation, Api, application
from web.api.oauth import TOKEN_PATH, Clients, TokenEndpoint, Tokens
from web.api.requests import Requests
from web.api.sessions import Sessions

TITLE = "Remote invigilation"
VERSION = "1"


@dataclass(frozen=True, slots=True)
class Ports:
    """What the interface needs beside the desk.

    `token_key` (32 bytes or more) signs access tokens; `server` is the public origin; `link`
    gives the absolute personal link of a request's learner.
    """

    clients: Clients
    keys: IdempotencyStore
    token_key: bytes
    server: str
    link: Callable[[str], str]


def operations(desk: Desk, link: Callable[[str], str]) -> list[AnyOperation]:
    """Return every operation, in the order of the document."""
    return [
        *Assessments(desk.requests).operations(),
        *Requests(desk, link).operations(),
        *Bookings(desk).operations(),
        *Sessions(desk).operations(),
    ]


def build(desk: Desk, ports: Ports) -> web.Application:
    """Return the sub-application for `/api`."""
    tokens = Tokens(ports.token_key, desk.office.clock)
    declared = operations(desk, ports.link)
    return application(
        Api(
            operations=declared,
            guard=tokens,
            keys=ports.keys,
            document=openapi.build(declared, title=TITLE, version=VERSION, server=ports.server),
            extra=[web.post(TOKEN_PATH, TokenEndpoint(ports.clients, tokens).serve)],
        )
    )

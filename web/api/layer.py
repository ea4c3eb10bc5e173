"""One thin typed layer: an operation is an async function and a declaration of its edges.

`Operation` says method, path, scopes, models and possible refusals; `application` serves a list of
them as an aiohttp sub-application for the prefix `/api`. Everything is parsed and checked here, in
this order: path, token, scope, idempotency key, media type, size, JSON, fields. Every answer that
is not a success is a problem (`web.api.problems`). The same declarations make the OpenAPI document
(`web.api.openapi`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from invigilation.errors import InvigilationError
from web.api.fields import Nothing
from web.api.idempotency import (
    HEADER,
    REPLAYED,
    Fresh,
    IdempotencyStore,
    Replay,
    digest_of,
    parse_key,
    refusal,
)
from web.api.problems import Problem, from_error, internal

PREFIX = "/api"
DOCUMENT_PATH = "/openapi.json"
MAX_BODY = 64 * 1024
READ_LIMIT_S = 10.0
MAX_FAULTS = 20
"""More faults than these in one body are not listed."""
JSON = "application/json"
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

log = logging.getLogger(__name__)

B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)
P = TypeVar("P", bound=BaseModel)
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Caller:
    """The machine client that a valid token names; it sees the objects of its backend only."""

    client: str
    backend: str
    scopes: frozenset[str]


class Guard(Protocol):
    """Knows tokens."""

    def caller(self, authorization: str | None) -> Caller:
        """Return who the Authorization header names; raises `Problem` invalid_token."""
        ...


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q, P]):
    """One parsed call. `key` is the idempotency key of a POST, else empty."""

    caller: Caller
    body: B
    query: Q
    path: P
    key: str


@dataclass(frozen=True, slots=True)
class Document:
    """A success that is not JSON: its exact bytes."""

    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A success: one of the statuses and models that the operation declares."""

    status: int
    value: BaseModel | Document


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[B, Q, P]):
    """An async function and its edges.

    `answers` maps each success status to its model, or to the media type of a `Document`.
    `problems` are the codes that the function itself may give; those of the edge come with it.
    """

    name: str
    method: str
    path: str
    summary: str
    scopes: tuple[str, ...]
    body: type[B]
    query: type[Q]
    params: type[P]
    answers: Mapping[int, type[BaseModel] | str]
    handler: Callable[[Call[B, Q, P]], Awaitable[Reply]]
    problems: tuple[str, ...] = ()
    tag: str = "api"

    @property
    def takes_body(self) -> bool:
        """Whether a JSON body is expected."""
        return self.body is not Nothing

    @property
    def takes_key(self) -> bool:
        """Whether an idempotency key is required."""
        return self.method == "POST"


AnyOperation = Operation[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """What serves the operations: the token guard, the key store, further plain routes."""

    operations: Sequence[AnyOperation]
    guard: Guard
    keys: IdempotencyStore
    document: bytes
    extra: Sequence[web.RouteDef] = field(default_factory=tuple)


def application(api: Api) -> web.Application:
    """Return the sub-application to mount with `root.add_subapp(PREFIX, ...)`.

    The paths of the operations are relative to the prefix.
    """
    app = web.Application(middlewares=[_problems])
    for operation in api.operations:
        app.router.add_route(operation.method, operation.path, _Endpoint(api, operation).serve)
    app.router.add_route("GET", DOCUMENT_PATH, _document(api.document))
    app.add_routes(api.extra)
    return app


def _document(content: bytes) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type=JSON)

    return serve


@web.middleware
async def _problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem.response()
    except web.HTTPMethodNotAllowed as error:
        allow = ", ".join(sorted(error.allowed_methods))
        detail = f"This path answers {allow}."
        response = Problem("method_not_allowed", detail, headers={"Allow": allow}).response()
    except web.HTTPNotFound:
        response = Problem("not_found", "There is nothing at this path.").response()
    except Exception as error:
        translated = from_error(error) if isinstance(error, InvigilationError) else internal()
        if translated.code == "internal":
            log.exception("api call failed: %s %s", request.method, request.rel_url.raw_path)
        response = translated.response()
    for name, value in _NO_STORE.items():
        response.headers.setdefault(name, value)
    return response


class _Endpoint:
    """One operation as an aiohttp handler."""

    def __init__(self, api: Api, operation: AnyOperation) -> None:
        self._guard = api.guard
        self._keys = api.keys
        self._operation = operation

    async def serve(self, request: web.Request) -> web.StreamResponse:
        operation = self._operation
        caller = self._authorise(request)
        path = _parse_path(operation.params, request)
        key = parse_key(request.headers.get(HEADER)) if operation.takes_key else ""
        raw = await self._read(request)
        call = Call(
            caller=caller,
            body=_parse_json(operation.body, raw) if operation.takes_body else Nothing(),
            query=_parse_query(operation.query, request),
            path=path,
            key=key,
        )
        if not key:
            return self._respond(await operation.handler(call))
        return await self._once(call, digest_of(request.method, request.rel_url.raw_path, raw))

    def _authorise(self, request: web.Request) -> Caller:
        caller = self._guard.caller(request.headers.get("Authorization"))
        need(self._operation.scopes, caller.scopes)
        return caller

    async def _read(self, request: web.Request) -> bytes:
        if not self._operation.takes_body:
            return b""
        if request.content_type != JSON:
            raise Problem("wrong_media_type", f"Send the body as {JSON}.", headers={"Accept": JSON})
        return await read_body(request)

    async def _once(self, call: Call[Any, Any, Any], digest: str) -> web.Response:
        client, key = call.caller.client, call.key
        begun = await self._keys.begin(client, key, digest)
        if isinstance(begun, Replay):
            headers = {REPLAYED: "true"}
            return web.Response(
                status=begun.status, body=begun.body, content_type=JSON, headers=headers
            )
        if not isinstance(begun, Fresh):
            raise refusal(begun)
        try:
            reply = await self._operation.handler(call)
            media_type, content = self._render(reply)
        except Exception:
            await self._keys.abandon(client, key)
            raise
        # A cancelled call, or one whose answer cannot be kept, leaves its key in flight: whether it
        # took effect is not known here, and the key is free again after IN_FLIGHT_FOR.
        await self._keys.finish(client, key, reply.status, content)
        return web.Response(status=reply.status, body=content, content_type=media_type)

    def _respond(self, reply: Reply) -> web.Response:
        media_type, content = self._render(reply)
        return web.Response(status=reply.status, body=content, content_type=media_type)

    def _render(self, reply: Reply) -> tuple[str, bytes]:
        """Return media type and bytes; an answer that is not declared is a fault of ours."""
        declared = self._operation.answers.get(reply.status)
        if isinstance(reply.value, Document):
            if declared == reply.value.media_type:
                return reply.value.media_type, reply.value.content
        elif declared is type(reply.value):
            return JSON, reply.value.model_dump_json().encode()
        raise TypeError(f"{self._operation.name} does not declare its answer {reply.status}")


def need(scopes: Sequence[str], held: frozenset[str]) -> None:
    """Raise `Problem` insufficient_scope unless all these scopes are held."""
    if held.issuperset(scopes):
        return
    wanted = " ".join(scopes)
    raise Problem(
        "insufficient_scope",
        f"This needs the scope {wanted}.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'},
    )


async def read_body(request: web.Request) -> bytes:
    """Return the body, at most `MAX_BODY` bytes within `READ_LIMIT_S`, or raise a `Problem`."""
    too_large = Problem("too_large", f"A body may have {MAX_BODY} bytes.")
    if (request.content_length or 0) > MAX_BODY:
        raise too_large
    raw = bytearray()
    try:
        async with asyncio.timeout(READ_LIMIT_S):
            # What an encoded body unpacks to is counted too: aiohttp has unpacked it here.
            async for piece in request.content.iter_any():
                raw += piece
                if len(raw) > MAX_BODY:
                    raise too_large
    except TimeoutError:
        detail = f"The body must arrive within {READ_LIMIT_S:.0f} seconds."
        raise Problem("too_slow", detail, headers={"Connection": "close"}) from None
    except web.RequestPayloadError:
        raise Problem("malformed_json", "The body could not be read.") from None
    return bytes(raw)


def _parse_json(model: type[M], raw: bytes) -> M:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise Problem("malformed_json", faults[0]["msg"]) from None
        raise _invalid(
            [{"pointer": _pointer(f["loc"]), "detail": f["msg"]} for f in faults]
        ) from None


def _parse_query(model: type[M], request: web.Request) -> M:
    query = request.query
    if len(set(query)) != len(query):
        twice = sorted({name for name in query if len(query.getall(name)) > 1})
        raise _invalid([{"parameter": name, "detail": "Given more than once."} for name in twice])
    try:
        return model.model_validate_strings(dict(query))
    except ValidationError as error:
        faults = _faults(error)
        raise _invalid(
            [{"parameter": str((*at, "")[0]), "detail": words} for at, words in faults]
        ) from None


def _parse_path(model: type[M], request: web.Request) -> M:
    try:
        return model.model_validate_strings(dict(request.match_info))
    except ValidationError:
        # A name that we could not have given names nothing.
        raise Problem("not_found", "There is nothing under that name.") from None


def _faults(error: ValidationError) -> list[tuple[tuple[int | str, ...], str]]:
    """Return where and what, without pydantic's own prefix before the words of our checks."""
    listed = error.errors(include_url=False, include_context=False, include_input=False)
    return [(one["loc"], one["msg"].removeprefix("Value error, ")) for one in listed]


def _invalid(faults: list[dict[str, str]]) -> Problem:
    count = len(faults)
    detail = "One field cannot be used." if count == 1 else f"{count} fields cannot be used."
    return Problem("invalid_input", detail, facts={"errors": faults[:MAX_FAULTS]})


def _pointer(location: tuple[int | str, ...]) -> str:
    """Return RFC 6901's URI fragment for a place in the body."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return "#" + "".join("/" + step for step in steps)

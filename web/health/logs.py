"""The log: one line of JSON for each thing, of ours and of the libraries, without personal data.

Our own lines name sessions, bookings and staff by their ids, never by name. Against what slips
through (an error's text that quotes what somebody typed, a library that logs an address) every
line goes through `scrub` last. In a room, and in a request whose path names a session, each line
has that session's id by itself.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Final, TextIO

import structlog
from aiohttp import web

Line = MutableMapping[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OURS: Final = ("timestamp", "level", "logger")
"""What the log itself puts into a line."""
LONGEST: Final = 16_000
"""Letters of one value; more is cut off. The patterns below have bounds for the same reason."""
_MAIL = re.compile(r"[^\s@<>\"'(),;:]{1,64}@[^\s@<>\"'(),;:]{1,255}")
_TOKEN = re.compile(r"\b(?:eyJ[\w-]{0,2000}\.[\w-]{0,4000}\.[\w-]*|(?=[\w-]{0,42}\d)[\w-]{43,})")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"']+")
_QUERY = re.compile(r"(?<=[\w/])\?[\w.~%+-]+=[^\s\"']*")
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})"
)
_PHONE = re.compile(r"(?<![\w.:-])\+?\d(?:[ ()./-]?\d){8,14}(?![\w.:-])")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_IDS = {"se": "session", "bk": "booking", "rq": "request", "ev": "evidence"}
_ID = re.compile(r"(se|bk|rq|ev)_[0-9a-z]{20}", re.ASCII)


def configure(out: TextIO) -> None:
    """Send all that is logged to `out`: what rooms and front office say, and libraries' warnings.

    Rooms and front office speak by structlog, from INFO on; the rest by `logging`, from WARNING.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        explain,
        scrub,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def bound(**names: str) -> None:
    """Let every further line of this task say these, such as `session="se_…"`."""
    structlog.contextvars.bind_contextvars(**names)


@web.middleware
async def in_context(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let every line of a request say which session, booking or request its path names."""
    structlog.contextvars.clear_contextvars()
    given = (*request.match_info.values(), request.query.get("session", ""))
    for value in given:
        if found := _ID.fullmatch(value):
            bound(**{_IDS[found[1]]: value})
    return await handler(request)


def explain(_logger: object, _name: str, line: Line) -> Line:
    """Replace an exception by its text: where it was, its kind, and what it says less quotations.

    What stands in quotes in an error's text is mostly what somebody has typed.
    """
    given = line.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line["exception"] = "\n".join(_told(traceback.TracebackException.from_exception(error)))
    return line


def scrub(_logger: object, _name: str, line: Line) -> Line:
    """Take out of a line what looks like a mail address, a phone number, a token or an address."""
    for key, value in line.items():
        if key not in OURS:
            line[key] = _scrubbed(value)
    return line


def _scrubbed(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case list() | tuple() | set() | frozenset():
            return [_scrubbed(one) for one in value]
        case dict():
            return {str(key): _scrubbed(one) for key, one in value.items()}
        case bool() | int() | float() | None:
            return value
        case _:
            return clean(str(value))


def clean(text: str) -> str:
    """Return a text without mail addresses, phone numbers, tokens, and public addresses."""
    text = _MAIL.sub("[mail]", text[:LONGEST])
    text = _BEARER.sub(r"\1 [token]", text)
    text = _TOKEN.sub("[token]", text)
    text = _QUERY.sub("?[query]", text)
    text = _ADDRESS.sub(_address, text)
    return _PHONE.sub("[number]", text)


def _address(found: re.Match[str]) -> str:
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return found[0] if address.is_private else "[address]"


def _told(error: traceback.TracebackException) -> Iterator[str]:
    """Yield an exception and what led to it, the first cause first."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _told(before)
        yield "which led to:"
    yield from ("".join(error.stack.format()).rstrip("\n"),) if error.stack else ()
    kind = error.exc_type
    name = (
        "" if kind is None else f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    )
    said = _QUOTED.sub("'…'", str(error)).split("\n", 1)[0]
    yield f"{name}: {said}" if said else name
    for inner in error.exceptions or ():
        yield from (f"  {row}" for row in "\n".join(_told(inner)).split("\n"))

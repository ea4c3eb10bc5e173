"""Strict reading: one spelling of everything, and nothing unknown."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar

from .verdict import NotVerified

M = TypeVar("M", str, int, list[Any], dict[str, Any])
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def parse(data: bytes) -> Any:
    """Parse strict UTF-8 JSON; a member named twice or a NaN is refused."""
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise NotVerified("it is not valid JSON") from None


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted members, no spaces, nothing escaped in vain."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def member(container: Mapping[str, Any], name: str, kind: type[M]) -> M:
    """Return a member of exactly this type; a bool is no int here."""
    value = container.get(name)
    if type(value) is not kind:
        raise NotVerified(f"it says nothing usable about its {name}")
    return value


def exactly(container: object, members: Collection[str], what: str) -> dict[str, Any]:
    """Return what is an object with these members, no more and no fewer."""
    if not isinstance(container, dict):
        raise NotVerified(f"{what} is not an object")
    if set(container) != set(members):
        raise NotVerified(f"{what} has other members than it should")
    return container


def instant(text: object) -> datetime:
    """Return the moment that is spelt as a record spells it: UTC, with microseconds."""
    if not isinstance(text, str) or INSTANT.fullmatch(text) is None:
        raise NotVerified("a time is not spelt as it should be")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise NotVerified("a time is none") from None


def hexadecimal(text: object, size: int, what: str) -> bytes:
    """Return the `size` bytes that are written in lower-case hex."""
    pattern = rf"[0-9a-f]{{{2 * size}}}"
    if not isinstance(text, str) or re.fullmatch(pattern, text, re.ASCII) is None:
        raise NotVerified(f"{what} is not {size} bytes in hex")
    return bytes.fromhex(text)


def base64url(text: bytes) -> bytes:
    """Decode base64url without padding (RFC 7515, appendix C); one spelling only."""
    padded = text + b"=" * (-len(text) % 4)
    return _one_spelling(
        lambda: base64.b64decode(padded, altchars=b"-_", validate=True),
        lambda data: base64.urlsafe_b64encode(data).rstrip(b"=") == text,
        "base64url",
    )


def base64_text(text: str) -> bytes:
    """Decode base64 with padding (RFC 4648, section 4); one spelling only."""
    return _one_spelling(
        lambda: base64.b64decode(text, validate=True),
        lambda data: base64.b64encode(data).decode() == text,
        "base64",
    )


def shown(value: object) -> str:
    """Return a short printable ASCII form of something that came with the file."""
    text = value if isinstance(value, str) else repr(value)
    return ascii(text[:80])[1:-1]


def _one_spelling(decode: Callable[[], bytes], same: Callable[[bytes], bool], name: str) -> bytes:
    try:
        data = decode()
    except ValueError:
        raise NotVerified(f"it is not {name}") from None
    if not same(data):
        raise NotVerified(f"it is not {name}")
    return data


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotVerified("a member stands in it twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(name)

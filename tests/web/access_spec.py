"""An OpenAPI document of the pages, made of the access table and of what the handlers read.

Which fields a form has is read in the source of its handler's module: the names by which it asks
for what was entered. So a new form is tried with its own fields without being described anywhere.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from tests.web import access_objects as objects
from web.access.table import Row

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
SCRIPTED: Final = ("/room/", "/rehearsal")
"""Under these addresses scripts send JSON."""
TYPICAL: Final = (
    "", "yes", "no", "2026-11-24", "2026-11-30", "10:00", "12:30", "london", "Europe/London", "1",
    "90", "2000", "identity", "recording", "confirmed", "accept", "refuse", "excused", "audit",
    "ana@example.org", "https://example.org/x.ics", "company", "st_ana", "Because it is so.",
    "2026-11-24T10:00", "2026-11-24T10:00:00Z",
)  # fmt: skip
"""What people enter; half of all values is anything else."""
_FIELD: Final = re.compile(
    r"""(?:entered|form|body|query|given|found)(?:\.get|\.getall)?[\(\[]\s*["'](\w+)["']"""
)


def fields_of(handler: object) -> list[str]:
    """Return the names that a handler's module asks a form, a query or a JSON body for."""
    module = sys.modules[inspect.unwrap(handler).__module__]  # type: ignore[arg-type]  # a handler
    return sorted(set(_FIELD.findall(inspect.getsource(module))))


def document(
    app: web.Application, asked: list[tuple[str, Row]], things: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return the document of these rows, with both sides' things in the place of parameters."""
    handlers = {
        (route.method, route.resource.canonical): route.handler
        for route in app.router.routes()
        if route.resource is not None
    }
    paths: dict[str, dict[str, Any]] = {}
    for method, row in asked:
        names = fields_of(handlers[method, row.path])
        operation = {
            "parameters": _places(row.path, things) + (_queries(names) if method == "GET" else []),
            "responses": {"200": {"description": "An answer."}},
        }
        if method != "GET":
            kind = JSON if row.path.startswith(SCRIPTED) else FORM
            operation["requestBody"] = {"content": {kind: {"schema": _body(names)}}}
        paths.setdefault(row.path, {})[method.lower()] = operation
    return {"openapi": "3.1.0", "info": {"title": "Pages", "version": "1"}, "paths": paths}


def _places(path: str, things: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    found = []
    for name in objects.parameters(path):
        known = [objects.thing(path, name, mine) for mine in things.values()]
        schema = {"enum": [*dict.fromkeys(known), "none", "%00", "a" * 300]}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


def _queries(names: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "schema": _VALUE} for name in names]


def _body(names: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict.fromkeys(names, _VALUE),
        "required": names,
        "additionalProperties": False,
    }


_VALUE: Final[dict[str, Any]] = {
    "anyOf": [{"enum": list(TYPICAL)}, {"type": "string", "maxLength": 40}]
}

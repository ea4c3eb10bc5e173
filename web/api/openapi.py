"""The OpenAPI 3.1 document, made from the same declarations that serve the calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.api.fields import Nothing
from web.api.idempotency import HEADER, KEPT_FOR, REPLAYED
from web.api.layer import JSON, PREFIX, AnyOperation
from web.api.oauth import FORM, MEANINGS, TOKEN_PATH, TokenAnswer, TokenError, TokenForm
from web.api.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX, ProblemBody

VERSION = "3.1.0"
_REF = "#/components/schemas/{model}"
_EVERY = ("invalid_token", "insufficient_scope", "too_many", "internal")
_WITH_BODY = ("malformed_json", "too_slow", "too_large", "wrong_media_type", "invalid_input")
_WITH_KEY = ("key_missing", "key_in_flight", "key_reused")

_Schemas = Mapping[tuple[Any, JsonSchemaMode], Mapping[str, Any]]


def build(operations: Sequence[AnyOperation], *, title: str, version: str, server: str) -> bytes:
    """Return the document as JSON bytes. `server` is the public origin, without the prefix."""
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(operation.path, {})
        path[operation.method.lower()] = _operation(operation, schemas)
    paths[TOKEN_PATH] = {"post": _token_operation(schemas)}
    document = {
        "openapi": VERSION,
        "info": {"title": title, "version": version, "description": _DESCRIPTION},
        "servers": [{"url": server + PREFIX}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"oauth2": _security_scheme(server)},
            "parameters": {"IdempotencyKey": _KEY_PARAMETER},
        },
    }
    return json.dumps(document, ensure_ascii=False).encode()


_DESCRIPTION = """\
For assessment backends. Take a token at `/oauth/token`, send it as a bearer token, and send an \
`Idempotency-Key` with every other POST: the same key with the same request has one effect and the \
same answer. Every refusal is a problem of RFC 9457; its `type` names the kind and is stable. \
Unknown fields are refused. You see the objects of your own backend only."""

_KEY_PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "description": (
        "Your own name for this call, new for each new wish. The answer is kept for "
        f"{int(KEPT_FOR.total_seconds() // 3600)} hours and comes again, with "
        f"`{REPLAYED}: true`, when the same request comes again."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "7b1d6c1e-4f0a-4b52-9d0c-2f9a4a3a4b11",
}


def _security_scheme(server: str) -> dict[str, Any]:
    return {
        "type": "oauth2",
        "flows": {
            "clientCredentials": {
                "tokenUrl": server + PREFIX + TOKEN_PATH,
                "scopes": {scope.value: meaning for scope, meaning in MEANINGS.items()},
            }
        },
    }


def _models(operations: Sequence[AnyOperation]) -> Iterable[tuple[type[BaseModel], JsonSchemaMode]]:
    for operation in operations:
        for model in (operation.body, operation.query, operation.params):
            if model is not Nothing:
                yield model, "validation"
        for answer in operation.answers.values():
            if not isinstance(answer, str):
                yield answer, "serialization"
    yield TokenForm, "validation"
    yield TokenAnswer, "serialization"
    yield TokenError, "serialization"
    yield ProblemBody, "validation"


def _schemas(operations: Sequence[AnyOperation]) -> tuple[_Schemas, dict[str, Any]]:
    wanted = list(dict.fromkeys(_models(operations)))
    by_model, definitions = models_json_schema(wanted, ref_template=_REF)
    components: dict[str, Any] = definitions["$defs"]
    for component in components.values():
        for name, described in component.get("properties", {}).items():
            component["properties"][name] = _left_out(described)
    # A query or path model becomes parameters, not a component.
    by_parts = {op.query for op in operations} | {op.params for op in operations}
    schemas: dict[tuple[Any, JsonSchemaMode], Mapping[str, Any]] = {}
    for (model, mode), reference in by_model.items():
        name = reference["$ref"].rpartition("/")[2]
        schemas[model, mode] = components.pop(name) if model in by_parts else reference
    return schemas, components


def _left_out(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without a default of null where null is no value of it."""
    if schema.get("default", ...) is None and "anyOf" not in schema:
        return {key: value for key, value in schema.items() if key != "default"}
    return schema


def _operation(operation: AnyOperation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [{"oauth2": list(operation.scopes)}],
        "responses": _successes(operation, schemas) | _refusals(_codes(operation)),
    }
    if operation.handler.__doc__:
        described["description"] = " ".join(operation.handler.__doc__.split())
    parameters = [
        *_parameters("path", operation.params, schemas),
        *_parameters("query", operation.query, schemas),
    ]
    if operation.takes_key:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if parameters:
        described["parameters"] = parameters
    if operation.takes_body:
        schema = schemas[operation.body, "validation"]
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return described


def _codes(operation: AnyOperation) -> list[str]:
    codes = [*_EVERY, *operation.problems]
    if operation.takes_body:
        codes += _WITH_BODY
    if operation.takes_key:
        codes += _WITH_KEY
    if operation.query is not Nothing:
        codes.append("invalid_input")
    if operation.params is not Nothing:
        codes.append("not_found")
    return list(dict.fromkeys(codes))


def _successes(operation: AnyOperation, schemas: _Schemas) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, answer in operation.answers.items():
        if isinstance(answer, str):
            content: dict[str, Any] = {answer: {"schema": {"type": "string"}}}
            words = "The document."
        else:
            content = {JSON: {"schema": schemas[answer, "serialization"]}}
            words = " ".join((answer.__doc__ or "Done.").split())
        described: dict[str, Any] = {"description": words, "content": content}
        if operation.takes_key:
            described["headers"] = {
                REPLAYED: {
                    "description": "`true` when this answer was given before.",
                    "schema": {"type": "string", "enum": ["true"]},
                }
            }
        answers[str(status)] = described
    return answers


def _refusals(codes: Sequence[str]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {KINDS[code].title}" for code in sorted(group)),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/" + _component(ProblemBody)},
                    "examples": {
                        code: {
                            "value": {
                                "type": TYPE_PREFIX + code,
                                "title": KINDS[code].title,
                                "status": status,
                                "detail": KINDS[code].title + ".",
                            }
                        }
                        for code in sorted(group)
                    },
                }
            },
        }
        for status, group in sorted(by_status.items())
    }


def _component(model: type[BaseModel]) -> str:
    return model.__name__


def _parameters(place: str, model: type[BaseModel], schemas: _Schemas) -> Iterable[dict[str, Any]]:
    if model is Nothing:
        return
    whole = schemas[model, "validation"]
    required = whole.get("required", [])
    for name, schema in whole["properties"].items():
        plain = {key: value for key, value in schema.items() if key not in {"title", "default"}}
        described = {
            "name": name,
            "in": place,
            "required": place == "path" or name in required,
            "schema": _without_null(plain),
        }
        if words := plain.pop("description", None):
            described["description"] = words
        yield described


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema for a parameter: it is left out, never null."""
    ways = [way for way in schema.get("anyOf", []) if way != {"type": "null"}]
    if "anyOf" in schema and len(ways) == 1:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**ways[0], **rest}
    return schema


def _token_operation(schemas: _Schemas) -> dict[str, Any]:
    error = {JSON: {"schema": schemas[TokenError, "serialization"]}}
    problems = _refusals(("too_slow", "too_large", "too_many", "internal"))
    return {
        "operationId": "takeToken",
        "summary": "Take an access token (client credentials, RFC 6749)",
        "description": "Send the client's name and secret by HTTP Basic or in the form body.",
        "tags": ["oauth"],
        "security": [],
        "requestBody": {
            "required": True,
            "content": {FORM: {"schema": schemas[TokenForm, "validation"]}},
        },
        "responses": {
            "200": {
                "description": "A token.",
                "content": {JSON: {"schema": schemas[TokenAnswer, "serialization"]}},
            },
            "400": {"description": "The request cannot be used.", "content": error},
            "401": {"description": "The client is not known.", "content": error},
        }
        | problems,
    }

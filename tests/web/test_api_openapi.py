"""The OpenAPI document is valid, and what it says holds against the running interface."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator

from invigilation import errors
from tests.web.api_toy import HandClock, Harbour, bearer, operations, running, toy
from tests.web.generated_calls import generated_calls
from web.api import openapi
from web.api.problems import KINDS, Problem, describe, from_error


@pytest.fixture
def document() -> dict:
    return json.loads(openapi.build(operations(Harbour()), title="H", version="1", server=""))


def test_document_is_valid(document):
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1.")


def test_every_operation_names_its_scope_and_refusals(document):
    take = document["paths"]["/berths"]["post"]
    assert take["security"] == [{"oauth2": ["requests:write"]}]
    assert set(take["responses"]) == {
        "201", "400", "401", "403", "408", "409", "413", "415", "422", "429", "500"
    }  # fmt: skip
    assert (
        "slot_taken" in take["responses"]["409"]["content"]["application/problem+json"]["examples"]
    )


def test_parameters_are_not_components(document):
    assert set(document["components"]["schemas"]) == {
        "Berth", "Berths", "Fault", "NewBerth", "ProblemBody", "Reason",
        "TokenAnswer", "TokenError", "TokenForm",
    }  # fmt: skip
    names = [p["name"] for p in document["paths"]["/berths"]["get"]["parameters"]]
    assert names == ["since", "limit"]


async def test_document_is_served_to_anybody():
    async with running(toy(Harbour(), HandClock())) as client:
        response = await client.get("/api/openapi.json")
        assert response.content_type == "application/json"
        assert (await response.json())["info"]["title"] == "Harbour"


OFFICE = [one for one in vars(errors).values() if isinstance(one, type)]


@pytest.mark.parametrize("kind", [o for o in OFFICE if issubclass(o, errors.InvigilationError)])
def test_every_error_of_the_office_has_a_status(kind):
    assert kind.code in KINDS


def test_error_of_another_room_is_a_fault_of_ours():
    class EvidenceGone(errors.InvigilationError):
        code = "evidence_gone"

    problem = from_error(EvidenceGone("/secret/path"))
    assert (problem.code, problem.kind.status) == ("internal", 500)
    assert "secret" not in problem.detail


def test_busy_says_when_to_come_back():
    assert from_error(errors.Busy("desk")).headers == {"Retry-After": "5"}


def test_problem_needs_a_known_code():
    with pytest.raises(KeyError):
        Problem("no such code", "x")


async def test_schemathesis_finds_nothing(tmp_path):
    harbour, clock = Harbour(), HandClock()
    async with running(toy(harbour, clock)) as client:
        found = await generated_calls(
            str(client.make_url("/api/openapi.json")),
            bearer(clock)["Authorization"],
            tmp_path,
            "--max-examples=12",
        )
    assert found == ""
    assert harbour.made > 0


async def test_a_problems_type_can_be_opened():
    app = web.Application()
    app.router.add_get("/problems/{code}", describe)
    async with running(app) as client:
        known = await client.get("/problems/slot_taken")
        unknown = await client.get("/problems/nothing")
        assert (known.status, unknown.status) == (200, 404)
        assert "This start is taken" in await known.text()

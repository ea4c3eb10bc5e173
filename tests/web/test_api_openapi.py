"""The OpenAPI document is valid, and what it says holds against the running interface."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from invigilation import errors
from tests.web.api_toy import HandClock, Harbour, bearer, operations, running, toy
from web.api import openapi
from web.api.problems import KINDS, Problem, from_error

ROOT = Path(__file__).parents[2]
MAX_EXAMPLES = 20
SEED = 1


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
        "201", "400", "401", "403", "408", "409", "413", "415", "422", "500"
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


def _all(kind: type[errors.InvigilationError]) -> list[type[errors.InvigilationError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all(child))]


@pytest.mark.parametrize("kind", _all(errors.InvigilationError))
def test_every_error_of_the_office_has_a_status(kind):
    assert kind.code in KINDS


def test_unlisted_error_is_a_plain_refusal():
    class Unlisted(errors.InvigilationError):
        code = "unlisted"

    problem = from_error(Unlisted("No."))
    assert (problem.code, problem.kind.status) == ("refused", 409)


def test_busy_says_when_to_come_back():
    assert from_error(errors.Busy("desk")).headers == {"Retry-After": "5"}


def test_problem_needs_a_known_code():
    with pytest.raises(KeyError):
        Problem("no such code", "x")


async def test_schemathesis_finds_nothing(tmp_path):
    harbour, clock = Harbour(), HandClock()
    async with running(toy(harbour, clock)) as client:
        arguments = [
            "run", str(client.make_url("/api/openapi.json")),
            "--max-examples", str(MAX_EXAMPLES), "--seed", str(SEED),
            "--generation-database", "none", "--checks", "all", "--warnings", "off", "--no-color",
            "--header", "Authorization: " + bearer(clock)["Authorization"],
        ]  # fmt: skip
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "tests.web.schemathesis_hooks",
            "PYTHONPATH": str(ROOT),
        }
        run = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", *arguments,
            cwd=tmp_path, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await run.communicate()
    assert run.returncode == 0, output.decode()
    assert harbour.made > 0

"""The access table by itself: it knows everything, is written down, and the gate keeps to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from invigilation.people import Role, Staff
from signalling.forms import FORMS
from signalling.messages import Party
from tests.web.office import World
from web.access import room
from web.access.document import document
from web.access.gate import check
from web.access.refusals import REFUSALS, Edge, Refusals
from web.access.rows import TABLE
from web.access.table import EVERYBODY, ROLES, STAFF, NoRow, Row, Table, Who
from web.api.service import operations
from web.app import application
from web.house import open_house
from web.settings import Settings

ROOT = Path(__file__).parents[2]
EVE = Staff("st_eve", "eve@example.org", "Eve Two", frozenset({Role.AUDITOR, Role.INVIGILATOR}))


@pytest.fixture
def whole(tmp_path: Path) -> web.Application:
    """The application with everything that it can have; it is not started."""
    return application(
        open_house(Settings(var=tmp_path, stripe_api_key="sk_1", stripe_webhook_secret="whsec_1"))
    )


def routes(app: web.Application) -> set[tuple[str, str]]:
    return {
        ("GET" if route.method == "HEAD" else route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }


def test_every_route_has_its_row_and_every_row_its_route(whole: web.Application) -> None:
    assert {(method, row.path) for method, row in TABLE} == routes(whole)


def test_docs_access_md_says_what_the_table_says() -> None:
    written = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")

    assert written == document(), "write it anew: python -m web.access"


def test_every_role_has_its_column() -> None:
    assert set(ROLES) == set(Role)
    assert set(STAFF) == set(ROLES.values())


def test_rows_of_the_interface_name_the_scopes_that_its_operations_need(world: World) -> None:
    declared = {
        (one.method, f"/api{one.path}"): " ".join(one.scopes)
        for one in operations(world.desk, lambda request: request)
    }

    assert declared == {
        (method, row.path): row.scope for method, row in TABLE if Who.MACHINE in row.who
    }


async def test_a_route_without_a_row_keeps_the_application_from_starting() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_post("/staff/new/{thing}", handler)

    with pytest.raises(NoRow) as refusal:
        await check(app)

    assert "    Row('POST', '/staff/new/{thing}', STAFF),\n" in str(refusal.value)
    assert "web/access/staff.py" in str(refusal.value)


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/me/new", "learners"),
        ("/second/new", "learners"),
        ("/new", "others"),
        ("/api/new", "others"),
    ],
)
def test_the_missing_row_is_named_with_its_file(path: str, file: str) -> None:
    with pytest.raises(NoRow, match=rf"web/access/{file}\.py"):
        TABLE.check([("GET", path)])


def test_a_second_row_of_one_route_is_refused() -> None:
    row = Row("GET", "/new", EVERYBODY)

    with pytest.raises(NoRow, match="two rows for GET /new"):
        Table((row, row))


def test_messages_and_their_rows_agree() -> None:
    room.check()

    assert {row.event for row in room.EVENTS} == set(FORMS)


def test_a_message_without_a_row_is_refused() -> None:
    forms = {**FORMS, "shout": FORMS["chat"]}

    with pytest.raises(NoRow, match=r"EventRow\('shout', _I \| _L\)"):
        room.check(forms)


def test_a_message_that_more_may_send_than_its_row_says_is_refused() -> None:
    wider = replace(FORMS["admit"], by=frozenset({Party.INVIGILATOR, Party.LEARNER}))

    with pytest.raises(NoRow, match="who may send admit"):
        room.check({**FORMS, "admit": wider})


def test_a_row_of_a_message_that_is_gone_is_refused() -> None:
    forms = {event: form for event, form in FORMS.items() if event != "admit"}

    with pytest.raises(NoRow, match="no room message admit"):
        room.check(forms)


async def test_each_role_adds_what_it_allows(world: World) -> None:
    async with world.desk.office.store.write() as tx:
        await tx.people.add_staff(EVE, "")
    eve = await world.staff(EVE)

    statuses = [
        (await eve.get(path)).status
        for path in ("/staff/console", "/staff/audit", "/staff/charges", f"/staff/rota/{EVE.id}")
    ]

    assert statuses == [200, 200, 403, 200]


def test_a_refusal_is_logged_and_counted_without_ids() -> None:
    registry = CollectorRegistry()
    app = web.Application()
    app[REFUSALS] = Refusals(registry)

    with capture_logs() as logs:
        app[REFUSALS].note(Edge.PAGE, "GET /staff/records/{session}", "not_found", ["staff"])

    assert logs == [
        {
            "event": "access.refused",
            "log_level": "info",
            "edge": "page",
            "what": "GET /staff/records/{session}",
            "code": "not_found",
            "who": ["staff"],
        }
    ]
    labels = {"edge": "page", "code": "not_found"}
    assert registry.get_sample_value("invigilation_access_refused_total", labels) == 1

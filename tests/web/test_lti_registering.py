"""Platforms that are registered: by an operator, or by themselves when they are invited."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from typer.testing import CliRunner

from invigilation.errors import InvalidInput
from invigilation.report import Channel
from tests.web.lti_office import BACKEND, BASE, Academy, lti_world
from tests.web.office import SECRET_BYTES
from web.backends.lti import registering
from web.backends.lti.keys import ToolKey
from web.cli import cli


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    key = ToolKey(tmp_path_factory.mktemp("keys") / "lti.pem")
    return rsa.generate_private_key(65537, 2048), key


@pytest.fixture
async def lti(sqlite_template, tmp_path, keys):
    async with lti_world(sqlite_template, tmp_path, Academy(keys[0]), keys[1]) as world:
        yield world


def link_for(lti, backend="harbour"):
    until = lti.office.clock.now() + registering.INVITED_FOR
    one = registering.Invitation(backend, "Harbour College", until)
    return registering.invite(SECRET_BYTES, BASE, one).removeprefix(BASE)


async def register(lti, link, configuration="", token="secret-1"):
    where = configuration or f"{lti.academy.url}/configuration"
    query = f"?openid_configuration={where}&registration_token={token}"
    return await lti.office.stranger().get(link + query)


async def test_an_invited_platform_registers_itself(lti):
    answer = await register(lti, link_for(lti))

    assert answer.status == 200
    assert "Harbour College is registered" in answer.words
    (said,), (headers,) = lti.academy.tools, lti.academy.headers
    assert headers["Authorization"] == "Bearer secret-1"
    assert said["redirect_uris"] == [f"{BASE}/lti/launch"]
    assert said["initiate_login_uri"] == f"{BASE}/lti/login"
    assert said["token_endpoint_auth_method"] == "private_key_jwt"
    kinds = [one["type"] for one in said[registering.TOOL_CONFIGURATION]["messages"]]
    assert kinds[:2] == ["LtiStartProctoring", "LtiEndAssessment"]
    async with lti.office.desk.office.store.read() as tx:
        platform = await tx.platforms.of_backend("harbour")
        backend = await tx.people.backend("harbour")
    assert (platform.issuer, platform.client_id) == (lti.academy.url, "given-1")
    assert platform.keys_url == f"{lti.academy.url}/keys"
    assert (backend.name, backend.channel) == ("Harbour College", Channel.LTI)


async def test_an_invitation_is_good_once(lti):
    link = link_for(lti)
    await register(lti, link)

    again = await register(lti, link)

    assert again.status == 404
    assert len(lti.academy.tools) == 1


async def test_an_invitation_runs_out(lti):
    link = link_for(lti)
    lti.office.clock.move_to(lti.office.clock.now() + timedelta(days=15))

    answer = await register(lti, link)

    assert answer.status == 404


async def test_nobody_registers_without_an_invitation(lti):
    answer = await register(lti, "/lti/register/made-up")

    assert answer.status == 404
    assert lti.academy.tools == []


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://somebody.else.example"},
        {"issuer": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": ""},
        {"registration_endpoint": 7},
    ],
)
async def test_a_configuration_that_does_not_fit_is_refused(lti, configuration):
    lti.academy.configuration = configuration

    answer = await register(lti, link_for(lti))

    assert answer.status == 400
    assert "could not be registered" in answer.words
    assert lti.academy.tools == []


@pytest.mark.parametrize("where", ["", "nothing", "http://localhost:1/x"])
async def test_a_configuration_that_cannot_be_read_is_refused(lti, where):
    answer = await lti.office.stranger().get(f"{link_for(lti)}?openid_configuration={where}")

    assert answer.status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"backend": "No Id"},
        {"issuer": ""},
        {"client_id": "x" * 256},
        {"deployments": ("",)},
        {"authorize_url": "javascript:alert(1)"},
        {"keys_url": "https://"},
        {"launch_minutes": -1},
    ],
)
def test_what_an_operator_enters_is_checked(changes):
    good = registering.Platform(
        "harbour",
        "https://lms.example.org",
        "tool-1",
        ("1",),
        "https://lms.example.org/authorize",
        "https://lms.example.org/token",
        "https://lms.example.org/keys",
        "",
        10,
        90,
        None,
    )
    assert registering.checked(good) == good

    with pytest.raises(InvalidInput):
        registering.checked(replace(good, **changes))


async def test_a_platform_is_registered_once(lti):
    office, twin = lti.tool.desk.office, replace(lti.platform, backend="twin")

    with pytest.raises(InvalidInput):
        async with office.store.write() as tx:
            await registering.keep(office, tx, "Twin", twin)
    with pytest.raises(InvalidInput):
        async with office.store.write() as tx:
            await registering.keep(office, tx, "Again", lti.platform)

    async with office.store.read() as tx:
        assert await tx.people.backend("twin") is None
        assert (await tx.people.backend(BACKEND)).name == "Sea Academy"


def test_the_command_registers_and_refuses(sqlite_template, tmp_path, monkeypatch):
    shutil.copy(sqlite_template, tmp_path / "invigilation.db")
    monkeypatch.setenv("INVIGILATION_VAR", str(tmp_path))
    words = "lti add-platform acme Acme --issuer https://a.example --client-id c --deployment 1"
    urls = "--authorize-url https://a.example/a --token-url https://a.example/t --keys-url"
    command = [*words.split(), *urls.split()]

    refused = CliRunner().invoke(cli, [*command, "nowhere"])
    added = CliRunner().invoke(cli, [*command, "https://a.example/k"])
    again = CliRunner().invoke(cli, [*command, "https://a.example/k"])

    assert "must be like https://" in str(refused.exception)
    assert "Acme (acme) may launch sessions." in added.output
    assert "There is a backend acme already." in str(again.exception)


def test_a_platform_of_a_service_on_https_is_there_too_and_may_be_removed(
    sqlite_template, tmp_path, monkeypatch
):
    shutil.copy(sqlite_template, tmp_path / "invigilation.db")
    monkeypatch.setenv("INVIGILATION_VAR", str(tmp_path))
    monkeypatch.setenv("INVIGILATION_PUBLIC_URL", "https://exams.example.org")
    words = "lti add-platform acme Acme --issuer https://a.example --client-id c"
    urls = "--authorize-url https://a.example/a --token-url https://a.example/t --keys-url"
    command = [*words.split(), *urls.split()]

    plain = CliRunner().invoke(cli, [*command, "http://a.example/k"])
    added = CliRunner().invoke(cli, [*command, "https://a.example/k"])
    removed = CliRunner().invoke(cli, ["lti", "remove-platform", "acme"])
    again = CliRunner().invoke(cli, ["lti", "remove-platform", "acme"])

    assert "begin with https://" in str(plain.exception)
    assert added.exit_code == 0
    assert "launch nothing more" in removed.output
    assert again.exit_code == 1


def test_the_command_shows_what_a_platform_has_to_know(tmp_path, monkeypatch):
    monkeypatch.setenv("INVIGILATION_VAR", str(tmp_path))
    monkeypatch.setenv("INVIGILATION_PUBLIC_URL", "https://exams.example.org")

    shown = CliRunner().invoke(cli, ["lti", "tool"])

    assert "https://exams.example.org/lti/launch" in shown.output


def test_the_command_makes_an_invitation(tmp_path, monkeypatch):
    monkeypatch.setenv("INVIGILATION_VAR", str(tmp_path))

    shown = CliRunner().invoke(cli, ["lti", "invite", "acme", "Acme"])

    token = shown.output.strip().rpartition("/")[2]
    secret = (tmp_path / "keys" / "secret.key").read_bytes()
    assert registering.invited(secret, token, datetime.now(UTC)).backend == "acme"

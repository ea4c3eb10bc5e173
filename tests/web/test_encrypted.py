"""With `require_encryption` nothing is said in the clear beyond this machine, or nothing starts."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from invigilation.store import snapshot
from tests.web.machine import Machine
from web.encrypted import check_encrypted
from web.settings import Settings, Unable

POSTGRES = "postgresql+asyncpg://invigilation:secret@"


def refused(**settings: object) -> str:
    """Return why a service with these settings does not start; nothing where it does."""
    try:
        check_encrypted(Settings(require_encryption=True, **settings))  # type: ignore[arg-type]
    except Unable as why:
        return str(why)
    return ""


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"database_url": f"{POSTGRES}db.example.com/exams"}, "?ssl=verify-full"),
        ({"database_url": f"{POSTGRES}10.0.0.5:5432/exams?ssl=require"}, "?ssl=verify-full"),
        ({"database_url": f"{POSTGRES}10.0.0.5/exams?ssl=prefer"}, "?ssl=verify-full"),
        ({"database_url": f"{POSTGRES}/exams?host=10.0.0.5"}, "?ssl=verify-full"),
        ({"database_url": f"{POSTGRES}/exams?host=/run/pg,10.0.0.5:5432"}, "?ssl=verify-full"),
        ({"redis_url": "redis://cache.example.com:6379/0"}, "rediss://"),
        ({"redis_url": "rediss://cache.example.com/0?ssl_cert_reqs=none"}, "ssl_cert_reqs"),
        ({"smtp_host": "mail.example.com"}, "smtp_tls"),
        ({"kms_url": "http://keys.example.com:8200", "kms_token": "t"}, "kms_url"),
        ({"copies": "s3://copies/one", "copies_s3_endpoint": "http://10.0.0.9:9000"}, "copies_s3"),
    ],
)
def test_what_would_be_said_in_the_clear_is_refused(settings: dict[str, str], says: str) -> None:
    why = refused(**settings)

    assert says in why
    assert why.startswith("require_encryption is set, so the service does not start. ")
    assert "secret" not in why


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"database_url": f"{POSTGRES}db.example.com/exams?ssl=verify-full"},
        {"database_url": f"{POSTGRES}db.example.com/exams?ssl=verify-ca"},
        {"database_url": f"{POSTGRES}127.0.0.1:5432/exams"},
        {"database_url": f"{POSTGRES}[::1]:5432/exams"},
        {"database_url": f"{POSTGRES}localhost/exams"},
        {"database_url": f"{POSTGRES}/exams?host=/run/postgresql"},
        {"redis_url": "redis://localhost:6379/0"},
        {"redis_url": "unix:///run/redis.sock"},
        {"redis_url": "rediss://cache.example.com/0"},
        {"smtp_host": "127.0.0.1"},
        {"smtp_host": "mail.example.com", "smtp_tls": True},
        {"kms_url": "https://keys.example.com:8200", "kms_token": "t"},
    ],
)
def test_what_is_encrypted_or_stays_on_this_machine_starts(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGHOST", raising=False)

    assert refused(**settings) == ""


def test_an_address_without_a_host_goes_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGHOST", "db.example.com")

    assert "database_url" in refused(database_url=f"{POSTGRES}/exams")


def test_it_is_off_unless_it_is_set() -> None:
    check_encrypted(Settings(smtp_host="mail.example.com"))


def test_several_faults_are_said_at_once() -> None:
    why = refused(smtp_host="mail.example.com", redis_url="redis://cache.example.com")

    assert "smtp_tls" in why
    assert "rediss://" in why


def test_serve_says_so_in_one_line_and_ends(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVIGILATION_REQUIRE_ENCRYPTION", "true")
    monkeypatch.setenv("INVIGILATION_SMTP_HOST", "mail.example.com")

    code, said = machine.run("serve")

    assert code == 1
    assert said.count("\n") == 1
    assert "Set smtp_tls, or use a mail server on this machine." in said


def test_copies_of_the_database_are_taken_by_the_same_encrypted_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", "/etc/ssl/database.crt")
    monkeypatch.setenv("PGUSER", "somebody")

    said = snapshot._environment(make_url(f"{POSTGRES}db.example.com/exams?ssl=verify-full"))

    assert said["PGSSLMODE"] == "verify-full"
    assert said["PGSSLROOTCERT"] == "/etc/ssl/database.crt"
    assert said["PGUSER"] == "invigilation"

"""Setting an office up: the commands, on both databases, and what they refuse."""

from __future__ import annotations

import asyncio
import getpass
import io
import sys
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path

import pytest

from invigilation.desk.requests import FORM
from invigilation.errors import InvalidInput
from invigilation.office_hours import LONDON, Hours
from invigilation.people import Role
from invigilation.slots import Calendar, Shift
from invigilation.store import Store, Tx
from invigilation.store.people import Backend
from web import setup
from web.api.oauth import hash_secret
from web.backends.webhook import parse_secret
from web.cli import main
from web.clock import SystemClock

MAIL = "ana@example.org"
PASSWORD = "three grey gulls at noon"
HOOK = "https://lms.example.org/hook"
INVIGILATOR = frozenset({Role.INVIGILATOR})


class Shell:
    """Somebody who types commands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        """Run one command; return its exit code and what it printed on both ways."""
        self._monkeypatch.setattr(sys, "argv", ["invigilation", *words])
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main()
        shown = self._capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err


@pytest.fixture
def shell(
    migrated_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    """A shell beside a service whose database has the schema and no rows; on both databases."""
    monkeypatch.setenv("INVIGILATION_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("INVIGILATION_DATABASE_URL", migrated_url)
    return Shell(monkeypatch, capsys)


def calendar_of(url: str) -> tuple[Calendar, int]:
    """Return the rota in a database, and how many are on its staff."""

    async def read() -> tuple[Calendar, int]:
        store = Store(url)
        async with store.read() as tx:
            found = await tx.rota.calendar(LONDON), await tx.people.count_staff()
        await store.close()
        return found

    return asyncio.run(read())


def test_an_office_is_set_up_by_five_commands(shell: Shell, migrated_url: str) -> None:
    staff = shell.run(
        *("staff", "add", MAIL, "Ana Reyes", "--role", "invigilator", "--role", "scheduler"),
        *("--capacity", "3", "--password-stdin"),
        typed=f"{PASSWORD}\n",
    )
    backend = shell.run("add-backend", "acme", "Acme Maritime", "--webhook-url", HOOK)
    theirs = shell.run("add-assessment", "acme", "PSC", "Port State Control", "--minutes", "90")
    public = shell.run(
        *("add-assessment", FORM, "PSC", "Port State Control", "--minutes", "60"),
        *("--material", "Course notes", "--material", "Pen", "--pass-mark", "80"),
    )
    shift = shell.run(
        *("add-shift", MAIL, "Tue", "09:00", "17:00"),
        *("--from", "2026-11-24", "--until", "2026-12-29"),
    )

    assert [code for code, _, _ in (staff, backend, theirs, public, shift)] == [0] * 5
    calendar, count = calendar_of(migrated_url)
    assert count == 1
    person = calendar.shifts[0].staff
    hours = Hours(time(9), time(17))
    assert calendar.shifts == (Shift(person, 1, hours, date(2026, 11, 24), date(2026, 12, 29)),)
    assert [seat.staff for seat in calendar.seats] == [person] * 3


def test_an_assessment_may_need_a_computer(shell: Shell, migrated_url: str) -> None:
    usual = shell.run("add-assessment", FORM, "PSC", "Port State Control", "--minutes", "90")
    strict = shell.run(
        *("add-assessment", FORM, "SSO", "Ship Security", "--minutes", "90", "--no-phones")
    )

    async def read() -> dict[str, bool]:
        store = Store(migrated_url)
        async with store.read() as tx:
            found = await tx.requests.assessments(FORM)
        await store.close()
        return {one.code: one.phone_allowed for one in found}

    assert (usual[0], strict[0]) == (0, 0)
    assert asyncio.run(read()) == {"PSC": True, "SSO": False}
    assert strict[1] == "Ship Security (SSO), 90 minutes, can be sat for form, on a computer.\n"


def test_a_backends_secrets_are_shown_and_fit(shell: Shell, migrated_url: str) -> None:
    _, shown, _ = shell.run("add-backend", "acme", "Acme Maritime", "--webhook-url", HOOK)

    lines = dict(line.split("  ", 1) for line in shown.splitlines() if "  " in line)
    known = {name.strip(): value.strip() for name, value in lines.items()}

    async def read() -> tuple[object, ...]:
        store = Store(migrated_url)
        async with store.read() as tx:
            client, backend = await tx.people.client("acme"), await tx.people.backend("acme")
        await store.close()
        return client, backend

    client, backend = asyncio.run(read())
    assert client.secret_hash == hash_secret(known["client secret"])  # type: ignore[attr-defined]
    assert client.id == known["client id"]  # type: ignore[attr-defined]
    assert backend == Backend("acme", "Acme Maritime", HOOK, known["webhook secret"])
    assert len(parse_secret(known["webhook secret"])) == 32


def test_a_webhook_secret_is_replaced_with_an_overlap(shell: Shell, migrated_url: str) -> None:
    _, first, _ = shell.run("add-backend", "acme", "Acme Maritime", "--webhook-url", HOOK)
    _, second, _ = shell.run("rotate-webhook-secret", "acme", "--overlap-hours", "48")

    async def read() -> tuple[str, list[str]]:
        store = Store(migrated_url)
        async with store.read() as tx:
            backend = await tx.people.backend("acme")
            older = await tx.endpoints.older_secrets("acme", SystemClock().now())
        await store.close()
        assert backend is not None
        return backend.webhook_secret, [secret for secret, _ in older]

    now, older = asyncio.run(read())
    assert f"webhook secret  {now}\n" in second
    assert [f"webhook secret  {one}\n" in first for one in older] == [True]
    assert "is used as well until" in second
    code, third, _ = shell.run("rotate-webhook-secret", "acme", "--overlap-hours", "0")
    assert (code, asyncio.run(read())[1]) == (0, [])
    assert "No older one is used any more." in third


def test_a_client_secret_is_replaced_with_an_overlap(shell: Shell, migrated_url: str) -> None:
    shell.run("add-backend", "acme", "Acme Maritime", "--webhook-url", HOOK)
    code, shown, _ = shell.run("rotate-client-secret", "acme", "--overlap-hours", "48")

    async def read() -> tuple[str, int]:
        store = Store(migrated_url)
        async with store.read() as tx:
            client = await tx.people.client("acme")
            older = await tx.clients.older("acme", SystemClock().now())
        await store.close()
        assert client is not None
        return client.secret_hash, len(older)

    hashed, older = asyncio.run(read())
    assert code == 0
    assert hashed == hash_secret(shown.splitlines()[0].removeprefix("client secret  "))
    assert older == 1
    assert "is used as well until" in shown


def test_somebody_is_added_listed_given_other_roles_and_let_go(
    shell: Shell, migrated_url: str
) -> None:
    boss = ("staff", "add", "boss@example.org", "Bo Lund", "--role", "administrator")
    ana = ("staff", "add", MAIL, "Ana Reyes", "--role", "invigilator", "--capacity", "3")
    for command in (boss, ana):
        assert shell.run(*command, "--password-stdin", typed=f"{PASSWORD}\n")[0] == 0

    listed = shell.run("staff", "list")[1]
    roles = shell.run("staff", "roles", MAIL, "--role", "scheduler")
    password = shell.run("staff", "password", MAIL, "--password-stdin", typed=f"{PASSWORD}!\n")
    factor = shell.run("staff", "reset-factor", MAIL)
    company = shell.run("staff", "reset-company", MAIL)
    removed = shell.run("staff", "remove", MAIL)
    last = shell.run("staff", "remove", "boss@example.org")

    assert f"{MAIL}   Ana Reyes: invigilator; watches 3\n" in listed
    assert "boss@example.org  Bo Lund: administrator\n" in listed
    assert roles[1] == f"Ana Reyes ({MAIL}) is now: scheduler.\n"
    assert "new password, and is signed out everywhere" in password[1]
    assert "sets up a new app or passkey" in factor[1]
    assert (company[0], "has no account at the company" in company[2]) == (1, True)
    assert removed[1] == f"Ana Reyes ({MAIL}) is not on the staff any more.\n"
    assert (last[0], "only administrator" in last[2]) == (1, True)
    assert shell.run("staff", "list")[1].count("\n") == 1

    async def actions() -> set[tuple[str, str]]:
        store = Store(migrated_url)
        async with store.read() as tx:
            known = await tx.people.staff_secret(MAIL)
            assert known is not None
            found = {(one.actor, one.action) for one in await tx.audit.of(known[0].id)}
        await store.close()
        return found

    kinds = ("added", "roles", "password", "factors_reset", "removed")
    assert asyncio.run(actions()) == {("command line", f"staff.{one}") for one in kinds}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("rotate-client-secret nobody", "There is no such client"),
        ("rotate-client-secret form --overlap-hours 721", "from 0 to 720"),
        (f"staff remove {MAIL}", "Nobody with the address"),
        (f"staff roles {MAIL} --role scheduler", "Nobody with the address"),
        (f"staff roles {MAIL} --role captain", "A role is one of invigilator"),
        (f"staff reset-company {MAIL}", "Nobody with the address"),
        (f"staff reset-factor {MAIL}", "Nobody with the address"),
        (f"staff password {MAIL} --password-stdin", "12 to 1000 characters"),
        ("rotate-webhook-secret nobody", "There is no such backend"),
        ("rotate-webhook-secret form", "There is no such backend"),
        ("rotate-webhook-secret form --overlap-hours 721", "from 0 to 720"),
        ("add-staff no-address Ana --role invigilator", "Enter an e-mail address"),
        (f"add-staff {MAIL} Ana --role captain", "A role is one of invigilator"),
        (f"add-staff {MAIL} Ana --role invigilator --capacity 0", "from 1 to 12"),
        (f"add-staff {MAIL} Ana --role scheduler --capacity 2", "Only an invigilator"),
        (f"add-staff {MAIL} Ana --role invigilator", "12 to 1000 characters"),
        (f"add-backend Acme Acme --webhook-url {HOOK}", "small letters"),
        ("add-backend acme Acme --webhook-url lms.example.org", "https://lms.example.com/hook"),
        (f"add-backend {FORM} Acme --webhook-url {HOOK}", "There is a backend form already"),
        ("add-assessment acme PSC Control --minutes 90", "There is no backend acme"),
        (f"add-assessment {FORM} PSC Control --minutes soon", "a whole number from 1 to 480"),
        (f"add-assessment {FORM} PSC Control --minutes 9 --pass-mark 101", "from 0 to 100"),
        (f"add-shift {MAIL} tue 09:00 17:00", "Nobody with the address"),
        (f"add-shift {MAIL} tuesdays 09:00 17:00", "is no weekday"),
        (f"add-shift {MAIL} tue 9 17", "Write a time like"),
        (f"add-shift {MAIL} tue 17:00 09:00", "must be after the start"),
        (f"add-shift {MAIL} tue 09:00 17:00 --from tomorrow", "Enter the day, such as"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(shell: Shell, command: str, said: str) -> None:
    words = command.split()
    extra = ("--password-stdin",) if words[0] == "add-staff" else ()

    code, out, error = shell.run(*words, *extra, typed="too short\n")

    assert (code, out) == (1, "")
    assert said in error
    assert error.count("\n") == 1


def test_the_password_is_asked_for_twice(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, PASSWORD + "!"])
    monkeypatch.setattr(getpass, "getpass", lambda _: next(typed))

    code, _, error = shell.run("add-staff", MAIL, "Ana", "--role", "invigilator")

    assert (code, error) == (1, "The two passwords are not the same.\n")


def test_a_database_that_is_not_there_is_one_sentence(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = "postgresql+asyncpg://nobody@127.0.0.1:1/none"
    monkeypatch.setenv("INVIGILATION_DATABASE_URL", away)

    code, _, error = shell.run("add-assessment", FORM, "PSC", "Control", "--minutes", "90")

    assert code == 1
    assert error.startswith("The database cannot be reached: ")


async def test_every_office_has_the_public_forms_backend(store: Store) -> None:
    await setup.open_store(store)
    await setup.open_store(store)

    async with store.read() as tx:
        form = await tx.people.backend(FORM)
    assert form is not None


async def add_ana(tx: Tx) -> None:
    """Add an invigilator who watches two at once."""
    await setup.add_staff(tx, MAIL, "Ana Reyes", INVIGILATOR, 2, "a hash")


async def test_nobody_is_added_twice(store: Store) -> None:
    async with store.write() as tx:
        await add_ana(tx)

    with pytest.raises(InvalidInput, match=MAIL):
        async with store.write() as tx:
            await setup.add_staff(tx, MAIL.upper(), "Ana", INVIGILATOR, 2, "another")

    async with store.read() as tx:
        assert len((await tx.rota.calendar(LONDON)).seats) == 2


async def test_an_assessment_is_added_once_for_each_backend(store: Store) -> None:
    async with store.write() as tx:
        await setup.keep_form(tx)
        await setup.add_backend(tx, "acme", "Acme", HOOK, setup.new_secrets())
        for backend in (FORM, "acme"):
            await setup.add_assessment(tx, backend, "PSC", "Control", 90, ("Pen",))

    with pytest.raises(InvalidInput, match="PSC already"):
        async with store.write() as tx:
            await setup.add_assessment(tx, "acme", "PSC", "Another", 60, ())

    async with store.read() as tx:
        assert [one.title for one in await tx.requests.assessments("acme")] == ["Control"]


async def test_a_backend_that_is_known_keeps_its_secrets(store: Store) -> None:
    given = setup.new_secrets()
    async with store.write() as tx:
        await setup.add_backend(tx, "acme", "Acme", HOOK, given)

    with pytest.raises(InvalidInput, match="acme already"):
        async with store.write() as tx:
            await setup.add_backend(tx, "acme", "Else", HOOK, setup.new_secrets())

    async with store.read() as tx:
        kept = await tx.people.backend("acme")
    assert kept == Backend("acme", "Acme", HOOK, given.webhook_secret)


async def test_only_an_invigilator_has_shifts(store: Store) -> None:
    hours = Hours(time(9), time(17))
    async with store.write() as tx:
        await add_ana(tx)
        await setup.add_staff(tx, "sam@example.org", "Sam", frozenset({Role.SCHEDULER}), 0, "-")

        with pytest.raises(InvalidInput, match="no invigilator"):
            await setup.add_shift(tx, "sam@example.org", 0, hours, date(2026, 11, 23), None)
        with pytest.raises(InvalidInput, match="before the first"):
            await setup.add_shift(tx, MAIL, 0, hours, date(2026, 11, 23), date(2026, 11, 22))

    async with store.read() as tx:
        assert (await tx.rota.calendar(LONDON)).shifts == ()


@pytest.mark.parametrize("password", ["", "chickenwing101", "anabel-example-org"])
def test_a_bad_password_leaves_nobody(shell: Shell, migrated_url: str, password: str) -> None:
    command = ("add-staff", MAIL, "Anabel", "--role", "invigilator", "--password-stdin")

    code, _, _ = shell.run(*command, typed=f"{password}\n")

    assert code == 1
    assert calendar_of(migrated_url)[1] == 0

"""edX platforms that are late, or say what nobody expects."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

from invigilation.report import Channel
from tests.web.campus import CAMPUS, EXAM, LMS_SECRET, OTHER, WHO, sqlite_campus
from web.backends.edx.carrier import EdxCarrier
from web.backends.edx.lms import Answer
from web.backends.edx.setup import renew_secret
from web.cli import main


class Lms:
    """Keeps what it is to tell, and has told it."""

    def __init__(self):
        self.told = []

    async def call(self, platform, path, body):
        self.told.append((platform.backend, path.rpartition("/")[2], body))
        return Answer(200, "")


@pytest.fixture
async def campus(sqlite_template, tmp_path):
    async with sqlite_campus(sqlite_template, tmp_path) as opened:
        yield opened


async def the_delivery(campus, kind):
    async with campus.office.desk.office.store.read() as tx:
        due = await tx.outbox.due(campus.office.clock.now(), 100)
    return next(one for one in due if one.type == kind)


async def test_an_exam_is_not_opened_after_its_session(campus):
    _, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    late = await the_delivery(campus, "session.admitted")
    await campus.attested(sitting)
    lms = Lms()

    ended = await EdxCarrier(campus.desk, lms).carry(late)

    assert lms.told == []
    assert "overtaken" in ended.note


async def test_a_platform_is_told_of_its_own_attempts_alone(campus):
    _, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)
    facts = {"request": attempt, "session": sitting.session}
    theirs = campus.office.desk.office.told(Channel.EDX, OTHER, "session.admitted", facts)
    lms = Lms()

    await EdxCarrier(campus.desk, lms).carry(theirs)

    assert lms.told == []


async def test_a_learner_who_is_named_like_a_retired_one_is_retired(campus):
    _, attempt = await campus.begun(full_name="Deleted user")

    await campus.ask("DELETE", f"/api/v1/user/{WHO['user_id']}/")

    found, _ = await campus.desk.standing(attempt)
    learner = (await campus.desk.requests.find(found.request)).learner
    assert learner.email == "deleted@example.invalid"


async def words_of(campus):
    """Return all that the database says, table by table."""
    async with campus.office.desk.office.store.read() as tx:
        ask = tx.outbox._db.exec_driver_sql
        tables = [row[0] for row in await ask("SELECT name FROM sqlite_master WHERE type='table'")]
        return {name: str(list(await ask(f'SELECT * FROM "{name}"'))) for name in tables}


@pytest.mark.parametrize("sat", [True, False])
async def test_of_a_retired_learner_no_table_knows_name_or_address(campus, sat):
    _, attempt = await campus.begun()
    if sat:
        await campus.attested(await campus.admitted(attempt))
        async with campus.office.desk.office.store.write() as tx:
            await tx.outbox._db.exec_driver_sql("UPDATE delivery SET state = 'delivered'")
    else:
        await campus.booked(attempt)

    _, done = await campus.ask("DELETE", f"/api/v1/user/{WHO['user_id']}/")

    assert done is True
    told = await words_of(campus)
    assert [name for name, text in told.items() if "Maria" in text or "maria@" in text] == []
    async with campus.office.desk.office.store.read() as tx:
        due = await tx.outbox.due(campus.office.clock.now(), 100)
    assert [one.type for one in due if one.channel is Channel.MAIL] == []


async def test_what_is_no_json_does_not_come_back(campus):
    token = (await campus.sign_in(CAMPUS, campus.secrets[CAMPUS]))[1]["access_token"]
    headers = {"Authorization": f"JWT {token}"}
    odd = json.dumps(EXAM | {"rules": {"most": float("nan"), "least": float("-inf")}})
    async with campus.office.client.post("/edx/api/v1/exam/", data=odd, headers=headers) as said:
        exam = (await said.json())["id"]

    async with campus.office.client.get(f"/edx/api/v1/exam/{exam}/", headers=headers) as said:
        text = await said.text()

    shown = json.loads(text, parse_constant=pytest.fail)
    assert shown["rules"] == {"most": None, "least": None}


async def test_a_practice_is_passed_once_however_often_it_is_handed_in(campus):
    exam = await campus.exam(is_practice_exam=True)
    attempt = await campus.attempt(exam)
    path = f"/api/v1/exam/{exam}/attempt/{attempt}/"
    for word in ("started", "error", "submitted", "error", "submitted"):
        await campus.ask("PATCH", path, {"status": word})

    async with campus.office.desk.office.store.read() as tx:
        due = await tx.outbox.due(campus.office.clock.now(), 100)
    assert [one.type for one in due].count("practice.done") == 1


# --- secrets that others know -------------------------------------------------------------------


async def test_a_renewed_secret_is_the_only_one(campus):
    store = campus.office.desk.office.store
    old = campus.secrets[CAMPUS]
    async with store.write() as tx:
        new = await renew_secret(campus.office.desk.office, tx, campus.wrapping, CAMPUS)

    assert (await campus.sign_in(CAMPUS, old))[0] == 401
    assert (await campus.sign_in(CAMPUS, new))[0] == 200
    assert (await campus.sign_in(OTHER, campus.secrets[OTHER]))[0] == 200
    link = f"/edx/api/v1/instructor/{CAMPUS}/?jwt={campus.instructor()}"  # signed with the old one
    async with campus.office.client.get(link) as answer:
        assert answer.status == 403
    async with store.read() as tx:
        noted = [one.after for one in await tx.audit.of(CAMPUS) if one.action.startswith("edx")]
    assert noted == ['{"whose":"ours"}']


def test_the_command_renews_either_secret(sqlite_template, tmp_path, monkeypatch, capsys):
    var = tmp_path / "var"
    var.mkdir()
    (var / "invigilation.db").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("INVIGILATION_VAR", str(var))
    codes = []
    for words in (
        "add campus Campus --lms https://lms.example.org --lms-client-id us --secret-stdin",
        "secret campus",
        "secret campus --lms --secret-stdin",
        "secret nowhere",
    ):
        monkeypatch.setattr(sys, "argv", ["invigilation", "edx", *words.split()])
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LMS_SECRET}\n"))
        with pytest.raises(SystemExit) as ended:
            main()
        codes.append(ended.value.code)

    shown = capsys.readouterr().out
    assert codes == [0, 0, 0, 1]
    assert len(set(re.findall(r"client_secret  (\S+)", shown))) == 2
    assert LMS_SECRET not in shown

"""The report for people, as the office makes, keeps and erases it."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from invigilation.desk.identity import Seen
from invigilation.errors import Busy, NotAllowed, NotFound
from invigilation.identity import Decision, SnapshotKind
from invigilation.people import Staff
from invigilation.session import Outcome
from invigilation.store.evidence import Evidence
from invigilation.store.views import Sitting
from recordings.report_pdf import maker
from recordings.report_pdf.certificate import jwk
from recordings.report_pdf.check import check, roots_of_file
from recordings.report_pdf.maker import Maker, NotMade, Report
from recordings.report_pdf.sheet import Pictures, Source
from recordings.verify import Keys, render, verify
from scheduler.jobs import Job
from tests.recordings.reports import KEY, document_key, picture, sealed, source
from tests.web.office import ADA, ANA, SAM, START, TOM, World
from web.cli import main
from web.health import routes
from web.reports import REPORTS, WAITING, Reports

STATEMENT = "I watched the learner from the admission to the end."
COLOURS = {SnapshotKind.ID_DOCUMENT: "teal", SnapshotKind.FACE: "maroon"}
REPORT_PATH = "/staff/records/{}/report.pdf"


def staff_of(sitting: Sitting) -> Staff:
    return ANA if sitting.staff == ANA.id else TOM


async def attested(world: World) -> Sitting:
    """A session with both pictures of the identity check, sat to its end and attested."""
    sitting = await world.booked()
    own, desk = staff_of(sitting), world.desk
    world.clock.move_to(START)
    await desk.sessions.check_in(sitting.session, ("identity", "recording"))
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        ident = f"ev_{kind.value}"
        stored = world.vault.put(sitting.session, ident, picture(COLOURS[kind]))
        now = world.clock.now()
        facts = (stored.sha256, stored.size, None)
        taken = Evidence(ident, sitting.session, kind.value, "image/jpeg", now, *facts)
        await desk.identity.record(sitting.session, own, Seen(kind, taken))
    await desk.identity.decide(sitting.session, own, Decision.CONFIRMED, "The faces are the same.")
    await desk.sessions.admit(sitting.session, own)
    world.clock.move_to(START + timedelta(minutes=70))
    await desk.sessions.end(sitting.session, own)
    await desk.reports.attest(sitting.session, own, STATEMENT, Outcome.COMPLETED)
    await world.reasons(sitting.session)
    return sitting


async def kinds(world: World, session: str) -> list[str]:
    async with world.desk.office.store.read() as tx:
        return [one.kind for one in await tx.sessions.entries(session)]


def keys(world: World) -> Keys:
    key = world.desk.office.signer.current()
    return {key.key_id: key.public}


class Quick:
    """Makes a report of one that was made before: the process is proved by its own tests."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun, self.free = asyncio.Event(), asyncio.Event()
        self.free.set()

    async def make(self, of: Source) -> Report:
        self.asked += 1
        self.begun.set()
        await self.free.wait()
        return Report(b"%PDF-" + str(self.asked).encode(), "B-B", "", bool(of.pictures))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Quick:
    made = Quick()
    monkeypatch.setattr("web.reports.Maker", lambda _: made)
    monkeypatch.setattr("web.reports.open_document_key", lambda *_: document_key())
    return made


async def test_a_report_is_made_noted_kept_and_ours(world: World) -> None:
    sitting = await attested(world)
    sam = await world.staff(SAM)
    path = REPORT_PATH.format(sitting.session)

    answer = await sam.get(path)

    published = json.dumps({"documents": await world.app[REPORTS].documents()}).encode()
    verdict = await asyncio.to_thread(check, answer.body, keys(world), roots_of_file(published))
    assert answer.status == 200
    assert verdict.ok, render(verdict)
    assert answer.header("Content-Type") == "application/pdf"
    assert answer.header("Cache-Control") == "no-store"
    assert answer.body.count(b"/DCTDecode") == 2
    assert (await kinds(world, sitting.session))[-2:] == ["report_made", "evidence_viewed"]
    assert (await sam.get(path)).body == answer.body
    assert (await kinds(world, sitting.session)).count("report_made") == 1


async def test_the_bundle_takes_the_report_along_and_verifies(world: World) -> None:
    sitting = await attested(world)
    ada = await world.staff(ADA)
    report = await ada.get(REPORT_PATH.format(sitting.session))

    bundle = await ada.get(f"/staff/records/{sitting.session}/bundle")

    verdict = verify(bundle.body, keys(world), now=world.clock.now())
    with zipfile.ZipFile(io.BytesIO(bundle.body)) as archive:
        assert archive.read("report.pdf") == report.body
    assert verdict.ok, render(verdict)
    assert "an event names it and it carries this attestation" in render(verdict)


async def test_a_report_is_for_its_invigilator_and_those_who_oversee(
    world: World, quick: Quick
) -> None:
    sitting = await attested(world)
    own = staff_of(sitting)
    colleague = TOM if own is ANA else ANA
    path = REPORT_PATH.format(sitting.session)

    answers = [await (await world.staff(one)).get(path) for one in (own, SAM, ADA, colleague)]

    assert [one.status for one in answers] == [200, 200, 200, 404]
    assert quick.asked == 1
    assert (await (await world.learner(sitting.request)).get(path)).to.startswith("/staff/sign-in")


async def test_there_is_none_before_the_attestation(world: World, quick: Quick) -> None:
    sitting = await world.booked()

    answer = await (await world.staff(SAM)).get(REPORT_PATH.format(sitting.session))

    assert answer.status == 404
    assert quick.asked == 0
    with pytest.raises(NotAllowed):
        await world.desk.reports_made.made("rp_1", sitting.session, "ab" * 32, 9, pictures=False)


async def test_a_report_goes_with_its_pictures_and_is_made_anew_without(
    world: World, quick: Quick
) -> None:
    sitting = await attested(world)
    reports = world.app[REPORTS]
    first = await reports.report(sitting.session, SAM)
    assert await reports.sweep() == 0
    async with world.desk.office.store.write() as tx:
        await tx.evidence.erase("ev_face", world.clock.now())
        await tx.evidence.erase("ev_id_document", world.clock.now())

    gone = await reports.sweep()
    second = await reports.report(sitting.session, SAM)

    assert gone == 1
    assert (first.kind, second.kind) == ("report", "report_bare")
    assert first.started == START
    assert second.started == world.clock.now()
    assert await reports.kept(sitting.session) == b"%PDF-2"
    assert await reports.sweep() == 0


async def test_pictures_that_went_meanwhile_are_in_no_new_answer(
    world: World, quick: Quick
) -> None:
    sitting = await attested(world)
    reports = world.app[REPORTS]
    await reports.report(sitting.session, SAM)
    async with world.desk.office.store.write() as tx:
        await tx.evidence.erase("ev_face", world.clock.now())
        await tx.evidence.erase("ev_id_document", world.clock.now())

    report = await reports.report(sitting.session, SAM)

    assert report.kind == "report_bare"


async def test_a_report_goes_with_the_names_in_it(world: World, quick: Quick) -> None:
    sitting = await attested(world)
    reports = world.app[REPORTS]
    await reports.report(sitting.session, SAM)
    async with world.desk.office.store.write() as tx:
        await tx.openings.forget(sitting.session)

    gone = await reports.sweep()

    assert gone == 1
    assert await reports.kept(sitting.session) is None


async def test_who_is_forgotten_at_once_is_in_no_report(
    world: World, quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting = await attested(world)
    report = await world.app[REPORTS].report(sitting.session, SAM)
    async with world.desk.office.store.write() as tx:
        sent = "UPDATE delivery SET state = 'delivered', accepted = next_at"
        await tx.outbox._db.execute(text(sent))
    database = f"sqlite+aiosqlite:///{tmp_path}/office.sqlite3"
    monkeypatch.setenv("INVIGILATION_VAR", str(tmp_path))
    monkeypatch.setenv("INVIGILATION_DATABASE_URL", database)
    command = ["invigilation", "forget", sitting.session, "--reason", "They asked for it."]
    monkeypatch.setattr(sys, "argv", command)

    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(main)

    assert ended.value.code == 0
    assert await world.app[REPORTS].kept(sitting.session) is None
    with pytest.raises(NotFound):
        world.vault.read(sitting.session, report.id)


async def test_reports_are_no_evidence(world: World, quick: Quick) -> None:
    sitting = await attested(world)
    await world.app[REPORTS].report(sitting.session, SAM)

    of = await world.desk.reports.record(sitting.session, SAM)

    assert {one.kind for one in of.evidence} == {"id_document", "face"}


async def test_too_many_that_wait_are_sent_away(world: World, quick: Quick) -> None:
    sitting = await attested(world)
    reports = world.app[REPORTS]
    quick.free.clear()
    waiting = [asyncio.create_task(reports.report(sitting.session, SAM)) for _ in range(WAITING)]
    await quick.begun.wait()

    with pytest.raises(Busy):
        await reports.report(sitting.session, SAM)

    quick.free.set()
    assert len({one.id for one in await asyncio.gather(*waiting)}) == 1
    assert quick.asked == 1


async def test_what_cannot_be_made_is_said_on_a_page(
    world: World, quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting = await attested(world)

    async def broken(_: object) -> Report:
        raise NotMade("the fonts are gone")

    monkeypatch.setattr(quick, "make", broken)

    answer = await (await world.staff(SAM)).get(REPORT_PATH.format(sitting.session))

    assert answer.status == 409
    assert "The report could not be made" in answer.words
    assert "report_made" not in await kinds(world, sitting.session)


async def test_one_that_cannot_be_noted_is_not_kept(
    world: World, quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting = await attested(world)
    before = set((world.vault._root / sitting.session).iterdir())

    async def full(*_: object, **__: object) -> Evidence:
        raise OSError("the database is away")

    monkeypatch.setattr(type(world.desk.reports_made), "made", full)

    with pytest.raises(OSError, match="away"):
        await world.app[REPORTS].report(sitting.session, SAM)

    assert set((world.vault._root / sitting.session).iterdir()) == before


def a_maker(tmp_path: Path, authority: str = "") -> Maker:
    key = document_key()
    private = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificate = key.chain[0].public_bytes(Encoding.PEM)
    path = tmp_path / "documents.pem"
    path.write_bytes(private + certificate)
    return Maker(maker.Seal(path, "Invigilation Service", authority, certificate.decode()))


async def test_a_picture_that_is_none_is_left_out(tmp_path: Path) -> None:
    broken = replace(source(), pictures=Pictures(face=b"no picture at all"))

    report = await a_maker(tmp_path).make(broken)

    assert not report.pictures
    assert "cannot be drawn" in report.note
    assert report.level == "B-B"


async def test_an_authority_out_of_reach_keeps_nobody_from_their_report(tmp_path: Path) -> None:
    one = a_maker(tmp_path, authority="http://127.0.0.1:9/")

    report = await one.make(source(pictures=False))

    assert report.level == "B-B"
    assert "private" in report.note
    assert report.pdf.startswith(b"%PDF-")


async def test_a_process_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maker, "WORKER", "tests.recordings.endless")
    monkeypatch.setattr(maker, "SECONDS", 0.5)

    with pytest.raises(NotMade, match="within"):
        await a_maker(tmp_path).make(source(pictures=False))


async def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    one = a_maker(tmp_path)
    (tmp_path / "documents.pem").write_text("nothing")

    with pytest.raises(NotMade, match="PEM"):
        await one.make(source(pictures=False))


async def test_certificates_of_documents_are_published(world: World) -> None:
    async def documents() -> list[dict[str, object]]:
        return [jwk(document_key().chain)]

    app = web.Application()
    app.add_routes([routes.keys(lambda: [{"kty": "OKP"}], documents)])
    async with TestClient(TestServer(app)) as client:
        answer = await (await client.get("/.well-known/jwks.json")).read()

    assert json.loads(answer)["keys"] == [{"kty": "OKP"}]
    assert roots_of_file(answer) == [document_key().chain[0]]


def test_a_report_is_checked_by_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, known = tmp_path / "report.pdf", tmp_path / "jwks.json"
    pdf = sealed(source())
    known.write_text(json.dumps({"keys": [KEY.jwk()], "documents": [jwk(document_key().chain)]}))
    command = ["invigilation", "verify", str(file), "--keys", str(known)]
    monkeypatch.setattr(sys, "argv", command)
    codes = []

    for given in (pdf, pdf + b"%"):
        file.write_bytes(given)
        with pytest.raises(SystemExit) as ended:
            main()
        codes.append(ended.value.code)

    assert codes == [0, 1]
    assert "something was added after it was sealed" in capsys.readouterr().out


def test_the_clock_looks_after_reports(world: World) -> None:
    [job] = world.app[REPORTS].jobs()

    assert isinstance(job, Job)
    assert isinstance(world.app[REPORTS], Reports)

"""Reports for people in the record and in the list, on both databases."""

from __future__ import annotations

import pytest

from invigilation.errors import NotAllowed
from invigilation.session import Outcome, SessionState
from invigilation.store.evidence import BARE_REPORT, REPORT
from tests.builders import START
from tests.invigilation.offices import MINUTE, STATEMENT


async def attested(world):
    one = await world.brought_to(SessionState.ENDED)
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)
    return one


def made(world, one, ident="rp_1", *, pictures=True):
    desk = world.desk.reports_made
    return desk.made(ident, one.session, ident.ljust(64, "0"), 9_000, pictures=pictures)


async def erase(world, *idents):
    async with world.store.write() as tx:
        for ident in idents:
            await tx.evidence.erase(ident, world.clock.now())


async def test_a_report_is_a_signed_entry_after_the_attestation(world):
    one = await attested(world)
    world.clock.go(60)

    report = await made(world, one)

    entry = (await world.entries(one.session))[-1]
    assert entry.kind == "report_made"
    assert entry.data == {"sha256": report.sha256, "size": 9_000, "pictures": True}
    assert (report.kind, report.started) == (REPORT, START)


async def test_one_without_pictures_counts_from_the_attestation(world):
    one = await attested(world)
    sealed_at = world.clock.now()
    world.clock.go(600)

    report = await made(world, one, pictures=False)

    assert (report.kind, report.started) == (BARE_REPORT, sealed_at)


async def test_the_newest_that_is_kept_counts(world):
    one = await attested(world)
    assert await world.desk.reports_made.kept(one.session) is None
    for ident in ("rp_2", "rp_3", "rp_1"):
        await made(world, one, ident)

    newest = await world.desk.reports_made.kept(one.session)
    await world.desk.reports_made.erased(newest)
    next_one = await world.desk.reports_made.kept(one.session)

    assert [newest.id, next_one.id] == ["rp_1", "rp_3"]


async def test_reports_stay_out_of_the_evidence(world):
    one = await attested(world)
    before = (await world.desk.reports.record(one.session, world.sam)).evidence
    await made(world, one)

    after = (await world.desk.reports.record(one.session, world.sam)).evidence

    assert after == before
    assert {piece.kind for piece in after} == {"id_document", "face"}


async def test_before_the_attestation_there_is_none(world):
    one = await world.brought_to(SessionState.ENDED)
    before = await world.everything()

    with pytest.raises(NotAllowed):
        await made(world, one)

    assert await world.everything() == before


async def test_a_report_outlives_nothing_that_it_shows(world):
    one = await attested(world)
    world.clock.go_to(START + 120 * MINUTE)
    shown, bare = await made(world, one), await made(world, one, "rp_2", pictures=False)
    desk = world.desk.reports_made
    at_first = await desk.outlived()
    pictures = [
        piece.id for piece in (await world.desk.reports.record(one.session, world.sam)).evidence
    ]

    await erase(world, pictures[0])
    without_a_picture = await desk.outlived()
    async with world.store.write() as tx:
        await tx.openings.forget(one.session)
    without_names = {report.id for report in await desk.outlived()}
    await desk.erased(shown)
    await desk.erased(bare)

    assert at_first == []
    assert without_a_picture == [shown]
    assert without_names == {shown.id, bare.id}
    assert await desk.outlived() == []

"""The report for people, as a PDF to keep or to hand on."""

from __future__ import annotations

import structlog
from aiohttp import web

from invigilation.errors import NotFound
from recordings.report_pdf.maker import NotMade
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages.looks import lookable
from web.pages.mistakes import Refused
from web.pages.records import READERS
from web.reports import REPORTS

log = structlog.get_logger(__name__)
routes = web.RouteTableDef()


@routes.get("/staff/records/{session}/report.pdf", allow_head=False)
async def show(request: web.Request) -> web.StreamResponse:
    """Answer with the report; it is made when there is none, and every look at it is noted."""
    person = await staff_of(request, *READERS)
    session = request.match_info["session"]
    reports = request.app[REPORTS]
    found = await request.app[DESK].reports.record(session, person)
    if found.sealed is not None:
        await lookable(request, session, person)
    try:
        report = await reports.report(session, person)
    except NotMade as why:
        log.warning("a report could not be made", session=session, reason=str(why))
        raise Refused(
            "refused", "The report could not be made. The record itself is safe: download that."
        ) from None
    await request.app[DESK].identity.see(report.id, person)
    try:
        pdf = await reports.read(report)
    except NotFound:
        raise Refused("erased", "This report was just erased: load the page again.") from None
    return web.Response(
        body=pdf,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="report-{session}.pdf"',
            "Cache-Control": "no-store",
        },
    )

"""The pages that the server renders: a module a noun."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from web.access.gate import check, gate
from web.auth import limiting
from web.auth.lockout import LOCKOUT, Lockout
from web.auth.passwords import Passwords
from web.auth.throttle import Throttle
from web.keys import SETTINGS
from web.pages import (
    admin,
    asking,
    audit,
    awake,
    book_for,
    booking,
    bookings,
    bundles,
    calendar,
    captures,
    charges,
    check_in,
    closures,
    company,
    console,
    deliveries,
    enquiries,
    evidence,
    feeds,
    fill_judging,
    health,
    judging,
    ledger,
    local,
    looks,
    me,
    my_sign_in,
    onboard,
    others_sign_in,
    pay,
    personal,
    products,
    receipts,
    record_list,
    records,
    referrals,
    rehearsal,
    report_pdf,
    rota,
    schemas,
    second,
    second_factor,
    sign_in,
    staff_booking,
    start,
    tickets,
    verifications,
    verify,
    waiting,
    zones,
)
from web.pages.assets import PREFIX, Assets, icon
from web.pages.evidence import PLAYBACKS, Playbacks
from web.pages.feeds import GUESSES, WRONG_LIMIT
from web.pages.frame import setup_templates
from web.pages.headers import add_headers
from web.pages.mistakes import explain, pages
from web.pages.onboard import SENT, SENT_LIMIT
from web.pages.rehearsal import PIECES, PIECES_LIMIT, RUNS, RUNS_LIMIT
from web.pages.second_factor import CODES, CODES_LIMIT
from web.pages.sign_in import PASSWORDS
from web.pages.start import ASKED, ASKED_LIMIT

LEARNERS = (
    start,
    personal,
    me,
    zones,
    booking,
    waiting,
    asking,
    receipts,
    pay,
    check_in,
    tickets,
    captures,
    local,
    rehearsal,
    second,
    onboard,
    verify,
    schemas,
)
STAFF = (
    sign_in,
    company,
    second_factor,
    my_sign_in,
    awake,
    console,
    record_list,
    records,
    fill_judging,
    report_pdf,
    bundles,
    referrals,
    evidence,
    calendar,
    bookings,
    staff_booking,
    book_for,
    judging,
    ledger,
    charges,
    products,
    closures,
    rota,
    audit,
    looks,
    admin,
    others_sign_in,
    deliveries,
    health,
    verifications,
    enquiries,
    feeds,
)


def setup(app: web.Application) -> None:
    """Add all pages to the application, with their middleware, headers, templates and files.

    The application holds its settings by now, and by its start everything else in `web.keys`.
    """
    app[verify.ASSETS] = assets = Assets(kept=app[SETTINGS].var / "static")
    app.cleanup_ctx.append(assets.living)
    setup_templates(app, assets, app[SETTINGS].service_name)
    limiting.setup(app, explain)
    app.middlewares.append(pages)
    app.middlewares.append(gate)
    app.on_startup.insert(0, check)
    app.on_response_prepare.append(add_headers)
    app[LOCKOUT] = Lockout(app[limiting.LIMITER].shared)
    app[CODES] = Throttle(CODES_LIMIT)
    app[ASKED] = Throttle(ASKED_LIMIT)
    app[PLAYBACKS] = Playbacks()
    app[GUESSES] = Throttle(WRONG_LIMIT)
    app[SENT] = Throttle(SENT_LIMIT)
    app[RUNS] = Throttle(RUNS_LIMIT)
    app[PIECES] = Throttle(PIECES_LIMIT)
    app.cleanup_ctx.append(_passwords)
    app.cleanup_ctx.append(company.running)
    for noun in (*LEARNERS, *STAFF):
        app.add_routes(noun.routes)
    app.router.add_get(PREFIX + "{name}", assets.serve)
    app.router.add_get("/favicon.ico", icon)


async def _passwords(app: web.Application) -> AsyncIterator[None]:
    app[PASSWORDS] = passwords = Passwords()
    yield
    passwords.close()

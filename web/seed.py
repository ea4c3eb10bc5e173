"""The demonstration: staff with a rota, two assessments, learners, and a session that is near.

It is made once; the near session is made anew whenever the last one's time is over.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from invigilation.charge import Price
from invigilation.desk import Desk
from invigilation.desk.changes import AddLeave
from invigilation.desk.office import new_id
from invigilation.desk.products import EXPEDITED
from invigilation.desk.requests import FORM, Ask
from invigilation.enquiry import EnquiryKind
from invigilation.errors import InvigilationError, SlotNotOffered, SlotTaken
from invigilation.office_hours import DAY, DEFAULT_WEEK, MIDNIGHT, Hours
from invigilation.people import Role, Staff
from invigilation.slots import Shift
from invigilation.store import Tx
from invigilation.store.credentials import Totp
from invigilation.store.views import Sitting
from web import setup
from web.auth.factors import name_of
from web.auth.passwords import hash_password
from web.auth.totp import new_secret
from web.bank_holidays import bank_holidays
from web.wrapping import Wrapping

PRACTICE = "practice"
NEVER = 0
"""A step long ago: no code has been used."""
EXTRA = timedelta(hours=4)
HALF_HOUR = timedelta(minutes=30)
LANES = 2
LEARNER = "L-1001"
NEAR_ASSESSMENT = "GMDSS-R"
STAFF = (
    ("ana.reyes@example.org", "Ana Reyes", Role.INVIGILATOR),
    ("tom.baker@example.org", "Tom Baker", Role.INVIGILATOR),
    ("lena.moser@example.org", "Lena Moser", Role.INVIGILATOR),
    ("sam.field@example.org", "Sam Field", Role.SCHEDULER),
    ("ada.stone@example.org", "Ada Stone", Role.ADMINISTRATOR),
)
ASSESSMENTS = (  # code, title, minutes, materials, whether a phone alone will do
    (
        "ISPS-SSO",
        "Ship Security Officer: Official Assessment",
        90,
        ("Course notes", "Pen and paper", "Calculator"),
        True,
    ),
    (
        NEAR_ASSESSMENT,
        "GMDSS refresher: Official Assessment",
        60,
        ("Course notes", "Pen and paper"),
        False,
    ),
)
LEARNERS = (
    (LEARNER, "Maria Santos", "maria.santos@example.org", "Asia/Manila", date(1994, 3, 17)),
    ("L-1002", "Arjun Nair", "arjun.nair@example.org", "Asia/Kolkata", date(1988, 11, 2)),
    ("L-1003", "Olena Koval", "olena.koval@example.org", "Europe/Athens", date(1996, 5, 29)),
    ("L-1004", "Kwame Mensah", "kwame.mensah@example.org", "Africa/Accra", None),
)
ASKER = ("D-2001", "Rosa Alvarez", "rosa.alvarez@example.org", "America/Lima")
"""Who owes for a service and has written about it."""
QUESTION = "My company pays for the expedited service. Can you send the invoice to them?"
AWAY = timedelta(weeks=3)
"""How far ahead somebody's leave lies."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demonstration shares with the practice backend and shows to the person.

    `app_secret` is that of the authenticator app that nobody has: the pages say its codes.
    """

    password: str
    client_secret: str
    webhook_secret: str
    app_secret: str = field(default_factory=new_secret)


def open_demo(path: Path) -> Demo:
    """Return the demonstration's secrets, making them the first time."""
    if path.exists():
        kept = json.loads(path.read_text())
        demo = Demo(**kept)
        if kept == asdict(demo):
            return demo
        path.unlink()  # of a version before: it has no app
    else:
        made = setup.new_secrets()
        demo = Demo(f"demo-{secrets.token_hex(3)}", made.client_secret, made.webhook_secret)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(demo), file)
    return demo


async def give_apps(desk: Desk, demo: Demo, wrapping: Wrapping) -> None:
    """Let those of the demonstration's staff who have no second step have the demonstration's."""
    now = desk.office.clock.now()
    async with desk.office.store.write() as tx:
        for email, _, _ in STAFF:
            found = await tx.people.staff_secret(email)
            if found is None or (await desk.credentials.standing_in(tx, found[0].id)).ready:
                continue
            ident = found[0].id
            wrapped = wrapping.wrap(name_of(ident), demo.app_secret)
            await tx.credentials.set_totp(Totp(ident, wrapped, NEVER, now))


async def seed(desk: Desk, demo: Demo, webhook_url: str) -> None:
    """Fill an empty database with the demonstration; a filled one is left as it is."""
    office = desk.office
    today = office.clock.now().astimezone(office.rules.zone).date()
    async with office.store.read() as tx:
        if await tx.people.count_staff():
            return  # before the password is hashed, which takes half a second
    hashed = await asyncio.to_thread(hash_password, demo.password)
    async with office.store.write() as tx:
        if await tx.people.count_staff():
            return
        await _backends(tx, demo, webhook_url)
        await _staff(tx, hashed, today)
    await desk.rota.close_holidays(bank_holidays)
    await _bookings(desk, today)
    await _office(desk, today)


async def _backends(tx: Tx, demo: Demo, webhook_url: str) -> None:
    given = setup.Secrets(demo.client_secret, demo.webhook_secret)
    await setup.add_backend(tx, PRACTICE, "Practice training company", webhook_url, given)
    await setup.keep_form(tx)
    for backend in (PRACTICE, FORM):
        for code, title, minutes, materials, phones in ASSESSMENTS:
            await setup.add_assessment(
                tx, backend, code, title, minutes, materials, phone_allowed=phones
            )


async def _staff(tx: Tx, hashed: str, today: date) -> None:
    for email, name, role in STAFF:
        await setup.add_staff(tx, email, name, frozenset({role}), LANES, hashed)
        if role is Role.INVIGILATOR:
            for weekday, hours in enumerate(DEFAULT_WEEK):
                if hours is not None:
                    await setup.add_shift(tx, email, weekday, hours, today, None)


async def _bookings(desk: Desk, today: date) -> None:
    """Book a few learners over the next working days, so that the calendar has something in it."""
    office = desk.office
    licence = office.clock.now() + timedelta(days=120)
    for number, (reference, name, email, zone, born) in enumerate(LEARNERS[1:], start=1):
        code = ASSESSMENTS[number % 2][0]
        entitlement = f"demo-{today:%Y%m%d}-{number}"
        asked = await desk.requests.ask(
            Ask(PRACTICE, entitlement, reference, name, email, code, licence, zone=zone, born=born)
        )
        for ahead in range(1, 8):
            day = datetime.combine(today + timedelta(days=ahead), time(9), office.rules.zone)
            start = day + timedelta(hours=number)
            try:
                await desk.bookings.book(asked.request.id, start, zone, "service", by_staff=True)
            except InvigilationError:
                continue
            break


async def _office(desk: Desk, today: date) -> None:
    """Give the office something to do: a leave, a product, a charge that is due, a question."""
    office = desk.office
    scheduler, lena = [await _person(desk, STAFF[number][0]) for number in (3, 2)]
    monday = datetime.combine(today - today.weekday() * DAY + AWAY, time(0), office.rules.zone)
    leave = AddLeave(lena.id, monday, monday + timedelta(days=3), "Family visit")
    await desk.rota.change(scheduler, leave, {})
    await desk.products.add(
        scheduler, "late_change", "Late change of a session", Price(1_500, 2_000)
    )
    reference, name, email, zone = ASKER
    licence = office.clock.now() + timedelta(days=120)
    entitlement = f"demo-{today:%Y%m%d}-asker"
    asked = await desk.requests.ask(
        Ask(PRACTICE, entitlement, reference, name, email, NEAR_ASSESSMENT, licence, zone=zone)
    )
    request = asked.request.id
    await desk.charges.add(scheduler, request, EXPEDITED, "Asked by phone for an early day.")
    await desk.enquiries.ask(request, EnquiryKind.PAYMENT, QUESTION)


async def _person(desk: Desk, email: str) -> Staff:
    async with desk.office.store.read() as tx:
        found = await tx.people.staff_secret(email)
    if found is None:
        raise LookupError("the demonstration has no staff")
    return found[0]


async def book_near(desk: Desk, request: str) -> Sitting:
    """Book a request's session for the next half hour, at any hour of any day; return it.

    Where the office is closed at this hour, it is opened for a few hours more, and the first
    invigilator is at work.
    """
    near = await _next_free(desk, request)
    if near is None:
        await _open_now(desk)
        near = await _next_free(desk, request)
    if near is None:
        raise LookupError("no time is free in the next hours")
    return near


async def _next_free(desk: Desk, request: str) -> Sitting | None:
    now = desk.office.clock.now()
    base = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
    # Check-in opens half an hour before: only the next start can be joined at once.
    for step in (1, 0):
        try:
            return await desk.bookings.book(
                request, base + HALF_HOUR * step, LEARNERS[0][3], "service", by_staff=True
            )
        except (SlotNotOffered, SlotTaken):
            continue
    return None


async def _open_now(desk: Desk) -> None:
    office = desk.office
    local = office.clock.now().astimezone(office.rules.zone)
    until = local + EXTRA
    stretches = [(local.date(), time(local.hour), time(until.hour))]
    if until.date() != local.date():
        stretches = [(local.date(), time(local.hour), MIDNIGHT)]
        stretches.append((until.date(), MIDNIGHT, time(until.hour or 1)))
    first = await _person(desk, STAFF[0][0])
    async with office.store.write() as tx:
        usual = (await tx.rota.calendar(office.rules.zone)).office
        for day, start, end in stretches:
            extra = Hours(start, end)
            # Extra hours stand instead of the day's usual ones, so those are repeated.
            for hours in {*usual.hours(day), extra} - {*usual.openings.get(day, ())}:
                await tx.rota.open(new_id("op"), day, hours)
            shift = Shift(first.id, day.weekday(), extra, day, day)
            await tx.rota.add_shift(new_id("sh"), shift)

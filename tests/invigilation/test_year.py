"""A year of the office, hour by hour, through the real sweeps: at its end nothing is amiss."""

from __future__ import annotations

import json
import random
import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from invigilation import attendance, record
from invigilation.booking import BookingState
from invigilation.desk import Desk, Office, changes
from invigilation.desk.requests import Ask
from invigilation.enquiry import EnquiryKind
from invigilation.errors import InvigilationError, SlotTaken, TooLate
from invigilation.office_hours import Hours, Window
from invigilation.people import Role, Staff
from invigilation.ports import Fate as Fared
from invigilation.ports import Link, Word
from invigilation.request import Assessment
from invigilation.slots import Shift
from invigilation.sweeps import Attempt, Fate, Sweeps
from tests.builders import BACKEND, CONSENT, FixedClock, PlainSealer, PlainSigner
from tests.invigilation import invariants
from tests.invigilation.invariants import LONDON, at
from tests.invigilation.play import DAY, HOUR, MINUTE, SAM, fate

HOLIDAYS = ((12, 25, "Christmas Day"), (12, 28, "Boxing Day"), (5, 3, "Early May"))
PEOPLE = {"st_ann": (2, 9, 14), "st_bob": (1, 11, 17), "st_cat": (1, 9, 17)}
NOWHERE = "lea3@example.com"
"""A learner's address that takes no mail."""
FATES = (*["come"] * 5, "refuse", "miss", "miss", "fail", "ours")
REMINDED = ((72, 24), (24, 1), (1, 0))


@dataclass
class Till:
    """A payment provider that does as it is told."""

    name: str = "till"
    bills: dict = field(default_factory=dict)

    async def open(self, bill):
        link = Link(f"ref-{len(self.bills)}", "https://pay.example.com/")
        self.bills[link.reference] = bill
        return link

    async def ask(self, reference):
        return Word(reference, Fared.EXPIRED)

    async def close(self, reference):
        return Word(reference, Fared.EXPIRED)


@dataclass
class Postman:
    """Fails now and then at first; one address does not exist."""

    rng: random.Random
    carried: Counter = field(default_factory=Counter)

    async def carry(self, delivery):
        if delivery.target == NOWHERE:
            return Attempt(Fate.REFUSED_FOR_GOOD, "550 no such mailbox")
        if delivery.attempts == 1 and self.rng.random() < 0.05:
            return Attempt(Fate.FAILED, "try again")
        self.carried[delivery.id] += 1
        return Attempt(Fate.ACCEPTED, "handed over")


class Year:
    """The office, its people, and what becomes of each session."""

    def __init__(self, store, first, seed):
        self.store = store
        self.rng = random.Random(seed)
        self.clock = FixedClock(first)
        self.signer = PlainSigner()
        self.till = Till()
        self.postman = Postman(self.rng)
        office = Office(store, self.clock, self.signer, PlainSealer(), dice=random.Random(seed))
        self.desk = Desk.of(office, self.till)
        self.sweeps = Sweeps(self.desk, self.postman, lambda _: 5 * MINUTE)
        self.staff = {}
        self.asked = 0
        self.open = []
        self.planned = {}
        self.to_remind = set()
        self.holidays = set()
        self.disputes = Counter()
        self.considered = set()
        self.seen = Counter()
        self.before = None

    async def hire(self):
        async with self.store.write() as tx:
            await tx.people.add_backend(BACKEND)
            await tx.requests.add_assessment(
                Assessment("as_psc", BACKEND.id, "psc", "Port State Control", 90, (), 70)
            )
            await tx.people.add_staff(SAM, "")
            for ident, (seats, start, end) in PEOPLE.items():
                person = Staff(ident, f"{ident}@x.org", ident, frozenset({Role.INVIGILATOR}))
                self.staff[ident] = person
                await tx.people.add_staff(person, "")
                for lane in range(seats):
                    await tx.rota.add_seat(f"{ident}_{lane}", ident, lane)
                for weekday in range(5):
                    hours = Hours(time(start), time(end))
                    shift = Shift(ident, weekday, hours, date(2026, 1, 1), None)
                    await tx.rota.add_shift(f"sh_{ident}_{weekday}", shift)

    # --- the clock ---

    async def tick(self, *, mails=True):
        """One round of what runs in the background."""
        await self._expect_reminders()
        await self.desk.reminders.sweep()
        await self.desk.bookings.lapse()
        await self.desk.waiting.offer()
        await self.sweeps.mark_no_shows()
        if mails:
            while await self.sweeps.deliver():
                pass

    async def _expect_reminders(self):
        """Work out, by hand, of which bookings a learner must be reminded now."""
        now = self.clock.now()
        async with self.store.read() as tx:
            rows = await tx.bookings._db.execute(
                invariants.text(
                    "SELECT id, sequence, start, placed FROM booking WHERE state = 'booked'"
                )
            )
            found = [(row[0], row[1], at(row[2]), at(row[3])) for row in rows]
        for ident, sequence, start, placed in found:
            for hours, fewer in REMINDED:
                due = start - HOUR * hours
                if due <= now < start - HOUR * fewer and placed < due:
                    self.to_remind.add((ident, sequence, hours))

    async def live(self, days):
        first = self.clock.now().astimezone(LONDON).date()
        for number in range(days):
            day = first + DAY * number
            await self._day(day)
            if day.day == 1:
                await self.check()

    async def _day(self, day):
        self._to(day, time(7, 45))
        await self.desk.rota.close_holidays(self._of_year)
        await self.sweeps.purge()
        await self._morning(day)
        sessions = await self.desk.bookings.between(self.clock.now(), self.clock.now() + 12 * HOUR)
        moments = {self._wall(day, time(hour, 15)) for hour in ((8, 18) if sessions else (8,))}
        for one in sessions:  # an hour before it, and when it may be judged
            moments |= {one.start + MINUTE * n for n in (-45, 20)}
        events = [(moment, "tick", None) for moment in moments]
        for one in sessions:
            if one.booking_state is BookingState.BOOKED:
                what = self.planned.setdefault(one.booking, self.rng.choice(FATES))
                events += self._events(one, what)
        for moment, what, one in sorted(events, key=lambda event: (event[0], event[1])):
            if moment > self.clock.now():
                self.clock.go_to(moment)
            await self._happen(what, one)
        await self._evening()

    def _wall(self, day, wall):
        return datetime.combine(day, wall, LONDON).astimezone(UTC)

    def _to(self, day, wall):
        self.clock.go_to(max(self._wall(day, wall), self.clock.now()))

    def _of_year(self, year):
        days = [(date(year, month, day), name) for month, day, name in HOLIDAYS]
        self.holidays |= {day for day, _ in days}
        return days

    # --- sessions ---

    def _events(self, one, what):
        ready = [(one.start - 12 * MINUTE, "ready", one)]
        if what in {"come", "refuse"}:
            return [*ready, (one.start - 5 * MINUTE, what, one)]
        beats = [(one.start + n * MINUTE, "beat", None) for n in range(-32, 20, 2)]
        if what == "miss":
            return ready + beats
        if what == "fail":
            return [*ready, *beats, (one.start + 3 * MINUTE, "try", one)]
        return []

    async def _happen(self, what, one):
        sessions, staff = self.desk.sessions, None if one is None else self.staff[one.staff]
        self.seen[what] += 1
        match what:
            case "tick":
                await self.tick()
            case "beat":
                await self.sweeps.beat()
            case "ready":
                await sessions.ready(one.session, staff)
            case "try":
                await sessions.note_attempt(one.session, "token_used")
            case "come":
                await sessions.check_in(one.session, CONSENT)
            case "refuse":
                await sessions.check_in(one.session, CONSENT)
                await sessions.refuse(one.session, staff, "No document was shown.")

    # --- people ---

    async def _morning(self, day):
        if day.weekday() < 5:
            for _ in range(self.rng.choice((0, 1, 1))):
                await self._ask()
            await self._book()
            if self.rng.random() < 0.2:
                await self._move_or_cancel()
        if self.rng.random() < 0.05:
            await self._rota(day)

    async def _ask(self):
        """One of twelve learners asks for a session; after a no-show it is to be paid."""
        self.asked += 1
        learner = self.rng.randrange(12)
        asked = await self.desk.requests.ask(
            Ask(
                BACKEND.id,
                f"order-{self.asked}",
                f"learner-{learner}",
                f"Lea {learner}",
                f"lea{learner}@example.com",
                "psc",
                self.clock.now() + 150 * DAY,
            )
        )
        self.open.append(asked.request.id)

    async def _book(self):
        """Those who may book do; who must pay does so first, or lets the time lapse."""
        for request in self.open[:3]:
            now = self.clock.now()
            window = Window(now, now + 8 * DAY)
            starts = await self.desk.bookings.starts(request, window)
            found = await self.desk.requests.find(request)
            if not starts or found.request.state != "open":
                self.open.remove(request)
                continue
            start = self.rng.choice(starts)
            if await self.desk.charges.unpaid(request):
                await self._pay(request, start)
            else:
                await self.desk.bookings.book(request, start, "Asia/Manila")
            self.open.remove(request)

    async def _pay(self, request, start):
        await self.desk.bookings.reserve(request, start, "Asia/Manila")
        payment = await self.desk.payments.begin(request)
        how = self.rng.choice(("at once", "at once", "twice", "late", "never"))
        self.seen[f"paid {how}"] += 1
        if how in {"late", "never"}:
            self.clock.go(31 * 60)
            await self.desk.bookings.lapse()
        if how == "never":
            await self.desk.payments.take(Word(payment.reference, Fared.EXPIRED))
            return
        word = Word(payment.reference, Fared.PAID, payment.gross_pence, payment.currency)
        await self.desk.payments.take(word)
        if how == "twice":
            await self.desk.payments.take(word)

    async def _move_or_cancel(self):
        rows = await invariants.read(self.store)
        ahead = [o for o in rows.bookings if o.state == "booked" and o.start > self.clock.now()]
        if not ahead:
            return
        one = self.rng.choice(ahead)
        try:
            if self.rng.random() < 0.4:
                await self.desk.bookings.cancel(one.id, "ill")
                self.open.append(one.request)
            else:
                window = Window(self.clock.now(), self.clock.now() + 10 * DAY)
                starts = await self.desk.bookings.starts(one.request, window)
                await self.desk.bookings.move(one.id, self.rng.choice(starts))
        except (TooLate, SlotTaken):
            self.seen["too late"] += 1

    async def _rota(self, day):
        """Leave, a closed day, or another capacity, each with the fates of its bookings."""
        when = day + DAY * self.rng.randrange(2, 9)
        start = self._wall(when, time(9))
        change = self.rng.choice(
            (
                changes.AddLeave(self.rng.choice([*PEOPLE]), start, start + 8 * HOUR),
                changes.CloseDay(when, "Moving house"),
                changes.SetCapacity("st_ann", self.rng.randrange(1, 4)),
            )
        )
        displaced = await self.desk.rota.preview(SAM, change)
        fates = {each.one.booking.id: fate(each, self.rng.randrange(100)) for each in displaced}
        try:
            await self.desk.rota.change(SAM, change, fates)
        except InvigilationError:
            self.seen["no room"] += 1
        self.seen["displaced"] += len(displaced)

    async def _evening(self):
        """The scheduler judges, and learners dispute."""
        for proposal in await self.desk.attendance.proposals(SAM):
            if self.rng.random() < 0.5:
                continue
            booking = proposal.sitting.booking
            verdict = self.rng.choice((BookingState.LEARNER_NO_SHOW,) * 3 + (BookingState.EXCUSED,))
            await self.desk.attendance.decide(booking, SAM, verdict, "As the evidence says.")
        for one in await self.desk.attendance.decided(SAM):
            if one.sitting.booking in self.considered:
                continue
            self.considered.add(one.sitting.booking)
            if self.rng.random() < 0.6:
                await self._dispute(one.sitting)

    async def _dispute(self, sitting):
        latest = await self.desk.bookings.latest(sitting.request)
        if latest is None or latest.booking != sitting.booking:
            return
        asked = await self.desk.enquiries.ask(
            sitting.request, EnquiryKind.DISPUTE, "My ship had no power."
        )
        await self.desk.enquiries.answer(SAM, asked.id, "We have looked at it again.")
        self.disputes["asked"] += 1
        if self.rng.random() < 0.5:
            await self.desk.attendance.decide(
                sitting.booking, SAM, BookingState.EXCUSED, "The ship had no power."
            )
            self.disputes["upheld"] += 1

    # --- what must hold ---

    async def check(self):
        rows = await invariants.read(self.store)
        assert list(invariants.broken(rows, self.clock.now(), self.holidays)) == []
        if self.before is not None:
            assert invariants.unlawful(self.before, rows) == []
        self.before = rows
        return rows


async def select(store, query):
    async with store.read() as tx:
        return [tuple(row) for row in await tx.bookings._db.execute(invariants.text(query))]


async def reminders_are_right(year):
    bodies = [
        json.loads(bytes(row[0]))
        for row in await select(year.store, "SELECT body FROM delivery WHERE type = 'reminder'")
    ]
    made = Counter((one["booking"], one["sequence"], one["hours"]) for one in bodies)
    assert set(made) == year.to_remind
    assert set(made.values()) <= {1}


async def no_shows_rest_on_evidence(year, rows):
    now = year.clock.now()
    confirmed = [one for one in rows.bookings if one.state == "learner_no_show"]
    for one in confirmed:
        found = await year.desk.attendance.explained(one.id)
        assert found.state is BookingState.LEARNER_NO_SHOW
        assert {"Your invigilator was ready.", "Our service worked the whole time."} <= {
            fact.words for fact in found.facts
        }
        assert found.dispute_until == found.decided + 14 * DAY
    charges = await select(year.store, "SELECT booking, state FROM charge")
    charged = dict(charges)
    assert {one.id for one in confirmed} <= charged.keys()
    let_off = charged.keys() - {one.id for one in confirmed}
    assert {charged[booking] for booking in let_off} <= {"waived", "settled"}
    waiting = [one for one in rows.bookings if one.state == "no_show_proposed"]
    assert all(now - one.start < 20 * DAY for one in waiting)
    return confirmed


async def money_adds_up(year):
    charges = "SELECT net_pence, vat_basis_points FROM charge WHERE state = 'settled'"
    settled = await select(year.store, charges)
    # 20 % of whole pounds: no penny to be rounded.
    owed = sum(net * (10_000 + vat) // 10_000 for net, vat in settled)
    paid = await select(year.store, "SELECT gross_pence FROM payment WHERE state = 'paid'")
    assert owed == sum(row[0] for row in paid)
    last = year.clock.now() + DAY
    first = last - 365 * DAY
    lines = [
        *await year.desk.charges.ledger(SAM, first - 30 * DAY, first),
        *await year.desk.charges.ledger(SAM, first, last),
    ]
    assert sum(line.after == "settled" for line in lines) == len(settled)
    return len(paid)


async def everything_left(year):
    late = await select(
        year.store, "SELECT target, state, type FROM delivery WHERE state <> 'delivered'"
    )
    assert {(target, state) for target, state, _ in late} <= {(NOWHERE, "disabled")}
    assert set(year.postman.carried.values()) == {1}


async def chains_verify(year):
    key = year.signer.key.public_key()
    async with year.store.read() as tx:
        for (ident,) in await select(year.store, "SELECT id FROM session"):
            digest = record.FIRST_PREVIOUS
            for seq, entry in enumerate(await tx.sessions.entries(ident), 1):
                body = json.loads(entry.body)
                key.verify(entry.signature, entry.body)
                assert (body["seq"], body["prev"], body["session"]) == (seq, digest, ident)
                assert record.stamp(entry.at) == body["at"]
                digest = entry.head.digest


async def everything_has_ended(year, rows):
    now = year.clock.now()
    sessions = {booking: state for _, booking, state in rows.sessions}
    for one in rows.bookings:
        if one.start + attendance.CHECK_IN_CLOSES + HOUR < now:
            assert one.state not in {"reserved", "booked"}, one
        if one.state in invariants.FINAL - {"lapsed"}:
            assert sessions[one.id] == "closed"


SEED = 4
LENGTHS = {
    "sqlite": (datetime(2026, 10, 5, 6, tzinfo=UTC), 370),
    "postgresql": (datetime(2027, 3, 8, 6, tzinfo=UTC), 40),
}


async def test_a_year_ends_with_everything_in_its_place(store, migrated_url, monkeypatch):
    first, days = LENGTHS[migrated_url.partition("+")[0]]
    # Names decide the order of equals: with names of a known draw, each run is the same year.
    names = random.Random(SEED)
    monkeypatch.setattr(secrets, "token_hex", lambda count: names.randbytes(count).hex())
    year = Year(store, first, SEED)
    await year.hire()

    await year.live(days)
    year.clock.go_to(year.clock.now() + HOUR)
    await year.tick()

    rows = await year.check()
    await everything_has_ended(year, rows)
    confirmed = await no_shows_rest_on_evidence(year, rows)
    await reminders_are_right(year)
    await everything_left(year)
    await chains_verify(year)
    paid = await money_adds_up(year)
    counted = Counter(one.state for one in rows.bookings)
    assert len(rows.bookings) > days / 4
    if days > 365:
        assert {"attended", "cancelled", "excused", "learner_no_show", "lapsed"} <= counted.keys()
        assert {"provider_fault", "technical_unresolved"} <= counted.keys()
        assert len(confirmed) >= 5
        assert paid >= 2
        assert year.disputes["asked"] >= 3
        assert year.disputes["upheld"] >= 1
        assert year.seen["displaced"] >= 1

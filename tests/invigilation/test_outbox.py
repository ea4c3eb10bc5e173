"""The sweeps: what leaves the house leaves, whoever else is at work or dies."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from invigilation.dispatch import PLACES, Dispatch, Receipt
from invigilation.report import Channel, DeliveryState
from invigilation.store import Store
from invigilation.store.evidence import Evidence
from invigilation.store.outbox import Backlog
from invigilation.sweeps import BATCH, CLAIM, Attempt, Fate, Sweeps
from tests import builders
from tests.builders import START

PAUSE = timedelta(minutes=5)
ACCEPTED = Attempt(Fate.ACCEPTED, "accepted")


@dataclass
class Post:
    """Takes deliveries and keeps them; answers as it is told, by target."""

    answers: dict[str, Attempt | Exception] = field(default_factory=dict)
    carried: list = field(default_factory=list)

    async def carry(self, delivery):
        self.carried.append(delivery)
        await asyncio.sleep(0)
        answer = self.answers.get(delivery.target, ACCEPTED)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def targets(self):
        return sorted(delivery.target for delivery in self.carried)


@dataclass
class SlowPost(Post):
    """Holds what it is given until it is let go."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, delivery):
        self.carried.append(delivery)
        self.begun.set()
        await self.let_go.wait()
        return ACCEPTED


def sweeps(world, post):
    return Sweeps(world.desk, post, lambda attempts: PAUSE * attempts)


async def put(world, *targets):
    """Put a webhook to each target into the outbox."""
    async with world.store.write() as tx:
        for target in targets:
            await tx.outbox.add(
                world.desk.office.told(Channel.WEBHOOK, target, "greeting", {"to": target})
            )


async def states(world):
    rows = await world.rows("SELECT target, state, attempts FROM delivery ORDER BY target")
    return [tuple(row) for row in rows]


async def test_what_is_due_is_carried_once(world):
    await put(world, "a", "b")
    post = Post()

    made = await sweeps(world, post).deliver()

    assert made == 2
    assert post.targets() == ["a", "b"]
    assert await states(world) == [("a", "delivered", 1), ("b", "delivered", 1)]
    world.clock.go(86_400)
    assert await sweeps(world, post).deliver() == 0


async def test_a_failure_is_tried_again_later_and_without_end(world):
    await put(world, "a")
    post = Post({"a": Attempt(Fate.FAILED, "no answer")})
    sweep = sweeps(world, post)
    for attempt in range(1, 6):
        assert await sweep.deliver() == 1
        assert await sweep.deliver() == 0
        world.clock.go(PAUSE.total_seconds() * attempt - 1)
        assert await sweep.deliver() == 0
        world.clock.go(1)
    post.answers.clear()

    await sweep.deliver()

    assert await states(world) == [("a", "delivered", 6)]
    assert len({delivery.id for delivery in post.carried}) == 1
    assert len({delivery.body for delivery in post.carried}) == 1


async def test_what_failed_is_shown_with_what_was_heard(world):
    await put(world, "a")
    await sweeps(world, Post({"a": Attempt(Fate.FAILED, "no answer")})).deliver()

    async with world.store.read() as tx:
        [waiting] = await tx.outbox.waiting(10)
        oldest = await tx.outbox.oldest_pending()

    assert (waiting.note, waiting.attempts) == ("no answer", 1)
    assert waiting.state is DeliveryState.PENDING
    assert oldest == world.clock.now()


async def test_whatever_was_heard_can_be_kept(world):
    await put(world, "a")
    heard = Attempt(Fate.FAILED, "a\0b\ud800\r\n" + "x" * 1_000)

    await sweeps(world, Post({"a": heard})).deliver()

    async with world.store.read() as tx:
        [waiting] = await tx.outbox.waiting(10)
    assert waiting.note.startswith("a b   xx")
    assert len(waiting.note) == 300


async def test_what_is_refused_for_good_is_not_tried_again(world):
    await put(world, "a")
    await sweeps(world, Post({"a": Attempt(Fate.REFUSED_FOR_GOOD, "410")})).deliver()
    world.clock.go(86_400)

    assert await sweeps(world, Post()).deliver() == 0
    assert await states(world) == [("a", "disabled", 1)]


async def test_one_that_cannot_be_carried_at_all_holds_up_no_other(world):
    await put(world, "a", "bad", "c")

    await sweeps(world, Post({"bad": ValueError("no such letter")})).deliver()

    assert await states(world) == [
        ("a", "delivered", 1),
        ("bad", "pending", 1),
        ("c", "delivered", 1),
    ]
    assert await world.rows("SELECT note FROM delivery WHERE target = 'bad'") == [
        ("ValueError: no such letter",)
    ]


async def test_what_goes_to_one_place_goes_in_order(world):
    for number in range(6):
        async with world.store.write() as tx:
            await tx.outbox.add(world.desk.office.told(Channel.WEBHOOK, "a", f"step-{number}", {}))
        world.clock.go(1)
    post = Post()

    await sweeps(world, post).deliver()

    assert [delivery.type for delivery in post.carried] == [f"step-{n}" for n in range(6)]


async def test_a_place_that_is_slow_holds_up_no_other(world):
    await put(world, "slow", "quick")

    class Half(SlowPost):
        async def carry(self, delivery):
            if delivery.target == "slow":
                return await super().carry(delivery)
            self.let_go.set()
            return ACCEPTED

    await asyncio.wait_for(sweeps(world, Half()).deliver(), 20)

    assert [state for _, state, _ in await states(world)] == ["delivered", "delivered"]


async def test_a_batch_has_a_limit(world):
    await put(world, *(f"t{number:02}" for number in range(BATCH + 3)))
    post = Post()

    assert await sweeps(world, post).deliver() == BATCH
    assert await sweeps(world, post).deliver() == 3
    assert len({delivery.id for delivery in post.carried}) == BATCH + 3


async def test_two_workers_at_once_carry_each_delivery_once(world, migrated_url):
    await put(world, *(f"t{number}" for number in range(12)))
    other_store = Store(migrated_url)
    other = builders.office(other_store, world.clock)
    posts = [Post(), Post()]

    try:
        await asyncio.gather(
            sweeps(world, posts[0]).deliver(),
            Sweeps(other, posts[1], lambda attempts: PAUSE).deliver(),
        )
    finally:
        await other_store.close()

    carried = [delivery.id for post in posts for delivery in post.carried]
    assert len(carried) == len(set(carried)) == 12
    assert {state for _, state, _ in await states(world)} == {"delivered"}


async def test_a_worker_that_died_loses_its_claim_after_a_minute(world):
    await put(world, "a")
    dying = SlowPost()
    worker = asyncio.create_task(sweeps(world, dying).deliver())
    await dying.begun.wait()
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    post = Post()
    world.clock.go(CLAIM.total_seconds() - 1)
    assert await sweeps(world, post).deliver() == 0

    world.clock.go(1)
    await sweeps(world, post).deliver()

    assert await states(world) == [("a", "delivered", 2)]
    assert post.carried[0].id == dying.carried[0].id


async def test_a_worker_whose_claim_ran_out_changes_nothing_any_more(world):
    await put(world, "a")
    slow = SlowPost()
    worker = asyncio.create_task(sweeps(world, slow).deliver())
    await slow.begun.wait()
    world.clock.go(CLAIM.total_seconds())
    await sweeps(world, Post({"a": Attempt(Fate.FAILED, "no answer")})).deliver()

    slow.let_go.set()
    await worker

    assert await states(world) == [("a", "pending", 2)]


async def test_a_claim_that_another_has_taken_over_is_not_settled_by_the_first(world):
    await put(world, "a")
    first, second = SlowPost(), SlowPost()
    workers = []
    for post in (first, second):
        workers.append(asyncio.create_task(sweeps(world, post).deliver()))
        await post.begun.wait()
        world.clock.go(CLAIM.total_seconds())

    first.let_go.set()
    await workers[0]

    assert await states(world) == [("a", "claimed", 2)]
    second.let_go.set()
    await workers[1]
    assert await states(world) == [("a", "delivered", 2)]


# --- place by place ---


def dispatch(world, post):
    return Dispatch(world.desk, post, lambda attempts: PAUSE * attempts)


async def test_sweeps_do_not_wait_for_a_place_that_is_slow(world):
    await put(world, "slow")
    post = SlowPost()
    async with dispatch(world, post).running() as work:
        assert await work.sweep() == 1
        await post.begun.wait()
        await put(world, "slow", "quick")

        class Quick(Post):
            async def carry(self, delivery):
                post.let_go.set()
                return await super().carry(delivery)

        object.__setattr__(work, "carrier", quick := Quick())
        assert await work.sweep() == 1
        await work.idle()
        assert await work.sweep() == 1
        await work.idle()

    assert quick.targets() == ["quick", "slow"]
    assert {state for _, state, _ in await states(world)} == {"delivered"}


async def test_a_channel_has_only_so_many_hands(world):
    post = SlowPost()
    async with dispatch(world, post).running() as work:
        await put(world, *(f"t{number:02}" for number in range(PLACES + 5)))
        assert await work.sweep() == PLACES
        assert await work.sweep() == 0
        async with world.store.write() as tx:
            await tx.outbox.add(world.desk.office.letter("a@example.com", "x", {}))
        assert await work.sweep() == 1
        post.let_go.set()
        await work.idle()
        assert await work.sweep() == 5
        await work.idle()

    assert len(post.carried) == PLACES + 6


async def test_what_is_in_hand_at_the_end_is_broken_off_and_comes_again(world):
    await put(world, "a")
    post = SlowPost()
    async with dispatch(world, post).running() as work:
        await work.sweep()
        await post.begun.wait()

    assert await states(world) == [("a", "claimed", 1)]
    world.clock.go(CLAIM.total_seconds())
    assert await sweeps(world, Post()).deliver() == 1


async def test_a_silent_place_is_asked_once_and_the_rest_is_put_back(world):
    await put(world, *["a"] * 4)
    post = Post({"a": Attempt(Fate.FAILED, "no answer", silent=True)})

    await sweeps(world, post).deliver()

    assert len(post.carried) == 1
    assert sorted(attempts for _, _, attempts in await states(world)) == [0, 0, 0, 1]
    assert await sweeps(world, post).deliver() == 0
    world.clock.go(PAUSE.total_seconds())
    assert await sweeps(world, Post()).deliver() == 4


async def test_a_place_that_answers_again_gets_at_once_what_waits_for_it(world):
    post = Post({"acme": Attempt(Fate.FAILED, "no answer", silent=True)})
    sweep = Sweeps(world.desk, post, lambda _: timedelta(hours=9))
    await put(world, "acme", "acme")
    await sweep.deliver()
    world.clock.go(3_600)
    post.answers.clear()
    await put(world, "acme")

    assert await sweep.deliver() == 1
    assert await sweep.deliver() == 2
    assert {state for _, state, _ in await states(world)} == {"delivered"}


async def test_one_that_is_always_refused_is_not_hurried_by_the_others(world):
    class Fussy(Post):
        async def carry(self, delivery):
            await super().carry(delivery)
            bad = delivery.type == "bad"
            return Attempt(Fate.FAILED, "status 400") if bad else ACCEPTED

    post = Fussy()
    for kind in ("good", "bad", "good", "good"):
        async with world.store.write() as tx:
            await tx.outbox.add(world.desk.office.told(Channel.WEBHOOK, "acme", kind, {}))
        await sweeps(world, post).deliver()
        world.clock.go(60)

    assert [one.type for one in post.carried] == ["good", "bad", "good", "good"]


async def test_what_is_heard_of_a_backend_is_kept(world):
    post = Post({"acme": Attempt(Fate.FAILED, "status 500")})
    await put(world, "acme", "acme", "nobody")
    await sweeps(world, post).deliver()
    failed = world.clock.now()

    async with world.store.read() as tx:
        bad, backlog = await tx.endpoints.health("acme"), await tx.outbox.backlogs()
        assert list(await tx.endpoints.all()) == ["acme"]
    world.clock.go(2 * PAUSE.total_seconds())
    await sweeps(world, Post()).deliver()
    async with world.store.read() as tx:
        good, cleared = await tx.endpoints.health("acme"), await tx.outbox.backlogs()

    assert (bad.failures, bad.last_success, bad.said) == (2, None, "status 500")
    assert backlog[Channel.WEBHOOK, "acme"] == Backlog(2, failed, 0)
    assert (good.failures, good.last_success) == (0, world.clock.now())
    assert good.last_failure == failed
    assert cleared == {}


async def test_a_place_that_wants_no_more_gets_no_more(world):
    post = Post({"acme": Attempt(Fate.GONE, "410")})
    await put(world, "acme", "acme")
    await sweeps(world, post).deliver()
    await put(world, "acme", "b")

    await sweeps(world, post).deliver()

    assert post.targets() == ["acme", "b"]
    assert [state for target, state, _ in await states(world) if target == "acme"] == [
        "disabled"
    ] * 3


async def test_what_is_sent_again_was_accepted_when_it_was_accepted_first(world):
    one = await builders.book(world.desk)
    async with world.store.write() as tx:
        letter = world.desk.office.told(Channel.WEBHOOK, "acme", "report.ready", {})
        await tx.outbox.add(letter, session=one.session)
    await sweeps(world, Post()).deliver()
    accepted = world.clock.now()
    world.clock.go(60)
    async with world.store.write() as tx:
        place = (Channel.WEBHOOK, "acme")
        assert await tx.outbox.replay(place, world.clock.now(), idents=[letter.id]) == 1

    async with world.store.read() as tx:
        assert await tx.outbox.reports_accepted() == {one.session: accepted}
    await sweeps(world, Post()).deliver()

    async with world.store.read() as tx:
        assert await tx.outbox.reports_accepted() == {one.session: accepted}


async def test_what_cannot_be_written_down_is_raised_by_the_next_sweep(world):
    await put(world, "a")
    broken = Attempt(Fate.ACCEPTED, "x" * 3)
    object.__setattr__(broken, "fate", "no fate")
    async with dispatch(world, Post({"a": broken})).running() as work:
        await work.sweep()
        with pytest.raises(ExceptionGroup, match="could not be settled"):
            await work.idle()


async def test_a_receipt_becomes_an_anchor_and_another_key_does_not(world):
    one = await builders.book(world.desk)
    body = {"backend": "acme", "receipt": "x.y.z", "key": {"kty": "OKP"}}

    async def accept(key, at):
        receipt = Receipt(one.session, at, body | {"receipt": f"{at}"}, key)
        await put(world, "acme")
        await sweeps(world, Post({"acme": replace(ACCEPTED, receipt=receipt)})).deliver()

    await accept("key-1", START)
    await accept("key-1", START)
    await accept("key-2", START + timedelta(hours=1))

    async with world.store.write() as tx:
        [kept] = await tx.anchors.of(one.session)
        await tx.endpoints.forget_receipt_key("acme")
    assert (kept["kind"], kept["receipt"]) == ("receipt", f"{START}")
    await accept("key-2", START + timedelta(hours=2))
    async with world.store.read() as tx:
        assert len(await tx.anchors.of(one.session)) == 2


async def test_a_letter_made_under_one_name_is_made_once(world):
    office = world.desk.office

    async with world.store.write() as tx:
        first = await tx.outbox.add_once(office.letter("a@example.com", "x", {}), "reminder:1")
        again = await tx.outbox.add_once(office.letter("a@example.com", "x", {}), "reminder:1")
        other = await tx.outbox.add_once(office.letter("a@example.com", "x", {}), "reminder:2")

    assert (first, again, other) == (True, False, True)
    assert await world.rows("SELECT channel FROM delivery") == [(Channel.MAIL.value,)] * 2


async def test_a_change_that_fails_sends_nothing(world):
    async def change():
        async with world.store.write() as tx:
            await tx.outbox.add(world.desk.office.told(Channel.WEBHOOK, "a", "greeting", {}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change()

    assert await world.count("delivery") == 0


# --- the other sweeps ---


async def test_heartbeats_are_kept_for_a_month(world):
    sweep = sweeps(world, Post())
    await sweep.beat()
    await sweep.beat()
    assert await world.count("heartbeat") == 1
    world.clock.go_to(START + timedelta(days=40))
    await sweep.beat()

    await sweep.purge()

    async with world.store.read() as tx:
        beats = await tx.watch.beats(START - timedelta(days=90), world.clock.now())
    assert beats == (world.clock.now(),)


async def test_logins_and_tickets_go_when_they_have_run_out(world):
    await world.desk.reception.sign_in("staff", world.ann.id)
    await world.desk.reception.ticket("staff", world.ann.id, None)
    world.clock.go(60)
    sweep = sweeps(world, Post())

    await sweep.purge()
    assert (await world.count("login"), await world.count("ticket")) == (1, 0)
    world.clock.go(12 * 3_600)
    await sweep.purge()

    assert await world.count("login") == 0


class Eraser:
    """Erases what it is told to; keeps what it was asked about."""

    def __init__(self, *gone):
        self.gone = set(gone)
        self.asked = []

    async def erase(self, evidence, accepted):
        self.asked.append((evidence.id, accepted))
        return evidence.id in self.gone


async def test_evidence_whose_bytes_are_gone_is_noted_as_erased(world):
    one = await builders.book(world.desk)
    now = world.clock.now()
    async with world.store.write() as tx:
        for ident, digest in (("ev_old", "ab" * 32), ("ev_new", "cd" * 32), ("ev_open", None)):
            size = None if digest is None else 5
            await tx.evidence.add(
                Evidence(ident, one.session, "face", "image/jpeg", now, digest, size, None)
            )
    eraser = Eraser("ev_old")

    assert await sweeps(world, Post()).erase(eraser) == 1
    assert await sweeps(world, Post()).erase(eraser) == 0

    assert sorted(ident for ident, _ in eraser.asked) == ["ev_new", "ev_new", "ev_old"]
    kept = {piece.id: piece.erased for piece in await world.desk.sessions.evidence(one.session)}
    assert kept == {"ev_old": now, "ev_new": None, "ev_open": None}


async def test_evidence_that_cannot_be_erased_keeps_no_other_from_it(world):
    class Stuck(Eraser):
        async def erase(self, evidence, accepted):
            if evidence.id == "ev_a":
                raise OSError("read-only file system")
            return await super().erase(evidence, accepted)

    one = await builders.book(world.desk)
    now = world.clock.now()
    async with world.store.write() as tx:
        for ident in ("ev_a", "ev_b"):
            await tx.evidence.add(
                Evidence(ident, one.session, "face", "image/jpeg", now, "ab" * 32, 5, None)
            )

    with pytest.raises(ExceptionGroup, match="not erased: 1 piece"):
        await sweeps(world, Post()).erase(Stuck("ev_b"))

    kept = {piece.id: piece.erased for piece in await world.desk.sessions.evidence(one.session)}
    assert kept == {"ev_a": None, "ev_b": now}


async def test_the_retention_hears_when_the_report_was_accepted(world):
    one = await builders.book(world.desk)
    async with world.store.write() as tx:
        await tx.outbox.add(
            world.desk.office.told(Channel.WEBHOOK, "acme", "report.ready", {}), session=one.session
        )
        await tx.evidence.add(
            Evidence("ev", one.session, "face", "image/jpeg", START, "ab" * 32, 5, None)
        )
    eraser = Eraser()
    sweep = sweeps(world, Post())

    await sweep.erase(eraser)
    world.clock.go(60)
    await sweep.deliver()
    accepted = world.clock.now()
    world.clock.go(60)
    await sweep.erase(eraser)

    assert eraser.asked == [("ev", None), ("ev", accepted)]

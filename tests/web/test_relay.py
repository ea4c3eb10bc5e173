"""Nudges between processes, over a real Redis."""

from __future__ import annotations

from contextlib import AsyncExitStack

from redis.asyncio import Redis

from tests.harness.servers import RedisServer
from tests.harness.waiting import until
from web.relay import CHANNEL, Relay


class Ears:
    """Hears nudges and remembers them."""

    def __init__(self) -> None:
        self.sessions: list[str] = []
        self.staff: list[str] = []
        self.signed_out: list[str] = []

    def relay(self, url: str) -> Relay:
        return Relay(url, self.sessions.append, self.staff.append, self.signed_out.append)


async def listeners(redis: RedisServer, wanted: int) -> None:
    async def heard() -> bool:
        async with Redis.from_url(redis.url, decode_responses=True) as client:
            return dict(await client.pubsub_numsub(CHANNEL)).get(CHANNEL, 0) == wanted

    await until(heard, 10, f"{wanted} listeners")


async def test_without_redis_a_process_nudges_itself() -> None:
    ears = Ears()
    async with ears.relay("").running() as _:
        relay = ears.relay("")
        relay.session_changed("se_1")
        relay.lobby_changed("st_1")
    assert (ears.sessions, ears.staff) == (["se_1"], ["st_1"])


async def test_another_process_hears_the_nudge(redis: RedisServer) -> None:
    here, there = Ears(), Ears()
    relay, other = here.relay(redis.url), there.relay(redis.url)
    async with relay.running(), other.running():
        await listeners(redis, 2)
        relay.lobby_changed("st_7")
        relay.session_changed("se_7")
        relay.signed_out("st_9")
        await until(lambda: there.signed_out, 10, "the nudges in the other process")
    assert there.signed_out == ["st_9"]
    assert (there.sessions, there.staff) == (["se_7"], ["st_7"])


async def test_nonsense_on_the_channel_is_passed_over(redis: RedisServer) -> None:
    ears = Ears()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(ears.relay(redis.url).running())
        client = await stack.enter_async_context(Redis.from_url(redis.url))
        await listeners(redis, 1)
        for nonsense in ("", "[]", '{"kind": "rumour", "id": "x"}', '{"kind": "session"}'):
            await client.publish(CHANNEL, nonsense)
        await client.publish(CHANNEL, '{"kind": "session", "id": "se_9"}')
        await until(lambda: ears.sessions, 10, "the good nudge")
    assert (ears.sessions, ears.staff) == (["se_9"], [])


async def test_after_a_loss_of_redis_nudges_pass_again(redis: RedisServer) -> None:
    here, there = Ears(), Ears()
    relay, other = here.relay(redis.url), there.relay(redis.url)
    async with relay.running(), other.running():
        await listeners(redis, 2)
        redis.stop()
        relay.lobby_changed("st_lost")
        redis.start()
        await listeners(redis, 2)

        def heard() -> bool:
            # One of them may stand there twice for a moment, and the other not at all yet.
            relay.lobby_changed("st_back")
            return "st_back" in there.staff

        await until(heard, 10, "a nudge after Redis came back")
    assert "st_lost" in here.staff


async def test_after_a_loss_of_redis_everybody_looks_at_once(redis: RedisServer) -> None:
    looked: list[bool] = []
    ears = Ears()
    relay = Relay(
        redis.url,
        ears.sessions.append,
        ears.staff.append,
        ears.signed_out.append,
        lambda: looked.append(True),
    )
    async with relay.running():
        await listeners(redis, 1)
        assert looked == []
        redis.stop()
        redis.start()
        await until(lambda: looked, 10, "a look at everything after the loss")

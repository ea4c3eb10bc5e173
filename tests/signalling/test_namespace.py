"""The Socket.IO edge: real clients against a real server, with doubles for peers and evidence."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import aiohttp
import pytest
import socketio
from aiohttp import web
from socketio.exceptions import ConnectionError as Refused

from invigilation.desk.people import Kind
from invigilation.people import Role, Staff
from invigilation.store.logins import Ticket
from invigilation.store.views import Sitting
from signalling import edge, namespace
from signalling.actor import MAILBOX_LIMIT
from signalling.forms import FORMS
from signalling.live import Live
from signalling.sdp import SdpRefused
from signalling.seat import Person
from signalling.waiting import Waiting
from tests.builders import BOOKED_AT, CONSENT, FixedClock, Scene, add_invigilator, book, booked
from tests.harness.waiting import until
from tests.signalling.bodies import BODIES
from tests.signalling.doubles import FakeEvidence, FakePeers

ORIGIN = "https://exams.example.com"
STRANGERS = {"a colleague": Role.INVIGILATOR, "a scheduler": Role.SCHEDULER}


@dataclass
class Page:
    """A person's page: its socket and all that came."""

    socket: socketio.AsyncClient
    session: str
    got: list[tuple[str, dict]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, event: str, session: str | None = None, **fields) -> dict:
        body = {"session": session or self.session, **fields}
        return await self.socket.call(event, body, namespace="/room", timeout=10)

    def of(self, event: str) -> list[dict]:
        return [body for kind, body in self.got if kind == event]

    async def heard(self, event: str, what=lambda _body: True) -> dict:
        await until(lambda: any(what(one) for one in self.of(event)), 5, f"a {event}")
        return next(one for one in self.of(event) if what(one))


@dataclass
class Service:
    """The live room on a port of its own."""

    scene: Scene
    live: Live
    url: str
    http: aiohttp.ClientSession
    peers: FakePeers
    evidence: FakeEvidence
    pages: list[Page] = field(default_factory=list)

    @property
    def session(self) -> str:
        return self.scene.sitting.session

    async def learner_ticket(self, sitting: Sitting | None = None) -> str:
        one = sitting or self.scene.sitting
        desk, known = self.scene.desk, await self.scene.desk.devices.of(one.session)
        device = None if known is None else known.device  # the one that takes part asks
        return await desk.reception.ticket(Kind.LEARNER, one.request, one.session, device)

    async def staff_ticket(self, staff: Staff | None = None) -> str:
        person = staff or self.scene.ann
        return await self.scene.desk.reception.ticket(Kind.STAFF, person.id, None)

    async def connect(
        self, ticket: str | None, origin: str | None = ORIGIN, *, patience_s: float = 5
    ) -> Page:
        socket = socketio.AsyncClient(reconnection=False, http_session=self.http)
        page = Page(socket, self.session)

        @socket.on("*", namespace="/room")
        async def _got(event, body):
            page.got.append((event, body))

        @socket.on("disconnect", namespace="/room")
        async def _gone(reason):
            page.gone.set()

        await socket.connect(
            self.url,
            headers={} if origin is None else {"Origin": origin},
            auth={} if ticket is None else {"ticket": ticket},
            namespaces=["/room"],
            socketio_path="room/socket",
            transports=["websocket"],
            wait_timeout=patience_s,
        )
        self.pages.append(page)
        return page

    async def learner(self, sitting: Sitting | None = None) -> Page:
        page = await self.connect(await self.learner_ticket(sitting))
        page.session = (sitting or self.scene.sitting).session
        return page

    async def staff(self, staff: Staff | None = None) -> Page:
        return await self.connect(await self.staff_ticket(staff))

    async def second_camera(self) -> Page:
        """Come in as the second camera of the session."""
        reception = self.scene.desk.reception
        return await self.connect(await reception.ticket(Kind.SECOND, self.session, self.session))

    async def check_in(self) -> None:
        await self.scene.desk.sessions.check_in(self.session, CONSENT)

    async def second(self) -> Sitting:
        """Book another learner's session at the same time, with the same invigilator."""
        clock = self.scene.clock
        now = clock.now()
        clock.go_to(BOOKED_AT)
        sitting = await book(self.scene.desk, 2)
        clock.go_to(now)
        return sitting


@contextlib.asynccontextmanager
async def serving(scene: Scene, peers=None, clock=None):
    peers = peers or FakePeers(scene.clock)
    evidence = FakeEvidence(scene.desk)
    live = Live(scene.desk, evidence, peers, clock or scene.clock, [ORIGIN])
    app = web.Application()
    live.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}"
        service = Service(scene, live, url, http, peers, evidence)
        try:
            yield service
        finally:
            for page in service.pages:
                await page.socket.disconnect()
            await runner.cleanup()


@pytest.fixture
async def service(tmp_path, sqlite_template):
    async with booked(tmp_path, sqlite_template) as scene, serving(scene) as one:
        yield one


# Coming in


async def test_a_learner_joins_with_a_ticket_and_gets_the_state(service):
    page = await service.learner()

    answer = await page.say("join")

    assert answer["ok"] is True
    assert answer["state"]["session"] == service.session
    assert answer["state"]["role"] == "learner"


async def test_a_ticket_opens_one_connection_only(service):
    ticket = await service.learner_ticket()
    await service.connect(ticket)

    with pytest.raises(Refused):
        await service.connect(ticket)


async def test_who_has_joined_can_come_back_once_by_the_ticket_in_the_answer(service):
    joined = await (await service.learner()).say("join")
    service.scene.clock.go(3_600)

    back = await (await service.connect(joined["again"])).say("join")

    assert back["ok"] is True
    with pytest.raises(Refused):
        await service.connect(joined["again"])


async def test_a_way_back_ends_where_another_session_took_the_place_of_this_one(
    service, monkeypatch
):
    joined = await (await service.learner()).say("join")
    other = await service.second()

    async def latest(_self, _request):
        return other

    monkeypatch.setattr(type(service.scene.desk.bookings), "latest", latest)
    with pytest.raises(Refused):
        await service.connect(joined["again"])


async def test_staff_come_back_by_their_login_alone(service):
    assert "again" not in await (await service.staff()).say("join")


async def test_a_second_camera_whose_place_was_taken_has_no_way_back(service):
    await service.check_in()

    answer = await (await service.second_camera()).say("join")

    assert (answer["ok"], "again" in answer) == (True, False)


async def test_a_learner_has_one_way_back_at_a_time(service):
    first = await service.learner()
    joined, once_more = await first.say("join"), await first.say("join")

    elsewhere = await (await service.learner()).say("join")

    assert once_more["again"] == joined["again"]
    with pytest.raises(Refused):
        await service.connect(joined["again"])
    assert (await (await service.connect(elsewhere["again"])).say("join"))["ok"] is True


async def test_a_late_ticket_is_refused(service):
    ticket = await service.learner_ticket()
    service.scene.clock.go(31)

    with pytest.raises(Refused):
        await service.connect(ticket)


@pytest.mark.parametrize("ticket", [None, "", "made up", "ü" * 10, "x" * 1_000])
async def test_without_a_ticket_nobody_comes_in(service, ticket):
    with pytest.raises(Refused):
        await service.connect(ticket)


@pytest.mark.parametrize(
    "origin", [None, "", "https://evil.example", "http://exams.example.com", "null"]
)
async def test_pages_of_others_are_refused_before_the_ticket_is_looked_at(service, origin):
    ticket = await service.learner_ticket()

    with pytest.raises(Refused):
        await service.connect(ticket, origin)

    assert (await (await service.connect(ticket)).say("join"))["ok"] is True


async def test_polling_is_not_served(service):
    address = f"{service.url}/room/socket/?EIO=4&transport=polling"

    async with service.http.get(address, headers={"Origin": ORIGIN}) as answer:
        status = answer.status

    assert status == 400


async def test_a_connection_that_enters_nothing_is_closed(service, monkeypatch):
    monkeypatch.setattr(edge, "ENTER_S", 0.05)

    async with service.http.ws_connect(
        f"{service.url}/room/socket/?EIO=4&transport=websocket", headers={"Origin": ORIGIN}
    ) as socket:
        seen = [message async for message in socket]

    assert seen[0].data.startswith("0")


@pytest.mark.parametrize("limit", ["WAITING_LIMIT", "OUTSIDE_LIMIT", "CONNECTION_LIMIT"])
async def test_who_has_a_ticket_finds_room_beside_those_that_have_none(service, monkeypatch, limit):
    monkeypatch.setattr(edge, limit, 3)
    address = f"{service.url}/room/socket/?EIO=4&transport=websocket"
    async with contextlib.AsyncExitStack() as stack:
        idle = [
            await stack.enter_async_context(
                service.http.ws_connect(address, headers={"Origin": ORIGIN})
            )
            for _ in range(3)
        ]
        for one in idle:
            await one.receive()

        lea, ann = await service.learner(), await service.staff()

        assert (await lea.say("join"))["ok"] is True
        assert (await ann.say("join"))["ok"] is True
        server = service.live._server
        assert len(server._within) == 2
        if limit != "CONNECTION_LIMIT":
            closing = await idle[0].receive(timeout=5)
            assert closing.type is not aiohttp.WSMsgType.TEXT or closing.data == "1"
    await until(lambda: len(server._links) == 2, 5, "the end of the idle ones")
    assert (len(server._outside), len(server._unjoined)) == (0, 0)


async def test_a_full_house_refuses_whoever_comes(service, monkeypatch):
    monkeypatch.setattr(edge, "CONNECTION_LIMIT", 1)
    staff = await service.staff()

    with pytest.raises(Refused):
        await service.learner()

    assert (await staff.say("join"))["ok"] is True


async def test_a_place_whose_connections_all_have_tickets_and_join_nothing_is_full(
    service, monkeypatch
):
    monkeypatch.setattr(edge, "WAITING_LIMIT", 1)
    lea = await service.learner()

    with pytest.raises(Refused):
        await service.learner()

    assert (await lea.say("join"))["ok"] is True
    assert await service.learner()


def test_the_place_with_most_waiting_gives_way_first_and_its_oldest():
    waiting = Waiting()
    for place, name in (("a", "1"), ("b", "2"), ("b", "3"), ("c", "4")):
        waiting.add(place, name)

    full = waiting.fullest()
    assert (full, waiting.oldest(full), len(waiting), waiting.count("a")) == ("b", "2", 4, 1)
    waiting.discard("b", "2")
    waiting.discard("b", "2")
    waiting.discard("a", "1")

    assert (waiting.oldest("b"), waiting.oldest("a"), len(waiting)) == ("3", None, 2)


async def test_a_learner_who_joins_nothing_is_closed_but_staff_may_wait(service, monkeypatch):
    monkeypatch.setattr(edge, "JOIN_S", 0.3)
    staff = await service.staff()

    learner = await service.learner()
    await asyncio.wait_for(learner.gone.wait(), 5)

    assert (await staff.say("join"))["ok"] is True


async def test_who_signs_out_is_closed_on_every_page_and_nobody_else(service):
    ann, also_ann, lea = await service.staff(), await service.staff(), await service.learner()

    service.live.signed_out(service.scene.ann.id)
    await asyncio.wait_for(asyncio.gather(ann.gone.wait(), also_ann.gone.wait()), 5)

    await lea.say("join")
    assert not lea.gone.is_set()


async def test_a_learner_who_signs_out_is_closed_on_every_page_and_nobody_else(service):
    ann, lea = await service.staff(), await service.learner()
    await lea.say("join")

    service.live.signed_out(service.scene.sitting.request)
    await asyncio.wait_for(lea.gone.wait(), 5)

    await ann.say("join")
    assert not ann.gone.is_set()
    assert [one.id for one in service.live.staff()] == [service.scene.ann.id]


async def test_who_has_joined_is_not_closed_by_the_deadline(service, monkeypatch):
    monkeypatch.setattr(edge, "JOIN_S", 0.5)
    stays = await service.learner()
    await stays.say("join")
    idle = await service.learner()

    await asyncio.wait_for(idle.gone.wait(), 5)

    assert not stays.gone.is_set()


async def frames(service, *sent: str | bytes) -> list[str]:
    """Come in as a learner by hand, send frames, and return what comes until the end."""
    ticket = await service.learner_ticket()
    async with service.http.ws_connect(
        f"{service.url}/room/socket/?EIO=4&transport=websocket", headers={"Origin": ORIGIN}
    ) as socket:
        await socket.receive()
        await socket.send_str('40/room,{"ticket":"' + ticket + '"}')
        await socket.receive()
        for one in sent:
            await (socket.send_bytes(one) if isinstance(one, bytes) else socket.send_str(one))
        return [str(message.data) async for message in socket]


@pytest.mark.parametrize(
    "frame",
    [
        '451-/room,1["chat",{"_placeholder":true,"num":0}]',
        '421-/room,["chat",{"session":"se_1"}]',
        '42/room,["connect",{},{"ticket":"x"}]',
        '42/room,["disconnect"]',
        "42/room,{}",
        "42/room,[]",
        "42/room,[1,2]",
        "42/room,1[[" + "[" * 30_000,
        "49/room,",
        "4nonsense",
        "4" + "[" * 30_000,
        "",
        "x",
        '42/room,["chat","' + "x" * 70_000 + '"]',
        b"\x04binary",
        "44/room,{}",
    ],
)
async def test_what_cannot_be_a_message_ends_the_connection(service, frame):
    other = await service.staff()

    async with asyncio.timeout(5):
        await frames(service, frame)

    assert (await other.say("join"))["ok"] is True


async def test_a_connection_that_ends_while_it_comes_in_leaves_nothing_behind(service, monkeypatch):
    live, reception = service.live, type(service.scene.desk.reception)
    use_ticket, release = reception.use_ticket, asyncio.Event()

    async def slow(self, token):
        await release.wait()
        return await use_ticket(self, token)

    monkeypatch.setattr(reception, "use_ticket", slow)
    ticket = await service.staff_ticket()
    coming = asyncio.ensure_future(service.connect(ticket, patience_s=1))
    await until(lambda: live._server._links, 5, "the connection")
    (eio_sid,) = live._server._links
    await live._server.eio.disconnect(eio_sid)
    release.set()
    with pytest.raises(Refused):
        await coming

    assert [*live._lines] == []
    assert live._lobby._staff == {}


async def test_a_flood_of_frames_ends_the_connection(service):
    frame = '42/room,["chat"]'

    async with asyncio.timeout(10):
        await frames(service, *[frame] * (int(edge.FRAMES_AT_ONCE) + 1))

    assert service.live._server._links == {}


async def test_a_second_attempt_to_enter_by_the_same_connection_takes_no_ticket(service):
    first, second = await service.learner_ticket(), await service.learner_ticket()
    async with service.http.ws_connect(
        f"{service.url}/room/socket/?EIO=4&transport=websocket", headers={"Origin": ORIGIN}
    ) as socket:
        await socket.receive()
        for ticket in ("wrong", first):
            await socket.send_str('40/room,{"ticket":"' + ticket + '"}')
            assert (await socket.receive()).data.startswith("44")

    assert (await (await service.connect(second)).say("join"))["ok"] is True
    assert (await (await service.connect(first)).say("join"))["ok"] is True


# Who may do what


async def test_a_learner_may_send_only_what_learners_may(service):
    await service.check_in()
    page = await service.learner()
    await page.say("join")

    order = sorted(FORMS, key="leave".__eq__)  # once out, all is refused
    answers = {event: await page.say(event, **BODIES[event]) for event in order}

    refused = {e for e, a in answers.items() if not a["ok"] and a["error"]["code"] == "not_allowed"}
    thin = {"link", "still", "sound"}
    learners = {"join", "leave", "offer", "chat", "media", "hand", *thin}
    assert {event for event, answer in answers.items() if answer["ok"]} == learners
    assert refused == {*FORMS} - learners - {"done"}
    assert answers["done"]["error"]["code"] == "not_found"


@pytest.mark.parametrize("who", ["another learner", "a colleague", "a scheduler"])
async def test_nobody_may_do_anything_in_a_session_of_others(service, who):
    await service.check_in()
    if who == "another learner":
        page = await service.learner(await service.second())
        await page.say("join")
    else:
        staff = await add_invigilator(service.scene.desk, "Bob Baker", STRANGERS[who])
        page = await service.staff(staff)
    before = await service.scene.desk.sessions.view(service.session)

    answers = [await page.say(event, service.session, **BODIES[event]) for event in FORMS]

    assert {answer["error"]["code"] for answer in answers} == {"not_allowed"}
    assert await service.scene.desk.sessions.view(service.session) == before


async def test_nothing_is_done_before_joining(service):
    await service.check_in()
    page = await service.staff()

    outside = {"join", "take_over", "withdraw_handover"}
    answers = [await page.say(event, **BODIES[event]) for event in {*FORMS} - outside]

    assert {answer["error"]["code"] for answer in answers} == {"not_allowed"}


async def test_what_is_not_understood_is_refused_by_name(service):
    page = await service.learner()

    unknown = await page.say("attach")
    bare = await page.socket.call("join", namespace="/room", timeout=5)
    more = await page.say("join", more=1)

    codes = {answer["error"]["code"] for answer in (unknown, bare, more)}
    assert codes == {"invalid_input"}


# Together


async def test_messages_of_one_connection_keep_their_order(service):
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    texts = [f"line {number}" for number in range(25)]

    await asyncio.gather(
        *(
            lea.say("chat", text=text, client_id=f"client-{text}-".replace(" ", "_"))
            for text in texts
        )
    )

    state = await ann.heard("state", lambda body: len(body["chat"]) == len(texts))
    assert [line["text"] for line in state["chat"]] == texts


async def test_a_newer_page_takes_over_and_the_older_is_told_and_closed(service):
    older = await service.learner()
    await older.say("join")
    newer = await service.learner()

    answer = await newer.say("join")
    await asyncio.wait_for(older.gone.wait(), 5)

    assert answer["ok"] is True
    assert older.of("replaced") == [{"session": service.session}]
    assert not newer.gone.is_set()


async def test_a_connection_from_before_a_change_of_device_takes_no_seat_back(service):
    await service.check_in()
    devices = service.scene.desk.devices
    await devices.bind(service.session, "phone")
    spare, other = await service.learner(), await service.learner()
    assert (await other.say("join"))["ok"] is True
    service.scene.clock.go(1)
    await devices.take_over(service.session, "laptop")
    service.scene.clock.go(1)
    laptop = await service.learner()
    assert (await laptop.say("join"))["ok"] is True

    with contextlib.suppress(socketio.exceptions.SocketIOError):  # closed before it is answered
        assert (await spare.say("join"))["error"]["code"] == "not_signed_in"
    await asyncio.wait_for(spare.gone.wait(), 5)

    assert spare.of("replaced") == [{"session": service.session}]
    assert laptop.of("replaced") == []
    assert (await laptop.say("hand", raised=True))["ok"] is True


async def test_after_a_loss_the_state_is_whole_again(service):
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    await lea.socket.disconnect()
    await ann.heard("state", lambda body: body["learner"]["present"] is False)
    await ann.say("chat", text="Are you there?", client_id="client-0001")

    back = await service.learner()
    state = (await back.say("join"))["state"]

    assert [line["text"] for line in state["chat"]] == ["Are you there?"]
    await ann.heard("state", lambda body: body["seq"] >= state["seq"])


async def test_two_rooms_do_not_see_each_other(service):
    other = await service.second()
    lea, max_ = await service.learner(), await service.learner(other)
    await lea.say("join")
    await max_.say("join")

    await lea.say("chat", text="Only here", client_id="client-0001")
    answer = await max_.say("join")

    assert answer["state"]["chat"] == []
    assert all(body["session"] == other.session for body in max_.of("state"))


async def test_a_slow_room_holds_no_other_room_up(service, monkeypatch):
    other = await service.second()
    await service.check_in()
    lea, max_ = await service.learner(), await service.learner(other)
    await lea.say("join")
    await max_.say("join")
    release = asyncio.Event()
    answer = service.peers.answer

    async def slow(*offer):
        await release.wait()
        return await answer(*offer)

    monkeypatch.setattr(service.peers, "answer", slow)
    waiting = asyncio.ensure_future(lea.say("offer", sdp="v=0\r\n"))

    line = await max_.say("chat", text="Hello", client_id="client-0001")
    done = waiting.done()
    release.set()

    assert line["ok"] is True
    assert not done
    assert (await waiting)["ok"] is True


async def test_a_voice_does_not_wait_for_a_picture(service):
    await service.check_in()
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    await lea.say("offer", sdp="v=0\r\n")
    peer = service.peers.made[-1]
    peer.send()
    peer.connected.set()
    peer.hold = asyncio.Event()
    await until(lambda: peer.sources is not None and peer.connected.is_set(), 5, "media")
    taking = asyncio.ensure_future(ann.say("snapshot", kind="face"))
    await lea.heard("sharpen")

    said = await ann.say("sound", **BODIES["sound"])
    done = taking.done()
    peer.hold.set()

    assert said["ok"] is True
    assert not done
    await taking


async def test_too_many_messages_are_busy_and_the_connection_stays(service):
    page = await service.learner()
    await page.say("join")

    answers = [
        await page.say("media", camera=True, microphone=True, screen=False)
        for _ in range(int(namespace.MESSAGES_AT_ONCE))
    ]
    service.scene.clock.go(1)

    assert [answer["ok"] for answer in answers].count(False) == 1
    assert answers[-1]["error"]["code"] == "busy"
    assert (await page.say("media", camera=True, microphone=True, screen=False))["ok"] is True


async def test_a_full_mailbox_is_busy(service, monkeypatch):
    await service.check_in()
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    release = asyncio.Event()
    taken = asyncio.Event()

    async def slow(*_):
        taken.set()
        await release.wait()
        raise SdpRefused("Too late.")

    monkeypatch.setattr(service.peers, "answer", slow)
    offer = asyncio.ensure_future(lea.say("offer", sdp="v=0\r\n"))
    room = service.live.rooms._rooms[service.session]
    await asyncio.wait_for(taken.wait(), 5)
    for _ in range(MAILBOX_LIMIT):
        room.look()

    answer = await ann.say("media", camera=True, microphone=True, screen=False)
    release.set()
    await offer

    assert answer["error"]["code"] == "busy"


async def test_a_learner_who_floods_a_room_that_works_leaves_place_for_the_invigilator(
    service, monkeypatch
):
    await service.check_in()
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    release = asyncio.Event()
    taken = asyncio.Event()

    async def slow(*_):
        taken.set()
        await release.wait()
        raise SdpRefused("Too late.")

    monkeypatch.setattr(service.peers, "answer", slow)
    offer = asyncio.ensure_future(lea.say("offer", sdp="v=0\r\n"))
    await asyncio.wait_for(taken.wait(), 5)
    flood = [asyncio.ensure_future(lea.say("still", **BODIES["still"])) for _ in range(100)]
    refused = await asyncio.wait(flood[namespace.AT_ONCE_WAITING :], timeout=5)
    said = asyncio.ensure_future(ann.say("media", camera=True, microphone=True, screen=False))
    release.set()

    assert (await said)["ok"] is True
    assert {one.result()["error"]["code"] for one in refused[0]} == {"busy"}
    assert not refused[1]
    await asyncio.gather(offer, *flood)


async def test_a_connection_that_does_not_read_is_closed(service, monkeypatch):
    monkeypatch.setattr(namespace, "OUTBOX_LIMIT", 0)
    page = await service.learner()
    await page.say("join")

    body = {"session": service.session, "camera": True, "microphone": True, "screen": False}
    await page.socket.emit("media", body, namespace="/room")

    await asyncio.wait_for(page.gone.wait(), 5)


async def test_the_lobby_shows_today_and_who_is_there(service):
    ann = await service.staff()
    first = await ann.heard("lobby")
    lea = await service.learner()
    await lea.say("join")

    later = await ann.heard("lobby", lambda body: body["sessions"][0]["present"])

    assert [one["session"] for one in first["sessions"]] == [service.session]
    assert first["sessions"][0]["present"] is False
    assert later["sessions"][0]["since"] is not None
    assert lea.of("lobby") == []


async def test_an_open_lobby_notes_that_the_invigilator_is_ready(service):
    ann = await service.staff()
    await ann.heard("lobby")

    async with service.scene.desk.office.store.read() as tx:
        moments = await tx.sessions.moments(service.session, "invigilator_ready")

    assert len(moments) == 1


async def test_draining_tells_everybody_and_closes(service):
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")

    await service.live.drain()

    await asyncio.wait_for(asyncio.gather(lea.gone.wait(), ann.gone.wait()), 5)
    assert lea.of("draining") == [{}]
    assert ann.of("draining") == [{}]


def test_no_origin_at_all_is_no_configuration():
    for origins in ([], ["*"]):
        with pytest.raises(ValueError, match="origins"):
            edge.EdgeServer(origins, None)


# Several sessions over one connection


async def test_a_slow_command_of_one_session_holds_no_other_session_up(service, monkeypatch):
    other = await service.second()
    await service.check_in()
    ann = await service.staff()
    for session in (service.session, other.session):
        assert (await ann.say("join", session))["state"]["role"] == "invigilator"
    release = asyncio.Event()
    answer = service.peers.answer

    async def slow(*offer):
        await release.wait()
        return await answer(*offer)

    monkeypatch.setattr(service.peers, "answer", slow)
    offer = asyncio.ensure_future(ann.say("offer", sdp="v=0\r\n"))
    after = asyncio.ensure_future(ann.say("chat", text="After the offer", client_id="client-0001"))

    line = await ann.say("chat", other.session, text="Hello", client_id="client-0002")
    during = offer.done(), after.done()
    release.set()

    assert line["ok"] is True
    assert during == (False, False)
    assert (await offer)["ok"] is True
    assert (await after)["ok"] is True


async def test_coming_into_a_dozen_rooms_at_once_is_not_too_fast(service):
    ann = await service.staff()
    sessions = [f"se_{number}" for number in range(12)]
    media = {"camera": True, "microphone": True, "screen": False}

    answers = await asyncio.gather(
        *(ann.say("join", session) for session in sessions),
        *(ann.say("offer", session, sdp="v=0\r\n") for session in sessions),
        *(ann.say("media", session, **media) for session in sessions),
    )

    assert {answer["error"]["code"] for answer in answers} == {"not_found", "not_allowed"}


async def test_too_many_messages_about_many_sessions_are_busy_too(service):
    page = await service.staff()

    codes = [
        (await page.say("leave", f"se_{number}"))["error"]["code"]
        for number in range(int(namespace.ALL_MESSAGES_AT_ONCE) + 1)
    ]
    service.scene.clock.go(1)

    assert codes.count("busy") == 1
    assert codes[-1] == "busy"
    assert (await page.say("join"))["ok"] is True


async def test_more_messages_than_can_be_handled_at_once_are_busy(service, monkeypatch):
    monkeypatch.setattr(namespace, "MESSAGES_WAITING", 3)
    await service.check_in()
    page = await service.learner()
    await page.say("join")
    release = asyncio.Event()

    async def slow(*_):
        await release.wait()
        raise SdpRefused("Too late.")

    monkeypatch.setattr(service.peers, "answer", slow)
    waiting = [asyncio.ensure_future(page.say("offer", sdp="v=0\r\n")) for _ in range(3)]
    (sid,) = service.live._lines
    line = service.live._lines.find(sid)
    await until(lambda: line.waiting == 3, 5, "three messages that wait")

    refused = await page.say("hand", raised=True)
    release.set()
    await asyncio.gather(*waiting)

    assert refused["error"]["code"] == "busy"
    assert (await page.say("hand", raised=True))["ok"] is True


async def test_a_connection_that_names_many_sessions_is_not_remembered_for_all():
    clock = FixedClock()
    ticket = Ticket("", Kind.STAFF, "st_bob", None, clock.now())
    line = namespace.Line(Person("bob"), ticket, "eio", clock, clock.now())

    for number in range(500):
        async with line.turn(f"se_{number}"):
            pass

    assert len(line._lanes) <= namespace.LANES_KEPT + 1


async def test_a_session_is_taken_over_from_the_lobby_and_joined(service):
    await service.check_in()
    bob = await add_invigilator(service.scene.desk, "Bob Baker")
    ann, page, lea = await service.staff(), await service.staff(bob), await service.learner()
    await ann.say("join")
    await lea.say("join")
    refused = await page.say("take_over")
    await ann.say("hand_over", to=bob.id)
    await page.heard("lobby", lambda body: [one["role"] for one in body["sessions"]] == ["offered"])

    taken = await page.say("take_over")
    joined = await page.say("join")

    assert refused["error"]["code"] == "not_allowed"
    assert (taken, joined["state"]["role"]) == ({"ok": True}, "invigilator")
    assert await ann.heard("released") == {"session": service.session, "to": "Bob Baker"}
    await page.heard("lobby", lambda body: [one["role"] for one in body["sessions"]] == ["mine"])
    await ann.heard("lobby", lambda body: body["sessions"] == [])
    assert (await ann.say("pause", reason="No"))["error"]["code"] == "not_allowed"
    assert not ann.gone.is_set()


async def test_a_second_camera_comes_in_by_its_ticket_and_may_do_little(service):
    await service.check_in()
    camera = await service.second_camera()

    state = (await camera.say("join"))["state"]
    offer = await camera.say("offer", sdp="v=0\r\n")
    refused = await camera.say("chat", text="Hello", client_id="client-0001")

    assert (state["role"], offer["ok"]) == ("second", True)
    assert refused["error"]["code"] == "not_allowed"
    assert camera.of("lobby") == []


async def test_an_administrator_looks_in(service):
    await service.check_in()
    sue = await add_invigilator(service.scene.desk, "Sue Supreme", Role.ADMINISTRATOR)
    lea, page = await service.learner(), await service.staff(sue)
    await lea.say("join")

    state = (await page.say("join"))["state"]
    refused = await page.say("pause", reason="No")

    assert state["role"] == "supervisor"
    assert refused["error"]["code"] == "not_allowed"
    await lea.heard("state", lambda body: body["supervisor"] is not None)


async def test_a_picture_that_takes_long_keeps_its_place_before_what_is_said_after_it(service):
    await service.check_in()
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    await lea.say("offer", sdp="v=0\r\n")
    (peer,) = service.peers.made
    peer.hold = asyncio.Event()
    peer.send()
    peer.connected.set()
    await ann.heard("state", lambda body: body["learner"]["media"] == "live")
    picture = asyncio.ensure_future(ann.say("snapshot", kind="face"))
    await lea.heard("sharpen")
    after = asyncio.ensure_future(ann.say("chat", text="After", client_id="client-0001"))

    for number in range(3):
        await lea.say("chat", text="Still here", client_id=f"client-1{number:03}")
    during = picture.done(), after.done()
    peer.hold.set()

    assert during == (False, False)
    assert (await picture)["ok"] is True
    assert (await after)["ok"] is True

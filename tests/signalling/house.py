"""Rooms without sockets, for tests: real desk and database, doubles for peers and evidence."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from invigilation.identity import Decision, SnapshotKind
from invigilation.ladder import Budget, Rung, Way, Why
from invigilation.people import Role
from signalling import messages as m
from signalling.commands import Tick
from signalling.means import Means
from signalling.messages import Party
from signalling.registry import Rooms
from signalling.seat import Person
from signalling.tracks import Track
from tests.builders import CONSENT, Scene, add_invigilator, booked
from tests.harness.waiting import until
from tests.signalling.doubles import FakeEvidence, FakePeer, FakePeers, Inbox


@dataclass(repr=False)
class House:
    """Rooms over a real office; `say` speaks as one of the two."""

    scene: Scene
    rooms: Rooms
    peers: FakePeers
    evidence: FakeEvidence
    inbox: Inbox
    lea: Person
    ann: Person
    lobbies: list[str | None]

    @property
    def session(self) -> str:
        return self.scene.sitting.session

    @property
    def room(self):
        return self.rooms._rooms[self.session]

    async def say(self, who: Person, message: type[m.Message], /, **fields) -> dict:
        return dict(await self.rooms.say(who, message(session=self.session, **fields)))

    async def tick(self, seconds: float = 0) -> None:
        self.scene.clock.go(seconds)
        await self.room.do(Tick())

    async def check_in(self) -> None:
        await self.scene.desk.sessions.check_in(self.session, CONSENT)

    async def both_join(self) -> None:
        await self.check_in()
        await self.say(self.lea, m.Join)
        await self.say(self.ann, m.Join)

    async def tell_link(self, rung: Rung = Rung.FULL, **changed) -> None:
        """Tell what the learner's link carries, as their page does when it has joined."""
        told = {
            "way": Way.DIRECT,
            "why": Why.LINK,
            "keeps": False,
            "used_kb": 0,
            "budget": Budget(),
            "figures": m.Figures(0, 0, 0, 0, 0),
        }
        sid = self.room._stage[Party.LEARNER].person.sid
        who = replace(self.lea, sid=sid)
        await self.say(who, m.Link, rung=rung, **{**told, **changed})

    async def media(self, who: Person) -> FakePeer:
        """Bring up a peer that sends."""
        if who.party is Party.LEARNER:
            await self.tell_link()
        await self.say(who, m.Offer, sdp="v=0")
        peer = self.peers.made[-1]
        peer.send()
        peer.connected.set()
        seat = self.room._stage.seat_of(who.sid)
        await until(lambda: seat.peer is peer, 5, "the peer to be up")
        await self.room.do(Tick())
        return peer

    async def to_start(self) -> FakePeer:
        """Go as far as the assessment, with the learner's media up."""
        await self.both_join()
        peer = await self.media(self.lea)
        for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
            await self.say(self.ann, m.Snapshot, kind=kind)
        await self.say(
            self.ann, m.DecideIdentity, decision=Decision.CONFIRMED, reason="Same person"
        )
        await self.say(self.ann, m.Admit)
        return peer

    def came_back(self) -> Rooms:
        """Return the rooms of a process that has just started, over the same office."""
        means = self.rooms._means
        return Rooms(means)

    async def colleague(self, name: str, *roles: Role) -> Person:
        """Add a member of staff; their connection is named by the first name."""
        staff = await add_invigilator(self.scene.desk, name, *roles)
        return Person(name.split(maxsplit=1)[0].lower(), staff=staff)

    def camera(self) -> Person:
        """Return the connection of the learner's second camera."""
        return Person("cam", Party.SECOND, session=self.session)

    async def entries(self, kind: str) -> list:
        """Return the record's entries of a kind."""
        async with self.scene.desk.office.store.read() as tx:
            return [one for one in await tx.sessions.entries(self.session) if one.kind == kind]

    async def kinds(self) -> list[str]:
        async with self.scene.desk.office.store.read() as tx:
            return [entry.kind for entry in await tx.sessions.entries(self.session)]


def source(peer: FakePeer) -> FakePeer | None:
    """Whose picture this peer is sent."""
    return peer.sources.get(Track.CAMERA, (None,))[0]


@contextlib.asynccontextmanager
async def open_house(directory, template):
    async with booked(directory, template) as scene:
        peers, evidence, inbox = FakePeers(scene.clock), FakeEvidence(scene.desk), Inbox()
        lobbies: list[str | None] = []
        rooms = Rooms(Means(scene.desk, evidence, peers, inbox, scene.clock, lobbies.append))
        lea = Person("lea", Party.LEARNER, session=scene.sitting.session)
        ann = Person("ann", staff=scene.ann)
        house = House(scene, rooms, peers, evidence, inbox, lea, ann, lobbies)
        try:
            yield house
        finally:
            await rooms.drain()
            await house.rooms.drain()

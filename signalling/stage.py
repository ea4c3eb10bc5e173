"""The two seats of a room and the sound and picture that go between them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from signalling.commands import Command, PeerGone, PeerUp
from signalling.messages import Party
from signalling.ports import MediaPeer
from signalling.seat import Seat


class Stage:
    """Forwards both ways whenever both peers are up; what it takes out, the caller closes."""

    def __init__(self) -> None:
        self.seats = {party: Seat(party) for party in Party}

    def __getitem__(self, party: Party) -> Seat:
        return self.seats[party]

    def __iter__(self) -> Iterator[Seat]:
        return iter(self.seats.values())

    @property
    def occupied(self) -> bool:
        """Say whether anybody is connected."""
        return any(seat.person is not None for seat in self)

    def expect(self, seat: Seat, peer: MediaPeer) -> MediaPeer | None:
        """Await a peer that has been answered; return the one awaited before, which is out."""
        older, seat.pending = seat.pending, peer
        return older

    def up(self, seat: Seat, peer: MediaPeer) -> MediaPeer | None:
        """Use the awaited peer from now on; return the one that it replaces."""
        if seat.pending is not peer:
            return None
        older, seat.peer, seat.pending = seat.peer, peer, None
        self._connect()
        return older

    def gone(self, seat: Seat, peer: MediaPeer) -> None:
        """Forget a peer that has ended."""
        if seat.pending is peer:
            seat.pending = None
        if seat.peer is peer:
            seat.peer = None
            self._connect()

    def clear(self, seat: Seat) -> list[MediaPeer]:
        """Take all peers of a seat out."""
        taken = seat.take_peers()
        self._connect()
        return taken

    def _connect(self) -> None:
        one, two = (seat.peer for seat in self)
        if one is not None and two is not None:
            one.forward_to(two)
            two.forward_to(one)
            return
        for alone in (one, two):
            if alone is not None:
                alone.unforward()


async def watch(party: Party, peer: MediaPeer, post: Callable[[Command], Awaitable[None]]) -> None:
    """Tell when the peer is up, and when it has ended."""
    up = asyncio.create_task(peer.connected.wait())
    down = asyncio.create_task(peer.closed.wait())
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if not down.done():
            await post(PeerUp(party, peer))
            await asyncio.wait({down})
        await post(PeerGone(party, peer))
    finally:
        up.cancel()
        down.cancel()
        await asyncio.wait({up, down})

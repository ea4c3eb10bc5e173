"""The UDP sockets that media come through, and which datagram is for whom.

A door is one socket; behind it are guests, one or, on a port that all share, many. A guest is
recognised by the STUN user name that its participant was given (RFC 8445, 7.3), and from its first
authenticated check on by the address that the check came from. Nothing else is heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
import socket
import time
from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

Address = tuple[str, int]
KeyT = TypeVar("KeyT")

BATCH: Final = 64
"""Datagrams read before the rest of the program has its turn."""
MAX_DATAGRAM: Final = 2048
BUFFER_BYTES: Final = 512 * 1024
"""Kept by the kernel, each way; what comes beyond is lost, as in any queue on the way."""
PORT_TRIES: Final = 20
QUIET_S: Final = 3.0
"""An address belongs to somebody new once its owner has been silent for so long: a router gives a
port to the next, but nobody takes one from a living connection."""

COOKIE: Final = b"\x21\x12\xa4\x42"
REQUEST, ANSWERS = b"\x00\x01", (b"\x01\x01", b"\x01\x11")
USERNAME: Final = 6


class Guest(Protocol):
    """Somebody behind a door."""

    heard_at: float

    def on_srtp(self, data: bytes) -> None:
        """Take a datagram of media; never raises."""

    def on_dtls(self, data: bytes) -> None:
        """Take a datagram of the handshake; never raises."""

    def on_stun(self, door: Door, data: bytes, sender: Address) -> None:
        """Take a datagram of STUN, which anybody may have sent."""


class Door:
    """One bound socket. Raises OSError where it cannot be bound; `close` it in the end."""

    def __init__(self, host: str, port: int) -> None:
        six = ":" in host
        self._socket = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            if six:
                # beside it stands a socket of its own for IPv4
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self._socket.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            self._socket.bind((host, port))
        except BaseException:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._names: dict[bytes, Guest] = {}
        self._senders: dict[Address, Guest] = {}
        self._asked: dict[bytes, Guest] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)

    @property
    def guests(self) -> int:
        """How many are behind it."""
        return len(self._names)

    def admit(self, name: str, guest: Guest) -> None:
        """Pass on what is for this STUN user name, the part of it that we gave."""
        self._names[name.encode()] = guest

    def ask(self, transaction: bytes, guest: Guest) -> None:
        """Pass on the answer to a STUN request; `answered` ends that."""
        self._asked[transaction] = guest

    def answered(self, transaction: bytes) -> None:
        """Wait for this answer no longer."""
        self._asked.pop(transaction, None)

    def claim(self, sender: Address, guest: Guest) -> bool:
        """Pass on all that comes from an address; no when it belongs to somebody alive."""
        owner = self._senders.get(sender)
        alive = owner is not None and time.monotonic() - owner.heard_at < QUIET_S
        if owner is not guest and alive:
            return False
        self._senders[sender] = guest
        return True

    def leave(self, guest: Guest) -> None:
        """Forget somebody."""
        self._names = _without(self._names, guest)
        self._senders = _without(self._senders, guest)
        self._asked = _without(self._asked, guest)

    def sendto(self, data: bytes, addr: Address) -> None:
        """Send at once, or lose it: a full buffer is a full queue like any other."""
        try:  # noqa: SIM105 - `suppress` is dear, and this is done for every packet
            self._socket.sendto(data, addr)
        except OSError:
            pass

    def close(self) -> None:
        """Close the socket; may be called again."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _read(self) -> None:
        receive, take = self._socket.recvfrom, self.take
        try:
            for _ in range(BATCH):
                data, sender = receive(MAX_DATAGRAM)
                take(data, sender if len(sender) == 2 else sender[:2])
        except OSError:  # nothing more, most of all; a guest raises none
            return

    def take(self, data: bytes, sender: Address) -> None:
        """Give a datagram to whom it is for; all others are dropped (RFC 7983, 7)."""
        first = data[0] if data else 0xFF
        if 128 <= first < 192:
            guest = self._senders.get(sender)
            if guest is not None:
                guest.on_srtp(data)
        elif first < 4:
            guest = self._meant(data)
            if guest is not None:
                # unauthenticated bytes: whatever the parser thinks of them, the door stays open
                with contextlib.suppress(Exception):
                    guest.on_stun(self, data, sender)
        elif 20 <= first < 64:
            guest = self._senders.get(sender)
            if guest is not None:
                guest.on_dtls(data)

    def _meant(self, data: bytes) -> Guest | None:
        """Whom a STUN message is for (RFC 8489, 5)."""
        if data[4:8] != COOKIE:
            return None
        if data[:2] == REQUEST:
            return self._names.get(_user_name(data).partition(b":")[0])
        return self._asked.get(data[8:20]) if data[:2] in ANSWERS else None


def _without(table: dict[KeyT, Guest], guest: Guest) -> dict[KeyT, Guest]:
    return {key: found for key, found in table.items() if found is not guest}


def _user_name(message: bytes) -> bytes:
    """Find the USERNAME attribute of a STUN message (RFC 8489, 14.3); empty without one."""
    place = 20
    while place + 4 <= len(message):
        kind = int.from_bytes(message[place : place + 2])
        length = int.from_bytes(message[place + 2 : place + 4])
        if kind == USERNAME:
            return message[place + 4 : place + 4 + length]
        place += 4 + (length + 3) // 4 * 4
    return b""


class Doors(Protocol):
    """Where doors come from."""

    def open(self, address: str) -> Door | None:
        """Give the door for an address of ours, or None when there is none to be had."""

    def left(self, door: Door) -> None:
        """Note that a guest is behind this door no longer."""


class OwnDoors:
    """A door for each guest and address, on any port or on one of a range (both ends in it)."""

    def __init__(self, ports: tuple[int, int] | None) -> None:
        self._ports = ports

    def open(self, address: str) -> Door | None:
        """Open a new door."""
        for host in _hosts(address):
            for port in self._candidates():
                with contextlib.suppress(OSError):
                    return Door(host, port)
        return None

    def left(self, door: Door) -> None:
        """Close it: it was for one."""
        door.close()

    def _candidates(self) -> list[int]:
        if self._ports is None:
            return [0]
        low, high = self._ports
        ports = range(low, high + 1)
        return random.sample(ports, min(PORT_TRIES, len(ports)))


class SharedDoors:
    """One port for all: a door for each address; `close` them in the end."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._doors: dict[str, Door] = {}

    def bind(self, addresses: Iterable[str]) -> None:
        """Open the doors for these addresses before anybody comes; raises OSError, all closed."""
        try:
            for address in addresses:
                self._door(address)
        except BaseException:
            self.close()
            raise

    def open(self, address: str) -> Door | None:
        """Give the door that is there, or open it: a machine may get an address later."""
        with contextlib.suppress(OSError):
            return self._door(address)
        return None

    def _door(self, address: str) -> Door:
        refused: list[OSError] = []
        for host in _hosts(address):
            try:
                if host not in self._doors:
                    self._doors[host] = Door(host, self._port)
                return self._doors[host]
            except OSError as error:
                refused.append(error)
        if refused[0].errno == errno.EADDRNOTAVAIL:
            # what is sent to a router's address arrives at one of our own, which has the port
            for host, door in self._doors.items():
                if (":" in host) == (":" in address):
                    return door
        raise refused[-1]

    def left(self, door: Door) -> None:
        """Keep it open, for the others and those to come."""

    @property
    def guests(self) -> int:
        """How many are behind these doors, each counted at each."""
        return sum(door.guests for door in self._doors.values())

    def close(self) -> None:
        """Close all; may be called again."""
        for door in self._doors.values():
            door.close()
        self._doors.clear()


def _hosts(address: str) -> tuple[str, str]:
    """Where to bind for an address: there or, when it is not this machine's own, on all."""
    return address, "::" if ":" in address else "0.0.0.0"  # noqa: S104 - see above

"""Connections to addresses that others name: never into the house (server-side request forgery)."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Collection
from typing import Any

import aiohttp

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ANYWHERE: tuple[Network, ...] = (
    ipaddress.IPv4Network("0.0.0.0/0"),
    ipaddress.IPv6Network("::/0"),
)
"""For rehearsals on one machine: no address is refused."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""
UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given to public networks (RFC 4291 2.4); beside it lie translations of IPv4
addresses, local ones among them, and networks of one site."""
SPECIAL: tuple[Network, ...] = (
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("3fff::/20"),
)
"""Of no public network (RFC 6890, 7526, 9637), though not every version of Python says so; some
clouds keep the secrets of their machines in the first."""


class PrivateAddressError(OSError):
    """The name leads to an address inside, which is not allowed."""


def open_client(
    private: Collection[Network], user_agent: str, *, unpack: bool = True
) -> aiohttp.ClientSession:
    """Return a client session for such addresses; its owner closes it.

    It connects to public addresses and to those in `private` only, and that is decided on the
    address that the socket is opened to: a name that changes its mind gains nothing, and every
    redirect is judged anew. It keeps no cookies and takes no proxy from the environment. Without
    `unpack` bodies arrive as they were sent.
    """
    connector = aiohttp.TCPConnector(
        limit=20, limit_per_host=4, socket_factory=guarded_sockets(tuple(private))
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": user_agent},
        auto_decompress=unpack,
    )


def guarded_sockets(private: tuple[Network, ...]) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Return a maker of sockets that refuses addresses inside with `PrivateAddressError`."""

    def open_socket(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = address
        if not may_reach(where[0], private):
            raise PrivateAddressError(errno.EACCES, f"{where[0]} is not a public address")
        return socket.socket(family, kind, protocol)

    return open_socket


def may_reach(host: str, private: Collection[Network] = ()) -> bool:
    """Say whether that numeric address is public, or allowed as an exception."""
    address = _meant(ipaddress.ip_address(host.partition("%")[0]))
    if any(address in network for network in private):
        return True
    if isinstance(address, ipaddress.IPv6Address) and address not in UNICAST:
        return False
    if any(address in network for network in SPECIAL):
        return False
    return address.is_global and not address.is_multicast


def _meant(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address

"""From where a request comes: the address that the brakes count by.

A reverse proxy hides it and names it in `X-Forwarded-For`, to which each proxy adds the address
of its own peer at the right end. Only that last one is our proxy's word; what stands left of it
anybody may have written, and so may the whole header when no proxy of ours sent it.
"""

from __future__ import annotations

import ipaddress

from aiohttp import web

from web.keys import SETTINGS

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
FORWARDED = "X-Forwarded-For"


def place_of(request: web.Request) -> str:
    """Return the client's address; empty when there is none.

    Behind one of the trusted proxies it is the one that the proxy names. A proxy that names none
    stands for all its clients.
    """
    peer = _address(request.remote or "")
    if peer is None:
        return peer_of(request)
    if any(peer in network for network in request.config_dict[SETTINGS].proxies):
        named = ",".join(request.headers.getall(FORWARDED, ())).rpartition(",")[2].strip()
        return str(_address(named) or peer)
    return str(peer)


def network_of(request: web.Request) -> str:
    """Return what is counted as one place: an IPv6 customer has 2**64 addresses (RFC 6177)."""
    place = place_of(request)
    address = _address(place)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return place


def peer_of(request: web.Request) -> str:
    """Return the address of who is connected, in its own family; empty when there is none.

    It is what `place_of` gives where no trusted proxy has named another.
    """
    raw = request.remote or ""
    return str(_address(raw) or raw)


def _address(raw: str) -> Address | None:
    try:
        address = ipaddress.ip_address(raw)
    except ValueError:
        return None
    # A socket that takes both families shows IPv4 in IPv6's clothes (RFC 4291 2.5.5.2).
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address

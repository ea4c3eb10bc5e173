"""Who may read the figures: whoever has the token, and machines in the networks that are named."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web

from web.auth.place import FORWARDED, peer_of, place_of

Network = IPv4Network | IPv6Network
TRACES = (FORWARDED, "Forwarded", "X-Real-IP", "Via")
"""What a proxy leaves in a request (RFC 7239, RFC 9110 7.6.3)."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets in by token, or by network; with neither nobody comes in."""

    token: str
    networks: Sequence[Network]

    def admits(self, request: web.Request) -> bool:
        """Say whether this request may read the figures.

        A request that shows traces of a proxy which is not trusted has no address that counts:
        else everybody behind a proxy on this machine would come from this machine.
        """
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if self.token and kind.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(), self.token.encode())
        place = place_of(request)
        if place == peer_of(request) and any(name in request.headers for name in TRACES):
            return False
        try:
            address = ip_address(place)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

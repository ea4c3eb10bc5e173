"""Where media reach this server, and how a participant is told (RFC 8445, 5.1.1.1)."""

from __future__ import annotations

from aioice import Candidate
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import get_host_addresses


def default_addresses() -> tuple[str, ...]:
    """All addresses of this machine but loopback; loopback when there are no others."""
    found = get_host_addresses(use_ipv4=True, use_ipv6=True)
    return tuple(found) or ("127.0.0.1",)


def host_candidate(address: str, port: int, component: int) -> Candidate:
    """Return the candidate that names an address and UDP port of ours."""
    return Candidate(
        foundation=candidate_foundation("host", "udp", address),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=address,
        port=port,
        type="host",
    )

"""What a ship's gateway does with IPv4 packets: another address (NAT, RFC 3022), or nothing."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from tests.harness.lane import TCP, UDP

SOURCE, DESTINATION = 12, 16
"""Where the two addresses stand in an IPv4 header (RFC 791)."""
DNS = 53
_CHECKSUM_AT = {UDP: 6, TCP: 16}


def checksum(words: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = words + b"\0" * (len(words) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address_of(packet: bytes, place: int) -> str:
    """Return the address at `SOURCE` or `DESTINATION`."""
    return socket.inet_ntoa(packet[place : place + 4])


def readdressed(packet: bytes, place: int, address: str) -> bytes:
    """Put another address at `SOURCE` or `DESTINATION`, with the checksums that follow from it."""
    length = (packet[0] & 15) * 4
    head, body = bytearray(packet[:length]), bytearray(packet[length:])
    head[place : place + 4] = socket.inet_aton(address)
    head[10:12] = b"\0\0"
    head[10:12] = struct.pack("!H", checksum(bytes(head)))
    protocol = head[9]
    at = _CHECKSUM_AT.get(protocol)
    fragment = int.from_bytes(head[6:8], "big") & 0x1FFF
    if at is not None and not fragment and len(body) >= at + 2:
        body[at : at + 2] = b"\0\0"
        if protocol == TCP:  # for UDP over IPv4 no checksum is a good one (RFC 768)
            pseudo = bytes(head[12:20]) + struct.pack("!BBH", 0, protocol, len(body))
            body[at : at + 2] = struct.pack("!H", checksum(pseudo + bytes(body)))
    return bytes(head) + bytes(body)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gateway lets pass; the rest it drops silently, either way."""

    udp: bool = True
    """Without it, only DNS."""
    tcp_ports: frozenset[int] | None = None
    """None is all."""

    def passes(self, packet: bytes) -> bool:
        """Tell whether it lets a packet pass. Whatever is neither TCP nor UDP does."""
        length = (packet[0] & 15) * 4
        ports = {int.from_bytes(packet[at : at + 2], "big") for at in (length, length + 2)}
        if packet[9] == UDP:
            return self.udp or DNS in ports
        if packet[9] == TCP and self.tcp_ports is not None:
            return bool(self.tcp_ports & ports)
        return True

"""What the exam office does not own, as protocols of plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Clock(Protocol):
    """The time of day and the time that has passed."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences have a meaning."""
        ...


class Signer(Protocol):
    """A private signing key and its public name."""

    def current(self) -> Signer:
        """Return the key to sign with now: one key, where `self` may change to another."""
        ...

    @property
    def key_id(self) -> str:
        """The public name of the key, as published in the key set."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes, RFC 8032) of exactly these bytes."""
        ...


class Sealer(Protocol):
    """Turns a finished record into bytes that anybody can verify."""

    def seal(self, payload: bytes) -> bytes:
        """Return the compact JWS (RFC 7515, alg Ed25519 of RFC 9864) over exactly `payload`."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill, in pence: net, and the VAT on it, whose rate is in basis points."""

    title: str
    net_pence: int
    vat_pence: int
    vat_basis_points: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What is to be paid at once. `key` names this attempt: opening it twice makes one link."""

    key: str
    request: str
    email: str
    lines: tuple[Line, ...]
    currency: str
    expires: datetime

    @property
    def gross_pence(self) -> int:
        """The sum of all lines with their VAT."""
        return sum(line.net_pence + line.vat_pence for line in self.lines)


@dataclass(frozen=True, slots=True)
class Link:
    """Where a bill is paid; `reference` is the provider's name for it."""

    reference: str
    url: str


class Fate(StrEnum):
    """What a provider says has become of a link."""

    OPEN = "open"
    PAID = "paid"
    EXPIRED = "expired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Word:
    """A provider's word on a link: what was paid, in pence, and in which currency (ISO 4217)."""

    reference: str
    fate: Fate
    pence: int = 0
    currency: str = ""


class Payments(Protocol):
    """Somebody who takes money for us. Each call raises `Busy` when they cannot be reached."""

    @property
    def name(self) -> str:
        """A short name for the ledger."""
        ...

    async def open(self, bill: Bill) -> Link:
        """Make a link on which exactly this bill can be paid until it expires."""
        ...

    async def ask(self, reference: str) -> Word:
        """Say what has become of a link."""
        ...

    async def close(self, reference: str) -> Word:
        """Let nobody pay on this link any more, and say what has become of it."""
        ...

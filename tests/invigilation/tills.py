"""A payment provider without a network: it does as it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from invigilation.errors import Busy
from invigilation.ports import Bill, Fate, Link, Word


@dataclass
class PlainTill:
    """Keeps the bills that were opened; `down` lets nobody reach it."""

    name: str = "stripe"
    bills: dict[str, Bill] = field(default_factory=dict)
    fates: dict[str, Fate] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    down: bool = False

    async def open(self, bill: Bill) -> Link:
        self._reach(f"open {bill.key}")
        await asyncio.sleep(0)
        reference = f"cs_{bill.key}"
        self.bills[reference] = bill
        self.fates.setdefault(reference, Fate.OPEN)
        return Link(reference, f"https://pay.example.com/{reference}")

    async def ask(self, reference: str) -> Word:
        self._reach(f"ask {reference}")
        return self.word(reference)

    async def close(self, reference: str) -> Word:
        self._reach(f"close {reference}")
        if self.fates[reference] is Fate.OPEN:
            self.fates[reference] = Fate.EXPIRED
        return self.word(reference)

    def pay(self, reference: str) -> Word:
        """Let somebody pay; the word of it is returned, and reaches nobody by itself."""
        self.fates[reference] = Fate.PAID
        return self.word(reference)

    def word(self, reference: str) -> Word:
        bill = self.bills[reference]
        return Word(reference, self.fates[reference], bill.gross_pence, bill.currency)

    def _reach(self, call: str) -> None:
        if self.down:
            raise Busy("payment service")
        self.calls.append(call)

"""Proves what retention has done: what went is gone, what is over went, the list is whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from invigilation import record
from invigilation.desk import Desk, erased
from invigilation.desk.erasure import Periods
from invigilation.desk.onboard_papers import PICTURE_KIND
from invigilation.errors import NotFound
from invigilation.record import Entry, Head
from invigilation.store.evidence import Evidence
from recordings.erasures import Chain
from recordings.retention import Policy, end_of
from recordings.vault import Vault
from recordings.verify import Keys

GRACE = timedelta(hours=2)
"""Sweeps come every hour: what is over for longer should have gone."""
FORMAT = "invigilation-retention-proof/1"
NAMED = 20
"""So many things of a kind are named in a sentence's list; all are counted."""


@dataclass(slots=True)
class Kept:
    """What is still kept of a kind: how much, and when the first of it is due."""

    count: int = 0
    due: datetime | None = None


@dataclass(slots=True)
class Proof:
    """What was found; `wrong` are sentences, none if retention does what it should."""

    made: datetime
    gone: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How much was erased, by kind and rule."""
    kept: dict[str, Kept] = field(default_factory=dict)
    head: Head = record.EMPTY
    entries: list[Entry] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def summary(self) -> dict[str, object]:
        """Return the findings as JSON; this is what is sealed."""
        return {
            "format": FORMAT,
            "made": record.stamp(self.made),
            "chain": {"length": self.head.seq, "head": self.head.digest},
            "erased": [
                {"kind": kind, "rule": rule, "count": count}
                for (kind, rule), count in sorted(self.gone.items())
            ],
            "kept": [
                {
                    "kind": kind,
                    "count": one.count,
                    "first_due": None if one.due is None else record.stamp(one.due),
                }
                for kind, one in sorted(self.kept.items())
            ],
            "wrong": self.wrong,
        }


@dataclass(frozen=True, slots=True)
class Prover:
    """Reads the chain, the tables and the vault, and changes nothing."""

    desk: Desk
    vault: Vault
    policy: Policy
    periods: Periods

    async def prove(self, keys: Keys) -> Proof:
        """Return what was found."""
        proof = Proof(self.desk.office.clock.now())
        pieces = await self._chain(proof, keys)
        await self._gone(proof, pieces)
        await self._kept(proof)
        await self._texts(proof)
        return proof

    async def _chain(self, proof: Proof, keys: Keys) -> list[tuple[str, str]]:
        """Check the chain; return session and id of each piece that it says was destroyed."""
        chain, pieces = Chain(keys), list[tuple[str, str]]()
        async with self.desk.office.store.read() as tx:
            async for entry in tx.erasures.entries():
                chain.take(entry)
                proof.entries.append(entry)
                data = entry.data
                proof.gone[str(data.get("of") or entry.kind), str(data["rule"])] += int(
                    data.get("count") or 1
                )
                if entry.kind in {erased.EVIDENCE, erased.STRANGER}:
                    pieces.append((str(data["session"]), str(data["evidence"])))
        proof.head = chain.head
        proof.wrong += [f"The list of erasures does not hold: {one}." for one in chain.wrong]
        return pieces

    async def _gone(self, proof: Proof, pieces: list[tuple[str, str]]) -> None:
        """Look whether what the chain, or the tables, say is gone can be read anywhere."""
        listed = {ident for _, ident in pieces}
        async with self.desk.office.store.read() as tx:
            noted = await tx.evidence.erased()
        there = [one for one in pieces if await self.vault.aside(self._readable, *one)]
        _count(proof, "still in the vault, though the list says erased", [one[1] for one in there])
        unlisted = [one for one in noted if one.id not in listed]
        alive = [
            one.id
            for one in unlisted
            if await self.vault.aside(self._readable, one.session, one.id)
        ]
        _count(proof, "still in the vault, though its row says erased", alive)

    def _readable(self, session: str, ident: str) -> bool:
        try:
            self.vault.open(session, ident).close()
        except NotFound:
            return False
        except Exception:  # noqa: BLE001 - something is there, whatever it is
            return True
        return True

    async def _kept(self, proof: Proof) -> None:
        """Look whether the time of what is still kept is over."""
        async with self.desk.office.store.read() as tx:
            present = await tx.evidence.present()
            accepted = await tx.outbox.reports_accepted()
            forms = await tx.onboard.pictures()
        pieces = [(one, accepted.get(one.session)) for one in present]
        for form, over in forms:
            facts = (form.media_type, form.submitted, form.sha256, form.size, None)
            pieces.append((Evidence(form.id, form.id, PICTURE_KIND, *facts), over))
        late: list[str] = []
        for one, delivered in pieces:
            due = end_of(one.kind, one.started, self.policy, delivered)
            kept = proof.kept.setdefault(one.kind, Kept())
            kept.count += 1
            kept.due = due if kept.due is None else min(kept.due, due)
            if due + GRACE < proof.made:
                late.append(one.id)
        _count(proof, "kept beyond its time", late)

    async def _texts(self, proof: Proof) -> None:
        before = proof.made - GRACE
        async with self.desk.office.store.read() as tx:
            chats = await tx.texts.chats(before - self.periods.chat, NAMED)
            texts = await tx.texts.old(before - self.periods.texts, NAMED)
        _count(proof, "with a chat that is kept beyond its time", chats)
        _count(proof, "with names and texts that are kept beyond their time", texts)


def _count(proof: Proof, what: str, idents: list[str]) -> None:
    if idents:
        more = f" and {len(idents) - NAMED} more" if len(idents) > NAMED else ""
        proof.wrong.append(f"{len(idents)} {what}: {', '.join(idents[:NAMED])}{more}.")


def whole(proof: Proof, sealed: bytes) -> dict[str, Any]:
    """Return the proof with its list, as a file: every entry with its signature, and the seal."""
    entries = [
        {"body": one.body.decode(), "signature": one.signature.hex(), "key_id": one.key_id}
        for one in proof.entries
    ]
    return {**proof.summary(), "entries": entries, "sealed": sealed.decode("ascii")}

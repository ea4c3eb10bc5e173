"""Pictures in the camera's full size, which come some time after they were taken."""

from __future__ import annotations

from dataclasses import dataclass, replace

from invigilation.bound import Bound
from invigilation.desk.identity_facts import UNDECIDED, withheld
from invigilation.desk.office import LEARNER, Office, held
from invigilation.errors import InvalidInput, NotAllowed
from invigilation.identity import IdentityState, SnapshotKind
from invigilation.record import Plain
from invigilation.session import LIVE, SessionState
from invigilation.store import Tx
from invigilation.store.evidence import Evidence

OF_CHECK = frozenset({SnapshotKind.ID_DOCUMENT, SnapshotKind.ID_BACK, SnapshotKind.FACE})
KINDS = OF_CHECK | {SnapshotKind.FACE_AGAIN, SnapshotKind.INCIDENT}


@dataclass(frozen=True, slots=True)
class FullPicture:
    """One that the vault has. `of` is the small picture of that moment, from the stream, if any.

    `recheck` is the re-check that it was taken for; `derived` is the face that was cut out of it.
    """

    kind: SnapshotKind
    picture: Evidence
    bound: Bound
    of: str | None = None
    recheck: str | None = None
    derived: Evidence | None = None


@dataclass(frozen=True, slots=True)
class FullPictureDesk:
    """Puts them beside the small ones, and in their place while nobody has judged by these."""

    office: Office

    async def add(self, session: str, full: FullPicture) -> bool:
        """Note it; say whether the identity check goes by it now.

        Raises `NotAllowed` when the session is not live, or a consent is taken back.
        """
        if full.kind not in KINDS or full.picture.sha256 is None:
            raise InvalidInput("picture", "This is no picture that was asked for.")
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            if one.session.state not in LIVE:
                raise NotAllowed("take a picture when the session is not running")
            if withheld(await tx.identities.consents(session)):
                raise NotAllowed("take a picture without the learner's consent")
            entry = self.office.entry(one, "snapshot", LEARNER, _data(full))
            pictures = (full.picture, full.derived)
            await tx.sessions.append(entry, *(it for it in pictures if it is not None))
            if full.kind is SnapshotKind.FACE_AGAIN:
                await _judge_by(tx, session, full)
            elif full.kind in OF_CHECK:
                checked_in = one.session.state is SessionState.CHECKED_IN
                return checked_in and await _decide_by(tx, session, full)
        return False


def _data(full: FullPicture) -> dict[str, Plain]:
    picture, derived = full.picture, full.derived
    data: dict[str, Plain] = {
        "kind": full.kind.value,
        "evidence": picture.id,
        "sha256": picture.sha256,
        "size": picture.size,
        "full": True,
        "of": full.of,
        **full.bound.data,
    }
    if full.recheck is not None:
        data["recheck"] = full.recheck
    if derived is not None:
        data |= {
            "derived_evidence": derived.id,
            "derived_sha256": derived.sha256,
            "derived_size": derived.size,
        }
    return data


async def _judge_by(tx: Tx, session: str, full: FullPicture) -> None:
    """Put it in the place of the small one, unless that has been judged."""
    for one in await tx.identities.rechecks(session):
        if one.id == full.recheck and one.result is None:
            aligned = one.aligned if full.derived is None else full.derived.id
            await tx.identities.save_recheck(
                replace(one, evidence=full.picture.id, aligned=aligned)
            )


async def _decide_by(tx: Tx, session: str, full: FullPicture) -> bool:
    """Put it in the place of the small one, unless there is a newer one or a decision.

    What was read or typed stays until this one is read: it shows the same document.
    """
    check = await tx.sessions.identity(session)
    before = {
        SnapshotKind.ID_DOCUMENT: check.document,
        SnapshotKind.ID_BACK: check.back,
        SnapshotKind.FACE: check.face,
    }
    if before[full.kind] != full.of or check.state not in UNDECIDED - {IdentityState.OPEN}:
        return False
    after = check.with_picture(full.kind, full.picture.id)
    if full.kind is SnapshotKind.ID_DOCUMENT:
        after = replace(after, back=check.back)
    await tx.sessions.save_identity(replace(after, reading=check.reading))
    return True

"""The record of an officer's form, and its withdrawal, within somebody's transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from invigilation import record
from invigilation.desk.office import Office
from invigilation.onboard import OnboardEvent, OnboardState, Verification
from invigilation.record import NO_TEXTS, Data, Moment, Texts
from invigilation.store import Tx

OFFICER = "officer"
BOOKED_INSTEAD = "The learner booked a session with us."
REPLACED = "The officer sent a corrected form."


async def append(
    office: Office,
    tx: Tx,
    ident: str,
    kind: str,
    who: str,
    data: Data,
    at: datetime,
    private: Texts = NO_TEXTS,
) -> None:
    """Add the next entry to the record of a form that is held, or new."""
    head = await tx.onboard.head(ident)
    when = Moment.of(office.clock, at)
    entry = record.write(head, ident, when, kind, who, data, office.signer, private)
    await tx.onboard.append(entry)


async def withdraw(office: Office, tx: Tx, request: str, who: str, why: str) -> None:
    """Withdraw the form that waits for a decision on a request, if one does.

    The caller holds the request, or has just changed it: then nobody decides meanwhile.
    """
    now = office.clock.now()
    for known in await tx.onboard.of_request(request):
        one = await tx.onboard.hold(known.id) if known.state is OnboardState.SUBMITTED else None
        if one is None or one.state is not OnboardState.SUBMITTED:
            continue
        after = replace(one.after(OnboardEvent.WITHDRAW), reviewed=now, reason=why)
        await tx.onboard.save(after)
        await append(office, tx, one.id, "onboard_withdrawn", who, {"reason": why}, now)
        await office.note(tx, who, "onboard.withdrawn", one.id, noted(one), noted(after))


def noted(form: Verification) -> Data:
    """Return what the audit log says of a form."""
    return {"state": form.state.value, "reason": form.reason}

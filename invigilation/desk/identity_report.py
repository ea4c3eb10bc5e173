"""What an attestation says of how a learner's identity was established."""

from __future__ import annotations

from collections import Counter

from invigilation import record
from invigilation.consent import Purpose
from invigilation.desk.identity_facts import facts_of, stands
from invigilation.identity import IdentityCheck
from invigilation.record import Envelope
from invigilation.store import Tx
from invigilation.store.views import Sitting


async def told(tx: Tx, sitting: Sitting, envelope: Envelope) -> dict[str, object]:
    """Return the account: pictures, reading, grades, people, challenges, re-checks, likeness.

    It says what kind of document was read and how it compares, not what stands in it.
    """
    session = sitting.session
    check = await tx.sessions.identity(session)
    facts = await facts_of(tx, sitting, check)
    reading = check.reading
    challenges = await tx.identities.challenges(session)
    return {
        "state": check.state,
        "reason": envelope.text(check.reason),
        "document": check.document,
        "face": check.face,
        "kind": check.kind,
        "reading": None
        if reading is None
        else {
            "source": reading.source,
            "form": reading.form or None,
            "check_digits_right": reading.check_digits_right,
            "images": reading.images,
            "agreed": reading.agreed,
        },
        "grades": {one.field.value: one.grade for one in facts.findings},
        "decided_by": await _person(tx, check.decided_by, envelope),
        "decided_at": None if check.decided_at is None else record.stamp(check.decided_at),
        "referral": await _referral(tx, check, envelope),
        "hints": [one.kind for one in facts.hints],
        "challenges": [{"kind": one.kind, "result": one.result} for one in challenges],
        "rechecks": await _rechecks(tx, session),
        "likeness": await _likeness(tx, check, envelope),
    }


async def _referral(tx: Tx, check: IdentityCheck, envelope: Envelope) -> dict[str, object] | None:
    if check.referred_at is None:
        return None
    return {
        "by": await _person(tx, check.referred_by, envelope),
        "at": record.stamp(check.referred_at),
        "reason": envelope.text(check.referred_reason),
        "proposed": check.proposed,
    }


async def _rechecks(tx: Tx, session: str) -> dict[str, int]:
    """Count them by result; `unjudged` are those that nobody has looked at."""
    taken = await tx.identities.rechecks(session)
    count = Counter("unjudged" if one.result is None else one.result.value for one in taken)
    results = ("same", "not_same", "unclear", "unjudged")
    return {"taken": len(taken), **{result: count[result] for result in results}}


async def _likeness(tx: Tx, check: IdentityCheck, envelope: Envelope) -> dict[str, object]:
    """Say whether the learner agreed to it, and what was worked out while they did."""
    consent = stands(await tx.identities.consents(check.session), Purpose.LIKENESS)
    found = check.likeness if consent else None
    # It goes when the consent is taken back, so it is sealed: its text is JSON.
    return {"consent": consent, "figure": envelope.text(None if found is None else found.text())}


async def _person(tx: Tx, ident: str | None, envelope: Envelope) -> dict[str, object] | None:
    found = None if ident is None else await tx.people.staff(ident)
    return None if found is None else {"id": found.id, "name": envelope.seal(found.name)}

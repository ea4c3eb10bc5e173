"""What comes to its end with a session."""

from __future__ import annotations

from datetime import datetime

from invigilation.desk.challenges import skip_challenge
from invigilation.desk.gaps import close_gap
from invigilation.desk.inspections import withdraw_inspection
from invigilation.desk.office import Office
from invigilation.store import Tx
from invigilation.store.sessions import Open


async def wind_up(office: Office, tx: Tx, one: Open, now: datetime) -> Open:
    """Close what is open in a held session that is about to be over; return the session after.

    That is a gap, what the learner was asked for, the second camera's way in, and which
    device the learner's is.
    """
    _, one = await close_gap(office, tx, one, now, now)
    one = await withdraw_inspection(office, tx, one, now)
    one = await skip_challenge(office, tx, one, now)
    await tx.logins.end_second(one.session.id)
    await tx.devices.forget(one.session.id)
    return one

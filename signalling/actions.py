"""What an invigilator's message asks of the desk, where nothing else is needed for it."""

from __future__ import annotations

from invigilation.desk import Desk
from invigilation.errors import InvalidInput
from invigilation.people import Staff
from signalling import messages as m


async def act(desk: Desk, by: Staff, message: m.Message) -> None:
    """Have the desk do it; raises what the desk raises."""
    session = message.session
    match message:
        case m.DecideIdentity():
            await desk.identity.decide(session, by, message.decision, message.reason)
        case m.ReopenIdentity():
            await desk.identity.reopen(session, by)
        case m.ExtraTime():
            await desk.sessions.extra_minutes(session, by, message.minutes)
        case m.Attest():
            await desk.reports.attest(session, by, message.statement, message.outcome)
        case m.Refuse() | m.Pause() | m.Stop():
            await _with_reason(desk, by, message)
        case m.Admit():
            await desk.sessions.admit(session, by)
        case m.Resume():
            await desk.sessions.resume(session, by)
        case m.End():
            await desk.sessions.end(session, by)
        case _:
            raise InvalidInput("event", "There is no such message.")


async def _with_reason(desk: Desk, by: Staff, message: m.Refuse | m.Pause | m.Stop) -> None:
    match message:
        case m.Refuse(session, reason):
            await desk.sessions.refuse(session, by, reason)
        case m.Pause(session, reason):
            await desk.sessions.pause(session, by, reason)
        case m.Stop(session, reason):
            await desk.sessions.stop(session, by, reason)

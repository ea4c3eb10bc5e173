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
        case m.Admit():
            await desk.sessions.admit(session, by)
        case m.Refuse():
            await desk.sessions.refuse(session, by, message.reason)
        case m.Pause():
            await desk.sessions.pause(session, by, message.reason)
        case m.Resume():
            await desk.sessions.resume(session, by)
        case m.Stop():
            await desk.sessions.stop(session, by, message.reason)
        case m.End():
            await desk.sessions.end(session, by)
        case m.Attest():
            await desk.reports.attest(session, by, message.statement, message.outcome)
        case _:
            raise InvalidInput("event", "There is no such message.")

"""What a message asks of the desk, where nothing else is needed for it."""

from __future__ import annotations

from typing import Final

from invigilation.desk import Desk
from invigilation.errors import InvalidInput
from invigilation.people import Staff
from signalling import messages as m
from signalling.commands import NOTHING, Answer

MOVES: Final = (m.Admit, m.Refuse, m.Pause, m.Resume, m.Stop, m.End, m.Attest)
MARKS: Final = (m.AskInspection, m.Judge, m.RuleGap, m.JudgeFill, m.ExtraTime)
IDENTITY: Final = (
    m.TypeDocument,
    m.DecideIdentity,
    m.ReferIdentity,
    m.ReopenIdentity,
    m.AskChallenge,
    m.JudgeChallenge,
    m.JudgeRecheck,
)


async def act(desk: Desk, by: Staff, message: m.Message) -> Answer:
    """Have the desk do it for a member of staff; raises what the desk raises."""
    session = message.session
    if isinstance(message, MOVES):
        await _move(desk, by, message)
        return NOTHING
    if isinstance(message, MARKS):
        return await _mark(desk, by, message)
    if isinstance(message, IDENTITY):
        return await _identify(desk, by, message)
    match message:
        case m.HandOver():
            await desk.handover.offer(session, by, message.to)
        case m.WithdrawHandover():
            await desk.handover.withdraw(session, by)
        case _:
            raise InvalidInput("event", "There is no such message.")
    return NOTHING


async def _move(desk: Desk, by: Staff, message: m.Message) -> None:
    """Move the session on."""
    match message:
        case m.Refuse(session, reason):
            await desk.sessions.refuse(session, by, reason)
        case m.Pause(session, reason):
            await desk.sessions.pause(session, by, reason)
        case m.Stop(session, reason):
            await desk.sessions.stop(session, by, reason)
        case m.Admit(session):
            await desk.sessions.admit(session, by)
        case m.Resume(session):
            await desk.sessions.resume(session, by)
        case m.End(session):
            await desk.sessions.end(session, by)
        case m.Attest(session, statement, outcome):
            await desk.reports.attest(session, by, statement, outcome)


async def _mark(desk: Desk, by: Staff, message: m.Message) -> Answer:
    """Ask for something, or judge what came."""
    match message:
        case m.AskInspection(session, kind):
            asked = await desk.inspections.ask(session, by, kind)
            return {"inspection": asked.id}
        case m.Judge(session, inspection, result, note):
            await desk.inspections.judge(session, by, inspection, result, note)
        case m.RuleGap(session, gap, ruling, note):
            await desk.gaps.rule(session, by, gap, ruling, note)
        case m.JudgeFill(session, gap, accepted, note):
            await desk.fills.judge(session, by, gap, accepted=accepted, note=note)
        case m.ExtraTime(session, minutes):
            await desk.sessions.extra_minutes(session, by, minutes)
    return NOTHING


async def _identify(desk: Desk, by: Staff, message: m.Message) -> Answer:
    """Establish who sits there."""
    session = message.session
    match message:
        case m.TypeDocument(kind=kind):
            await desk.identity.typed(session, by, kind, message.fields)
        case m.DecideIdentity(_, decision, reason, document, face):
            await desk.identity.decide(session, by, decision, reason, document=document, face=face)
        case m.ReferIdentity(reason=reason):
            await desk.identity.refer(session, by, message.decision, reason)
        case m.ReopenIdentity():
            await desk.identity.reopen(session, by)
        case m.AskChallenge():
            asked = await desk.challenges.ask(session, by)
            return {"challenge": asked.id}
        case m.JudgeChallenge(_, challenge, result, note):
            await desk.challenges.judge(session, by, challenge, result, note)
        case m.JudgeRecheck(_, recheck, result, note):
            await desk.rechecks.judge(session, by, recheck, result, note)
    return NOTHING

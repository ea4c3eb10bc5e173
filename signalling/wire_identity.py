"""How the identity check looks on the wire; see PROTOCOL.md."""

from __future__ import annotations

from invigilation.challenge import Challenge
from invigilation.comparing import Finding
from invigilation.consent import Purpose
from invigilation.desk.identity_decisions import Referral
from invigilation.desk.room_view import RoomView
from invigilation.document import CARDS, Reading
from invigilation.identity import IdentityCheck
from invigilation.inspection import InspectionKind
from invigilation.likeness import Likeness
from invigilation.recheck import Recheck
from signalling.capture import Capture, Progress, Side
from signalling.words import Json, maybe, stamp


def for_staff(view: RoomView, capture: Capture) -> Json:
    """Return what staff see of the check, the challenges and the re-checks."""
    return {
        "identity": _identity(view, capture),
        "challenges": [_challenge(one) for one in view.challenges],
        "rechecks": [_recheck(one) for one in view.rechecks],
    }


def for_learner(view: RoomView, capture: Capture) -> Json:
    """Return what the learner's page is to do: nothing of what was read goes there."""
    open_one = next((one for one in view.challenges if one.result is None), None)
    sides = wanted_sides(view, capture)
    kind = view.identity.kind
    return {
        "capture": {
            "wanted": bool(sides),
            "sides": [side.value for side in sides],
            "kind": None if kind is None else kind.value,
        },
        "challenge": None if open_one is None else _open_challenge(open_one),
    }


def wanted_sides(view: RoomView, capture: Capture) -> tuple[Side, ...]:
    """Return which sides of the document are still to be shown; none when none may be sent.

    Before the learner has said what they show, both are named: a back counts for cards alone.
    """
    if not view.capture_allowed:
        return ()
    inspected = any(one.open and one.kind is InspectionKind.IDENTITY for one in view.inspections)
    if capture.asked or inspected:
        return capture.missing
    check = view.identity
    if check.document is None:
        return Capture(kind=check.kind).missing
    return (Side.BACK,) if check.kind in CARDS and check.back is None else ()


def referral(one: Referral) -> Json:
    """Return one line of a lobby's referrals."""
    return {
        "session": one.session,
        "learner": one.learner,
        "invigilator": one.invigilator,
        "since": stamp(one.since),
        "proposed": None if one.proposed is None else one.proposed.value,
    }


def _identity(view: RoomView, capture: Capture) -> Json:
    check = view.identity
    return _pictures(check) | {
        "state": check.state.value,
        "decision": None if check.decision is None else check.decision.value,
        "reason": check.reason,
        "at": maybe(check.decided_at),
        "by_colleague": check.decided_by not in {None, view.sitting.staff},
        "kind": None if check.kind is None else check.kind.value,
        "reading": None if check.reading is None else _reading(check.reading),
        "findings": [_finding(one) for one in view.findings],
        "needs_reason": view.needs_reason,
        "needs_two": view.needs_two,
        "hints": [{"kind": one.kind.value, "words": one.words} for one in view.hints],
        "likeness": None if check.likeness is None else _likeness(check.likeness),
        "likeness_consent": any(
            one.purpose is Purpose.LIKENESS and one.withdrawn is None for one in view.consents
        ),
        "capture": None if capture.progress is None else _progress(capture.progress),
        "referred": _referred(check, view.referred_by),
    }


def _pictures(check: IdentityCheck) -> Json:
    return {
        "document": check.document,
        "back": check.back,
        "portrait": check.portrait,
        "face": check.face,
        "aligned": check.aligned,
    }


def _reading(one: Reading) -> Json:
    said = one.fields
    return {
        "source": one.source.value,
        "form": one.form,
        "surname": said.surname,
        "given": said.given,
        "number": said.number,
        "issuer": said.issuer,
        "nationality": said.nationality,
        "sex": said.sex,
        "born": None if said.born is None else said.born.isoformat(),
        "expires": None if said.expires is None else said.expires.isoformat(),
        "check_digits_right": one.check_digits_right,
        "images": one.images,
        "agreed": one.agreed,
    }


def _finding(one: Finding) -> Json:
    return {
        "field": one.field.value,
        "grade": one.grade.value,
        "said": one.said,
        "known": one.known,
        "words": one.words,
    }


def _likeness(one: Likeness) -> Json:
    return {
        "engine": one.engine,
        "score": one.score,
        "one_in": one.one_in,
        "calibrated": None if one.calibrated is None else one.calibrated.isoformat(),
    }


def _progress(one: Progress) -> Json:
    return {"side": one.side.value, "done": one.done, "total": one.total}


def _referred(check: IdentityCheck, name: str | None) -> Json | None:
    if check.referred_at is None:
        return None
    return {
        "by": name or "",
        "at": stamp(check.referred_at),
        "reason": check.referred_reason or "",
        "proposed": None if check.proposed is None else check.proposed.value,
    }


def _open_challenge(one: Challenge) -> Json:
    return {"id": one.id, "kind": one.kind.value, "detail": one.detail}


def _challenge(one: Challenge) -> Json:
    return _open_challenge(one) | {
        "asked_at": stamp(one.asked_at),
        "result": None if one.result is None else one.result.value,
        "note": one.note,
    }


def _recheck(one: Recheck) -> Json:
    return {
        "id": one.id,
        "cause": one.cause.value,
        "evidence": one.evidence,
        "aligned": one.aligned,
        "taken_at": stamp(one.taken_at),
        "result": None if one.result is None else one.result.value,
        "note": one.note,
    }

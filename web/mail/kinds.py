"""The kinds of letters: what each needs to know, and what its subject is."""

from __future__ import annotations

from dataclasses import dataclass, field

ALWAYS = frozenset({"name", "title", "request"})
TIMED = ALWAYS | {"start", "zone"}
INVITED = TIMED | {"end", "booking", "sequence"}
PAID = ALWAYS | {"gross_pence", "vat_pence", "currency"}
STAFF = frozenset({"name", "page"})
ONBOARD = ALWAYS | {"officer", "vessel"}


class LetterError(ValueError):
    """The letter cannot be written: nobody knows its kind, or a fact is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of letter: the facts that it cannot be without, and its subject.

    `method` is that of its invitation, if it carries one (RFC 5546).
    """

    subject: str
    needs: frozenset[str] = field(default=TIMED)
    method: str | None = None


KINDS = {
    "booked": Kind("Your session is booked: {title}", INVITED, "REQUEST"),
    "moved": Kind("Your session has a new time: {title}", INVITED, "REQUEST"),
    "cancelled": Kind("Your session is cancelled: {title}", INVITED, "CANCEL"),
    "reminder": Kind("Your session is in {left}: {title}", TIMED | {"end", "booking", "hours"}),
    "offer": Kind("A time has become free for you: {title}", TIMED | {"until", "waiting"}),
    "offer_lapsed": Kind("The time we held for you is free again: {title}"),
    "reservation_lapsed": Kind("Your session is not booked yet: {title}"),
    "payment_received": Kind("We have received your payment: {title}", PAID),
    "payment_late": Kind("Your payment came, but choose a new time: {title}", PAID),
    "answer": Kind("Our answer to you: {title}", ALWAYS | {"question", "answer", "kind"}),
    "attendance": Kind("Your missed session: {title}", TIMED | {"state", "reason"}),
    "receipt": Kind("Your session: {title}", TIMED | {"outcome", "reason"}),
    "onboard_accepted": Kind("Your officer on board is accepted: {title}", ONBOARD),
    "onboard_refused": Kind("Your officer on board is not accepted: {title}", ONBOARD | {"reason"}),
}
"""Every letter to a learner."""
STAFF_KINDS = {
    "look_alarm": Kind(
        "Please look into it: unusual looks at evidence", STAFF | {"about", "kind", "records"}
    ),
    "sign_in_changed": Kind(
        "Your sign-in: {changed}", STAFF | {"change", "device", "place", "at", "left"}
    ),
}
"""Every letter to the staff: it leads to a page of theirs, and is about no session."""


def kind_named(name: str) -> Kind:
    """Return the kind of that name; raises `LetterError`."""
    kind = KINDS.get(name) or STAFF_KINDS.get(name)
    if kind is None:
        raise LetterError(f"there is no letter {name!r}")
    return kind

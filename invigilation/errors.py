"""What can go wrong in the exam office, as facts.

```
InvigilationError
├── InvalidInput        a field that cannot be used as it is
├── NotFound            nothing of that kind under that name, or not yours
├── NotAllowed          you may not do this
├── NeedsColleague      it takes two people
├── ReasonNeeded        say first why you look at this
├── NotSignedIn         who are you?
├── IllegalTransition   not in this state
├── SlotNotOffered      the office does not offer this start
├── SlotTaken           somebody else has it
├── AlreadyBooked       one active booking per entitlement
├── Outdated            changed since the asker read it
├── TooLate             the cut-off has passed
├── PaymentDue          a charge must be paid or waived first
├── KeyReused           the idempotency key came before with other content
├── Busy                a limit is reached, or the database is away; try again
└── Unsure              nobody knows whether it was done
```

No HTTP here: each edge translates once, by `code`.
"""

from __future__ import annotations

from datetime import datetime


class InvigilationError(Exception):
    """Something the exam office refuses, with a plain sentence for the person who asked."""

    code = "refused"


class InvalidInput(InvigilationError):
    """A field cannot be used: `field` is its name, `reason` a plain sentence."""

    code = "invalid_input"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


class NotFound(InvigilationError):
    """There is no such thing, or it belongs to somebody else: the answer is the same."""

    code = "not_found"

    def __init__(self, kind: str, ident: str) -> None:
        super().__init__(f"There is no such {kind}.")
        self.kind = kind
        self.ident = ident


class NotAllowed(InvigilationError):
    """This person may not do this."""

    code = "not_allowed"

    def __init__(self, action: str) -> None:
        super().__init__(f"You may not {action}.")
        self.action = action


class NeedsColleague(InvigilationError):
    """Nobody can decide this alone: `why` is a plain sentence."""

    code = "needs_colleague"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Ask a colleague to look at it, too.")
        self.why = why


class ReasonNeeded(InvigilationError):
    """Whoever looks at evidence of this record (a session's, or a form's) says why first."""

    code = "reason_needed"

    def __init__(self, subject: str) -> None:
        super().__init__("Say first why you look at these pictures and recordings.")
        self.subject = subject


class NotSignedIn(InvigilationError):
    """Nobody is signed in, or the name and password do not match."""

    code = "not_signed_in"


class IllegalTransition(InvigilationError):
    """The machine has no way from this state by this event."""

    code = "illegal_transition"

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(
            f"This is not possible now: the {machine} is {state.replace('_', ' ')}, "
            f"so “{event.replace('_', ' ')}” does not apply."
        )
        self.machine = machine
        self.state = state
        self.event = event


class SlotNotOffered(InvigilationError):
    """The office does not offer this start; `why` is a machine word of `slots.Refusal`."""

    code = "slot_not_offered"

    def __init__(self, start: datetime, why: str) -> None:
        super().__init__("This time is not offered. Please choose another one.")
        self.start = start
        self.why = why


class SlotTaken(InvigilationError):
    """The last free seat at this start went to somebody else."""

    code = "slot_taken"

    def __init__(self, start: datetime) -> None:
        super().__init__("Somebody else has just taken this time. Please choose another one.")
        self.start = start


class AlreadyBooked(InvigilationError):
    """This entitlement has an active booking already."""

    code = "already_booked"

    def __init__(self, booking: str) -> None:
        super().__init__("You already have a booking. Change or cancel that one instead.")
        self.booking = booking


class Outdated(InvigilationError):
    """Somebody else changed the thing after the asker had read it."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"Somebody else has changed this {kind} meanwhile. Look at how it stands now."
        )
        self.kind = kind


class TooLate(InvigilationError):
    """The cut-off for this action has passed."""

    code = "too_late"

    def __init__(self, action: str, cutoff: datetime) -> None:
        super().__init__(
            f"It is too late to {action}: that was possible until "
            f"{cutoff:%d %B %Y %H:%M} UTC. Please ask the scheduler."
        )
        self.action = action
        self.cutoff = cutoff


class PaymentDue(InvigilationError):
    """A charge must be paid, or waived by a scheduler, before a slot can be booked."""

    code = "payment_due"

    def __init__(self, charge: str, pence: int) -> None:
        super().__init__(
            f"A charge of £{pence / 100:.2f} is due before you can book. "
            "If you think that this is wrong, ask the scheduler."
        )
        self.charge = charge
        self.pence = pence


class KeyReused(InvigilationError):
    """The idempotency key was used before for something else."""

    code = "key_reused"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used before with other content.")


class Busy(InvigilationError):
    """A named limit is reached; the same request may pass a moment later."""

    code = "busy"

    def __init__(self, what: str) -> None:
        super().__init__(f"The {what} is busy. Please try again in a moment.")
        self.what = what


class Unsure(InvigilationError):
    """The line to the database broke just as this was being written: it may be there, or not."""

    code = "unsure"

    def __init__(self) -> None:
        super().__init__(
            "We do not know whether this was done. Please look how it stands before you try again."
        )

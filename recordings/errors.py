"""What can go wrong in the evidence room.

```
InvigilationError
├── EvidenceDamaged      what is stored is not what was written
├── EvidenceUnfinished   only a part was written, and it has not been recovered yet
├── EvidenceExists       evidence is never overwritten
├── EvidenceStoreFull    the disk is kept free for what matters more
├── Busy
│   └── KeyUnknown       the key that opens this is not at hand; it may be tomorrow
├── PictureUndecodable   this is no picture that can be shown
├── SealBroken           a signed document that does not verify
└── BundleTooLarge       more than one file can hold
```

Evidence that is not there, or was erased, is the exam office's own `NotFound`.
"""

from __future__ import annotations

from invigilation.errors import Busy, InvigilationError


class EvidenceDamaged(InvigilationError):
    """The stored bytes were changed, cut, swapped or lengthened; `why` says how it was seen."""

    code = "evidence_damaged"

    def __init__(self, evidence_id: str, why: str) -> None:
        super().__init__(f"This evidence has been damaged and cannot be trusted: {why}.")
        self.evidence_id = evidence_id
        self.why = why


class EvidenceUnfinished(InvigilationError):
    """The object is still being written, or its writer died; `Vault.records` has the rest."""

    code = "evidence_unfinished"

    def __init__(self, evidence_id: str) -> None:
        super().__init__("This evidence is not finished yet.")
        self.evidence_id = evidence_id


class EvidenceExists(InvigilationError):
    """An object of this name was stored before; evidence is never overwritten."""

    code = "evidence_exists"

    def __init__(self, evidence_id: str) -> None:
        super().__init__("This evidence was stored before and is never overwritten.")
        self.evidence_id = evidence_id


class EvidenceStoreFull(InvigilationError):
    """Less than the reserve is free on the disk of the vault."""

    code = "evidence_store_full"

    def __init__(self, free: int) -> None:
        super().__init__("The disk for evidence is full. The session goes on without it.")
        self.free = free


class KeyUnknown(Busy):
    """No key at hand opens the session's: another wrap key was in use when it was written.

    Nothing is lost by it: with that key back, everything opens again.
    """

    def __init__(self, session: str) -> None:
        super().__init__("key of this evidence")
        InvigilationError.__init__(
            self,
            "The key that opens this evidence is not at hand. Nothing is lost: "
            "please tell the administrator, who can bring the key back.",
        )
        self.session = session


class PictureUndecodable(InvigilationError):
    """The bytes are no picture that can be shown; `why` says what is wrong with them."""

    code = "picture_undecodable"

    def __init__(self, why: str) -> None:
        super().__init__(f"The picture could not be taken: {why}. Please try again.")
        self.why = why


class SealBroken(InvigilationError):
    """A signed document does not verify; `why` names the first thing that is wrong."""

    code = "seal_broken"

    def __init__(self, why: str) -> None:
        super().__init__(f"The seal does not verify: {why}.")
        self.why = why


class BundleTooLarge(InvigilationError):
    """A bundle would be longer than 4 GiB."""

    code = "bundle_too_large"

    def __init__(self) -> None:
        super().__init__("This is more than one file can hold. Leave the recordings out.")

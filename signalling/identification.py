"""What a room does for the identity check, beside what it is told.

It knows what comes from the learner's page, takes faces by itself, and passes on what may be wrong
with the stream.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from invigilation.desk.identity_facts import withheld
from invigilation.desk.room_view import RoomView
from invigilation.document import CARDS, DocumentKind
from invigilation.errors import NotAllowed
from invigilation.hints import HintKind
from invigilation.identity import IdentityState, SnapshotKind
from invigilation.inspection import InspectionKind
from invigilation.presence import Sight
from invigilation.session import SessionState
from signalling import messages as m
from signalling.capture import Capture, Progress, Side
from signalling.commands import NOTHING, Answer, FaceAgain
from signalling.darkroom import Darkroom
from signalling.means import Means
from signalling.messages import Party
from signalling.rechecking import Rechecking
from signalling.seat import Seat
from signalling.wire_identity import wanted_sides

FACE_AFTER_S: Final = 3.0
"""Who has just shown a document puts it down first."""
BACK_WAITED_S: Final = 60.0
"""A card's back is waited for no longer before the face is taken."""
FACE_RETRY_S: Final = 10.0
PROGRESS_KEPT_S: Final = 30.0
"""A picture that does not get on for so long is not shown as coming any more."""
LABELS: Final = 8
"""Names of cameras that one room takes note of: a page that makes them up is not listened to."""
SEEN_AS: Final = {Sight.FROZEN: HintKind.FROZEN, Sight.LOOPING: HintKind.LOOPING}


class Identification:
    """Keeps what stands around one session's identity check, as long as the room lives."""

    def __init__(self, session: str, means: Means, darkroom: Darkroom) -> None:
        self.capture = Capture()
        self._session = session
        self._means = means
        self._darkroom = darkroom
        self._rechecking = Rechecking(means.desk.office.dice)
        self._progress_at = float("-inf")
        self._document: tuple[str | None, float] = (None, 0.0)
        self._face_tried_at = float("-inf")
        self._inspection: str | None = None
        self._hinted: set[HintKind] = set()
        self._labels: set[str] = set()

    # What comes from the learner's page

    def progress(self, progress: Progress) -> None:
        """Note how much of a picture has come."""
        self._progress_at = self._means.clock.monotonic()
        here = progress.side is Side.FACE and progress.done >= progress.total
        self.capture = replace(self.capture, progress=None if here else progress)

    def captured(self, side: Side, kind: DocumentKind) -> None:
        """Note that a side of the document is in the record."""
        came = {side} if side is Side.FRONT else self.capture.came | {side}
        self.capture = Capture(self.capture.asked, frozenset(came), kind)
        if not self.capture.missing:
            self.capture = replace(self.capture, asked=False)

    def seen(self, view: RoomView) -> None:
        """Take note of how the session stands now."""
        now = self._means.clock.monotonic()
        if view.identity.document != self._document[0]:
            self._document = (view.identity.document, now)
        asked = next((one for one in view.inspections if one.open), None)
        if asked is not None and asked.kind is InspectionKind.IDENTITY:
            if asked.id != self._inspection:
                self.capture = replace(self.capture, came=frozenset(), kind=None)
            self._inspection = asked.id
        if self.capture.asked and not view.capture_allowed:
            self.capture = replace(self.capture, asked=False)

    async def hear(self, seat: Seat, message: m.Message, view: RoomView) -> Answer | None:
        """Answer a message of somebody in the room; None: it is not one for here alone."""
        match message:
            case m.AskDocument():
                if not view.capture_allowed:
                    raise NotAllowed("ask for the document now")
                self.capture = replace(self.capture, asked=True, came=frozenset(), kind=None)
                return NOTHING
            case m.Media() if seat.party is Party.LEARNER:
                await self._camera(message.label)
        return None

    async def _camera(self, label: str) -> None:
        if label and label not in self._labels and len(self._labels) < LABELS:
            self._labels.add(label)
            await self._means.desk.identity.camera(self._session, label)

    # What the room does by itself

    async def looked(self, sight: Sight) -> None:
        """Pass on that the picture stands still, or comes again and again; once each."""
        kind = SEEN_AS.get(sight)
        if kind is not None and kind not in self._hinted:
            await self._means.desk.identity.hint(self._session, kind)
            self._hinted.add(kind)

    def tick(self, view: RoomView) -> None:
        """Take a face if it is time for one, and if a picture comes; returns at once."""
        clock = self._means.clock
        now = clock.monotonic()
        if now - self._progress_at >= PROGRESS_KEPT_S:
            self.capture = replace(self.capture, progress=None)
        if self._darkroom.busy or not self._darkroom.gets(now):
            return
        if withheld(view.consents):
            return
        if self._face_due(view, now):
            self._face_tried_at = now
            self._darkroom.take_unasked(m.Snapshot(self._session, SnapshotKind.FACE))
            return
        cause = self._rechecking.due(view, clock.now(), now)
        if cause is not None:
            self._darkroom.take_unasked(FaceAgain(cause))

    def _face_due(self, view: RoomView, now: float) -> bool:
        """Say whether the document was seen, and the face is still missing."""
        check = view.identity
        if (
            view.session.state is not SessionState.CHECKED_IN
            or check.state is not IdentityState.DOCUMENT_SEEN
            or now - self._face_tried_at < FACE_RETRY_S
        ):
            return False
        waited = now - self._document[1]
        if check.kind in CARDS and wanted_sides(view, self.capture):
            return waited >= BACK_WAITED_S
        return waited >= FACE_AFTER_S

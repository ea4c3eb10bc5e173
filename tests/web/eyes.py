"""A double of the eye: no processes; it draws as the real one does, and sees what the test says."""

from __future__ import annotations

from invigilation.errors import Busy
from recordings.vision.eye import Eye, SeenDocument, SeenFace
from recordings.vision.upload import decode_upload
from recordings.vision.worker import glance, still
from web.evidence import EvidenceShelf
from web.studies import Studies

NOTHING = SeenDocument(None, None)
NOBODY = SeenFace(None, 0, 0)


class FakeEye(Eye):
    """Sees `seen` in documents, `found` in faces and `alike` in two of them.

    It is busy as often as `busy` says, and remembers what it was shown.
    """

    def __init__(self):
        self.seen = NOTHING
        self.found = NOBODY
        self.alike = None
        self.busy = 0
        self.documents = []
        self.compared = []

    async def draw(self, data):
        self._tired()
        return decode_upload(data)

    async def still(self, data):
        self._tired()
        return still(data)

    async def glance(self, data):
        self._tired()
        return glance(data)

    async def document(self, pictures, kind=None):
        self._tired()
        self.documents.append((tuple(pictures), kind))
        return self.seen

    async def face(self, picture):
        self._tired()
        return self.found

    async def likeness(self, portrait, face):
        self._tired()
        self.compared.append((portrait, face))
        return self.alike

    def _tired(self):
        if self.busy:
            self.busy -= 1
            raise Busy("picture reader")


def shelf_of(desk, vault, snapshots, eye=None, *, told=lambda _: None, likeness=False):
    """A shelf whose pictures are looked at by a double."""
    eye = FakeEye() if eye is None else eye
    return EvidenceShelf(desk, vault, snapshots, eye, Studies(desk, vault, eye, told, likeness))

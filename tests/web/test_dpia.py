"""The data protection impact assessment says what the software does: periods, kinds, tables."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from invigilation import looks
from invigilation.consent import Purpose
from invigilation.desk.attendance import DISPUTE_TIME
from invigilation.desk.people import LEARNER_HOURS, STAFF_HOURS
from invigilation.probe import FRESH
from invigilation.store.persons import NOT_ABOUT_LEARNERS
from invigilation.store.schema import metadata
from recordings.retention import DEFAULT_PERIODS, Policy
from web.settings import LikenessSwitch, Settings

TEXT = (Path(__file__).parents[2] / "docs" / "dpia.md").read_text()
PERIOD = re.compile(r"(\d+) (days|hours) \(`(\w+)`\)")
OTHERS = {
    "probe": FRESH,
    "look": looks.LASTS,
    "dispute": DISPUTE_TIME,
    "login": timedelta(hours=max(STAFF_HOURS, LEARNER_HOURS)),
}
"""Periods that are no settings."""


@pytest.mark.parametrize("found", sorted(set(PERIOD.findall(TEXT))))
def test_each_period_is_that_of_the_software(found: tuple[str, str, str]) -> None:
    count, unit, name = found
    field = Settings.model_fields.get(name)
    real = OTHERS[name] if field is None else timedelta(**{unit: field.default})

    assert timedelta(**{unit: int(count)}) == real


def test_no_period_stands_there_without_its_name() -> None:
    """A number of days that nobody can look up would be out of date one day."""
    bare = [
        one
        for one in re.findall(r"(\d+ (?:days|hours)\b[^.|;]{0,12})", PERIOD.sub("", TEXT))
        if not one.startswith(("90 days while", "2196 days"))
    ]

    assert bare == []
    assert timedelta(days=90) == Policy().undelivered
    assert DEFAULT_PERIODS["report_bare"] == timedelta(days=2196)


def test_the_limits_of_what_is_unusual_are_those_of_the_software() -> None:
    limits = looks.Limits()

    assert f"more than {limits.an_hour} records in an hour or {limits.a_day} in a day" in TEXT


@pytest.mark.parametrize("kind", sorted(DEFAULT_PERIODS))
def test_every_kind_of_evidence_is_named(kind: str) -> None:
    assert f"`{kind}`" in TEXT


@pytest.mark.parametrize("table", sorted(set(metadata.tables) - NOT_ABOUT_LEARNERS))
def test_every_table_about_learners_is_named(table: str) -> None:
    assert f"`{table}`" in TEXT


@pytest.mark.parametrize("purpose", Purpose)
def test_every_purpose_of_consent_is_named(purpose: Purpose) -> None:
    assert f"`{purpose}`" in TEXT


def test_a_likeness_is_off_as_it_says() -> None:
    assert Settings.model_fields["likeness"].default is LikenessSwitch.OFF
    assert "(`likeness`, off by default)" in TEXT

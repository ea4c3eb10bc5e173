"""Fixtures of the attacks: the office that the pages' tests have."""

from __future__ import annotations

from tests.web.conftest import office_template, world

__all__ = ["office_template", "world"]

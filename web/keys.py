"""Under which keys the application holds its collaborators; `web/app.py` puts them there."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from invigilation.desk import Desk
from recordings.vault import Vault
from web.settings import Settings

DESK = web.AppKey("desk", Desk)
SETTINGS = web.AppKey("settings", Settings)
SECRET = web.AppKey("secret", bytes)
"""At least 32 random bytes, the same in every process: signs the personal links."""
VAULT = web.AppKey("vault", Vault)
VERIFIER = web.AppKey("verifier", Callable[[bytes], bool])
"""Says whether a record file (`invigilation.desk.reports.record_file`) holds, by our own keys."""

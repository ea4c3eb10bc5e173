"""Under which keys the application holds its collaborators; `web/app.py` puts them there."""

from __future__ import annotations

from aiohttp import web

from invigilation.desk import Desk
from web.settings import Settings

DESK = web.AppKey("desk", Desk)
SETTINGS = web.AppKey("settings", Settings)

"""Under which keys the application holds its collaborators; `web/app.py` puts them there."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from invigilation.desk import Desk
from recordings.signing import SigningKeys
from recordings.vault import Vault
from recordings.verify import verify
from web.health.gauges import Gauges
from web.health.readiness import Readiness
from web.relay import Relay
from web.settings import Settings
from web.watchers import Metrics


@dataclass(frozen=True, slots=True)
class Verifier:
    """Says whether a record file (`invigilation.desk.reports.record_file`) holds, by our keys."""

    keys: SigningKeys

    def __call__(self, record: bytes) -> bool:
        """Take all the verifier's steps; blocks for some milliseconds."""
        return verify(record, self.keys.trusted()).ok


DESK = web.AppKey("desk", Desk)
SETTINGS = web.AppKey("settings", Settings)
RELAY = web.AppKey("relay", Relay)
SECRET = web.AppKey("secret", bytes)
"""At least 32 random bytes, the same in every process: signs the personal links."""
VAULT = web.AppKey("vault", Vault)
VERIFIER = web.AppKey("verifier", Verifier)
METRICS = web.AppKey("metrics", Metrics)
READINESS = web.AppKey("readiness", Readiness)
GAUGES = web.AppKey("gauges", Gauges)

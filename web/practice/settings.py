"""What the practice backend must be told, by arguments or by the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Where it listens, whom it asks, and the secrets that it shares with the service."""

    host: str
    port: int
    service: str
    public: str
    data: Path
    client_id: str
    client_secret: str
    webhook_secret: str
    webhook_key: str = ""
    testing: bool = False
    clock_shift_file: Path | None = None


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings; an argument wins over `PRACTICE_...`. Exits with a plain sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m web.practice", description="The practice assessment backend."
    )

    def add(name: str, default: str | None, words: str) -> None:
        variable = "PRACTICE_" + name.replace("-", "_").upper()
        value = environment.get(variable, default)
        words = f"{words} (or {variable})"
        parser.add_argument(f"--{name}", default=value, required=value is None, help=words)

    add("host", "127.0.0.1", "the address to listen on")
    add("port", "8090", "the port to listen on; 0 takes any free one")
    add("service", None, "the origin of the invigilation service, such as http://127.0.0.1:8080")
    add("public", "", "the origin under which browsers and the service reach this backend")
    add("data", None, "a folder for the database")
    add("client-id", "practice", "the machine client's name")
    add("client-secret", None, "the machine client's secret")
    add("webhook-secret", None, "the webhook secret, whsec_...; or two, with a space between")
    add("webhook-key", "", "the service's own public key for webhooks, whpk_...")
    add("clock-shift-file", "", "for rehearsals: a file with seconds to add to the clock")
    parser.add_argument(
        "--testing",
        action="store_true",
        default=environment.get("PRACTICE_TESTING", "") in {"1", "true", "yes"},
        help="offer /test/down and /test/up (or PRACTICE_TESTING=1)",
    )
    given = parser.parse_args(arguments)
    try:
        port = int(given.port)
    except ValueError:
        parser.error(f"--port must be a number, not {given.port}")
    return Settings(
        host=given.host,
        port=port,
        service=given.service.rstrip("/"),
        public=given.public.rstrip("/"),
        data=Path(given.data),
        client_id=given.client_id,
        client_secret=given.client_secret,
        webhook_secret=given.webhook_secret,
        webhook_key=given.webhook_key,
        testing=given.testing,
        clock_shift_file=Path(given.clock_shift_file) if given.clock_shift_file else None,
    )

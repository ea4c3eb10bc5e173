"""coturn, real, on free ports of the loopback: relays for whoever's UDP is blocked.

Credentials are those of the TURN REST scheme: the user name is the second at which they run out,
the password its HMAC-SHA1 under a secret that service and relay share.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.harness.process import Process, ended, free_port, listens
from tests.harness.waiting import wait_until

START_S = 20.0
"""How long coturn may take to listen after it was started."""
VALID_S = 600


@dataclass(frozen=True, slots=True)
class Relay:
    """A running coturn: it listens on one port by UDP and by TCP, and relays on the loopback."""

    port: int
    secret: str
    process: Process

    def url(self, transport: str = "tcp") -> str:
        """Return its address as a browser takes it, over `tcp` or `udp`."""
        return f"turn:127.0.0.1:{self.port}?transport={transport}"

    def credentials(self, name: str = "test", valid_s: int = VALID_S) -> tuple[str, str]:
        """Return a user name and a password that run out after so many seconds."""
        user = f"{int(time.time()) + valid_s}:{name}"
        digest = hmac.digest(self.secret.encode(), user.encode(), "sha1")
        return user, base64.b64encode(digest).decode()

    @property
    def log(self) -> str:
        """What it has printed: one line for each allocation among it."""
        return self.process.tail(10_000)


@contextlib.contextmanager
def turn_server() -> Iterator[Relay]:
    """Run one coturn in a temporary directory."""
    program = shutil.which("turnserver")
    assert program, "coturn is missing: ./dev test installs it"
    with tempfile.TemporaryDirectory(prefix="turn-") as directory:
        relay = Relay(free_port(), secrets.token_urlsafe(24), _process(program, Path(directory)))
        relay.process.command += ["--listening-port", str(relay.port)]
        relay.process.command += ["--static-auth-secret", relay.secret]
        with ended(relay.process):
            relay.process.start()
            wait_until(lambda: listens(relay.port) or relay.process.must_live(), START_S, "coturn")
            yield relay


def _process(program: str, folder: Path) -> Process:
    options = {
        "listening-ip": "127.0.0.1",
        "relay-ip": "127.0.0.1",
        "realm": "tests",
        "userdb": str(folder / "turndb"),
        "pidfile": str(folder / "turn.pid"),
        "log-file": "stdout",
    }
    flags = (
        "fingerprint",
        "use-auth-secret",
        "allow-loopback-peers",
        "no-multicast-peers",
        "no-tls",
        "no-dtls",
        "no-cli",
        "no-rfc5780",
        "verbose",
    )
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    # -n: no configuration file of this machine's.
    return Process([program, "-n", *words, *(f"--{flag}" for flag in flags)], folder / "turn.log")

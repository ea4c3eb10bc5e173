"""coturn, real, on free ports of the loopback or of a ship's shore: for whoever's UDP is blocked.

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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.harness.process import Process, ended, free_port, listens
from tests.harness.shore import Certificate
from tests.harness.waiting import wait_until

START_S = 20.0
"""How long coturn may take to listen after it was started."""
VALID_S = 600
HERE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Relay:
    """A running coturn: it listens on one port by UDP and by TCP, on another one by TLS."""

    port: int
    secret: str
    process: Process
    address: str = HERE
    tls_port: int = 0
    """0 when it has no certificate."""

    def url(self, transport: str = "tcp") -> str:
        """Return its address as a browser takes it, over `tcp`, `udp` or `tls`."""
        if transport == "tls":
            assert self.tls_port, "made without a certificate"
            return f"turns:{self.address}:{self.tls_port}?transport=tcp"
        return f"turn:{self.address}:{self.port}?transport={transport}"

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
def turn_server(
    address: str = HERE, certificate: Certificate | None = None, settings: Sequence[str] = ()
) -> Iterator[Relay]:
    """Run one coturn in a temporary directory; it listens and relays at one address.

    `settings` are further lines as in its configuration file.

    With a certificate it takes TLS, too. Chromium trusts that one by the same argument as a page's
    (`Certificate.trust`).
    """
    program = shutil.which("turnserver")
    assert program, "coturn is missing: ./dev test installs it"
    with tempfile.TemporaryDirectory(prefix="turn-") as directory:
        process = _process(program, Path(directory), address, certificate)
        process.command += [f"--{line}" for line in settings]
        tls_port = free_port() if certificate else 0
        relay = Relay(free_port(), secrets.token_urlsafe(24), process, address, tls_port)
        process.command += ["--listening-port", str(relay.port)]
        process.command += ["--static-auth-secret", relay.secret]
        if tls_port:
            process.command += ["--tls-listening-port", str(tls_port)]
        with ended(process):
            process.start()
            wait_until(lambda: _answers(relay) or process.must_live(), START_S, "coturn")
            yield relay


def _answers(relay: Relay) -> bool:
    ports = [port for port in (relay.port, relay.tls_port) if port]
    return all(listens(port, relay.address) for port in ports)


def _process(program: str, folder: Path, address: str, certificate: Certificate | None) -> Process:
    options = {
        "listening-ip": address,
        "relay-ip": address,
        "realm": "tests",
        "userdb": str(folder / "turndb"),
        "pidfile": str(folder / "turn.pid"),
        "log-file": "stdout",
    }
    flags = [
        "fingerprint",
        "use-auth-secret",
        "allow-loopback-peers",
        "no-multicast-peers",
        "no-dtls",
        "no-cli",
        "no-rfc5780",
        "verbose",
    ]
    if certificate:
        options |= {"cert": str(certificate.certificate), "pkey": str(certificate.key)}
    else:
        flags.append("no-tls")
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    # -n: no configuration file of this machine's.
    return Process([program, "-n", *words, *(f"--{flag}" for flag in flags)], folder / "turn.log")

"""The shore end of a ship's link: TLS before a service that listens on the loopback.

A page that is not on localhost may use camera and microphone over TLS only. The certificate is
made for the test; browsers are told its key's digest (`Shore.trust`), so nothing else is let pass.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import ssl
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

PIECE = 65_536
VALID = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that signs itself, in two files."""

    certificate: Path
    key: Path
    trust: str
    """Chromium's argument for whoever is to trust it: the SHA-256 of its public key."""

    def context(self) -> ssl.SSLContext:
        """Return what a server needs."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.certificate, self.key)
        made.set_alpn_protocols(["http/1.1"])
        return made


def make_certificate(folder: Path, *addresses: str) -> Certificate:
    """Make a key and a certificate for some IP addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shore")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(one)) for one in addresses])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - VALID)
        .not_valid_after(now + VALID)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "shore.crt", folder / "shore.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = base64.b64encode(hashlib.sha256(public).digest()).decode()
    return Certificate(*files, f"--ignore-certificate-errors-spki-list={digest}")


@dataclass(frozen=True, slots=True)
class Shore:
    """TLS on an address of a ship's net; everything goes on to one port of the loopback."""

    address: str
    port: int
    certificate: Certificate

    @property
    def url(self) -> str:
        """The origin that browsers see."""
        return f"https://{self.address}:{self.port}"

    @property
    def trust(self) -> str:
        """Chromium's argument for whoever is to trust it."""
        return self.certificate.trust


@contextlib.asynccontextmanager
async def shore(address: str, port: int, behind: int) -> AsyncIterator[Shore]:
    """Listen at `address` and `port` with TLS, for a service on port `behind` of the loopback.

    The service need not run yet. Two round trips before the first byte of HTTP, as with TLS 1.3.
    """
    lines: set[asyncio.Task[None]] = set()

    def line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_through(reader, writer, behind))
        lines.add(task)
        task.add_done_callback(lines.discard)

    with tempfile.TemporaryDirectory(prefix="shore-") as folder:
        certificate = make_certificate(Path(folder), address)
        server = await asyncio.start_server(line, address, port, ssl=certificate.context())
        try:
            yield Shore(address, port, certificate)
        finally:
            server.close()
            for task in list(lines):
                task.cancel()
            await asyncio.gather(*lines, return_exceptions=True)


async def _through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: int) -> None:
    """Carry bytes both ways until either end is closed."""
    try:
        to, back = await asyncio.open_connection("127.0.0.1", behind)
    except OSError:  # the service is not there now
        writer.close()
        return
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, back))
            both.create_task(_copy(to, writer))
    except* OSError:  # either end was cut off
        pass
    finally:
        for one in (writer, back):
            one.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:  # TLS has no half: what is under way is sent, then it is closed
        writer.close()

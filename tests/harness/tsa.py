"""A time-stamp authority of the tests' own: OpenSSL signs, and a small server passes it on."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
STAMPS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
DAY = dt.timedelta(days=1)
_CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {directory}/serial
crypto_device = builtin
signer_cert = {directory}/signer.pem
signer_key = {directory}/signer.key
certs = {directory}/chain.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha384, sha512
clock_precision_digits = 3
ess_cert_id_alg = {ess}
tsa_name = yes
"""


def key() -> Key:
    """Return a fresh key of the quick kind."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate(
    name: str,
    own: Key,
    issuer: x509.Certificate | None,
    by: Key,
    *,
    ca: bool = True,
    usage: x509.ExtendedKeyUsage | None = None,
    until: dt.timedelta = 30 * DAY,
) -> x509.Certificate:
    """Return a certificate that has been good for a month; `until` counts from now."""
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 30 * DAY)
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(by, hashes.SHA256())


class TimeStampAuthority:
    """An authority in a directory: a root, a signer, and `openssl ts` to sign with."""

    def __init__(
        self,
        directory: Path,
        *,
        signing: Key | None = None,
        links: int = 1,
        usage: x509.ExtendedKeyUsage | None = STAMPS,
        until: dt.timedelta = 30 * DAY,
        ess: str = "sha256",
    ) -> None:
        """Make the keys; `links` counts the certificates from the signer's up to the root."""
        assert shutil.which("openssl"), "OpenSSL is missing: ./dev test installs it"
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.root_key = above = key()
        self.root = issuer = certificate("Root of time", above, None, above)
        self.between: list[x509.Certificate] = []
        for number in range(links - 1):
            own = key()
            issuer = certificate(f"Issuer {number}", own, issuer, above)
            self.between.append(issuer)
            above = own
        own = signing or key()
        self.signer = certificate(
            "Clock of the tests", own, issuer, above, ca=False, usage=usage, until=until
        )
        pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / "signer.key").write_bytes(pem)
        self.certificates = directory / "root.pem"
        """What those who trust this authority put into `timestamp_certificates`."""
        _save(self.certificates, self.root)
        _save(directory / "signer.pem", self.signer)
        self.send(*self.between, self.root)
        (directory / "serial").write_text("01\n")
        (directory / "ts.cnf").write_text(_CONFIG.format(directory=directory, ess=ess))
        self.url = ""
        self.asked = 0
        self.status = 200
        """What it answers with: another than 200 is an outage."""
        self._turn = threading.Lock()

    def send(self, *certificates: x509.Certificate) -> None:
        """Let these certificates go along with each token, beside the signer's."""
        _save(self.directory / "chain.pem", *(certificates or (self.signer,)))

    def answer(self, query: bytes) -> bytes:
        """Return the TimeStampResp to a TimeStampReq, both DER."""
        asked, answered = self.directory / "query", self.directory / "answer"
        with self._turn:
            self.asked += 1
            asked.write_bytes(query)
            self._openssl("-reply", "-queryfile", str(asked), "-out", str(answered))
            return answered.read_bytes()

    def token(self, digest: bytes) -> bytes:
        """Return a token over a SHA-256 digest, as OpenSSL makes it."""
        query, reply, token = (self.directory / name for name in ("own.tsq", "own.tsr", "own.der"))
        words = ["-query", "-digest", digest.hex(), "-sha256", "-cert"]
        with self._turn:
            self._openssl(*words, "-out", str(query), configured=False)
            self._openssl("-reply", "-queryfile", str(query), "-out", str(reply))
            self._openssl("-reply", "-in", str(reply), "-token_out", "-out", str(token))
            return token.read_bytes()

    def accepts(self, token: bytes, digest: bytes) -> bool:
        """Say whether OpenSSL takes a token over a digest, trusting the root alone."""
        file = self.directory / "checked.der"
        file.write_bytes(token)
        words = ["openssl", "ts", "-verify", "-token_in", "-in", str(file)]
        words += ["-digest", digest.hex(), "-CAfile", str(self.certificates)]
        done = subprocess.run(words, check=False, capture_output=True)
        return done.returncode == 0

    def _openssl(self, *words: str, configured: bool = True) -> None:
        config = ["-config", str(self.directory / "ts.cnf")] if configured else []
        command = ["openssl", "ts", *words, *config]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def time_stamp_authority(directory: Path) -> Iterator[TimeStampAuthority]:
    """Run an authority on a free port of this machine."""
    authority = TimeStampAuthority(directory / "tsa")

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            good = authority.status == 200
            body = authority.answer(query) if good else b"closed"
            self.send_response(authority.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    authority.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _save(path: Path, *certificates: x509.Certificate) -> None:
    path.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in certificates))

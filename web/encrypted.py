"""Whether what the service says to its database, to Redis, mail, keys and stores is encrypted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from web.settings import Settings, Unable

CHECKED = frozenset({"verify-ca", "verify-full"})
"""Ways of PostgreSQL's clients that check the server's certificate; `require` takes anybody's."""


def check_encrypted(settings: Settings) -> None:
    """Raise `Unable` where it is not, and `require_encryption` is set."""
    if settings.require_encryption and (clear := [*_in_the_clear(settings)]):
        sentences = " ".join(clear)
        raise Unable(f"require_encryption is set, so the service does not start. {sentences}")


def _in_the_clear(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each connection that leaves this machine and may be read on its way."""
    if not _database_safe(settings.database):
        yield "Write database_url with ?ssl=verify-full, or use a database on this machine."
    redis = urlsplit(settings.redis_url)
    unchecked = "none" in parse_qs(redis.query).get("ssl_cert_reqs", ())
    if redis.scheme != "unix" and not _here(redis.hostname):
        if redis.scheme != "rediss":
            yield "Write redis_url with rediss://, or use a Redis on this machine."
        elif unchecked:
            yield "Take ssl_cert_reqs out of redis_url."
    if settings.smtp_host and not settings.smtp_tls and not _here(settings.smtp_host):
        yield "Set smtp_tls, or use a mail server on this machine."
    for name in ("kms_url", "evidence_s3_endpoint", "copies_s3_endpoint"):
        service = urlsplit(getattr(settings, name))
        if service.scheme == "http" and not _here(service.hostname):
            yield f"Write {name} with https://."


def _database_safe(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme.startswith("sqlite"):
        return True
    said = parse_qs(parts.query)
    if any(one in CHECKED for name in ("ssl", "sslmode") for one in said.get(name, ())):
        return True
    # In `?host=` several may stand, and folders of sockets.
    hosts = [one for value in said.get("host", ()) for one in value.split(",")]
    if not hosts:
        host = parts.hostname or os.environ.get("PGHOST", "")
        return host.startswith("/") or _here(host)
    return all(one.startswith("/") or _here(one.rpartition(":")[0] or one) for one in hosts)


def _here(host: str | None) -> bool:
    """Say whether this is our own machine: by name or number, and not by asking who has a name."""
    if not host or host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

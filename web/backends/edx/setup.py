"""An edX platform as a backend of the office: added once, with the secrets of both sides."""

from __future__ import annotations

import re
from dataclasses import dataclass

from yarl import URL

from invigilation.desk.deliveries import COMMAND
from invigilation.desk.office import Office
from invigilation.edx import Platform
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import clean_email, clean_name
from invigilation.report import Channel
from invigilation.store import Tx
from invigilation.store.people import Backend
from web.api.oauth import new_secret
from web.backends.edx.wrapping import ours, theirs
from web.settings import origin_of
from web.wrapping import Wrapping

_IDENT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
SECRET = range(8, 501)
CLIENT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Lms:
    """Where a platform is, and how we sign in there."""

    url: str
    client: str
    secret: str
    reviewer: str = ""


async def add_platform(
    tx: Tx, wrapping: Wrapping, ident: str, name: str, lms: Lms
) -> tuple[Backend, str]:
    """Add a platform; return it with the secret with which it signs in here, told once.

    Raises `InvalidInput` with a sentence for whoever typed it.
    """
    try:
        url = origin_of(lms.url)
    except ValueError:
        raise InvalidInput("lms", "Write an address like https://lms.example.com.") from None
    if not 0 < len(lms.client) <= CLIENT_LIMIT or not lms.client.isprintable():
        raise InvalidInput("lms_client_id", "Give the client id that the platform has for us.")
    _check_secret(lms.secret)
    if not _IDENT.fullmatch(ident):
        raise InvalidInput(
            "id", "The id of a backend is at most 40 small letters, digits and hyphens."
        )
    backend = Backend(ident, clean_name(name), "", "", Channel.EDX)
    if not await tx.people.add_backend(backend):
        raise InvalidInput("id", f"There is a backend {ident} already.")
    secret = new_secret()
    await tx.edx.add_platform(
        Platform(
            ident,
            str(URL(url)).rstrip("/"),
            wrapping.wrap(ours(ident), secret),
            lms.client,
            wrapping.wrap(theirs(ident), lms.secret),
            clean_email(lms.reviewer) if lms.reviewer else "",
        )
    )
    return backend, secret


async def renew_secret(office: Office, tx: Tx, wrapping: Wrapping, ident: str) -> str:
    """Give a platform a new secret to sign in with here, told once; the old one is over at once.

    Raises `NotFound`.
    """
    secret = new_secret()
    if not await tx.edx.renew(ident, secret=wrapping.wrap(ours(ident), secret)):
        raise NotFound("platform", ident)
    await office.note(tx, COMMAND, "edx_secret.renewed", ident, None, {"whose": "ours"})
    return secret


async def keep_lms_secret(
    office: Office, tx: Tx, wrapping: Wrapping, ident: str, secret: str
) -> None:
    """Keep the new secret with which we sign in at a platform; raises `NotFound`."""
    _check_secret(secret)
    if not await tx.edx.renew(ident, lms_secret=wrapping.wrap(theirs(ident), secret)):
        raise NotFound("platform", ident)
    await office.note(tx, COMMAND, "edx_secret.renewed", ident, None, {"whose": "theirs"})


def _check_secret(secret: str) -> None:
    if len(secret) not in SECRET or not secret.isprintable():
        raise InvalidInput("lms_secret", "Give the client secret that the platform has for us.")

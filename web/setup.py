"""What an office needs before its first day: staff, backends, assessments and shifts.

Each function works in its caller's transaction, so that what belongs together is saved together,
and raises `InvalidInput` with a sentence for the person who typed it. What the database keeps
unique is left to the database to refuse.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from yarl import URL

from invigilation.desk.changes import MOST_AT_ONCE
from invigilation.desk.deliveries import OVERLAP_LIMIT
from invigilation.desk.office import new_id
from invigilation.desk.requests import FORM
from invigilation.errors import InvalidInput
from invigilation.office_hours import Hours
from invigilation.people import Role, Staff, clean_email, clean_name
from invigilation.request import Assessment
from invigilation.slots import Shift
from invigilation.store import SchemaBehind, Store, Tx
from invigilation.store.people import Backend, Client
from web.api.oauth import Scope, hash_secret, new_secret
from web.auth.passwords import PASSWORD_LIMIT
from web.auth.weak import is_common, is_weak
from web.backends.webhook import SECRET_PREFIX
from web.settings import Unable
from web.typed import number

PASSWORD_SHORTEST = 12
MINUTES_LIMIT = 8 * 60
"""The longest office day of the usual week: no longer session can be booked in it."""
CODE_LIMIT = 80
TEXT_LIMIT = 200
MATERIALS_LIMIT = 30
ADDRESS_LIMIT = 500
OVERLAP_HOURS = OVERLAP_LIMIT // timedelta(hours=1)
_IDENT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a backend is told once; the client secret cannot be read again."""

    client_secret: str
    webhook_secret: str


def new_secrets() -> Secrets:
    """Return fresh secrets of a backend: 256 random bits each."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return Secrets(new_secret(), SECRET_PREFIX + key)


async def migrate_by(owner: str, serving: str) -> None:
    """Bring the schema up to date by its owner, so that another account can serve with it."""
    store = Store(owner)
    try:
        await store.migrate(serving)
    except ValueError as error:
        raise Unable(f"The schema was not changed: {error}.") from None
    except SchemaBehind:
        raise Unable("The account of migration_database_url may not change the schema.") from None
    finally:
        await store.close()


async def open_store(store: Store) -> None:
    """Bring the schema up to date, with what every office has; safe to repeat."""
    try:
        await store.migrate()
    except SchemaBehind:
        raise Unable(
            "The database's schema is not that of this version, and the account of database_url "
            "may not change it: run `invigilation migrate` with migration_database_url."
        ) from None
    async with store.write() as tx:
        await keep_form(tx)


async def keep_form(tx: Tx) -> None:
    """See to it that the public form has its backend; safe to repeat."""
    await tx.people.add_backend(Backend(FORM, "Public form", "", ""))


async def add_staff(
    tx: Tx, email: str, name: str, roles: frozenset[Role], capacity: int, password_hash: str
) -> Staff:
    """Add a member of staff; an invigilator with `capacity` seats."""
    person = Staff(new_id("st"), clean_email(email), clean_name(name), roles)
    if not await tx.people.add_staff(person, password_hash):
        raise InvalidInput("email", f"Somebody with the address {person.email} is on the staff.")
    if person.is_a(Role.INVIGILATOR):
        for lane in range(1, capacity + 1):
            await tx.rota.add_seat(new_id("sx"), person.id, lane)
    return person


async def add_backend(tx: Tx, ident: str, name: str, webhook_url: str, given: Secrets) -> Backend:
    """Add an assessment backend with one machine client, of the same name, that may do all."""
    if not _IDENT.fullmatch(ident):
        raise InvalidInput(
            "id", "The id of a backend is at most 40 small letters, digits and hyphens."
        )
    backend = Backend(ident, clean_name(name), _address(webhook_url), given.webhook_secret)
    if not await tx.people.add_backend(backend):
        raise InvalidInput("id", f"There is a backend {ident} already.")
    hashed = hash_secret(given.client_secret)
    await tx.people.add_client(Client(ident, ident, hashed, tuple(sorted(Scope))))
    return backend


async def add_assessment(
    tx: Tx,
    backend: str,
    code: str,
    title: str,
    minutes: int,
    materials: Sequence[str],
    pass_mark: int = 70,
    *,
    phone_allowed: bool = True,
) -> Assessment:
    """Add what can be sat for a backend; `pass_mark` in per cent.

    `phone_allowed`: a phone will do as the learner's only device.
    """
    if await tx.people.backend(backend) is None:
        raise InvalidInput("backend", f"There is no backend {backend}: add it first.")
    if len(materials) > MATERIALS_LIMIT:
        raise InvalidInput("material", f"Name at most {MATERIALS_LIMIT} materials.")
    one = Assessment(
        new_id("as"),
        backend,
        _text("code", code, CODE_LIMIT),
        _text("title", title, TEXT_LIMIT),
        minutes,
        tuple(_text("material", each, TEXT_LIMIT) for each in materials),
        pass_mark,
        phone_allowed,
    )
    if not await tx.requests.add_assessment(one):
        raise InvalidInput("code", f"The backend {backend} has an assessment {code} already.")
    return one


async def add_shift(
    tx: Tx, email: str, weekday: int, hours: Hours, first: date, last: date | None
) -> Shift:
    """Let an invigilator work every week from the day `first` to `last`, both included."""
    found = await tx.people.staff_secret(clean_email(email))
    if found is None:
        raise InvalidInput("email", f"Nobody with the address {email} is on the staff.")
    person = found[0]
    if not person.is_a(Role.INVIGILATOR):
        raise InvalidInput("email", f"{person.name} is no invigilator: shifts are theirs only.")
    if last is not None and last < first:
        raise InvalidInput("until", f"The last day, {last}, is before the first, {first}.")
    shift = Shift(person.id, weekday, hours, first, last)
    await tx.rota.add_shift(new_id("sh"), shift)
    return shift


# --- what was typed -----------------------------------------------------------------------------


def roles_of(raw: Sequence[str]) -> frozenset[Role]:
    """Return the roles of these names, one at least."""
    try:
        roles = frozenset(Role(name) for name in raw)
    except ValueError:
        roles = frozenset()
    if not roles:
        raise InvalidInput("role", f"A role is one of {', '.join(Role)}.")
    return roles


def capacity_of(raw: str | None, roles: frozenset[Role]) -> int:
    """Return how many learners somebody of these roles watches at once: 1 unless told."""
    if raw is None:
        return 1 if Role.INVIGILATOR in roles else 0
    if Role.INVIGILATOR not in roles:
        raise InvalidInput("capacity", "Only an invigilator has a capacity.")
    return number("capacity", raw, 1, MOST_AT_ONCE)


def clean_password(raw: str, own: Sequence[str] = ()) -> str:
    """Return the password, unless it is too short, too long, too easy to guess or too common.

    `own` are words that others know about its owner. Reads the disk.
    """
    if not PASSWORD_SHORTEST <= len(raw) <= PASSWORD_LIMIT:
        raise InvalidInput(
            "password", f"A password has {PASSWORD_SHORTEST} to {PASSWORD_LIMIT} characters."
        )
    if is_weak(raw, own):
        raise InvalidInput(
            "password", "This password is too easy to guess. Take some words that do not belong."
        )
    if is_common(raw):
        raise InvalidInput(
            "password",
            "Many people have this password, and it stands in lists that guessers use. "
            "Take some words that do not belong.",
        )
    return raw


def own_words(email: str, name: str) -> tuple[str, ...]:
    """Return what others know about somebody: the parts of their address and their names."""
    return (*re.split(r"\W+", email), *name.split())


def _text(name: str, raw: str, limit: int) -> str:
    text = " ".join(raw.split())
    if not 0 < len(text) <= limit or not text.isprintable():
        raise InvalidInput(name, f"The {name} must be plain text of 1 to {limit} letters.")
    return text


def _address(raw: str) -> str:
    try:
        url = URL(raw)
        usable = url.scheme in {"https", "http"} and bool(url.host) and url.port is not None
    except ValueError:
        usable = False
    if not usable or len(raw) > ADDRESS_LIMIT or not raw.isprintable() or " " in raw:
        raise InvalidInput(
            "webhook_url", "The webhook address must be like https://lms.example.com/hook."
        )
    return raw

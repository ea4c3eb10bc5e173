"""What lives as long as the service: keys, store, desks and vault, opened together.

Commands open the house alone; `web/app.py` puts the application into it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from invigilation.charge import Price
from invigilation.desk import Desk, Office, Rules
from invigilation.desk.edx import EdxDesk
from invigilation.ports import Clock
from invigilation.store import Store
from recordings.seal import Seal
from recordings.vault import Vault
from recordings.wrap_keys import KeysAway
from web.clock import ShiftedClock, SystemClock
from web.keyring import Keyring, open_keyring
from web.payments.stripe import StripePayments
from web.settings import Settings, Unable
from web.vaults import open_vault, wrap_keys
from web.watchers import Metrics
from web.wrapping import Wrapping


@dataclass(frozen=True, slots=True)
class House:
    """The collaborators that live as long as the application."""

    settings: Settings
    keyring: Keyring
    desk: Desk
    vault: Vault
    metrics: Metrics
    payments: StripePayments | None


def open_house(settings: Settings) -> House:
    """Open keys, store and vault. Nothing listens yet, nothing runs yet."""
    settings.var.mkdir(parents=True, exist_ok=True)
    clock = clock_of(settings)
    try:
        keyring = open_keyring(settings.var / "keys", clock.now(), wrap_keys(settings))
    except KeysAway as error:
        raise Unable(f"The key service cannot be used: {error.why}.") from None
    except (OSError, ValueError) as error:
        raise Unable(f"The service's keys cannot be used: {error}.") from None
    rules = Rules(
        notice=timedelta(hours=settings.notice_hours),
        cutoff=timedelta(hours=settings.cutoff_hours),
        buffer=timedelta(minutes=settings.buffer_minutes),
        no_show_price=Price(settings.no_show_net_pence, settings.vat_basis_points),
        silence=timedelta(minutes=settings.idle_minutes),
        silence_oversight=timedelta(minutes=settings.idle_minutes_oversight),
    )
    store = Store(settings.database)
    signing = keyring.signing
    office = Office(store, clock, signing, Seal(signing), rules, pepper=keyring.pepper)
    vault = open_vault(settings, keyring.wrapping)
    payments = _payments(settings)
    return House(settings, keyring, Desk.of(office, payments), vault, Metrics(), payments)


def _payments(settings: Settings) -> StripePayments | None:
    key = settings.stripe_api_key.get_secret_value()
    return StripePayments(key, settings.url, settings.stripe_api_base) if key else None


def clock_of(settings: Settings) -> Clock:
    """Return the clock of a service with these settings."""
    shift = settings.clock_shift_file
    return SystemClock() if shift is None else ShiftedClock(shift)


def edx_desk(house: House) -> EdxDesk:
    """Return the desk of edX platforms."""
    desk = house.desk
    return EdxDesk(desk.office, desk.requests, desk.bookings, desk.erasure)


def edx_wrapping(house: House) -> Wrapping:
    """Return what the secrets of edX platforms are wrapped with."""
    return Wrapping(derived(house.keyring.database, b"edx secrets"))


def staff_wrapping(house: House) -> Wrapping:
    """Return what the secrets of the staff's authenticator apps are wrapped with."""
    return Wrapping(derived(house.keyring.database, b"staff secrets"))


def device_secret(house: House) -> bytes:
    """Return the root of the keys under which learners' devices keep what waits there."""
    return derived(house.keyring.database, b"kept on devices")


def derived(secret: bytes, purpose: bytes) -> bytes:
    """Return a key for one purpose, so that no two purposes share one (RFC 2104)."""
    return hmac.digest(secret, purpose, hashlib.sha256)

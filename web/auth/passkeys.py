"""Passkeys (WebAuthn level 3): what a browser is asked for, and whether its answer is right.

The person is verified by the device each time (a finger, a face, a PIN): a passkey alone is two
factors. Where its maker's statement comes from is not asked (attestation `none`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from yarl import URL

from invigilation.desk.credentials import NewPasskey
from invigilation.people import Staff
from invigilation.store.credentials import Passkey
from web.settings import Settings

ANSWER_LIMIT = 16 * 1024
CHALLENGE_BYTES = 32
WAIT_MS = 5 * 60_000
_TRANSPORTS = {one.value: one for one in AuthenticatorTransport}

Options = dict[str, Any]
"""What is handed to the browser, its bytes in base64url; JSON."""


class WrongPasskey(ValueError):
    """An answer of a passkey that is not right; says why, for the log alone."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks: the host that passkeys are bound to, its name, and the origins of our pages."""

    host: str
    name: str
    origins: tuple[str, ...]


def party_of(settings: Settings) -> Party | None:
    """Return who asks for passkeys; None where there can be none: they need a host's name."""
    host = URL(settings.url).host or ""
    try:
        ip_address(host)
    except ValueError:
        return Party(host, settings.service_name, tuple(settings.origins)) if host else None
    return None


def new_challenge() -> str:
    """Return fresh bytes for a passkey to sign, in base64url."""
    return bytes_to_base64url(secrets.token_bytes(CHALLENGE_BYTES))


def creation(party: Party, person: Staff, challenge: str, known: Sequence[Passkey]) -> Options:
    """Return what a browser makes a new passkey from; a device that has one makes no second."""
    options = generate_registration_options(
        rp_id=party.host,
        rp_name=party.name,
        user_name=person.email,
        user_id=person.id.encode(),
        user_display_name=person.name,
        challenge=base64url_to_bytes(challenge),
        timeout=WAIT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_described(known),
    )
    return dict(json.loads(options_to_json(options)))


def request(party: Party, challenge: str, known: Sequence[Passkey]) -> Options:
    """Return what a browser asks one of these passkeys with."""
    options = generate_authentication_options(
        rp_id=party.host,
        challenge=base64url_to_bytes(challenge),
        timeout=WAIT_MS,
        allow_credentials=_described(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(json.loads(options_to_json(options)))


def made(party: Party, challenge: str, answer: str, name: str) -> NewPasskey:
    """Return the new passkey that a browser has made; raises `WrongPasskey`."""
    said = _read(answer)
    try:
        found = verify_registration_response(
            credential=said,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.host,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
    except Exception as error:
        raise WrongPasskey(f"{type(error).__name__}: {error}") from error
    response = said.get("response")
    given = response.get("transports") if isinstance(response, dict) else None
    transports = given if isinstance(given, list) else []
    return NewPasskey(
        found.credential_id,
        found.credential_public_key,
        found.sign_count,
        name,
        tuple(sorted({one for one in transports if isinstance(one, str) and one in _TRANSPORTS})),
    )


def used(
    party: Party, challenge: str, answer: str, known: Sequence[Passkey]
) -> tuple[Passkey, int]:
    """Return which of these passkeys has signed, and its counter now; raises `WrongPasskey`."""
    said = _read(answer)
    one = next((one for one in known if bytes_to_base64url(one.credential) == said.get("id")), None)
    if one is None:
        raise WrongPasskey("this passkey is not theirs")
    try:
        found = verify_authentication_response(
            credential=said,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.host,
            expected_origin=list(party.origins),
            credential_public_key=one.public_key,
            credential_current_sign_count=one.counter,
            require_user_verification=True,
        )
    except Exception as error:
        raise WrongPasskey(f"{type(error).__name__}: {error}") from error
    return one, found.new_sign_count


def _read(answer: str) -> dict[str, Any]:
    try:
        said = json.loads(answer) if len(answer) <= ANSWER_LIMIT else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise WrongPasskey("the answer is no JSON object")
    return said


def _described(known: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential, transports=[_TRANSPORTS[way] for way in one.transports] or None
        )
        for one in known
    ]

"""Opens what the settings of keys and places name: wrap keys, the vault, the place of copies."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from recordings.gone import Gone
from recordings.places import FolderPlace, Place
from recordings.s3 import Bucket, S3Place
from recordings.shelved import ShelvedVault
from recordings.transit import TransitKeys
from recordings.vault import Vault
from recordings.wrap_keys import Either, LocalKeys, WrapKeys
from web.settings import Settings
from web.settings_keys import decoded

EVIDENCE = "evidence"
MARK = ".copies-at"
"""Remembers, beside the evidence, which folder has the copies."""


def wrap_keys(settings: Settings) -> WrapKeys | None:
    """Return the wrap keys that are kept outside of `var/keys`, if any are."""
    found: list[WrapKeys] = []
    if settings.kms_url:
        found.append(TransitKeys(settings.kms_url, settings.kms_key, lambda: _token(settings)))
    keys = decoded(settings.wrap_keys)
    if keys:
        found.append(LocalKeys(keys))
    return Either(found[0], found[1:]) if found else None


def open_vault(settings: Settings, wrap: WrapKeys) -> Vault:
    """Return the vault; nothing is asked of an object store before it is needed."""
    root, reserve = settings.var / EVIDENCE, settings.evidence_reserve
    shelf = shelf_of(settings)
    if shelf is not None:
        return ShelvedVault(root, wrap, shelf, reserve)
    return Vault(root, wrap, reserve, Gone(root) if settings.copies else None)


def shelf_of(settings: Settings) -> Place | None:
    """Return the object store to which finished evidence goes, if there is one."""
    return _place(settings, EVIDENCE, settings.evidence_s3)


def copies_of(settings: Settings, *, marked: bool = False) -> Place | None:
    """Return the place of copies, if there is one.

    `marked`: a folder is remembered, and another one in its stead is a place that is away.
    """
    mark = settings.var / EVIDENCE / MARK if marked else None
    return _place(settings, "copies", settings.copies, mark)


def _place(settings: Settings, what: str, url: str, mark: Path | None = None) -> Place | None:
    if not url:
        return None
    if url.startswith("/"):
        return FolderPlace(Path(url), mark)
    name, _, prefix = url.removeprefix("s3://").partition("/")
    secret: SecretStr = getattr(settings, f"{what}_s3_secret")
    return S3Place(
        Bucket(
            name,
            prefix,
            getattr(settings, f"{what}_s3_endpoint"),
            getattr(settings, f"{what}_s3_region"),
            getattr(settings, f"{what}_s3_key_id"),
            secret.get_secret_value(),
        )
    )


def _token(settings: Settings) -> str:
    if settings.kms_token_file is not None:
        return settings.kms_token_file.read_text(encoding="ascii").strip()
    return settings.kms_token.get_secret_value()

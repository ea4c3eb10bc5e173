"""The settings of keys, of the object store for evidence, and of copies."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings
from yarl import URL

KEY_BYTES = 32
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._/-]*)?", re.ASCII)


class KeySettings(BaseSettings):
    """Where wrap keys come from, and where evidence and its copies lie."""

    wrap_keys: SecretStr = Field(
        SecretStr(""), description="wrap keys from here instead of `var/keys`: base64, newest first"
    )
    kms_url: str = Field(
        "", description="a key service that wraps instead: a transit engine of Vault or OpenBao"
    )
    kms_key: str = Field("invigilation", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    kms_token: SecretStr = SecretStr("")
    kms_token_file: Path | None = Field(None, description="a file with the token, read each time")

    evidence_s3: str = Field("", description="finished evidence goes to s3://BUCKET/PREFIX")
    evidence_s3_endpoint: str = Field("", description="the store's address; default: Amazon's")
    evidence_s3_region: str = ""
    evidence_s3_key_id: str = Field("", description="default: as boto3 finds it")
    evidence_s3_secret: SecretStr = SecretStr("")

    copies: str = Field("", description="copies go to s3://BUCKET/PREFIX, or to a folder elsewhere")
    copies_s3_endpoint: str = ""
    copies_s3_region: str = ""
    copies_s3_key_id: str = ""
    copies_s3_secret: SecretStr = SecretStr("")
    copies_hours: float = Field(1.0, gt=0, le=24, description="how often copies are made")
    copies_days: int = Field(14, ge=1, le=90, description="how long copies of the database stay")

    @field_validator("wrap_keys")
    @classmethod
    def _keys(cls, raw: SecretStr) -> SecretStr:
        try:
            sizes = {len(key) for key in decoded(raw)}
        except binascii.Error:
            sizes = {0}
        if sizes - {KEY_BYTES}:
            raise ValueError("write keys of 32 bytes in base64, with commas between them")
        return raw

    @field_validator("kms_url", "evidence_s3_endpoint", "copies_s3_endpoint")
    @classmethod
    def _service(cls, raw: str) -> str:
        if raw and (URL(raw).scheme not in {"http", "https"} or not URL(raw).host):
            raise ValueError("write an address like https://store.example.com")
        return raw

    @field_validator("evidence_s3")
    @classmethod
    def _bucket(cls, raw: str) -> str:
        if raw and not _S3.fullmatch(raw):
            raise ValueError("write a bucket like s3://evidence/invigilation")
        return raw

    @field_validator("copies")
    @classmethod
    def _place(cls, raw: str) -> str:
        if raw and not _S3.fullmatch(raw) and not raw.startswith("/"):
            raise ValueError("write a bucket like s3://copies/prefix, or a folder like /mnt/copies")
        return raw

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.kms_url and bool(self.kms_token.get_secret_value()) == bool(self.kms_token_file):
            raise ValueError("Set one of kms_token and kms_token_file with kms_url")
        for one in ("evidence", "copies"):
            key, secret = getattr(self, f"{one}_s3_key_id"), getattr(self, f"{one}_s3_secret")
            if bool(key) != bool(secret.get_secret_value()):
                raise ValueError(f"Set {one}_s3_key_id and {one}_s3_secret together")
        if self.copies and self.copies == self.evidence_s3:
            raise ValueError("Set copies to another place than evidence_s3")
        return self


def decoded(raw: SecretStr) -> list[bytes]:
    """Return the keys of a list in base64; raises `binascii.Error`."""
    parts = [part.strip() for part in raw.get_secret_value().split(",")]
    return [base64.b64decode(part, validate=True) for part in parts if part]

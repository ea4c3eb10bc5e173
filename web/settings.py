"""Every setting of the service: from the environment (`INVIGILATION_*`), else a TOML file."""

from __future__ import annotations

import os
import re
import tomllib
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)
from yarl import URL

from web.settings_keys import KeySettings

CONFIG_VARIABLE = "INVIGILATION_CONFIG"
_PORTS = {"http": 80, "https": 443}
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_TURN = re.compile(
    rf"turns?:(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?"
    r"(?:\?transport=(?:udp|tcp))?",
    re.ASCII,
)
"""RFC 7065 3.1, with the two transports that browsers know."""
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\]", re.ASCII)


class LikenessSwitch(StrEnum):
    """Whether a computer compares faces, and by which engine; false when it is off."""

    OFF = "off"
    DLIB = "dlib"
    SFACE = "sface"

    def __bool__(self) -> bool:
        return self is not LikenessSwitch.OFF


class Unable(Exception):
    """A command cannot go on; the message is a plain sentence."""


class Settings(KeySettings):
    """What an operator may set; the defaults suit a demonstration on one machine."""

    model_config = SettingsConfigDict(env_prefix="INVIGILATION_", extra="forbid", frozen=True)

    var: Path = Field(Path("var"), description="where the service keeps its files")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    public_url: str = Field("", description="what learners type; default http://localhost:PORT")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses or networks of the reverse proxies in front"
    )
    database_url: str = Field("", description="default: SQLite under `var`")
    migration_database_url: str = Field(
        "", description="the same database by an account that may change its schema; for `migrate`"
    )
    require_encryption: bool = Field(
        default=False, description="do not serve with a database, Redis or mail in the clear"
    )
    rate_factor: float = Field(
        1.0, gt=0, le=1_000, description="multiplies how often one place may ask"
    )
    redis_url: str = Field("", description="for more than one process; default: none")
    oidc_issuer: str = Field(
        "", description="OpenID Connect issuer of the company's sign-in; default: none"
    )
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_name: str = Field(
        "your company account", max_length=60, description="what staff know that sign-in by"
    )
    oidc_two_factors: bool = Field(
        default=False, description="the company's sign-in always asks for a second factor"
    )
    oidc_acr: tuple[str, ...] = Field(
        (), description="values of `acr` by which the company says that it asked for two factors"
    )
    oidc_private_addresses: bool = Field(
        default=False, description="let the company's sign-in be at a private address, over http"
    )
    service_name: str = Field("Invigilation Service", description="shown on every page")

    mail_from: str = Field("invigilation@example.org", description="sender of all mail")
    mail_reply_to: str = Field("", description="where people's answers go; default: `mail_from`")
    smtp_host: str = Field("", description="default: mails are written to `var/mail`")
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: bool = Field(default=False, description="STARTTLS before anything is said")

    media_addresses: tuple[str, ...] = Field((), description="IP addresses to offer for media")
    media_ports: tuple[int, int] | None = Field(None, description="UDP ports, first and last")
    media_port: int | None = Field(
        None, ge=1, le=65535, description="one UDP port for all media, instead of `media_ports`"
    )
    video_cap_kbps: int = Field(800, ge=50, le=4_000, description="a learner's camera at most")
    ice_servers: tuple[str, ...] = Field(
        (), description="STUN and TURN URLs handed to the pages as they are"
    )
    turn_urls: tuple[str, ...] = Field((), description="TURN URLs, with credentials that run out")
    turn_secret: SecretStr = Field(SecretStr(""), description="shared with the TURN server")
    turn_ttl_s: int = Field(
        6 * 3600, ge=3600, le=24 * 3600, description="how long TURN credentials are good"
    )

    notice_hours: int = Field(24, ge=0, description="a booking is made this long before")
    cutoff_hours: int = Field(24, ge=0, description="learners change until this long before")
    buffer_minutes: int = Field(15, ge=0, le=120)
    no_show_net_pence: int = Field(4_500, ge=0)
    idle_minutes: int = Field(60, ge=5, le=720, description="silence that ends a staff login")
    idle_minutes_oversight: int = Field(
        30, ge=5, le=720, description="the same of administrators and auditors"
    )
    vat_basis_points: int = Field(2_000, ge=0, le=10_000)
    stripe_api_key: SecretStr = Field(
        SecretStr(""), description="let learners pay by card; default: they pay by hand"
    )
    stripe_webhook_secret: SecretStr = Field(
        SecretStr(""), description="with which Stripe signs its webhooks to /payments/stripe"
    )
    stripe_api_base: str = Field("", description="for tests: another address of Stripe's API")
    payment_instructions: str = Field(
        "Write to us: reply to our e-mail, and we tell you how to pay.",
        max_length=1_000,
        description="shown to learners who pay by hand",
    )

    webhook_private_addresses: bool = Field(
        default=False, description="let webhooks go to private and loopback addresses"
    )
    calendar_private_addresses: bool = Field(
        default=False,
        description="read staff's busy calendars from private addresses and over http, too",
    )
    timestamp_url: str = Field(
        "", description="a time-stamp authority (RFC 3161); default: no timestamps"
    )
    timestamp_certificates: tuple[Path, ...] = Field(
        (), description="PEM files: the authority's certificate, or its issuers'"
    )
    timestamp_private_addresses: bool = Field(
        default=False, description="let the time-stamp authority be at a private address"
    )
    heartbeat_seconds: float = Field(30.0, gt=0, le=60, description="sign of life in the record")
    sweep_seconds: float = Field(60.0, gt=0, description="how often missed sessions are looked for")
    deliver_seconds: float = Field(2.0, gt=0, description="how often the outbox is looked into")
    rehearsal_seconds: float = Field(
        60.0, ge=5, le=75, description="how long a learner's test of the link takes, about"
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="whoever sends it as a bearer token may read /metrics"
    )
    metrics_networks: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="addresses or networks that may read /metrics without the token",
    )
    clock_shift_file: Path | None = Field(
        None, description="for rehearsals and tests: a file with seconds to add to the clock"
    )
    drain_notice_seconds: float = Field(
        0.0, ge=0, le=300, description="so long /readyz says no before a service that ends does"
    )
    evidence_reserve_mb: int = Field(
        256, ge=8, description="recordings stop while less is free, pictures at a quarter of it"
    )
    recording_days: int = Field(90, ge=1)
    local_segment_s: float = Field(
        20.0, ge=2, le=50, description="length of what a learner's device keeps as one chunk"
    )
    identity_days: int = Field(30, ge=1)
    text_days: int = Field(
        6 * 366, ge=90, description="names and what people wrote, after a session"
    )

    identity_processes: int = Field(
        1, ge=1, le=16, description="processes that read documents and look at faces"
    )
    identity_at_once: bool = Field(
        default=True, description="start these processes with the service, not with the first look"
    )
    likeness: LikenessSwitch = Field(
        LikenessSwitch.OFF,
        description="off, dlib or sface: whether a computer says how alike two faces are",
    )
    likeness_files: tuple[Path, ...] = Field(
        (), description="for sface: the ONNX files of YuNet and of SFace, in this order"
    )
    likeness_digests: tuple[str, ...] = Field(
        (), description="for sface: the SHA-256 of each of these files, in hex"
    )
    likeness_calibration: Path | None = Field(
        None, description="what `invigilation identity calibrate` wrote"
    )

    @field_validator("public_url")
    @classmethod
    def _origin(cls, raw: str) -> str:
        """Return scheme, host and port as a browser's `Origin` writes them (RFC 6454)."""
        return origin_of(raw) if raw else raw

    @field_validator("timestamp_url", "oidc_issuer")
    @classmethod
    def _web_address(cls, raw: str) -> str:
        if raw and (URL(raw).scheme not in _PORTS or not URL(raw).host):
            raise ValueError("write an address like https://timestamp.example.com/tsa")
        return raw

    @field_validator("trusted_proxies", "metrics_networks")
    @classmethod
    def _networks(cls, raw: tuple[str, ...]) -> tuple[str, ...]:
        for one in raw:
            try:
                ip_network(one)
            except ValueError:
                raise ValueError(
                    f"{one} is no address or network, such as 10.0.0.5 or 10.0.0.0/24"
                ) from None
        return raw

    @field_validator("media_ports")
    @classmethod
    def _ports(cls, raw: tuple[int, int] | None) -> tuple[int, int] | None:
        if raw is not None and not 0 < raw[0] <= raw[1] <= 65535:
            raise ValueError("write the first and the last port, like [40000, 40999]")
        return raw

    @field_validator("turn_urls")
    @classmethod
    def _turns(cls, raw: tuple[str, ...]) -> tuple[str, ...]:
        for one in raw:
            if not _TURN.fullmatch(one):
                raise ValueError(
                    f"{one} is no address like turn:turn.example.com:3478?transport=udp"
                )
        return raw

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.media_port is not None and self.media_ports is not None:
            raise ValueError("Set media_port or media_ports, not both")
        if bool(self.turn_urls) != bool(self.turn_secret.get_secret_value()):
            raise ValueError("Set turn_urls and turn_secret together")
        sface = self.likeness is LikenessSwitch.SFACE
        wanted = 2 if sface else 0
        if {len(self.likeness_files), len(self.likeness_digests)} != {wanted}:
            raise ValueError(
                "Set likeness_files and likeness_digests, two of each, with likeness = sface only"
            )
        if bool(self.timestamp_url) != bool(self.timestamp_certificates):
            raise ValueError("Set timestamp_url and timestamp_certificates together")
        agreed = {bool(self.oidc_issuer), bool(self.oidc_client_id)}
        if len(agreed | {bool(self.oidc_client_secret.get_secret_value())}) == 2:
            raise ValueError("Set oidc_issuer, oidc_client_id and oidc_client_secret together")
        secrets = (self.stripe_api_key, self.stripe_webhook_secret)
        if len({bool(one.get_secret_value()) for one in secrets}) == 2:
            raise ValueError("Set stripe_api_key and stripe_webhook_secret together")
        return self

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks whose word on a client's address counts."""
        return tuple(ip_network(one) for one in self.trusted_proxies)

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.var.resolve()}/invigilation.db"

    @property
    def evidence_reserve(self) -> int:
        """What recordings leave free on the disk, in bytes."""
        return self.evidence_reserve_mb * 1024 * 1024

    @property
    def url(self) -> str:
        """The address of the service as people see it, without a slash at the end."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def origins(self) -> list[str]:
        """The origins of our own pages: the public one, and this machine's by name and number."""
        local = {f"http://localhost:{self.port}", f"http://127.0.0.1:{self.port}"}
        own = {self.url} if self.public_url else set()
        return sorted(own or local)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments win over the environment, and that over the file."""
        del dotenv_settings, file_secret_settings
        named = os.environ.get(CONFIG_VARIABLE)
        toml = TomlConfigSettingsSource(settings_cls, Path(named) if named else None)
        return (init_settings, env_settings, toml)


def read_settings(**changes: object) -> Settings:
    """Return the settings; raises `Unable` with a sentence for each that is wrong."""
    try:
        return Settings(**changes)  # type: ignore[arg-type]
    except ValidationError as error:
        raise Unable("\n".join(_sentence(one) for one in error.errors())) from None
    except SettingsError as error:
        named = re.search(r'field "(\w+)"', str(error))
        name = named[1] if named else "of the environment"
        raise Unable(f'Setting {name}: write a list like ["one", "two"].') from None
    except tomllib.TOMLDecodeError as error:
        raise Unable(f"The settings file cannot be read: {error}.") from None


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong; settings that do not fit together are named by the sentence itself."""
    said = error["msg"].removeprefix("Value error, ")
    name = ".".join(str(part) for part in error["loc"])
    return f"Setting {name}: {said}." if name else f"{said}."


def origin_of(raw: str) -> str:
    """Return the origin that a web address is, such as `https://example.com:8443`, or refuse it.

    Scheme and host in lower case, the scheme's own port left out. Raises `ValueError`.
    """
    try:
        url = URL(raw.strip())
        plain = not (url.user or url.password or url.raw_query_string or url.raw_fragment)
        host = url.host_subcomponent or ""
        usable = url.scheme in _PORTS and plain and url.raw_path in {"", "/"} and url.port
    except ValueError:
        usable, host = False, ""
    if not usable or not _HOST.fullmatch(host):
        raise ValueError("write an address like https://invigilation.example.com, without a path")
    port = "" if url.port == _PORTS[url.scheme] else f":{url.port}"
    return f"{url.scheme}://{host.lower()}{port}"

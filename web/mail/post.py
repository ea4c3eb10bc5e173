"""Takes mails out of the house: by SMTP, or into a folder where no server is set."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

import aiosmtplib

TIMEOUT_S = 30.0


class Post(Protocol):
    """A way out for mail."""

    async def send(self, mail: EmailMessage) -> None:
        """Send, or raise `OSError` or `aiosmtplib.SMTPException`."""
        ...


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server."""

    host: str
    port: int
    user: str
    password: str
    tls: bool

    async def send(self, mail: EmailMessage) -> None:
        """Hand the mail over; with `tls` only after STARTTLS with a certificate that is valid."""
        await aiosmtplib.send(
            mail,
            hostname=self.host,
            port=self.port,
            username=self.user or None,
            password=self.password or None,
            start_tls=self.tls,
            timeout=TIMEOUT_S,
        )


@dataclass(frozen=True, slots=True)
class MailFolder:
    """A folder of .eml files, for a demonstration without a mail server."""

    folder: Path

    async def send(self, mail: EmailMessage) -> None:
        """Write the mail as one file, named by its Message-ID: again is no second mail."""
        await asyncio.to_thread(self._write, mail)

    def _write(self, mail: EmailMessage) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = mail["Message-ID"].strip("<>").partition("@")[0]
        part = self.folder / f".{name}.part"
        part.write_bytes(mail.as_bytes(policy=policy.SMTP))
        os.replace(part, self.folder / f"{name}.eml")  # noqa: PTH105 - atomic, and says so

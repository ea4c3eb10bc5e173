"""Who is there: cookies, passwords, personal links, the token against forged forms."""

from __future__ import annotations

"""Where the pages find STUN and TURN servers, with credentials of TURN that run out by themselves.

The scheme is draft-uberti-behave-turn-rest-00, 2.2, as coturn's `use-auth-secret` has it: the
username is `EXPIRY:WHO` (Unix seconds) and the credential base64(HMAC-SHA1(secret, username)). The
server checks both with the shared secret alone; nobody's account is kept anywhere.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta

from web.settings import Settings


def ice_servers(settings: Settings, who: str, now: datetime) -> list[dict[str, object]]:
    """Return what a page hands to `RTCPeerConnection` as `iceServers`, for one person.

    `who` is an id of ours without a colon; it only tells people apart in the TURN server's log.
    """
    servers: list[dict[str, object]] = [{"urls": url} for url in settings.ice_servers]
    if settings.turn_urls:
        username, credential = _credentials(
            settings.turn_secret.get_secret_value(),
            who,
            now + timedelta(seconds=settings.turn_ttl_s),
        )
        relays = list(settings.turn_urls)
        servers.append({"urls": relays, "username": username, "credential": credential})
    return servers


def _credentials(secret: str, who: str, expires: datetime) -> tuple[str, str]:
    username = f"{int(expires.timestamp())}:{who}"
    # SHA-1 is what the scheme says; as a keyed digest (RFC 2104) it is not known to be weak.
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return username, base64.b64encode(digest).decode("ascii")

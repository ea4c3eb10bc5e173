"""What the tool says to a platform: the message that starts an assessment."""

from __future__ import annotations

import json
import secrets
from datetime import datetime

from invigilation.desk.platforms import Launched
from web.backends.lti.claims import (
    ATTEMPT,
    DEPLOYMENT,
    END_RETURN,
    MESSAGE_TYPE,
    RESOURCE_LINK,
    SESSION_DATA,
    START_ASSESSMENT,
    VERIFIED_USER,
    VERSION,
    VERSION_1P3,
)

LASTS_S = 300


def start_assessment(launched: Launched, picture: str | None, now: datetime) -> dict[str, object]:
    """Return the claims of an `LtiStartAssessment` (Proctoring Services 1.0, 3.3).

    What the launch said is echoed as it was spelt. `picture` is where the platform can fetch the
    picture that the invigilator confirmed the learner by, while it is kept.
    """
    attempt, platform = launched.attempt, launched.platform
    at = int(now.timestamp())
    return {
        "iss": platform.client_id,
        "aud": platform.issuer,
        "iat": at,
        "exp": at + LASTS_S,
        "nonce": secrets.token_urlsafe(16),
        MESSAGE_TYPE: START_ASSESSMENT,
        VERSION: VERSION_1P3,
        DEPLOYMENT: attempt.deployment,
        SESSION_DATA: attempt.session_data,
        ATTEMPT: json.loads(attempt.spelt),
        RESOURCE_LINK: json.loads(attempt.link_claim),
        VERIFIED_USER: _verified(launched.asked.learner.name, picture),
        END_RETURN: True,
    }


def _verified(name: str, picture: str | None) -> dict[str, str]:
    """Return who was identified; some platforms read `full_name`, the standard says `name`."""
    given, _, family = name.rpartition(" ")
    shown = {
        "given_name": given or family,
        "family_name": family,
        "name": name,
        "full_name": name,
    }
    return shown if picture is None else {**shown, "picture": picture}

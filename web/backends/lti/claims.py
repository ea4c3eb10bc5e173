"""The names of LTI 1.3 and of its Proctoring Services, and what a verified message says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from yarl import URL

from invigilation.desk.platforms import Launch, attempt_number, spelt
from invigilation.errors import InvalidInput
from invigilation.store.platforms import Platform
from invigilation.zones import clean_zone

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
AP = "https://purl.imsglobal.org/spec/lti-ap/claim/"
MESSAGE_TYPE = LTI + "message_type"
VERSION = LTI + "version"
DEPLOYMENT = LTI + "deployment_id"
RESOURCE_LINK = LTI + "resource_link"
PRESENTATION = LTI + "launch_presentation"
CUSTOM = LTI + "custom"
ATTEMPT = AP + "attempt_number"
SESSION_DATA = AP + "session_data"
START_URL = AP + "start_assessment_url"
CONTROL = AP + "acs"
VERIFIED_USER = AP + "verified_user"
END_RETURN = AP + "end_assessment_return"
ERROR_MESSAGE = AP + "errormsg"
ERROR_LOG = AP + "errorlog"
SCOPE = "https://purl.imsglobal.org/spec/lti-ap/scope/control.all"
VERSION_1P3 = "1.3.0"

START_PROCTORING = "LtiStartProctoring"
START_ASSESSMENT = "LtiStartAssessment"
END_ASSESSMENT = "LtiEndAssessment"
RESOURCE = "LtiResourceLinkRequest"

NAME_LETTERS = 255
DATA_LETTERS = 4_000
URL_LETTERS = 2_000
ACTIONS_LIMIT = 10
ERROR_LETTERS = 1_000
HOME_ZONE = "Europe/London"
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", re.ASCII)
"""What may stand as a host in an address, once it is spelt in ASCII."""
Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Ended:
    """What a verified `LtiEndAssessment` says; `error` is empty when nothing went wrong."""

    deployment: str
    subject: str
    link: str
    number: int
    error: str


def start_of(claims: Claims, platform: Platform, *, plain_http: bool) -> Launch:
    """Return what an `LtiStartProctoring` asks for; raises `InvalidInput`.

    Addresses are `https`, and `http` only with `plain_http`: rehearsals on one machine.
    """
    link = _object(claims, RESOURCE_LINK)
    control = _object(claims, CONTROL, optional=True)
    presentation = _object(claims, PRESENTATION, optional=True)
    raw = claims.get(ATTEMPT)
    name = _name_of(claims)
    email = _text(claims, "email", 254, optional=True)
    if not name or not email:
        raise InvalidInput(
            "learner",
            "Your training company's system did not tell us your name and your e-mail address. "
            "We need both to arrange a session. Please ask your training company to share them "
            "with this service.",
        )
    back = presentation.get("return_url")
    return Launch(
        platform,
        _text(claims, DEPLOYMENT, NAME_LETTERS),
        _text(claims, "sub", NAME_LETTERS),
        name,
        email,
        _zone(claims.get("zoneinfo")),
        _text(link, "id", NAME_LETTERS),
        _text(link, "title", NAME_LETTERS, optional=True).strip() or "Official Assessment",
        attempt_number(raw),
        spelt(raw),
        spelt(dict(link)),
        _text(claims, SESSION_DATA, DATA_LETTERS),
        _address(claims.get(START_URL), plain_http=plain_http),
        _address(control["assessment_control_url"], plain_http=plain_http)
        if control.get("assessment_control_url")
        else "",
        _actions(control.get("actions")),
        _address(back, plain_http=plain_http) if back else "",
        _minutes(_object(claims, CUSTOM, optional=True).get("minutes")),
    )


def end_of(claims: Claims) -> Ended:
    """Return what an `LtiEndAssessment` says; raises `InvalidInput`.

    Some platforms write the names of the error claims with spaces around them.
    """
    said = {name.strip(): value for name, value in claims.items()}
    errors = [said.get(name) for name in (ERROR_MESSAGE, ERROR_LOG)]
    error = " / ".join(one.strip() for one in errors if isinstance(one, str) and one.strip())
    return Ended(
        _text(said, DEPLOYMENT, NAME_LETTERS),
        _text(said, "sub", NAME_LETTERS),
        _text(_object(said, RESOURCE_LINK), "id", NAME_LETTERS),
        attempt_number(said.get(ATTEMPT)),
        error[:ERROR_LETTERS],
    )


def _object(claims: Claims, name: str, *, optional: bool = False) -> Claims:
    found = claims.get(name)
    if isinstance(found, Mapping):
        return found
    if found is None and optional:
        return {}
    raise InvalidInput(name, "The message lacks what it should say.")


def _text(claims: Claims, name: str, letters: int, *, optional: bool = False) -> str:
    found = claims.get(name)
    if optional and (found is None or found == ""):
        return ""
    if not isinstance(found, str) or not 0 < len(found) <= letters or not found.isprintable():
        raise InvalidInput(name, "The message lacks what it should say.")
    return found


def _name_of(claims: Claims) -> str:
    whole = _text(claims, "name", NAME_LETTERS, optional=True)
    if whole:
        return whole
    parts = (_text(claims, one, 100, optional=True) for one in ("given_name", "family_name"))
    return " ".join(part for part in parts if part)


def _zone(raw: object) -> str:
    """Return the learner's time zone, if their platform names one that there is."""
    try:
        return clean_zone(raw) if isinstance(raw, str) else HOME_ZONE
    except InvalidInput:
        return HOME_ZONE


def _address(raw: object, *, plain_http: bool) -> str:
    schemes = {"https", "http"} if plain_http else {"https"}
    if isinstance(raw, str) and len(raw) <= URL_LETTERS and raw.isprintable() and " " not in raw:
        try:
            url = URL(raw)
            # It will stand in a header (the page's policy), too: nothing odd gets there.
            host = url.host_subcomponent or ""
            if url.scheme in schemes and url.user is None and _HOST.fullmatch(host):
                return raw
        except ValueError:
            pass
    raise InvalidInput("address", "The message names an address that cannot be used.")


def _actions(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list):
        return ()
    return tuple(one for one in raw[:ACTIONS_LIMIT] if isinstance(one, str) and len(one) <= 40)


def _minutes(raw: object) -> int | None:
    """Return how long the assessment takes, which some write as text."""
    try:
        return attempt_number(raw)
    except InvalidInput:
        return None

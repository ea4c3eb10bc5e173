"""What stands in the addresses of the access table's rows when they are walked.

A parameter that is new: add it to `BY_NAME`, with the name of a thing of `access_world.World`, or
to `FIXED`, when it is nobody's. Where nothing fits, add the row's address to `NOT_THERE` with why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

BY_NAME: Final = {
    name: name
    for name in (
        "session", "evidence", "gap", "booking", "request", "form", "waiting", "charge", "enquiry",
        "staff", "leave", "shift", "opening",
    )
}  # fmt: skip
"""Parameter -> the thing that it names; there is one of each side."""
BY_PLACE: Final = {
    "/r/{token}": "personal",
    "/onboard/{token}": "onboard",
    "/second/{token}": "second",
    "/feeds/{token}.ics": "feed",
    "/staff/book/{request}": "open_request",
    "/api/requests/{id}": "request",
    "/api/requests/{id}/slots": "request",
    "/api/bookings/{id}": "booking",
    "/api/bookings/{id}/cancel": "booking",
    "/api/sessions/{id}": "session",
    "/api/sessions/{id}/attestation": "session",
}
"""Addresses whose one parameter means something else, or says too little."""
FIXED: Final = {
    "name": "none.js",
    "day": "2026-12-25",
    "backend": "company",
    "part": "0",
    "offset": "0",
    "n": "0",
    "capture": "cp_none",
    "recording": "0123456789abcdef",
    "passkey": "pk_none",
    "alarm": "la_none",
    "exam": "ex_none",
    "attempt": "at_none",
    "user": "us_none",
    "course": "course-v1:Sea+SSO+2026",
    "client": "campus",
    "invitation": "none",
    "token": "none",
    "code": "not_found",
}
OWN_OF_EACH: Final = frozenset({"login"})
"""Each caller has one of these of their own: `Caller.own`."""
NOT_THERE: Final = {
    "/static/{name}": "no file of that name is built",
    "/staff/products/{code}": "there is no product yet",
    "/room/captures/{capture}/{part}/{offset}": "no picture is on its way",
    "/room/captures/{capture}/finish": "the same",
    "/room/local/{recording}/chain": "no device has recorded anything",
    "/room/local/{recording}/{n}/{offset}": "the same",
    "/staff/me/passkeys/{passkey}/remove": "nobody has a passkey",
    "/staff/looks/{alarm}/close": "there is no alarm",
    "/staff/admin/company/{staff}/undo": "nobody has come in by a company",
    "/staff/admin/logins/{staff}/{login}/end": "it is named after the caller's own sign-in",
    "/staff/attendance/{booking}": "nobody has missed anything",
    "/staff/onboard/{form}/picture": "its picture was never in the vault",
    "/staff/records/{session}/report.pdf": "nothing is attested yet",
    "/lti/start/{attempt}": "no platform speaks LTI here",
    "/lti/picture/{token}": "the same",
    "/edx/api/v1/exam/{exam}/": "the platform has sent no exam",
    "/edx/api/v1/exam/{exam}/attempt/": "the same",
    "/edx/api/v1/exam/{exam}/attempt/{attempt}/": "the same",
    "/edx/api/v1/user/{user}/": "the same",
    "/api/sessions/{id}/attestation": "nothing is attested yet",
}
"""Addresses at which whoever may ask is told that nothing is there, and why that is."""

OVER: Final = {
    "/me/waiting/{waiting}/accept": "the page says that the offer is gone, as of one of theirs",
}
"""Addresses at which another's thing is told to be over (409), and why that is."""

SHOWN_TO_ANYBODY: Final = {
    "GET /metrics": "the tests ask from this machine, which is a proof as long as no token is set",
    "GET /second/{token}": "a button; only pressing it shows whether the link is good",
    "GET /edx/api/v1/instructor/{client}/": "a page that says no",
}
"""What is shown to whoever has no proof, and why that tells nothing."""

_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def parameters(path: str) -> list[str]:
    """Return the names of the parameters of a row's path."""
    return _PARAMETER.findall(path)


def address(path: str, things: Mapping[str, str], own: Mapping[str, str]) -> str:
    """Return a row's path with things in the place of its parameters."""
    return _PARAMETER.sub(lambda found: thing(path, found[1], {**things, **own}), path)


def thing(path: str, name: str, things: Mapping[str, str]) -> str:
    """Return what stands for a parameter of a path."""
    if name in OWN_OF_EACH:
        return things.get(name, "none")
    wanted = BY_PLACE.get(path) or BY_NAME.get(name)
    if wanted is not None:
        return things[wanted]
    assert name in FIXED, (
        f"The walk does not know what {{{name}}} in {path} is: add it to BY_NAME or FIXED in "
        "tests/web/access_objects.py (see there)."
    )
    return FIXED[name]


def has_owner(path: str) -> bool:
    """Say whether a row's path names something of somebody's."""
    return path in BY_PLACE or any(
        name in BY_NAME or name in OWN_OF_EACH for name in parameters(path)
    )


def parameter_free(path: str) -> str:
    """Return a row's path with names in it that name nothing."""
    return _PARAMETER.sub("none", path)

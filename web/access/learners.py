"""Rows of what learners and their second cameras ask for; all of it is their own request's."""

from __future__ import annotations

from typing import Final

from web.access.table import (
    BEARERS,
    EVERYBODY,
    INVIGILATORS,
    LEARNERS,
    OFFICERS,
    SECOND_CAMERAS,
    Row,
)

LINK = "the link"

ROWS: Final = (
    Row("GET", "/", EVERYBODY),
    Row("GET POST", "/request", EVERYBODY),
    Row("GET POST", "/r/{token}", BEARERS, note=LINK),
    Row("GET", "/me", LEARNERS),
    Row("GET", "/me/sign-out", LEARNERS),
    Row("POST", "/me/sign-out", EVERYBODY),
    Row("GET POST", "/me/zone", LEARNERS),
    Row("GET POST", "/me/book", LEARNERS),
    Row("GET POST", "/me/change", LEARNERS),
    Row("GET POST", "/me/cancel", LEARNERS),
    Row("GET POST", "/me/waiting", LEARNERS),
    Row("POST", "/me/waiting/{waiting}/leave", LEARNERS),
    Row("POST", "/me/waiting/{waiting}/accept", LEARNERS),
    Row("GET POST", "/me/ask", LEARNERS),
    Row("GET POST", "/me/dispute", LEARNERS),
    Row("GET", "/me/receipts", LEARNERS),
    Row("GET POST", "/me/pay", LEARNERS),
    Row("POST", "/me/pay/give-back", LEARNERS),
    Row("GET", "/me/pay/back", EVERYBODY),
    Row("GET", "/me/pay/done", LEARNERS),
    Row("GET POST", "/me/check-in", LEARNERS),
    Row("POST", "/me/device", LEARNERS),
    Row("GET POST", "/me/consent", LEARNERS),
    Row("GET", "/me/room", LEARNERS),
    Row("GET", "/me/onboard", LEARNERS),
    Row("GET POST", "/onboard/{token}", OFFICERS, note="the link; it opens this one form"),
    Row("POST", "/me/second-camera", LEARNERS),
    Row("GET POST", "/second/{token}", BEARERS, note="the link, good once and for 15 minutes"),
    Row("GET", "/second", SECOND_CAMERAS),
    Row("GET POST", "/rehearsal", LEARNERS),
    Row("POST", "/rehearsal/consent", LEARNERS),
    Row("GET", "/rehearsal/wanted", LEARNERS),
    Row("GET", "/rehearsal/ping", LEARNERS),
    Row("GET POST", "/rehearsal/bytes", LEARNERS),
    Row("POST DELETE", "/rehearsal/mirror", LEARNERS),
    Row("POST", "/room/captures", LEARNERS),
    Row("PUT", "/room/captures/{capture}/{part}/{offset}", LEARNERS),
    Row("POST", "/room/captures/{capture}/finish", LEARNERS),
    Row("GET", "/room/local", LEARNERS),
    Row("POST", "/room/local/{recording}/chain", LEARNERS),
    Row("PUT", "/room/local/{recording}/{n}/{offset}", LEARNERS),
    Row("POST", "/room/ticket", LEARNERS | SECOND_CAMERAS | INVIGILATORS),
    Row("GET", "/room/socket/", BEARERS, note="a ticket, good once and for 30 seconds"),
)

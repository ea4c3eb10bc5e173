"""Rows of what is public, of what machines ask for, and of links that are not learners'."""

from __future__ import annotations

from typing import Final

from web.access.table import BEARERS, EVERYBODY, LEARNERS, MACHINES, PLATFORMS, Row

SIGNED: Final = "signed by the platform"

ROWS: Final = (
    # Public
    Row("GET", "/static/{name}", EVERYBODY),
    Row("GET", "/favicon.ico", EVERYBODY),
    Row("GET", "/verify", EVERYBODY),
    Row("GET", "/verify/file", EVERYBODY),
    Row("GET", "/schemas/attestation-2.json", EVERYBODY),
    Row("GET", "/schemas/notices.json", EVERYBODY),
    Row("GET", "/problems/{code}", EVERYBODY),
    Row("GET", "/.well-known/jwks.json", EVERYBODY),
    Row("GET", "/.well-known/webhook-keys.json", EVERYBODY),
    Row("GET", "/lti/jwks", EVERYBODY),
    Row("GET", "/api/openapi.json", EVERYBODY),
    # What watches the service
    Row("GET", "/healthz", EVERYBODY),
    Row("GET", "/readyz", EVERYBODY),
    Row("GET", "/metrics", BEARERS, note="a token, or an address of those that are let in"),
    # Links and signatures
    Row("GET", "/feeds/{token}.ics", BEARERS, note="the address of a calendar"),
    Row("POST", "/payments/stripe", BEARERS, note="signed by the payment provider"),
    Row("GET POST", "/lti/login", BEARERS, note="a platform that is known"),
    Row("POST", "/lti/launch", BEARERS, note=SIGNED),
    Row("GET", "/lti/register/{invitation}", BEARERS, note="an invitation, good once"),
    Row("GET", "/lti/picture/{token}", BEARERS, note="the link, which we have signed"),
    Row("GET", "/lti/start/{attempt}", LEARNERS),
    # The interface for machines
    Row("POST", "/api/oauth/token", BEARERS, note="the client's secret"),
    Row("GET", "/api/assessments", MACHINES, scope="requests:read"),
    Row("POST", "/api/requests", MACHINES, scope="requests:write"),
    Row("GET", "/api/requests/{id}", MACHINES, scope="requests:read"),
    Row("GET", "/api/requests/{id}/slots", MACHINES, scope="requests:read"),
    Row("POST", "/api/bookings", MACHINES, scope="bookings:write"),
    Row("GET", "/api/bookings/{id}", MACHINES, scope="bookings:read"),
    Row("POST", "/api/bookings/{id}/cancel", MACHINES, scope="bookings:write"),
    Row("GET", "/api/sessions/{id}", MACHINES, scope="sessions:read"),
    Row("GET", "/api/sessions/{id}/attestation", MACHINES, scope="sessions:read"),
    # edX platforms
    Row("POST", "/edx/oauth2/access_token", BEARERS, note="the platform's secret"),
    Row("GET", "/edx/api/v1/config/", PLATFORMS),
    Row("POST", "/edx/api/v1/exam/", PLATFORMS),
    Row("GET POST", "/edx/api/v1/exam/{exam}/", PLATFORMS),
    Row("POST", "/edx/api/v1/exam/{exam}/attempt/", PLATFORMS),
    Row("GET PATCH DELETE", "/edx/api/v1/exam/{exam}/attempt/{attempt}/", PLATFORMS),
    Row("DELETE", "/edx/api/v1/user/{user}/", PLATFORMS),
    Row("GET", "/edx/api/v1/courses/{course}/onboarding_statuses", PLATFORMS),
    Row("GET", "/edx/api/v1/instructor/{client}/", BEARERS, note=SIGNED),
)

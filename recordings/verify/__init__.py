"""The offline verifier of a session's record: public keys alone, no network, no database.

This package imports nothing of the service but the standard library and `cryptography`, so that an
auditor can take it away and run it: `invigilation verifier FILE` writes it as one file.

A record is JSON, `invigilation-record/2` (`/1` had neither openings nor anchors): `{"format",
"session", "events": [{"body", "signature", "key_id"}], "attestation", "openings": {SEAL: {"key",
"text"}}, "evidence": [{"id", "kind", "sha256", "size"}], "anchors": [...]}`, in canonical form. An
event's body is canonical JSON (sorted keys, no spaces, UTF-8) whose bytes are signed with Ed25519
(RFC 8032) and which names the SHA-256 of the body before it. What may have to be erased stands in
it as a seal, HMAC-SHA256 (RFC 2104) of the text under a key that is kept with the text as the
seal's opening. The attestation is a compact JWS (RFC 7515, `alg` Ed25519 of RFC 9864) whose payload
names the head of that chain, so that neither a missing tail nor a rewrite stays unseen. Anchors are
what others have signed about that head: a backend's receipt, an RFC 3161 time stamp. Where an
officer on board invigilates (`kind` onboard), the id of the officer's form is in the place of the
session's, and its record is that of the form.

A bundle is a ZIP file of a single form (`archive.py`): `record.json`, `evidence/ID.jpg` or `.webm`
for those pieces that came along, and `report.pdf` if one was made.

Anything unknown is refused: a member more or less, a member twice, another algorithm.
"""

from __future__ import annotations

from .command import check_file, load_certificates, main
from .jws import JWS_ALGORITHM, JWS_TYPE, RECEIPT_TYPE, open_jws
from .keys import DatedKey, Keys, KeysUnreadable, load_keys, parse_keys, thumbprint
from .record import MAX_FILE_BYTES, RECORD, REPORT, file_name
from .steps import verify, verify_attestation, verify_file
from .verdict import Mark, NotVerified, Step, Verdict, render

__all__ = [
    "JWS_ALGORITHM",
    "JWS_TYPE",
    "MAX_FILE_BYTES",
    "RECEIPT_TYPE",
    "RECORD",
    "REPORT",
    "DatedKey",
    "Keys",
    "KeysUnreadable",
    "Mark",
    "NotVerified",
    "Step",
    "Verdict",
    "check_file",
    "file_name",
    "load_certificates",
    "load_keys",
    "main",
    "open_jws",
    "parse_keys",
    "render",
    "thumbprint",
    "verify",
    "verify_attestation",
    "verify_file",
]

"""Builds record files for the tests, by hand, from the format's description alone."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from recordings.seal import Seal, SigningKey

KEY = SigningKey.generate()
KEYS = {KEY.key_id: KEY.public}
SESSION = "ses_7"
START = datetime.fromisoformat("2026-11-23T10:00:00.000001+00:00")
EVIDENCE = [
    {"id": "e1", "kind": "id_document", "sha256": "ab" * 32, "size": 6400},
    {"id": "e2", "kind": "recording", "sha256": "cd" * 32, "size": 123456},
]


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def event(text: str, key: SigningKey = KEY) -> dict[str, str]:
    signature = base64.urlsafe_b64encode(key.sign(text.encode())).rstrip(b"=").decode()
    return {"body": text, "signature": signature, "key_id": key.key_id}


def bodies(count: int = 4, **changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "v": 2,
            "session": SESSION,
            "seq": seq,
            "monotonic_ms": 1_000 * seq,
            "at": (START + timedelta(seconds=seq)).isoformat().replace("+00:00", "Z"),
            "kind": "chat",
            "actor": "learner",
            "data": {"note": "Grüße £", "n": seq},
        }
        | changes
        for seq in range(1, count + 1)
    ]


def chained(unchained: list[dict[str, Any]], key: SigningKey = KEY) -> list[dict[str, str]]:
    previous, events = "0" * 64, []
    for body in unchained:
        text = canonical({"prev": previous} | body)
        events.append(event(text, key))
        previous = hashlib.sha256(text.encode()).hexdigest()
    return events


def attestation(events: list[dict[str, str]], key: SigningKey = KEY, **changes: Any) -> str:
    payload = {
        "format": "invigilation-attestation/1",
        "session": SESSION,
        "chain": {
            "head": hashlib.sha256(events[-1]["body"].encode()).hexdigest(),
            "length": len(events),
        },
        "evidence": EVIDENCE,
        "statement": "I watched the whole of it.",
    }
    return Seal(key).seal(canonical(payload | changes).encode()).decode()


def record(**changes: Any) -> dict[str, Any]:
    events = chained(bodies())
    return {
        "format": "invigilation-record/1",
        "session": SESSION,
        "events": events,
        "attestation": attestation(events),
        "evidence": EVIDENCE,
    } | changes


def as_bytes(value: object) -> bytes:
    return canonical(value).encode()

"""A good body for every message a client may send, less the session."""

from __future__ import annotations

BODIES: dict[str, dict[str, object]] = {
    "join": {},
    "leave": {},
    "offer": {"sdp": "v=0\r\n"},
    "chat": {"text": "Hello", "client_id": "client-0001"},
    "media": {"camera": True, "microphone": True},
    "snapshot": {"kind": "face"},
    "decide_identity": {"decision": "confirmed", "reason": "Same person"},
    "reopen_identity": {},
    "admit": {},
    "refuse": {"reason": "No document"},
    "incident": {
        "category": "environment.noise",
        "severity": "low",
        "note": "",
        "picture": False,
    },
    "pause": {"reason": "Fire drill"},
    "resume": {},
    "extra_time": {"minutes": 10},
    "stop": {"reason": "Fire alarm"},
    "end": {},
    "attest": {"statement": "I watched the whole sitting.", "outcome": "completed"},
}

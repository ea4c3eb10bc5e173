"""A good body for every message a client may send, less the session."""

from __future__ import annotations

BODIES: dict[str, dict[str, object]] = {
    "join": {},
    "leave": {},
    "offer": {"sdp": "v=0\r\n"},
    "chat": {"text": "Hello", "client_id": "client-0001"},
    "notice": {"text": "Ten minutes are left", "client_id": "client-0002"},
    "media": {"camera": True, "microphone": True, "screen": False},
    "hand": {"raised": True},
    "done": {"inspection": "is_1"},
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
    "ask": {"kind": "room_scan"},
    "judge": {"inspection": "is_1", "result": "satisfied", "note": ""},
    "share_screen": {"wanted": True},
    "rule_gap": {"gap": "gp_1", "ruling": "technical", "note": ""},
    "pause": {"reason": "Fire drill"},
    "resume": {},
    "extra_time": {"minutes": 10},
    "stop": {"reason": "Fire alarm"},
    "end": {},
    "hand_over": {"to": "st_bob"},
    "withdraw_handover": {},
    "take_over": {},
    "attest": {"statement": "I watched the whole sitting.", "outcome": "completed"},
}

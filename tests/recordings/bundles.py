"""Builds bundles for the tests, by hand, from the format's description alone.

The keys are fixed, so that the same bundle has the same bytes in every run.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recordings.seal import SigningKey
from tests.devices import Device

SESSION = "ses_7"
BACKEND = "company"
START = datetime(2026, 11, 23, 10, 0, 0, 1, tzinfo=UTC)
ATTESTED = START + timedelta(minutes=100)
NOW = START + timedelta(hours=8)
"""When the bundle is checked."""
ROTATED = datetime(2026, 11, 1, tzinfo=UTC)


def fixed(number: int) -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


KEY, RETIRED, NEXT, STRANGER, COMPANY = (fixed(number) for number in range(1, 6))


def key_set() -> dict[str, Any]:
    """The published keys: one in use, one to come, one retired."""
    soon = datetime(2026, 12, 24, tzinfo=UTC)
    return {
        "keys": [
            NEXT.jwk() | {"nbf": int(soon.timestamp())},
            KEY.jwk() | {"nbf": int(ROTATED.timestamp()), "exp": int(soon.timestamp())},
            RETIRED.jwk()
            | {
                "nbf": int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
                "exp": int(ROTATED.timestamp()),
            },
        ]
    }


def canonical(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def seal_key(text: str) -> bytes:
    return hashlib.sha256(b"key of " + text.encode()).digest()


def sealed(text: str) -> str:
    return hmac.new(seal_key(text), text.encode(), hashlib.sha256).hexdigest()


def opening(text: str) -> dict[str, Any]:
    return {sealed(text): {"key": seal_key(text).hex(), "text": text}}


def jws(
    payload: object,
    key: SigningKey = KEY,
    kind: str = "invigilation-attestation+jws",
    **header: Any,
) -> str:
    head = {"alg": "Ed25519", "kid": key.key_id, "typ": kind} | header
    signed = f"{base64url(canonical(head))}.{base64url(canonical(payload))}"
    return f"{signed}.{base64url(key.sign(signed.encode()))}"


def picture(number: int) -> bytes:
    """Stands for a JPEG; nobody decodes it."""
    return b"\xff\xd8\xff\xe0" + bytes((number * value) % 256 for value in range(60)) + b"\xff\xd9"


def pdf(attachment: str, words: str = "Two pages") -> bytes:
    """Stands for the report: a PDF's skeleton with the attestation attached."""
    packed = zlib.compress(attachment.encode(), 9)
    return (
        b"%PDF-1.7\n1 0 obj\n<< /Type /Page /Words (" + words.encode() + b") >>\nendobj\n"
        b"2 0 obj\n<< /Type /EmbeddedFile /Filter /FlateDecode /Length "
        + str(len(packed)).encode()
        + b" >>\nstream\n"
        + packed
        + b"\nendstream\nendobj\n%%EOF\n"
    )


def kinds() -> list[tuple[str, str, dict[str, Any], list[str]]]:
    """What happened: kind, actor, data, and private texts (under the name `text`)."""
    return [
        ("booked", "learner", {"title": "Ship Security Officer", "minutes": 90}, []),
        ("check_in", "learner", {"consent": True}, []),
        ("identity_decided", "invigilator:st_ana", {"decision": "confirmed"}, ["By the passport"]),
        ("admit", "invigilator:st_ana", {}, []),
        ("chat", "learner", {"to": "invigilator"}, ["May I drink some water? Grüße £"]),
        ("incident", "invigilator:st_ana", {"severity": "minor"}, ["A door was heard"]),
        ("end", "invigilator:st_ana", {}, []),
        ("attested", "invigilator:st_ana", {"outcome": "completed"}, ["I watched all of it."]),
    ]


NAMES = ("Maria Santos", "Ana Reyes")


def evidence() -> dict[str, tuple[str, bytes]]:
    return {
        "ev_1": ("id_document", picture(3)),
        "ev_2": ("face", picture(5)),
        "ev_3": ("recording", b"\x1aE\xdf\xa3" + picture(7)),
    }


@dataclass(slots=True)
class Draft:
    """A bundle in the making: whoever holds the signing key may change anything in it."""

    key: SigningKey = field(default_factory=lambda: KEY)
    sealer: SigningKey = field(default_factory=lambda: KEY)
    start: datetime = START
    session: str = SESSION
    kinds: list[tuple[str, str, dict[str, Any], list[str]]] = field(default_factory=kinds)
    evidence: dict[str, tuple[str, bytes]] = field(default_factory=evidence)
    kept: set[str] = field(default_factory=lambda: {"ev_1", "ev_2", "ev_3"})
    later: list[tuple[str, str, dict[str, Any], list[str]]] = field(default_factory=list)
    late: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """What happened, and came, after the attestation."""
    claims: dict[str, Any] = field(default_factory=dict)
    body: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body
    key_of: Callable[[int], SigningKey] | None = None
    header: dict[str, Any] = field(default_factory=dict)
    views: int = 1
    with_report: bool = True
    report_at: int = 1
    receipt: dict[str, Any] | None = field(default_factory=dict)
    receipt_after: timedelta = timedelta(minutes=101)
    event_step: timedelta = timedelta(minutes=1)

    def signer(self, seq: int) -> SigningKey:
        return self.key if self.key_of is None else self.key_of(seq)

    def at(self, seq: int) -> datetime:
        last = len(self.kinds)
        return self.start + (
            timedelta(minutes=100 + seq - last) if seq >= last else seq * self.event_step
        )

    def event(
        self, seq: int, previous: str, what: tuple[str, str, dict[str, Any], list[str]]
    ) -> dict[str, str]:
        kind, actor, data, texts = what
        body = self.body(
            {
                "v": 3,
                "session": self.session,
                "seq": seq,
                "at": stamp(self.at(seq)),
                "monotonic_ms": 1_000 * seq,
                "kind": kind,
                "actor": actor,
                "data": data,
                "sealed": dict(zip(("text",), map(sealed, texts), strict=False)),
                "prev": previous,
            }
        )
        text = canonical(body)
        key = self.signer(seq)
        return {
            "body": text.decode(),
            "signature": base64url(key.sign(text)),
            "key_id": key.key_id,
        }

    def listed(self, *more: dict[str, tuple[str, bytes]]) -> list[dict[str, Any]]:
        return [
            {"id": ident, "kind": kind, "sha256": sha256(data), "size": len(data)}
            for some in (self.evidence, *more)
            for ident, (kind, data) in some.items()
        ]

    def attestation(self, head: str, length: int) -> str:
        payload = {
            "format": "invigilation-attestation/2",
            "session": self.session,
            "kind": "remote",
            "attested_at": stamp(self.at(len(self.kinds))),
            "assessment": {"reference": "ISPS-SSO", "minutes": 90},
            "learner": {"reference": "learner-1", "name": {"sealed": sealed(NAMES[0])}},
            "invigilator": {"id": "st_ana", "name": {"sealed": sealed(NAMES[1])}},
            "outcome": "completed",
            "evidence": self.listed(),
            "chain": {"head": head, "length": length},
        }
        return jws(payload | self.claims, self.sealer, **self.header)

    def anchors(self, attestation: str, head: str) -> list[dict[str, Any]]:
        if self.receipt is None:
            return []
        at = stamp(self.start + self.receipt_after)
        accepted = {
            "type": "report.accepted",
            "webhook_id": "msg_1",
            "backend": BACKEND,
            "session": self.session,
            "head": head,
            "attestation_sha256": sha256(attestation.encode()),
            "accepted_at": at,
        }
        key = {name: COMPANY.jwk()[name] for name in ("kty", "crv", "x")}
        signed = jws(accepted | self.receipt, COMPANY, "invigilation-receipt+jws")
        return [
            {"kind": "receipt", "backend": BACKEND, "at": at, "receipt": signed, "key": key},
        ]

    def record(self) -> tuple[dict[str, Any], bytes]:
        """Return the record, and the report that belongs to it."""
        events: list[dict[str, str]] = []

        def add(what: tuple[str, str, dict[str, Any], list[str]]) -> str:
            previous = sha256(events[-1]["body"].encode()) if events else "0" * 64
            events.append(self.event(len(events) + 1, previous, what))
            return sha256(events[-1]["body"].encode())

        head = "0" * 64
        for what in self.kinds:
            head = add(what)
        attestation = self.attestation(head, len(events))
        report = pdf(attestation)
        made = {"sha256": sha256(report), "size": len(report), "pictures": True}
        if self.with_report:
            add(("report_made", "service", made, []))
        for what in self.later:
            add(what)
        for _ in range(self.views):
            look = {"evidence": "ev_1", "kind": "face", "reason": "other"}
            add(("evidence_viewed", "staff:st_sam", look, [WHY]))
        texts = [text for what in self.kinds + self.later for text in what[3]]
        texts += [*NAMES, *([WHY] if self.views else [])]
        record = {
            "format": "invigilation-record/2",
            "session": self.session,
            "events": events,
            "attestation": attestation,
            "openings": {seal: value for text in texts for seal, value in opening(text).items()},
            "evidence": self.listed(self.late),
            "anchors": self.anchors(attestation, head),
        }
        return record, report

    def members(self) -> dict[str, bytes]:
        record, report = self.record()
        members = {"record.json": canonical(record)}
        for ident, (kind, data) in (self.evidence | self.late).items():
            if ident in self.kept | self.late.keys():
                end = "webm" if kind.endswith("recording") else "jpg"
                end = "stills" if kind == "stills" else end
                end = "mp4" if ident == MP4 else end
                members[f"evidence/{ident}.{end}"] = data
        if self.with_report:
            members["report.pdf"] = report
        return members

    def packed(self) -> bytes:
        return pack(self.members())


WHY = "A ship's master asked for it."
"""What somebody wrote about why they looked, sealed as all that people write."""
GAP = "gp_1"
LOCAL = ("lr_1", "lr_2")
MP4 = "lr_2"
"""A browser that makes no WebM has recorded the last two."""


def with_local(*, late: bool = True) -> Draft:
    """Return a draft with a gap that the learner's device filled, after the attestation or before.

    The device told its chain before the gap, and again after it; two of its four chunks came.
    """
    draft, device = Draft(), Device(SESSION)
    for n in range(4):
        media = "video/webm" if n < len(LOCAL) else "video/mp4"
        device.segment(START + timedelta(minutes=40, seconds=20 * n), type=media)
    links = [{k: v for k, v in one.items() if k != "head"} for one in device.links]
    heads = [one["head"] for one in device.links]
    name = device.recording
    told = [{"recording": name, "links": n, "head": heads[n - 1]} for n in (1, 4)]
    draft.kinds[6:6] = [
        ("local_chain", "learner", told[0], []),
        ("gap_opened", "service", {"gap": GAP, "began": stamp(START)}, []),
        ("gap_closed", "service", {"gap": GAP, "ended": stamp(START), "lost_ms": 30_000}, []),
        ("local_chain", "learner", told[1] | {"after_gap": GAP}, []),
    ]
    chunks = [
        {"recording": name, "evidence": ident}
        | {key: links[n][key] for key in ("n", "sha256", "size")}
        for n, ident in enumerate(LOCAL, 1)
    ]
    chain = {"recording": name, "first": 1, "before": heads[0], "links": links[1:]}
    data = {"gap": GAP, "complete": True, "missing": 0, "covers_ms": 30_000, "chunks": chunks}
    filled = [
        ("gap_filled", "service", data | {"chains": [chain | {"head": heads[3]}]}, []),
        ("fill_judged", "invigilator:st_ana", {"gap": GAP, "accepted": True}, ["It is her"]),
    ]
    draft.evidence["ev_4"] = ("stills", b"INVSTILL1\n")
    draft.kept.add("ev_4")
    came = {ident: ("local_recording", device.chunks[n]) for n, ident in enumerate(LOCAL, 1)}
    if late:
        draft.later, draft.late = filled, came
    else:
        draft.kinds[-1:-1] = filled
        draft.evidence |= came
        draft.kept |= set(LOCAL)
    return draft


HOLES = [
    {"bytes": 4_000, "since_ms": 4_100, "until_ms": 6_900},
    {"bytes": 96, "since_ms": 3_605_000, "until_ms": None},
]


def with_damage(*, told: bool = True) -> Draft:
    """Return a draft of which the service lost one recording, and a part of another.

    Not `told`: as an older attestation, which says nothing of it.
    """
    draft = Draft()
    draft.kinds[4:4] = [
        ("recording_started", "service", {"evidence": "ev_3", "kind": "recording"}, []),
        ("recording_started", "service", {"evidence": "ev_9", "kind": "screen_recording"}, []),
    ]
    sha, size = sha256(draft.evidence["ev_3"][1]), len(draft.evidence["ev_3"][1])
    finished = {"evidence": "ev_3", "sha256": sha, "size": size, "holes": HOLES}
    draft.kinds[-1:-1] = [
        ("recording_lost", "service", {"evidence": "ev_9"}, []),
        ("recording_finished", "service", finished, []),
    ]
    if told:
        begun = {"started": stamp(START + timedelta(minutes=5))}
        draft.claims["damaged"] = [
            {"evidence": "ev_3", "kind": "recording", "lost": "part", "holes": HOLES} | begun,
            {"evidence": "ev_9", "kind": "screen_recording", "lost": "all", "holes": []} | begun,
        ]
    return draft


def pack(members: dict[str, bytes]) -> bytes:
    """Return the one ZIP file with these members, byte by byte (APPNOTE 6.3.10)."""
    return pack_as(sorted(members.items()))


def pack_as(
    members: list[tuple[str, bytes]],
    *,
    local: bytes = b"",
    extra: bytes = b"",
    comment: bytes = b"",
) -> bytes:
    """Like `pack`, in the order given; `local` and `extra` are fields that must not be there."""
    out, central = b"", b""
    for name, data in members:
        raw, crc, size = name.encode(), zlib.crc32(data), len(data)
        fields = struct.pack("<HHHHHIIIH", 20, 0x800, 0, 0, 33, crc, size, size, len(raw))
        central += struct.pack("<IH", 0x02014B50, 20) + fields
        central += struct.pack("<HHHHII", len(extra), 0, 0, 0, 0, len(out)) + raw + extra
        out += struct.pack("<I", 0x04034B50) + fields + struct.pack("<H", len(local)) + raw + local
        out += data
    count = len(members)
    end = struct.pack(
        "<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(central), len(out), len(comment)
    )
    return out + central + end + comment


def unpack(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}

"""What an offer must look like before the WebRTC stack may see it."""

from __future__ import annotations

import re
from typing import Final

from invigilation.errors import InvigilationError

MAX_OFFER_BYTES: Final = 48 * 1024
MAX_OFFER_LINES: Final = 800
"""A browser's offer of sound and picture has about 250."""

_STRIPPED: Final = ("a=candidate:", "a=end-of-candidates", "a=remote-candidates:", "a=ice-lite")
_FINGERPRINT: Final = re.compile(r"a=fingerprint:sha-(256|384|512) ([0-9A-Fa-f]{2}:?){32,64}")


class SdpRefused(InvigilationError):
    """The offer cannot be answered; `reason` is a plain sentence."""

    code = "sdp_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def clean_offer(sdp: str) -> str:
    """Check an offer and take out what could be used against us.

    Gives an offer of exactly two bundled m-lines, audio then video, without candidates: the server
    has an address of its own, and the browser's checks to it make the pair. An address out of an
    offer is never sent to. Raises SdpRefused, and nothing else.
    """
    if not isinstance(sdp, str) or len(sdp.encode("utf-8", "replace")) > MAX_OFFER_BYTES:
        raise SdpRefused("The offer is too long.")
    if not sdp.isascii():
        raise SdpRefused("The offer has characters that do not belong there.")
    lines = [line for line in sdp.splitlines() if line]
    if len(lines) > MAX_OFFER_LINES:
        raise SdpRefused("The offer has too many lines.")
    lines = [line for line in lines if not line.lower().startswith(_STRIPPED)]
    sections = _sections(lines)
    if [section[0].split(" ")[0] for section in sections[1:]] != ["m=audio", "m=video"]:
        raise SdpRefused("The offer must have exactly two media: audio, then video.")
    _check_bundle(sections)
    for section in sections[1:]:
        _check_security(sections[0] + section)
    return "\r\n".join(lines) + "\r\n"


def _sections(lines: list[str]) -> list[list[str]]:
    """Split into the session's part and one part for each m-line."""
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _values(section: list[str], attribute: str) -> list[str]:
    prefix = f"a={attribute}:"
    return [line[len(prefix) :].strip() for line in section if line.startswith(prefix)]


def _check_bundle(sections: list[list[str]]) -> None:
    mids = [_values(section, "mid") for section in sections[1:]]
    flat = [mid for found in mids for mid in found]
    if [len(found) for found in mids] != [1, 1] or len(set(flat)) != 2:
        raise SdpRefused("Each medium of the offer needs a mid of its own.")
    if ["BUNDLE", *flat] not in [group.split() for group in _values(sections[0], "group")]:
        raise SdpRefused("The media of the offer must be bundled.")


def _check_security(lines: list[str]) -> None:
    names = _values(lines, "ice-ufrag")
    words = _values(lines, "ice-pwd")
    if not names or not all(re.fullmatch(r"[A-Za-z0-9+/]{4,256}", name) for name in names):
        raise SdpRefused("The offer has no usable ICE user name.")
    if not words or not all(re.fullmatch(r"[A-Za-z0-9+/]{22,256}", word) for word in words):
        raise SdpRefused("The offer has no usable ICE password.")
    prints = [line for line in lines if line.startswith("a=fingerprint:")]
    if not prints or not all(_FINGERPRINT.fullmatch(line.strip()) for line in prints):
        raise SdpRefused("The offer has no usable certificate fingerprint.")
    if not _values(lines, "setup") or "a=rtcp-mux" not in [line.strip() for line in lines]:
        raise SdpRefused("The offer must use DTLS and multiplexed RTCP.")

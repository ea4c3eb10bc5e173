"""What an offer must look like before the WebRTC stack may see it."""

from __future__ import annotations

import re
from typing import Final

from invigilation.errors import InvigilationError
from signalling.tracks import Shape

MAX_OFFER_BYTES: Final = 48 * 1024
MAX_OFFER_LINES: Final = 800
"""A browser's offer of sound and three pictures has about 450."""
MAX_SSRCS: Final = 8
"""Sources of one m-line: a browser names one and its retransmissions."""

_STRIPPED: Final = ("a=candidate:", "a=end-of-candidates", "a=remote-candidates:", "a=ice-lite")
_FINGERPRINT: Final = re.compile(r"a=fingerprint:sha-(256|384|512) ([0-9A-Fa-f]{2}:?){32,64}")


class SdpRefused(InvigilationError):
    """The offer cannot be answered; `reason` is a plain sentence."""

    code = "sdp_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def clean_offer(sdp: str, shape: Shape) -> str:
    """Check an offer and take out what could be used against us.

    Gives an offer of exactly the m-lines of the shape, bundled, without candidates: the server has
    an address of its own, and the browser's checks to it make the pair. An address out of an offer
    is never sent to. Raises SdpRefused, and nothing else.
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
    kinds = [track.kind.value for track in shape.lines]
    if [section[0].split(" ")[0] for section in sections[1:]] != [f"m={kind}" for kind in kinds]:
        raise SdpRefused(f"The offer must have exactly these media: {', '.join(kinds)}.")
    _check_bundle(sections)
    for section in sections[1:]:
        _check_security(sections[0] + section)
    return "\r\n".join(lines) + "\r\n"


def offered_ssrcs(offer: str) -> list[tuple[int, ...]]:
    """Name the sources of each m-line of a clean offer, as its `a=ssrc` lines do (RFC 5576)."""
    found = []
    for section in _sections(offer.splitlines())[1:]:
        numbers = (value.split(" ")[0] for value in _values(section, "ssrc"))
        ssrcs = dict.fromkeys(
            int(number) for number in numbers if re.fullmatch("[0-9]{1,10}", number)
        )
        found.append(tuple(ssrcs)[:MAX_SSRCS])
    return found


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
    if {len(found) for found in mids} != {1} or len(set(flat)) != len(mids):
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

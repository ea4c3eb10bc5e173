"""Anything at all given to what stands before messages: offers, frames, datagrams."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.edge import UNREADABLE, Malformed, TextPacket
from signalling.sdp import SdpRefused, clean_offer, offered_ssrcs
from signalling.tracks import INVIGILATOR, LEARNER, SECOND_CAMERA, SUPERVISOR
from signalling.udp import Door, _user_name
from web.outward import may_reach

SHAPES = st.sampled_from([LEARNER, INVIGILATOR, SUPERVISOR, SECOND_CAMERA])
WORDS = st.sampled_from(
    [
        "v=0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 96",
        "m=video 9 UDP/TLS/RTP/SAVPF 97 98",
        "a=group:BUNDLE 0 1 2",
        "a=mid:0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:" + "x" * 22,
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=setup:actpass",
        "a=rtcp-mux",
        "a=ssrc:1 cname:x",
        "a=candidate:1 1 udp 1 10.0.0.1 53 typ host",
        "A=CANDIDATE:1 1 udp 1 10.0.0.1 53 typ host",
        "a=end-of-candidates",
    ]
)
OFFERS = st.text() | st.lists(WORDS | st.text(max_size=30), max_size=40).map("\r\n".join)


class Nobody:
    """A guest whose stack would choke on anything."""

    heard_at = 0.0

    def on_srtp(self, data: bytes) -> None:
        """Take nothing."""

    def on_dtls(self, data: bytes) -> None:
        """Take nothing."""

    def on_stun(self, door: Door, data: bytes, sender: tuple[str, int]) -> None:
        raise ValueError(data)


@given(offer=OFFERS, shape=SHAPES)
@settings(max_examples=120, deadline=None)
def test_any_offer_is_cleaned_of_addresses_or_refused(offer, shape):
    try:
        cleaned = clean_offer(offer, shape)
    except SdpRefused:
        return

    assert "candidate" not in cleaned.lower()
    assert len(offered_ssrcs(cleaned)) == len(shape.lines)


@given(frame=st.text(max_size=200) | st.binary(max_size=50) | st.from_regex(r"[0-6]\d*-?/?.{0,40}"))
@settings(max_examples=120, deadline=None)
def test_any_frame_is_read_or_closes_its_connection(frame):
    with contextlib.suppress(Malformed, *UNREADABLE):
        packet = TextPacket(encoded_packet=frame)

        assert packet.attachment_count == 0


@given(
    data=st.binary(max_size=80)
    | st.tuples(st.sampled_from([b"\x00\x01", b"\x01\x01", b"\x16", b"\x80"]), st.binary()).map(
        lambda both: both[0] + b"\x00\x10\x21\x12\xa4\x42" + both[1]
    )
)
@settings(max_examples=120, deadline=None)
def test_any_datagram_leaves_the_door_open(data):
    door = Door.__new__(Door)
    door._names, door._senders, door._asked = {b"": Nobody()}, {("192.0.2.1", 1): Nobody()}, {}

    door.take(data, ("192.0.2.1", 1))

    assert len(_user_name(data)) <= len(data)


@given(address=st.ip_addresses())
@settings(max_examples=120, deadline=None)
def test_no_address_is_reached_that_python_calls_private(address):
    assert not may_reach(str(address)) or address.is_global

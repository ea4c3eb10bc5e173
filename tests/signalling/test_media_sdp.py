"""Offers: what is refused, and what is taken out of the good ones."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invigilation.errors import InvigilationError
from signalling.peer import MediaSettings, Peer, SdpRefused
from signalling.sdp import MAX_OFFER_BYTES, clean_offer

pytestmark = pytest.mark.media
LOOPBACK = MediaSettings(host_addresses=("127.0.0.1",))


@pytest.fixture(scope="module")
def offer() -> str:
    """A good offer, with candidates."""

    async def make() -> str:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTransceiver("audio")
        connection.addTransceiver("video")
        await connection.setLocalDescription(await connection.createOffer())
        sdp: str = connection.localDescription.sdp
        await connection.close()
        return sdp + "a=candidate:1 1 udp 1 10.0.0.1 53 typ host\r\na=end-of-candidates\r\n"

    return asyncio.run(make())


def test_candidates_are_taken_out(offer: str) -> None:
    cleaned = clean_offer(offer)

    assert "candidate" in offer
    assert "candidate" not in cleaned
    assert cleaned.count("m=") == 2


async def test_the_answer_has_vp8_and_opus_alone(offer: str) -> None:
    peer, answer = await Peer.answer(offer, LOOPBACK)
    await peer.close()

    audio, video = SessionDescription.parse(answer).media
    assert [codec.name for codec in audio.rtp.codecs] == ["opus"]
    assert [codec.name for codec in video.rtp.codecs] == ["VP8", "rtx"]
    assert audio.rtp.codecs[0].parameters["useinbandfec"] == 1
    assert {candidate.ip for candidate in audio.ice_candidates} == {"127.0.0.1"}
    assert [audio.direction, video.direction] == ["sendrecv", "sendrecv"]


async def test_ports_stay_in_their_range(offer: str) -> None:
    inside = MediaSettings(host_addresses=("127.0.0.1",), port_range=(42000, 42999))

    peer, answer = await Peer.answer(offer, inside)
    await peer.close()

    [candidate] = SessionDescription.parse(answer).media[0].ice_candidates
    assert 42000 <= candidate.port <= 42999


async def test_an_address_of_the_router_in_front_is_offered(offer: str) -> None:
    peer, answer = await Peer.answer(offer, MediaSettings(host_addresses=("203.0.113.5",)))
    await peer.close()

    [candidate] = SessionDescription.parse(answer).media[0].ice_candidates
    assert candidate.ip == "203.0.113.5"


async def test_no_usable_address_is_an_error_of_the_machine(offer: str) -> None:
    taken = MediaSettings(host_addresses=("127.0.0.1",), port_range=(1, 0))

    with pytest.raises(OSError, match="could be bound"):
        await Peer.answer(offer, taken)


HOSTILE = {
    "empty": lambda _: "",
    "no text": lambda _: "hello",
    "too long": lambda sdp: sdp + "a=x\r\n" * MAX_OFFER_BYTES,
    "too many lines": lambda sdp: sdp + "a=x\r\n" * 2000,
    "three media": lambda sdp: sdp + sdp[sdp.index("m=video") :],
    "one medium": lambda sdp: sdp[: sdp.index("m=video")],
    "video first": lambda sdp: (
        sdp[: sdp.index("m=audio")]
        + sdp[sdp.index("m=video") :]
        + sdp[sdp.index("m=audio") : sdp.index("m=video")]
    ),
    "data channel": lambda sdp: sdp.replace("m=video", "m=application"),
    "no codec of ours": lambda sdp: sdp.replace("VP8", "VP9").replace("H264", "AV1"),
    "no fingerprint": lambda sdp: sdp.replace("a=fingerprint", "a=finger"),
    "weak fingerprint": lambda sdp: sdp.replace("sha-256", "md5"),
    "no user name": lambda sdp: sdp.replace("a=ice-ufrag", "a=x"),
    "no password": lambda sdp: sdp.replace("a=ice-pwd", "a=x"),
    "no mid": lambda sdp: sdp.replace("a=mid", "a=x"),
    "the same mid": lambda sdp: sdp.replace("a=mid:1", "a=mid:0"),
    "not bundled": lambda sdp: sdp.replace("a=group:BUNDLE", "a=group:LS"),
    "no rtcp-mux": lambda sdp: sdp.replace("a=rtcp-mux", "a=x"),
    "no setup": lambda sdp: sdp.replace("a=setup:actpass", "a=x"),
    "nonsense setup": lambda sdp: sdp.replace("a=setup:actpass", "a=setup:boss"),
    "letters beyond ascii": lambda sdp: sdp + "a=x:\u00e9\r\n",
    "a lone surrogate": lambda sdp: sdp + "a=x:\ud800\r\n",
    "ports of letters": lambda sdp: sdp.replace("m=audio ", "m=audio x"),
    "shared payload types": lambda sdp: sdp.replace(":97", ":96").replace("F 97", "F 96"),
    "rtpmap of nothing": lambda sdp: sdp + "a=rtpmap:\r\n",
    "ssrc of nothing": lambda sdp: sdp + "a=ssrc:\r\n",
    "fmtp of an unknown format": lambda sdp: sdp + "a=fmtp:1 x=1\r\n",
    "candidate without a value": lambda sdp: sdp + "a=candidate\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_offers_are_refused(offer: str, name: str) -> None:
    with pytest.raises(SdpRefused) as refused:
        await Peer.answer(HOSTILE[name](offer), LOOPBACK)

    assert isinstance(refused.value, InvigilationError)
    assert refused.value.code == "sdp_refused"
    assert str(refused.value).endswith(".")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mangled_offers_are_answered_or_refused(offer: str, data: st.DataObject) -> None:
    lines = offer.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        line = lines[place]
        cut = data.draw(st.integers(0, len(line)))
        lines[place] = line[:cut] + data.draw(st.text(max_size=6)) + line[cut + 1 :]

    async def try_it() -> None:
        try:
            peer, answer = await Peer.answer("\r\n".join(lines), LOOPBACK)
        except SdpRefused:
            return
        await peer.close()
        assert RTCSessionDescription(answer, "answer").sdp.count("m=") == 2

    asyncio.run(try_it())

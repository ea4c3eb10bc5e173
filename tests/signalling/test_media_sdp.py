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
from signalling.sdp import MAX_OFFER_BYTES, MAX_SSRCS, clean_offer, offered_ssrcs
from signalling.tracks import INVIGILATOR, LEARNER, SECOND_CAMERA, SUPERVISOR, Shape

pytestmark = pytest.mark.media
LOOPBACK = MediaSettings(host_addresses=("127.0.0.1",))


async def offered(shape: Shape) -> str:
    """A good offer of this shape, with candidates."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for track in shape.lines:
        connection.addTransceiver(track.kind.value)
    await connection.setLocalDescription(await connection.createOffer())
    sdp: str = connection.localDescription.sdp
    await connection.close()
    return sdp + "a=candidate:1 1 udp 1 10.0.0.1 53 typ host\r\na=end-of-candidates\r\n"


@pytest.fixture(scope="module")
def offer() -> str:
    """A learner's offer."""
    return asyncio.run(offered(LEARNER))


def test_candidates_are_taken_out(offer: str) -> None:
    cleaned = clean_offer(offer, LEARNER)

    assert "candidate" in offer
    assert "candidate" not in cleaned
    assert cleaned.count("m=") == 3


async def test_the_answer_has_vp8_and_opus_alone(offer: str) -> None:
    peer, answer = await Peer.answer(offer, LEARNER, LOOPBACK)
    await peer.close()

    audio, *pictures = SessionDescription.parse(answer).media
    assert [codec.name for codec in audio.rtp.codecs] == ["opus"]
    assert audio.rtp.codecs[0].parameters["useinbandfec"] == 1
    assert {candidate.ip for candidate in audio.ice_candidates} == {"127.0.0.1"}
    for video in pictures:
        assert [codec.name for codec in video.rtp.codecs] == ["VP8", "rtx"]


@pytest.mark.parametrize(
    ("shape", "directions"),
    [
        (LEARNER, "sendrecv sendrecv recvonly"),
        (INVIGILATOR, "sendrecv sendrecv sendonly sendonly"),
        (SUPERVISOR, "sendonly sendonly sendonly sendonly"),
        (SECOND_CAMERA, "recvonly"),
    ],
)
async def test_the_answer_keeps_to_the_shape_whatever_is_offered(
    shape: Shape, directions: str
) -> None:
    peer, answer = await Peer.answer(await offered(shape), shape, LOOPBACK)
    await peer.close()

    assert [media.direction for media in SessionDescription.parse(answer).media] == (
        directions.split()
    )


async def test_a_face_and_its_voice_are_one_stream_and_the_others_stand_alone() -> None:
    peer, answer = await Peer.answer(await offered(INVIGILATOR), INVIGILATOR, LOOPBACK)
    await peer.close()

    voice, face, *others = [m.msid.split()[0] for m in SessionDescription.parse(answer).media]
    assert voice == face
    assert len({face, *others}) == 3


async def test_the_sources_of_each_line_are_read() -> None:
    lines = "v=0\r\nm=audio\r\na=ssrc:7 cname:a\r\na=ssrc:7 msid:b\r\nm=video\r\n"
    lines += "a=ssrc-group:FID 8 9\r\na=ssrc:8 cname:a\r\na=ssrc:9 cname:a\r\na=ssrc:x\r\n"
    crowd = "m=video\r\n" + "".join(f"a=ssrc:{n} cname:a\r\n" for n in range(100))

    found = offered_ssrcs(lines + crowd)

    assert found == [(7,), (8, 9), (*range(MAX_SSRCS),)]


async def test_ports_stay_in_their_range(offer: str) -> None:
    inside = MediaSettings(host_addresses=("127.0.0.1",), port_range=(42000, 42999))

    peer, answer = await Peer.answer(offer, LEARNER, inside)
    await peer.close()

    [candidate] = SessionDescription.parse(answer).media[0].ice_candidates
    assert 42000 <= candidate.port <= 42999


async def test_an_address_of_the_router_in_front_is_offered(offer: str) -> None:
    peer, answer = await Peer.answer(offer, LEARNER, MediaSettings(host_addresses=("203.0.113.5",)))
    await peer.close()

    [candidate] = SessionDescription.parse(answer).media[0].ice_candidates
    assert candidate.ip == "203.0.113.5"


async def test_no_usable_address_is_an_error_of_the_machine(offer: str) -> None:
    taken = MediaSettings(host_addresses=("127.0.0.1",), port_range=(1, 0))

    with pytest.raises(OSError, match="could be bound"):
        await Peer.answer(offer, LEARNER, taken)


HOSTILE = {
    "empty": lambda _: "",
    "no text": lambda _: "hello",
    "too long": lambda sdp: sdp + "a=x\r\n" * MAX_OFFER_BYTES,
    "too many lines": lambda sdp: sdp + "a=x\r\n" * 2000,
    "five media": lambda sdp: sdp + sdp[sdp.index("m=video") :],
    "no screen": lambda sdp: sdp[: sdp.rindex("m=video")],
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
    "voice and picture alike": lambda sdp: sdp.replace("SAVPF 96", "SAVPF 97").replace(
        ":96 opus", ":97 opus"
    ),
    "pictures of two meanings": lambda sdp: (
        sdp[: sdp.rindex("m=video")]
        + sdp[sdp.rindex("m=video") :].replace("97", "120").replace("98", "97")
    ),
    "rtpmap of nothing": lambda sdp: sdp + "a=rtpmap:\r\n",
    "ssrc of nothing": lambda sdp: sdp + "a=ssrc:\r\n",
    "fmtp of an unknown format": lambda sdp: sdp + "a=fmtp:1 x=1\r\n",
    "candidate without a value": lambda sdp: sdp + "a=candidate\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_offers_are_refused(offer: str, name: str) -> None:
    with pytest.raises(SdpRefused) as refused:
        await Peer.answer(HOSTILE[name](offer), LEARNER, LOOPBACK)

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
            peer, answer = await Peer.answer("\r\n".join(lines), LEARNER, LOOPBACK)
        except SdpRefused:
            return
        await peer.close()
        assert RTCSessionDescription(answer, "answer").sdp.count("m=") == 3

    asyncio.run(try_it())

"""What the browser is told about its voice, in the server's answer; and whom it goes to."""

from __future__ import annotations

from tests.capture.node import Node

VOICE = {"kbit": 16, "ptime": 60, "dtx": False}
ANSWER = """v=0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=ptime:20
a=sendrecv
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=sendrecv
""".replace("\n", "\r\n")


def test_the_voice_is_thin_in_few_packets(node: Node) -> None:
    lines = node.call("tuned", ANSWER, VOICE, 0).split("\r\n")

    [format_] = [line for line in lines if line.startswith("a=fmtp:111 ")]
    wanted = set(format_.removeprefix("a=fmtp:111 ").split(";"))
    assert {"useinbandfec=1", "usedtx=0", "maxaveragebitrate=16000"} <= wanted
    assert [line for line in lines if "ptime:" in line] == ["a=ptime:60"]
    assert lines.index("a=ptime:60") < lines.index("m=video 9 UDP/TLS/RTP/SAVPF 96 97")
    assert "a=fmtp:97 apt=96" in lines


def test_pictures_begin_low(node: Node) -> None:
    lines = node.call("tuned", ANSWER, None, 40).split("\r\n")

    assert "a=fmtp:96 x-google-start-bitrate=40" in lines
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in lines


def test_what_needs_no_words_stays_as_it_came(node: Node) -> None:
    assert node.call("tuned", ANSWER, None, 0) == ANSWER
    h264 = ANSWER.replace("VP8", "H264").replace("a=fmtp:97", "a=fmtp:96 profile=1\r\na=fmtp:97")
    assert "a=fmtp:96 profile=1;x-google-start-bitrate=40" in node.call("tuned", h264, None, 40)


def test_a_learner_on_a_thin_link_is_spoken_to_thinly_and_shown_nothing(node: Node) -> None:
    rungs = ["full", "small", "slow", "stills", "sound"]
    voices = {rung: node.call("voiceFor", rung) for rung in rungs}

    assert voices["full"]["kbit"] > voices["small"]["kbit"] == voices["sound"]["kbit"]
    assert node.call("voiceFor", "text") is None
    assert [node.call("cameraFor", rung) for rung in rungs] == [True, False, False, False, False]


def test_who_is_far_away_and_sends_little_is_shown_little(node: Node) -> None:
    far, wide, near = [
        node.call("cameraCap", {"rtt_ms": rtt, "sent_kbit": sent})
        for rtt, sent in [(700, 210), (650, 370), (40, 120)]
    ]

    assert far["maxBitrate"] <= 60_000
    assert (wide, near, node.call("cameraCap", None)) == (None, None, None)


def test_each_rung_is_said_in_words(node: Node) -> None:
    said = node.call("linkWords", "stills", "direct", "link", True)

    assert said == ("Your link is weak: we send single pictures now. Your invigilator hears you.")
    assert node.call("linkWords", "full", "relay", "proved", True) == ""
    assert "hears you" not in node.call("linkWords", "sound", "direct", "link", False)
    assert "no video" in node.call("linkWords", "stills", "socket", "link", True)

"""What somebody sounds like, by the level beside their packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invigilation.presence import Sound
from signalling.loudness import (
    HEARD_DBOV,
    HEARD_FOR_S,
    MUTED_AFTER_S,
    NONE_AFTER_S,
    SILENCE,
    Loudness,
)
from signalling.rtp import RtpPacket, header_extension

VOICE, ROOM, OFF = b"\x9e", bytes([60]), bytes([SILENCE])


def after(*packets: tuple[float, bytes | None]) -> Loudness:
    loudness = Loudness()
    for now, level in packets:
        loudness.packet(level, now)
    return loudness


def test_nothing_is_none() -> None:
    assert Loudness().sound(100.0) is Sound.NONE
    assert after((1.0, VOICE)).sound(1.0 + NONE_AFTER_S) is Sound.NONE


def test_a_voice_is_heard_for_a_while() -> None:
    loudness = after((1.0, VOICE), (1.0 + HEARD_FOR_S, ROOM))

    assert loudness.sound(0.9 + HEARD_FOR_S) is Sound.HEARD
    assert loudness.sound(1.0 + HEARD_FOR_S) is Sound.QUIET


def test_the_quietest_that_is_heard_is_louder_than_the_bound() -> None:
    sounds = [after((1.0, bytes([HEARD_DBOV - n]))).sound(1.0) for n in (0, 1)]

    assert sounds == [Sound.QUIET, Sound.HEARD]


def test_digital_silence_becomes_mute() -> None:
    packets = [(second, OFF) for second in range(12)]

    assert after(*packets).sound(MUTED_AFTER_S - 0.1) is Sound.QUIET
    assert after(*packets).sound(MUTED_AFTER_S) is Sound.MUTED


@pytest.mark.parametrize("level", [ROOM, None])
def test_one_packet_that_is_not_silent_ends_it(level: bytes | None) -> None:
    loudness = after(*[(second, OFF) for second in range(12)], (12.0, level), (12.5, OFF))

    assert loudness.sound(13.0) is Sound.QUIET


def with_extensions(profile: int, elements: bytes) -> bytes:
    plain = RtpPacket(96, False, 1, 2, 3, b"voice").to_bytes()
    elements += bytes(-len(elements) % 4)
    head = profile.to_bytes(2) + (len(elements) // 4).to_bytes(2)
    return bytes([plain[0] | 0x10]) + plain[1:12] + head + elements + plain[12:]


@pytest.mark.parametrize(
    ("profile", "elements"),
    [
        (0xBEDE, b"\x42mid\x10\x2a"),
        (0xBEDE, b"\x00\x10\x2a\x40m"),
        (0x1000, b"\x04\x03mid\x01\x01\x2a"),
        (0x100F, b"\x00\x00\x07\x00\x01\x01\x2a"),
    ],
)
def test_a_level_is_found_in_both_forms(profile: int, elements: bytes) -> None:
    assert header_extension(with_extensions(profile, elements), 1) == b"\x2a"
    assert header_extension(with_extensions(profile, elements), 9) is None


def test_what_has_no_such_extension_says_nothing() -> None:
    plain = RtpPacket(96, False, 1, 2, 3, b"voice").to_bytes()

    assert header_extension(plain, 1) is None
    assert header_extension(with_extensions(0x1234, b"\x10\x2a"), 1) is None
    assert header_extension(with_extensions(0xBEDE, b"\x1f\x2a"), 1) is None


@given(st.sampled_from([0xBEDE, 0x1000]), st.binary(max_size=40), st.integers(1, 14))
def test_any_bytes_are_searched_without_harm(profile: int, elements: bytes, wanted: int) -> None:
    found = header_extension(with_extensions(profile, elements), wanted)

    assert found is None or found in elements + bytes(3)

from __future__ import annotations

import itertools
import random

import pytest

from tests.harness.lane import Conditions, Lane, Loss
from tests.harness.packets import DESTINATION, SOURCE, Gate, address_of, checksum, readdressed
from tests.harness.profiles import PROFILES, Link, Step, Trace, steps_told, traces

PACKET = b"E" + bytes(8) + bytes([17]) + bytes(990)
"""1,000 bytes of IPv4 and UDP, as far as a lane looks."""
# 10.77.9.2 -> 10.77.9.1, ports 4660 -> 22136, "hello".
UDP_PACKET = bytes.fromhex("45000021000100004011542f0a4d09020a4d090112345678000d0000") + (b"hello")


def lane(conditions: Conditions, seed: int = 1) -> Lane:
    return Lane(conditions, random.Random(seed))


def arrivals(one: Lane, until: float) -> list[float]:
    """Let time pass from event to event; return when each packet arrived."""
    times: list[float] = []
    while (at := one.next_at) is not None and at <= until:
        times += [at] * len(one.advance(at))
    return times


def test_a_packet_takes_its_bits_by_the_rate_and_the_delay() -> None:
    one = lane(Conditions(rate=8_000, delay_s=0.35))
    one.push(PACKET, 10.0)
    one.push(PACKET, 10.5)

    assert arrivals(one, 20) == pytest.approx([11.35, 12.35])
    assert one.counts.queue_max_s == pytest.approx(0.5)
    assert (one.counts.bytes, one.counts.udp_bytes, one.counts.tcp_bytes) == (2_000, 2_000, 0)


def test_without_a_rate_only_the_delay_counts() -> None:
    one = lane(Conditions(delay_s=0.25))
    for _ in range(3):
        one.push(PACKET, 1.0)

    assert arrivals(one, 2) == [1.25] * 3


def test_what_does_not_fit_into_the_queue_is_dropped_at_its_tail() -> None:
    one = lane(Conditions(rate=8_000, queue_bytes=2_500))
    for number in range(5):
        one.push(bytes([number]) * 1_000, 0.0)  # the first is being sent, two wait

    came = [packet[0] for at in (1.0, 2.0, 3.0, 9.0) for packet in one.advance(at)]
    assert came == [0, 1, 2]
    assert one.counts.dropped_queue == 2


def test_a_new_rate_holds_for_what_waits_already() -> None:
    one = lane(Conditions(rate=8_000))
    for _ in range(3):
        one.push(PACKET, 0.0)
    one.conditions = Conditions(rate=80_000)

    assert arrivals(one, 9) == pytest.approx([1.0, 1.1, 1.2])


def test_jitter_never_changes_the_order() -> None:
    one = lane(Conditions(delay_s=0.1, jitter_s=0.5))
    for number in range(200):
        one.push(bytes([number]), number / 100)

    came = [packet[0] for at in range(5) for packet in one.advance(at)]
    assert came == sorted(came)
    assert len(came) == 200


@pytest.mark.parametrize(("share", "burst"), [(0.02, 2.0), (0.03, 1.0), (0.2, 8.0)])
def test_loss_is_the_share_asked_for_in_bursts_of_the_length_asked_for(
    share: float, burst: float
) -> None:
    loss, count = Loss(random.Random(3)), 200_000

    lost = [loss.takes(share, burst) for _ in range(count)]

    runs = [len(list(run)) for taken, run in itertools.groupby(lost) if taken]
    assert sum(lost) / count == pytest.approx(share, rel=0.08)
    memoryless = 1 / (1 - share)
    expected = burst if burst > 1 else memoryless
    assert sum(runs) / len(runs) == pytest.approx(expected, rel=0.08)


def test_the_same_seed_loses_the_same_packets() -> None:
    def lost(seed: int) -> list[bool]:
        loss = Loss(random.Random(seed))
        return [loss.takes(0.05, 2) for _ in range(500)]

    assert lost(5) == lost(5) != lost(6)


def test_an_outage_loses_what_is_under_way_and_what_comes() -> None:
    one = lane(Conditions(rate=8_000, delay_s=5.0))
    one.push(PACKET, 0.0)
    one.push(PACKET, 0.0)
    one.push(PACKET, 0.0)
    assert one.advance(1.5) == []  # one in the air, one being sent, one waits
    one.outage = True
    one.push(PACKET, 2.0)
    assert one.advance(30.0) == []
    one.outage = False
    one.push(PACKET, 40.0)

    assert arrivals(one, 90) == pytest.approx([46.0])
    assert one.counts.dropped_outage == 4
    assert one.counts.dropped_loss == 0


def test_counts_survive_the_wire() -> None:
    one = lane(Conditions(rate=8_000))
    for at in (0.0, 0.2, 5.0):
        one.push(PACKET, at)
    one.advance(9)

    assert type(one.counts).read(one.counts.told()) == one.counts
    assert [(at, size) for at, size, _ in one.counts.seconds] == [
        (0, 1_000),
        (1, 1_000),
        (5, 1_000),
    ]


def test_a_gateway_writes_another_address_and_right_checksums() -> None:
    assert checksum(UDP_PACKET[:20]) == 0  # as it should be in a good header

    sent = readdressed(UDP_PACKET, SOURCE, "10.77.9.3")

    assert address_of(sent, SOURCE) == "10.77.9.3"
    assert address_of(sent, DESTINATION) == "10.77.9.1"
    assert checksum(sent[:20]) == 0
    assert sent[20:] == UDP_PACKET[20:]
    assert readdressed(sent, SOURCE, "10.77.9.2") == UDP_PACKET


def test_a_tcp_segment_gets_a_checksum_over_its_new_addresses() -> None:
    body = bytes.fromhex("0050c35000000001000000015010ffff00000000") + b"odd"
    packet = UDP_PACKET[:9] + b"\x06" + UDP_PACKET[10:20] + body

    sent = readdressed(packet, DESTINATION, "10.77.9.8")

    pseudo = sent[12:20] + bytes([0, 6]) + len(body).to_bytes(2, "big")
    assert checksum(pseudo + sent[20:]) == 0


def test_a_gate_lets_pass_what_it_names() -> None:
    name = UDP_PACKET[:22] + (53).to_bytes(2, "big") + UDP_PACKET[24:]
    web = UDP_PACKET[:9] + b"\x06" + UDP_PACKET[10:20] + bytes.fromhex("c35001bb") + bytes(16)
    other = web[:22] + (8080).to_bytes(2, "big") + web[24:]
    every = (UDP_PACKET, name, web, other)

    def passed(gate: Gate) -> list[bool]:
        return [gate.passes(packet) for packet in every]

    assert passed(Gate()) == [True, True, True, True]
    assert passed(Gate(udp=False)) == [False, True, True, True]
    assert passed(Gate(udp=False, tcp_ports=frozenset({443}))) == [False, True, True, False]


def test_a_trace_tells_its_step_and_begins_again() -> None:
    lan, thin = PROFILES["lan"], PROFILES["d"]
    trace = Trace("two", "", (Step(3, lan), Step(2, thin, outage=True)))

    assert [trace.at(moment)[0].outage for moment in (0, 2.9, 3, 4.9, 5, 8.5)] == [
        *(False, False, True, True, False, True),
    ]
    assert trace.at(9.5)[1] == pytest.approx(0.5)
    assert steps_told(trace.told()).steps == trace.steps


def test_the_profiles_are_those_that_are_promised() -> None:
    said = {
        name: (link.up.rate, round(2000 * link.up.delay_s), link.up.loss)
        for name, link in PROFILES.items()
    }

    assert said == {
        "a": (0, 1, 0),
        "lan": (0, 1, 0),
        "b": (512_000, 600, 0.01),
        "c": (256_000, 650, 0.02),
        "d": (128_000, 700, 0.02),
        "e": (64_000, 800, 0.03),
    }
    assert all(link == Link(link.up, link.up) for link in PROFILES.values())


def test_the_traces_that_come_along_can_be_replayed() -> None:
    found = traces()

    assert set(found) == {"leo_handovers", "vsat_bursts"}
    for trace in found.values():
        assert 120 <= trace.seconds <= 900
        assert all(step.seconds > 0 and step.link.up.rate > 0 for step in trace.steps)

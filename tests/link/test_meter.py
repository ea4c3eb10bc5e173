"""The figures of the link, out of the browser's statistics."""

from __future__ import annotations

from typing import Any

from tests.capture.node import Made, Node


def stats(second: int, *, rate: int = 10_000, **more: float) -> list[dict[str, Any]]:
    """What a browser has counted after so many seconds of `rate` bytes each."""
    relay = {"id": "L", "type": "local-candidate", "candidateType": "relay"}
    return [
        {"id": "T", "type": "transport", "selectedCandidatePairId": "P"},
        relay if more.get("relay") else {**relay, "candidateType": "host"},
        {
            "id": "P",
            "type": "candidate-pair",
            "localCandidateId": "L",
            "bytesSent": rate * second,
            "bytesReceived": more.get("got", 1000 * second),
            "packetsSent": 20 * second,
            "packetsReceived": 5 * second,
            "responsesReceived": second,
            "totalRoundTripTime": 0.7 * second,
            "availableOutgoingBitrate": 80_000,
        },
        {"id": "O", "type": "outbound-rtp", "packetsSent": 20 * second},
        {
            "id": "R",
            "type": "remote-inbound-rtp",
            "packetsLost": more.get("lost", 0),
            "roundTripTimeMeasurements": more.get("trips", 0),
            "totalRoundTripTime": more.get("trip_sum", 0),
        },
    ]


def take(meter: Made, second: int, **more: float) -> Any:
    return meter.call("take", stats(second, **more), 1000 * second)  # type: ignore[arg-type]


def test_headers_count_and_the_way_is_known(node: Node) -> None:
    direct, relayed = node.make("Meter"), node.make("Meter")
    take(direct, 1)
    take(relayed, 1, relay=1)

    plain, through = take(direct, 2), take(relayed, 2, relay=1)

    assert (plain["way"], through["way"]) == ("direct", "relay")
    assert plain["bytes"] == 11_000 + 25 * 28
    assert through["bytes"] > plain["bytes"]
    assert 80 < plain["sent_kbit"] < 90
    assert plain["room_kbit"] == 80


def test_the_queue_is_what_a_round_takes_longer_than_on_the_empty_link(node: Node) -> None:
    meter = node.make("Meter")
    take(meter, 1, trips=1, trip_sum=0.7)
    calm = take(meter, 2, trips=2, trip_sum=1.4)
    full = take(meter, 3, trips=3, trip_sum=3.1)
    unknown = take(meter, 4, trips=3, trip_sum=3.1)

    assert (calm["rtt_ms"], calm["queue_ms"]) == (700, 0)
    assert (full["rtt_ms"], full["base_ms"], full["queue_ms"]) == (1700, 700, 1000)
    assert unknown["rtt_ms"] == 700, "the checks of ICE, where no report came"


def test_a_longer_way_is_no_queue_after_a_minute(node: Node) -> None:
    meter = node.make("Meter")
    trips = 0.0
    seen = []
    for second in range(1, 100):
        trips += 0.1 if second < 20 else 0.7
        seen.append(take(meter, second, trips=second, trip_sum=trips))

    assert seen[30]["queue_ms"] == 600
    assert seen[-1]["queue_ms"] == 0


def test_losses_are_counted_over_some_seconds(node: Node) -> None:
    meter = node.make("Meter")
    take(meter, 1)
    first = take(meter, 2, lost=10)
    second = take(meter, 3, lost=10)

    assert first["lost_permille"] is None, "too few to tell"
    assert second["lost_permille"] == 250


def test_silence_is_an_outage_and_a_new_connection_begins_anew(node: Node) -> None:
    meter = node.make("Meter")
    for second in range(1, 4):
        take(meter, second)
    silent = [take(meter, second, got=3000)["heard"] for second in range(4, 9)]
    anew = take(meter, 1)

    assert silent[0] is True
    assert silent[-1] is False
    assert anew is None


def test_the_checks_that_made_the_connection_tell_the_empty_link(node: Node) -> None:
    meter = node.make("Meter")
    take(meter, 1)

    assert take(meter, 2, trips=1, trip_sum=2.7)["queue_ms"] == 2000


def test_what_an_outage_has_lost_and_delayed_is_forgotten(node: Node) -> None:
    meter = node.make("Meter")
    for second in range(1, 11):
        take(meter, second, trips=second, trip_sum=0.1 * second)
    calm = {"got": 10_000, "trips": 10, "trip_sum": 1.0}
    silent = [take(meter, second, **calm) for second in range(11, 41)]

    # The first report tells of all that was lost, and of a burst; then the way is a longer one.
    told = {"lost": 600, "trips": 11, "trip_sum": 3.5}
    back = [take(meter, second, **told) for second in (41, 42, 43)]
    later = [
        take(meter, second, lost=600, trips=second - 32, trip_sum=3.5 + 0.7 * (second - 43))
        for second in range(44, 60)
    ]

    assert [one["heard"] for one in silent][-1] is False
    assert {one["lost_permille"] for one in silent} == {None}
    assert {one["heard"] for one in back} == {True}
    assert {(one["queue_ms"], one["lost_permille"]) for one in back} == {(None, None)}
    assert {one["queue_ms"] for one in later} == {0}
    assert {one["lost_permille"] for one in later} <= {None, 0}

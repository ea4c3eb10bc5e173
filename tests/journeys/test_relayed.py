"""A ship's network lets no UDP through: picture and sound go by TCP through a relay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.harness.browser import PHONE
from tests.harness.films import Scene
from tests.harness.service import Service
from tests.harness.turn import Relay, turn_server
from tests.harness.waiting import until
from tests.journeys.aboard import not_before_today
from tests.journeys.cast import MARIA, Cast
from tests.journeys.people import LearnerPage
from tests.journeys.plain import book_plainly
from tests.journeys.world import SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

ONLY_RELAYED = """
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(settings, ...more) {
      super({ ...settings, iceTransportPolicy: "relay" }, ...more);
      window.peers.push(this);
    }
  };
"""
"""What a firewall that drops all UDP leaves to a page, said to the page itself."""
WAY = """async () => {
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    const stats = await peer.getStats();
    for (const pair of stats.values()) {
      if (pair.type !== "candidate-pair" || !pair.nominated || pair.state !== "succeeded") continue;
      const own = stats.get(pair.localCandidateId);
      return [own.candidateType, own.relayProtocol];
    }
  }
  return null;
}"""


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay on this machine."""
    with turn_server() as running:
        yield running


@pytest.fixture
def service(service: Service, relay: Relay) -> Service:
    """The service, told of the relay, and reached on this machine alone."""
    service.set(
        INVIGILATION_TURN_URLS=f'["{relay.url("tcp")}"]',
        INVIGILATION_TURN_SECRET=relay.secret,
        INVIGILATION_MEDIA_ADDRESSES='["127.0.0.1"]',
    )
    return service


async def test_a_learner_without_udp_is_seen_and_heard_through_the_relay(
    world: World, cast: Cast, relay: Relay
) -> None:
    start = not_before_today()
    world.time.go_to(start - timedelta(hours=2))
    link = await book_plainly(world, "L-1001", start)
    world.time.go_to(start - timedelta(minutes=5))
    page = await cast.browsers.launch(
        cast.films.film(Scene.FACE, MARIA), cast.films.sound(MARIA.seed), viewport=PHONE
    )
    await page.add_init_script(ONLY_RELAYED)
    learner = LearnerPage(page, world)
    await learner.enter(link)
    await learner.check_in()
    await learner.join()
    console = await cast.invigilator()
    await console.sign_in(world.invigilator_of("Maria Santos"))
    await console.connected()
    await console.open("Maria Santos")
    await console.camera_on()

    await console.sees("the learner behind the relay")
    await console.sees_person(MARIA)
    await console.hears("the learner behind the relay")
    await learner.sees("the invigilator, through the relay")

    way = await until(lambda: page.evaluate(WAY), SOON_S, "the way that media take")
    assert way == ["relay", "tcp"]
    assert "ALLOCATE processed, success" in relay.log

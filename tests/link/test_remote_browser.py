"""Real Chromium: the invigilator is heard where their picture is not sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

from tests.harness.browser import QUIET
from tests.harness.waiting import until
from tests.link.bundle import bundle

pytestmark = pytest.mark.media

HEARD_S = 10.0

SCRIPT = """
import { present } from "./room/remote";

async function connected(here, there) {
  here.onicecandidate = ({ candidate }) => void there.addIceCandidate(candidate ?? undefined);
  there.onicecandidate = ({ candidate }) => void here.addIceCandidate(candidate ?? undefined);
  await here.setLocalDescription();
  await there.setRemoteDescription(here.localDescription);
  await there.setLocalDescription();
  await here.setRemoteDescription(there.localDescription);
}

Object.assign(window, {
  // Somebody who speaks, and whose picture is promised but never sent.
  async call() {
    const context = new AudioContext();
    await context.resume();
    const tone = context.createOscillator();
    const said = context.createMediaStreamDestination();
    tone.connect(said);
    tone.start();
    const [there, here] = [new RTCPeerConnection(), new RTCPeerConnection()];
    there.addTransceiver(said.stream.getAudioTracks()[0], { direction: "sendonly" });
    there.addTransceiver("video", { direction: "sendonly" });
    await connected(there, here);
    const tracks = here.getReceivers().map(({ track }) => track);
    const players = [document.createElement("video"), document.createElement("audio")];
    players[0].autoplay = players[0].muted = true;
    document.body.append(...players);
    present(new MediaStream(tracks), ...players, () => (window.refused = true));
    Object.assign(window, { here, kinds: tracks.map(({ kind }) => kind) });
  },
  async heard() {
    const found = [...(await window.here.getStats()).values()];
    return found.some(({ kind, totalAudioEnergy }) => kind === "audio" && totalAudioEnergy > 0.01);
  },
});
"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of nothing but the players."""
    arguments = [
        *QUIET,
        "--autoplay-policy=no-user-gesture-required",
        "--allow-loopback-in-peer-connection",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell", args=arguments
        )
        tab = await browser.new_page()
        await tab.add_script_tag(content=bundle(SCRIPT))
        yield tab
        await browser.close()


async def test_a_voice_is_heard_though_no_picture_ever_comes(page: Page) -> None:
    await page.evaluate("call()")

    await until(lambda: page.evaluate("heard()"), HEARD_S, "the voice")
    assert await page.evaluate("kinds") == ["audio", "video"]
    assert await page.evaluate("window.refused") is None

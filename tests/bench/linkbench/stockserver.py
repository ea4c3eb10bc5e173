"""`python -m tests.bench.linkbench.stockserver ADDRESS`: the usual parts, as they come.

aiohttp before aiortc's RTCPeerConnection and MediaRelay, nothing mended and nothing set but two
things that anybody sets: no STUN server is asked (there is none here), and the candidates are of
the one address by which the server is reached. Prints `{"port": ...}`, then, for every line that
comes in, what became of the learner's connection: `[[ms of the epoch, state], ...]`; ends with
its input.

The page is what a first version has: a camera of 640x480, the browser's own codecs and rates, an
offer by one POST when its candidates are there. It loads nothing else, so it comes sooner than a
real one would.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aioice.ice
from aiohttp import web

from tests.bench.live.relay import Relay

PAGE = """<!doctype html><meta charset="utf-8"><title>Stock</title>
<video id="remote" autoplay playsinline></video><p id="state">new</p><script>
const remote = document.querySelector('#remote');
const state = document.querySelector('#state');
window.states = [];
async function join() {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: true, video: {width: 640, height: 480},
  });
  const peer = new RTCPeerConnection();
  window.peers = [peer];
  const theirs = new MediaStream();
  remote.srcObject = theirs;
  peer.ontrack = ({track}) => theirs.addTrack(track);
  peer.onconnectionstatechange = () => {
    window.states.push([Date.now(), peer.connectionState]);
    state.textContent = peer.connectionState;
  };
  for (const track of stream.getTracks()) peer.addTrack(track, stream);
  await peer.setLocalDescription();
  while (peer.iceGatheringState !== 'complete') {
    await new Promise((go) => peer.addEventListener('icegatheringstatechange', go, {once: true}));
  }
  const body = peer.localDescription.sdp;
  const answer = await fetch(location.pathname, {method: 'POST', body});
  await peer.setRemoteDescription({type: 'answer', sdp: await answer.text()});
}
window.peers = [];
join();
</script>"""
WHO = r"/{who:learner|invigilator}"


async def serve(address: str) -> None:
    """Hold one session."""
    aioice.ice.get_host_addresses = lambda **_: [address]
    room = Relay()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def offer(request: web.Request) -> web.Response:
        return web.Response(text=await room.answer(request.match_info["who"], await request.text()))

    app = web.Application()
    app.add_routes([web.get(WHO, page), web.post(WHO, offer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while await orders.readline():
        print(json.dumps({"learner": room.states["learner"]}), flush=True)
    async with asyncio.timeout(10):
        await room.close()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))

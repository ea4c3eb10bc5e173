"""aiortc as its users join two people: tracks decoded, handed on by MediaRelay, encoded again.

Nothing of the project's own is imported here: what runs this runs the stack as it comes.
"""

from __future__ import annotations

import time
from collections import defaultdict

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamTrack


class Relay:
    """One session: a learner and an invigilator, who see and hear each other."""

    def __init__(self) -> None:
        self._relay = MediaRelay()
        self._connections: dict[str, RTCPeerConnection] = {}
        self._tracks: dict[str, list[MediaStreamTrack]] = defaultdict(list)
        self.states: dict[str, list[tuple[float, str]]] = defaultdict(list)
        """Whose connection was how, since when: milliseconds of the epoch, aiortc's word."""

    async def answer(self, who: str, offer: str) -> str:
        """Let somebody in, who offers sound and a picture both ways: gives the answer."""
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.on("track", self._tracks[who].append)

        def changed() -> None:
            self.states[who].append((time.time() * 1000, connection.connectionState))

        connection.on("connectionstatechange", changed)
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for transceiver in connection.getTransceivers():
            transceiver.direction = "sendrecv"
        await connection.setLocalDescription(await connection.createAnswer())
        self._connections[who] = connection
        if len(self._connections) == 2:
            for one, other in (("learner", "invigilator"), ("invigilator", "learner")):
                for sender in self._connections[one].getSenders():
                    track = next(t for t in self._tracks[other] if t.kind == sender.kind)
                    sender.replaceTrack(self._relay.subscribe(track))
        return connection.localDescription.sdp

    def recorded(self) -> tuple[int, int]:
        """Say that nothing is on tape."""
        return 0, 0

    async def close(self) -> None:
        """End it."""
        for connection in self._connections.values():
            await connection.close()

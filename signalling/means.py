"""What every room works with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from invigilation.desk import Desk
from invigilation.ports import Clock
from signalling.commands import Answer, Command
from signalling.ports import EvidenceRoom, Outlet, PeerFactory
from signalling.watching import UNWATCHED, Watch

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Starts a child of a room."""
Post = Callable[[Command, asyncio.Future[Answer] | None], Awaitable[None]]
"""Hands a child's command in; the future is who waits for its answer."""


@dataclass(frozen=True, slots=True)
class Means:
    """The collaborators of a room.

    `changed` is told whose lobby looks different now; None: everybody's may. `watch` hears what
    happens, for the figures of the service.
    """

    desk: Desk
    evidence: EvidenceRoom
    peers: PeerFactory
    outlet: Outlet
    clock: Clock
    changed: Callable[[str | None], None]
    watch: Watch = UNWATCHED

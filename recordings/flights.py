"""One call for all who ask for the same thing at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from recordings.places import PlaceAway

T = TypeVar("T")


class Flights(Generic[T]):
    """Calls under way, by what they bring; whoever comes second waits for the first one's answer.

    They wait for `patience` seconds at most; then the place counts as away for them.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._coming: dict[Hashable, Future[T]] = {}

    def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what `work` returns, or what the same call of somebody else does; raises as it."""
        with self._lock:
            coming = self._coming.get(key)
            ours = coming is None
            if coming is None:
                coming = self._coming[key] = Future()
        if not ours:
            try:
                return coming.result(self._patience)
            except TimeoutError:
                raise PlaceAway(f"{key} is still on its way") from None
        try:
            found = work()
        except BaseException as error:
            coming.set_exception(error)
            raise
        else:
            coming.set_result(found)
            return found
        finally:
            with self._lock:
                self._coming.pop(key, None)

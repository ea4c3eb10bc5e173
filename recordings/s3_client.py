"""How a store that speaks S3 is asked: the library, our limits, and its errors as ours.

boto3 is imported with the first use, for it is slow and large, and most services have no such
store. Each call has threads of its own and a time in all, whatever the store does: one that takes a
connection and then says nothing holds up nobody for longer.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeVar

from invigilation.errors import Busy, NotFound
from recordings.lanes import Lanes
from recordings.places import PlaceAway

T = TypeVar("T")
CONNECT_S, SILENT_S = 3, 20
"""For a connection, and between two bytes."""
QUESTION_S = 12.0
"""For a question and its answer, a second try included."""
PART_S = 120.0
"""For a part on its way there."""
PIECE_S = 30.0
"""For a piece of `places.CHUNK` on its way back."""
AT_ONCE = 16
"""Calls to one store; those that were given up count as long as they hang."""
TRIES = 2
_CONNECTING = threading.Lock()
ABSENT = {"404", "NoSuchKey", "NotFound"}
TAKEN = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}
UNKNOWN = {"501", "NotImplemented", "MethodNotAllowed"}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Which store: `s3://NAME/PREFIX`, and how to get in; without keys boto3 looks for them."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    key_id: str = ""
    secret: str = field(default="", repr=False)


class Client:
    """Asks a store by the names that the library has for each call."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._made: Any = None
        self._lock = threading.Lock()
        self._lanes = Lanes("store of evidence", AT_ONCE)

    def ask(self, call: str, **given: Any) -> Any:
        """Return what the store answers to `call` within `QUESTION_S`; raises as `within` does."""
        return self.within(QUESTION_S, lambda: getattr(self._client(), call)(**given))

    def send(self, call: str, **given: Any) -> Any:
        """Return what the store answers to a call that brings it a part, within `PART_S`."""
        return self.within(PART_S, lambda: getattr(self._client(), call)(**given))

    def pages(self, call: str, **given: Any) -> Iterator[Any]:
        """Yield the answers to a question whose answer is long, each within `QUESTION_S`."""
        pages = self.within(QUESTION_S, partial(self._paginated, call, given))
        while (page := self.within(QUESTION_S, lambda: next(pages, None))) is not None:
            yield page

    def within(self, seconds: float, work: Callable[[], T]) -> T:
        """Return what `work` returns; raises what it raises, and PlaceAway when it takes longer."""
        try:
            return self._lanes.within(seconds, work)
        except TimeoutError:
            raise PlaceAway(f"the store has not answered within {seconds:g} s") from None
        except Busy as error:
            if isinstance(error, PlaceAway):
                raise
            raise PlaceAway(f"{AT_ONCE} calls wait for the store's answer") from None

    def let_go(self, close: Callable[[], object]) -> None:
        """Close what came from the store; nobody waits for it."""
        with contextlib.suppress(Busy):
            self._lanes.begin(close)

    def _paginated(self, call: str, given: dict[str, Any]) -> Iterator[Any]:
        return iter(self._client().get_paginator(call).paginate(**given))

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _connect(self._bucket)
            return self._made


def refused() -> type[Exception]:
    """Return what the library raises for an answer that refuses."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - see the module

    found: type[Exception] = ClientError
    return found


def code_of(error: Exception) -> str:
    """Return the code with which a store refused."""
    answer: Any = getattr(error, "response", {})
    return str(answer.get("Error", {}).get("Code", ""))


def status_of(error: Exception) -> int:
    """Return the HTTP status with which a store refused; 0 where it said none."""
    answer: Any = getattr(error, "response", {})
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextlib.contextmanager
def errors(name: str = "") -> Iterator[None]:
    """Name what the library raises as ours; with a name, what is absent is NotFound."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see the module
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - the library lets some through

    try:
        yield
    except ClientError as error:
        if name and code_of(error) in ABSENT:
            raise NotFound("evidence", name) from None
        raise PlaceAway(f"the store answered {code_of(error)}") from error
    except (BotoCoreError, HTTPError) as error:
        raise PlaceAway(f"{type(error).__name__}: {error}") from error


def _connect(bucket: Bucket) -> Any:
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=SILENT_S,
        retries={"max_attempts": TRIES, "mode": "standard"},
        max_pool_connections=AT_ONCE,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if bucket.endpoint else "auto"},
    )
    with _CONNECTING:
        return _session().client(
            "s3",
            endpoint_url=bucket.endpoint or None,
            region_name=bucket.region or None,
            aws_access_key_id=bucket.key_id or None,
            aws_secret_access_key=bucket.secret or None,
            config=config,
        )


@cache
def _session() -> Any:
    """Return what all stores share: its descriptions of the service take 20 MB."""
    import boto3  # noqa: PLC0415 - see the module

    return boto3.session.Session()

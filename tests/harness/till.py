"""Starts the test payment provider (`checkout.py`) and speaks to it."""

from __future__ import annotations

import contextlib
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.harness.process import Process, ended, free_port
from tests.harness.service import ROOT
from tests.harness.waiting import wait_until

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000341"
API_KEY = "sk_test_of_the_tests"
WEBHOOK_SECRET = "whsec_of_the_tests"
START_S = 20.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_STAYING = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere())


class Till:
    """A running provider."""

    def __init__(self, port: int, process: Process) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.process = process

    def ready(self) -> bool:
        try:
            self._ask("/_config/ready")
        except OSError:
            return self.process.must_live()
        return True

    def lenient(self) -> None:
        """Let it take links that end at any time: the service's clock may be moved."""
        self._ask("/_config/lenient", b"")

    def tell(self, url: str) -> None:
        """Let its webhooks go there."""
        hook = {"url": url, "secret": WEBHOOK_SECRET}
        request = urllib.request.Request(
            f"{self.base}/_config/webhooks/tests",
            json.dumps(hook).encode(),
            {"Content-Type": "application/json"},
        )
        _OPENER.open(request).close()

    def pay(self, url: str, card: str = GOOD_CARD) -> str:
        """Pay on its page; return where it leads back to, empty if the card was declined."""
        data = urllib.parse.urlencode({"card": card}).encode()
        try:
            with _STAYING.open(url, data):
                return ""
        except urllib.error.HTTPError as answer:
            with answer:
                return str(answer.headers["Location"])

    def page(self, url: str) -> str:
        """Return what its page says."""
        with _OPENER.open(url) as answer:
            return str(answer.read().decode())

    def expire(self, reference: str) -> None:
        """Let a link expire."""
        request = urllib.request.Request(
            f"{self.base}/v1/checkout/sessions/{reference}/expire",
            b"x=1",
            {"Authorization": f"Bearer {API_KEY}"},
        )
        _OPENER.open(request).close()

    def _ask(self, path: str, data: bytes | None = None) -> None:
        _OPENER.open(self.base + path, data).close()


@contextlib.contextmanager
def payment_provider(folder: Path) -> Iterator[Till]:
    """Run a provider while the block lasts."""
    port = free_port()
    command = [sys.executable, "-m", "tests.harness.checkout", str(port)]
    process = Process(command, folder / "checkout.log", directory=ROOT)
    with ended(process):
        process.start()
        till = Till(port, process)
        wait_until(till.ready, START_S, "the payment provider")
        yield till

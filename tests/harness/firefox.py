"""A person at Firefox: stock Firefox, spoken to over WebDriver BiDi, with made-up camera and voice.

Protocol: W3C WebDriver BiDi, which Firefox serves at its remote debugging port by itself.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tests.harness.process import Process
from tests.harness.waiting import until

START_S = 40.0
"""How long Firefox may take to answer after it was started."""
ANSWER_S = 30.0
"""How long one command may take."""
SOON_S = 20.0
"""How long anything may take that is done in under a second when nothing else runs."""

ARGUMENTS = ("--headless", "--no-remote", "--remote-debugging-port", "0")
PREFERENCES: Mapping[str, bool | int | str] = {
    # A camera that changes its colour and a microphone that hums, granted without a question.
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.navigator.permission.fake": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.cubeb.backend": "",
    # Both ends of every call are on this machine, which may have no other address.
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # It leaves the network alone.
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-provider.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.topsites.contile.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.enabled": False,
}

BY_TEXT = """(kind, words) => {
  const same = (one) => one.textContent.replace(/\\s+/g, " ").trim().startsWith(words);
  const shown = (one) => one.checkVisibility();
  return [...document.querySelectorAll(kind)].filter((one) => same(one) && shown(one))[0] ?? null;
}"""

_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class FirefoxFault(Exception):
    """A command failed, or a script threw: the browser's own words."""


class Firefox:
    """One browser with one tab, and the commands that its user needs.

    `complaints` are the errors of its pages, those in its console included.
    """

    def __init__(self, process: Process, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self.context = ""
        self._process = process
        self._socket = socket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._reader = asyncio.create_task(self._read(), name="firefox")

    async def open(self) -> None:
        """Begin the session and find the tab."""
        await self.send("session.new", capabilities={})
        await self.send("session.subscribe", events=["log.entryAdded"])
        tree = await self.send("browsingContext.getTree")
        self.context = tree["contexts"][0]["context"]

    async def close(self) -> None:
        """End the reading; the process is ended by whoever started it."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()

    async def send(self, method: str, **fields: object) -> Any:
        """Send one command and return its result; `FirefoxFault` when it fails."""
        self._number += 1
        number = self._number
        self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({"id": number, "method": method, "params": fields})
            return await asyncio.wait_for(self._answers[number], ANSWER_S)
        finally:
            del self._answers[number]

    async def viewport(self, width: int, height: int) -> None:
        """Make the tab this large, in pixels."""
        size = {"width": width, "height": height}
        await self.send("browsingContext.setViewport", context=self.context, viewport=size)

    async def before_every_page(self, script: str) -> None:
        """Let a script run on each page before the page's own."""
        await self.send("script.addPreloadScript", functionDeclaration=f"() => {{ {script} }}")

    async def goto(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        await self.send("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def reload(self) -> None:
        """Load the page anew."""
        await self.send("browsingContext.reload", context=self.context, wait="complete")

    async def evaluate(self, function: str, *arguments: object) -> Any:
        """Call a JavaScript function, await it, and return its answer; both sides speak JSON."""
        whole = f"""async (given) => {{
          const answer = await ({function})(...JSON.parse(given));
          return JSON.stringify(answer ?? null);
        }}"""
        result = await self._call(whole, {"type": "string", "value": json.dumps(arguments)})
        return json.loads(result["value"])

    async def until(self, function: str, *arguments: object, what: str, s: float = SOON_S) -> Any:
        """Wait until a JavaScript function answers something true; a new page is no fault."""

        async def so() -> Any:
            try:
                return await self.evaluate(function, *arguments)
            except FirefoxFault as fault:
                if re.search("no such frame|AbortError|was destroyed|discarded", str(fault)):
                    return None
                raise

        return await until(so, s, what)

    async def at(self, part: str) -> None:
        """Wait until the address of a loaded page matches a regular expression."""
        script = (
            "(part) => new RegExp(part).test(location.href) && document.readyState === 'complete'"
        )
        await self.until(script, part, what=f"an address with {part}")

    async def reads(self, selector: str, words: str, seconds: float = SOON_S) -> None:
        """Wait until an element holds these words."""
        script = """(selector, words) => [...document.querySelectorAll(selector)].some(
          (one) => one.textContent.replace(/\\s+/g, " ").includes(words))"""
        await self.until(script, selector, words, what=f"“{words}” in {selector}", s=seconds)

    async def press(self, words: str, kind: str = "button, a") -> None:
        """Click what is called so, as a mouse would, when it is there and may be clicked."""
        ready = f"(kind, words) => {{ const one = ({BY_TEXT})(kind, words);"
        ready += " return one !== null && !one.disabled; }"
        await self.until(ready, kind, words, what=f"“{words}” to press")
        await self._click(BY_TEXT, kind, words)

    async def click(self, selector: str) -> None:
        """Click an element, as a mouse would."""
        script = "(selector) => document.querySelector(selector)"
        await self.until(f"(s) => ({script})(s) !== null", selector, what=f"{selector} to click")
        await self._click(script, selector)

    async def write(self, selector: str, text: str, key: str = "\ue007") -> None:
        """Type into a field and press a key, Enter unless told otherwise."""
        await self.evaluate("(selector) => document.querySelector(selector).focus()", selector)
        strokes = [
            {"type": kind, "value": letter}
            for letter in (*text, key)
            for kind in ("keyDown", "keyUp")
        ]
        keys = {"type": "key", "id": "keyboard", "actions": strokes}
        await self.send("input.performActions", context=self.context, actions=[keys])

    async def photograph(self, path: Path) -> Path:
        """Save a picture of what the tab shows."""
        answer = await self.send("browsingContext.captureScreenshot", context=self.context)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))
        return path

    # --- inside --------------------------------------------------------------------------------

    async def _call(self, function: str, *arguments: object, owned: bool = False) -> Any:
        answer = await self.send(
            "script.callFunction",
            functionDeclaration=function,
            awaitPromise=True,
            target={"context": self.context},
            arguments=arguments,
            resultOwnership="root" if owned else "none",
            userActivation=False,
        )
        if answer["type"] == "exception":
            raise FirefoxFault(answer["exceptionDetails"]["text"])
        return answer["result"]

    async def _click(self, function: str, *arguments: str) -> None:
        """Move the mouse to the element that a function answers with, and press its button."""
        seen = f"(...given) => {{ const one = ({function})(...given);"
        seen += " one.scrollIntoView({ block: 'center', behavior: 'instant' }); return one; }"
        given = [{"type": "string", "value": one} for one in arguments]
        element = await self._call(seen, *given)
        origin = {"type": "element", "element": {"sharedId": element["sharedId"]}}
        steps = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        await self.send("input.performActions", context=self.context, actions=[mouse])

    async def _read(self) -> None:
        """Hand each answer to whoever waits for it; keep what pages complain about."""
        async for message in self._socket:
            heard = json.loads(message.data)
            if heard.get("type") == "event":
                self._listen(heard["params"])
                continue
            waiting = self._answers.get(heard.get("id"))
            if waiting is None or waiting.done():
                continue
            if heard["type"] == "error":
                waiting.set_exception(FirefoxFault(f"{heard['error']}: {heard['message']}"))
            else:
                waiting.set_result(heard["result"])
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(FirefoxFault(f"Firefox ended:\n{self._process.tail(20)}"))

    def _listen(self, entry: dict[str, Any]) -> None:
        if entry.get("level") == "error" and len(self.complaints) < 100:
            self.complaints.append(f"{entry['type']}: {entry.get('text')}")


@contextlib.asynccontextmanager
async def firefox(folder: Path, *, size: tuple[int, int] = (1440, 900)) -> AsyncIterator[Firefox]:
    """Run one Firefox with a profile of its own in `folder`; its pages' errors fail nothing."""
    process = _process(folder)
    process.start()
    try:
        address = await until(lambda: _address(process), START_S, "Firefox to listen")
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{address}/session", max_msg_size=0) as socket,
        ):
            browser = Firefox(process, socket)
            try:
                await browser.open()
                await browser.viewport(*size)
                yield browser
            finally:
                await browser.close()
    finally:
        # It has nothing to keep, and its orderly end takes seconds.
        process.kill()


def _process(folder: Path) -> Process:
    program = os.environ.get("INVIGILATION_FIREFOX") or shutil.which("firefox-esr")
    program = program or shutil.which("firefox")
    assert program, "Firefox is missing: ./dev test installs it"
    profile = folder / "profile"
    profile.mkdir(parents=True)
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    quiet = {"MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1"}
    return Process(
        [program, *ARGUMENTS, "--profile", str(profile), "about:blank"],
        folder / "firefox.log",
        environment={**os.environ, **quiet, "HOME": str(folder), "TZ": "Asia/Manila"},
    )


def _address(process: Process) -> str | None:
    found = _LISTENS.search(process.tail(200))
    if found is None:
        process.must_live()
        return None
    return found[1]

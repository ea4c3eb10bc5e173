"""Runs the capture's modules in node, and draws pictures for them as the page would."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

HERE = Path(__file__).parent
UI = HERE.parents[1] / "web" / "ui"
CAPTURE = tuple(
    f"room/capture/{name}"
    for name in ("picture", "outline", "quality", "look", "advice", "pace", "turned", "words")
)
"""Paths under `web/ui`, without their endings."""
LOOK_SIDE = 320
READING_WIDTH = 540

Frame = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Made:
    """An object that lives in node."""

    node: Node
    number: int

    def call(self, name: str, *arguments: Any) -> Any:
        """Call its method, or read its property, of this name."""
        return self.node.send({"name": name, "of": self.number, "arguments": arguments})


@dataclass(slots=True)
class Node:
    """One node process with the modules loaded."""

    modules: tuple[str, ...] = CAPTURE
    process: subprocess.Popen[str] = field(init=False)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            ["node", str(HERE / "driver.mjs"), str(UI), *self.modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, message: dict[str, Any]) -> Any:
        """Send one call and return what came back."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function."""
        return self.send({"name": name, "arguments": arguments})

    def value(self, name: str) -> Any:
        """Return a constant."""
        return self.send({"value": name})

    def make(self, name: str, *arguments: Any) -> Made:
        """Make an object of a class."""
        made = Made(self, next(self._numbers))
        self.send({"name": name, "made": made.number, "arguments": arguments})
        return made

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def pixels(image: Image.Image) -> dict[str, Any]:
    """Return an image as node takes it."""
    raw = image.convert("RGBA").tobytes()
    text = base64.b64encode(raw).decode()
    return {"width": image.width, "height": image.height, "base64": text}


def small(image: Image.Image) -> Image.Image:
    """Return the small picture that the page looks at."""
    size = (LOOK_SIDE, round(LOOK_SIDE * image.height / image.width))
    return image.resize(size, Image.Resampling.BOX)


def sharpness(node: Node, image: Image.Image, box: tuple[float, float, float, float]) -> float:
    """Return the sharpness of a box of a picture, drawn as the page draws it."""
    left, top, right, bottom = (round(value) for value in box)
    cut = image.crop((max(0, left), max(0, top), right, bottom))
    factor = min(1, READING_WIDTH / cut.width)
    size = (round(cut.width * factor), round(cut.height * factor))
    grey = node.call("greyOf", pixels(cut.resize(size, Image.Resampling.BOX)))
    data = [grey["data"][str(n)] for n in range(size[0] * size[1])]
    return float(node.call("sharpness", {**grey, "data": data}))

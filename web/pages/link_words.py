"""What the record says of a learner's link, in words: what their page told of it."""

from __future__ import annotations

from invigilation.ladder import Rung, Way, Why
from invigilation.record import Data

RUNGS = {
    Rung.FULL: "full picture",
    Rung.SMALL: "small picture",
    Rung.SLOW: "small picture, 5 a second",
    Rung.STILLS: "voice, and single pictures some seconds apart",
    Rung.SOUND: "voice only",
    Rung.TEXT: "words only",
}
WAYS = {
    Way.DIRECT: "",
    Way.RELAY: "by a relay",
    Way.SOCKET: "by the socket, as no media came through",
    Way.NONE: "without any media",
}
WHYS = {
    Why.START: "to begin with",
    Why.LINK: "the link carries no more",
    Why.PROVED: "the link has proved to carry it",
    Why.BUDGET: "to keep to what the ship allows",
    Why.PERSON: "the learner chose it",
    Why.PICTURE: "to make room for a picture in full size",
}


def step(data: Data) -> str:
    """Return what the learner's page sent from then on, and why."""
    rung, way, why = (str(data.get(name)) for name in ("rung", "way", "why"))
    said = [
        {one.value: words for one, words in RUNGS.items()}.get(rung, rung),
        {one.value: words for one, words in WAYS.items()}.get(way, way),
    ]
    because = {one.value: words for one, words in WHYS.items()}.get(why, why)
    return f"The learner's page told of its link: {', '.join(filter(None, said))} ({because})"


def budget(data: Data) -> str:
    """Return what a learner or their ship allowed from then on."""
    limits = [
        f"{data[name]} {unit}"
        for name, unit in (("kbit", "kbit/s"), ("mb", "MB in all"))
        if data.get(name) is not None
    ]
    said = " and ".join(limits) or "without a limit"
    return f"The learner set how much data may be used: {said}"

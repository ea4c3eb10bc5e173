"""What a worker could do at worst: stands in for the real one in the tests of the pool."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from recordings.errors import PictureUndecodable
from recordings.vision.capture import Picture


class Unsendable(Exception):
    """Cannot be rebuilt in another process."""

    def __init__(self, one, other):
        super().__init__("never mind")


def draw(data):  # noqa: C901 - one case after the other
    """Do as the picture says; the picture that comes back has the worker's number as its width."""
    match data.split(b":", 1):
        case [b"hang"]:
            time.sleep(3600)
        case [b"deaf"]:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            time.sleep(3600)
        case [b"die"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case [b"leave"]:
            os._exit(0)
        case [b"eat"]:
            bytearray(64 * 1024**3)
        case [b"odd"]:
            raise Unsendable(1, 2)
        case [b"unsendable"]:
            return lambda: None
        case [b"refuse"]:
            raise PictureUndecodable("it is blue")
        case [b"wait", path]:
            while not Path(path.decode()).exists():
                time.sleep(0.01)
    return Picture(data, os.getpid(), 1)


def document(pictures, kind, today, seconds):
    draw(pictures[0])


def face(picture):
    draw(picture)


def likeness(settings, portrait, face):
    draw(portrait)

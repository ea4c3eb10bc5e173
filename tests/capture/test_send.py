"""A picture that the service has no room for stays with the page, which says nothing of it."""

from __future__ import annotations

import json
import subprocess

from tests.capture.node import HERE, UI


def test_a_picture_that_there_is_no_room_for_is_kept_and_asked_for_again() -> None:
    ran = subprocess.run(
        ["node", str(HERE / "sender.mjs"), str(UI), "3"],
        check=True,
        capture_output=True,
        timeout=60,
    )

    said = json.loads(ran.stdout)

    assert said["asked"] == ["POST /c", "PUT /c/cp_1/0/0"] + ["POST /c/cp_1/finish"] * 4
    assert said["at"] == len(said["asked"])  # it was kept until the last answer
    assert said["done"] == 1
    assert said["standings"] == ["sending", "idle"]

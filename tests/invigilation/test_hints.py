"""Hints: worded for each kind, accusing nobody; labels of virtual cameras."""

from __future__ import annotations

import re

import pytest

from invigilation.hints import HintKind, virtual_camera, worded


@pytest.mark.parametrize("kind", HintKind)
def test_each_hint_is_worded_and_accuses_nobody(kind):
    hint = worded(kind, "se_1")

    assert hint.kind is kind
    assert hint.session == "se_1"
    assert hint.words.endswith(".")
    assert not re.search(r"fraud|fake|cheat|false|lie|forged|impost", hint.words, re.IGNORECASE)


@pytest.mark.parametrize(
    "label",
    [
        "OBS Virtual Camera",
        "OBS-Camera",
        "ManyCam Virtual Webcam",
        "Snap Camera",
        "SnapCamera",
        "Dummy video device (0x0000) (platform:v4l2loopback-000)",
        "v4l2loopback",
        "XSplit VCam",
        "e2eSoft VCam",
        "SplitCam Video Driver",
        "mmhmm Camera",
        "NVIDIA Broadcast",
        "Logi Capture",
        "NDI Webcam Video 1",
        "vMix Video",
        "Unity Video Capture",
        "screen-capture-recorder",
    ],
)
def test_programs_that_stand_in_for_a_camera(label):
    assert virtual_camera(label)


@pytest.mark.parametrize(
    "label",
    [
        "",
        "Integrated Camera (13d3:56a2)",
        "FaceTime HD Camera",
        "HD Pro Webcam C920 (046d:082d)",
        "camera2 1, facing front",
        "DroidCam Source 3",
        "DroidCam Virtual Camera",
        "Camo",
        "Iriun Webcam",
        "Logitech BRIO",
        "Handily Cam",
    ],
)
def test_cameras_and_phones_are_none(label):
    assert not virtual_camera(label)

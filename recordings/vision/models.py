"""Where the models of faces are: in the package `face_recognition_models`, never imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "face_recognition_models"
POINTS = "shape_predictor_5_face_landmarks.dat"
NETWORK = "dlib_face_recognition_resnet_model_v1.dat"


def model(name: str) -> Path | None:
    """Return the file of a model, or None where the package is not installed."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / "models" / name
    return path if path.is_file() else None

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPointF

from companion.core.paths import assets_folder
from companion.ui.stage.drawn_figure import MOUTH_AREA
from companion.ui.stage.expressions import MOODS, NEAREST, face_for, read_faces
from companion.ui.stage.face import Face, blend
from companion.ui.stage.mouth import CENTRE, lips
from companion.ui.stage.posture import Posture

LABELS = [
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
]
WANTED = {
    *("neutral", "smile", "laugh", "soft", "worried", "sad", "surprised", "embarrassed", "annoyed", "thinking"),
    *("excited", "sleepy"),
}


@pytest.fixture(scope="module")
def faces() -> dict[str, Face]:
    return read_faces(assets_folder() / "characters" / "hoshi" / "faces.toml")


def test_every_label_has_a_face_and_at_least_ten_differ(faces: dict[str, Face]):
    assert sorted(MOODS) == sorted(LABELS)
    assert len({face_for(faces, label) for label in LABELS}) >= 10
    assert {face_for(faces, label) for label in LABELS if label != "neutral"}.isdisjoint({faces["neutral"]})
    assert set(faces) >= WANTED


def test_no_two_faces_of_the_file_are_alike(faces: dict[str, Face]):
    assert len(set(faces.values())) == len(faces)


def test_the_neutral_face_is_that_of_the_portrait(faces: dict[str, Face]):
    assert faces["neutral"] == Face()


def test_a_blended_face_lies_between(faces: dict[str, Face]):
    for name, face in faces.items():
        half = blend(faces["neutral"], face, 0.5)
        for field, low, middle, high in zip(Face._fields, faces["neutral"], half, face, strict=True):
            assert middle == pytest.approx((low + high) / 2), (name, field)
    assert blend(faces["sad"], faces["laugh"], 0) == faces["sad"]
    assert blend(faces["sad"], faces["laugh"], 1) == pytest.approx(faces["laugh"])


def test_a_faint_mood_is_a_faint_face_and_an_unknown_one_is_none(faces: dict[str, Face]):
    assert face_for(faces, "joy", 0.0) == faces["neutral"]
    assert face_for(faces, "anger", 0.25) == blend(faces["neutral"], faces["angry"], 0.5)
    assert face_for(faces, "joy", 0.25).eye_open == 1, "laughing eyes are open or shut, not half shut"
    assert face_for(faces, "joy", 0.5).eye_open == 0
    assert face_for(faces, "joy", 0.25).mouth_open == faces["happy"].mouth_open / 2
    assert face_for(faces, "joy", 7.0) == pytest.approx(faces["happy"])
    assert face_for(faces, "melancholy") == faces["neutral"]
    assert face_for(faces, "thinking") == faces["thinking"]


def test_every_mouth_stays_in_the_area_that_is_painted_again(faces: dict[str, Face]):
    for face in faces.values():
        upper, lower = lips(face)
        place = Posture(turn=face.turn, nod=face.nod, tilt=face.tilt).features()
        assert all(MOUTH_AREA.contains(place.map(QPointF(CENTRE[0] + x, CENTRE[1] + y))) for x, y in upper + lower)
        assert all(low[1] >= high[1] for high, low in zip(upper, lower, strict=True)), "lips never cross"


def test_near_labels_are_labels_and_never_the_label_itself():
    for label, others in NEAREST.items():
        assert label not in others
        assert set(others) <= set(LABELS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml [",
        "neutral = 3",
        "[smile]\nblush = 1",
        "[neutral]\nblush = 'red'",
        "[neutral]\nnose = 1",
        "[neutral]\ntilt = nan",
        "[neutral]\ntilt = 1e9",
        "[neutral]\n" + "#" * 300_000,
    ],
)
def test_a_file_that_is_no_table_of_faces_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "faces.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"\w"):
        read_faces(path)

"""Which adapters a character brings: what the person chose, else what the card names, and never a path out of its folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from companion.core.character import Card, Character, CharacterAdapter, CharacterOptions
from companion.core.character_adapters import MOST_ADAPTERS, adapters_of
from companion.core.character_library import built_in_character
from companion.core.messages import AdapterUse


def character(folder: Path, adapters: object, options: CharacterOptions = CharacterOptions()) -> Character:  # noqa: B008
    extensions = json.dumps({"companion": {"adapters": adapters}}).encode()
    return Character(identifier="mira", card=Card(name="Mira", extensions=extensions), folder=str(folder), options=options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mira"
    (folder / "assets").mkdir(parents=True)
    for name in ("voice.gguf", "assets/mood.gguf"):
        (folder / name).write_bytes(b"x")
    (tmp_path / "outside.gguf").write_bytes(b"x")
    return folder


def test_the_card_names_files_in_the_characters_folder(folder):
    uses = adapters_of(
        character(folder, [{"file": "voice.gguf"}, {"file": "assets/mood.gguf", "scale": 0.5}, {"file": "no.gguf"}])
    )
    assert uses == (
        AdapterUse(str(folder / "voice.gguf"), 1.0, optional=True),
        AdapterUse(str(folder / "assets" / "mood.gguf"), 0.5, optional=True),
    )


def test_what_the_person_chose_takes_the_place_of_the_card(folder, tmp_path):
    own = str(tmp_path / "outside.gguf")
    options = CharacterOptions(adapters=(CharacterAdapter(own, -1.0), CharacterAdapter(str(tmp_path / "gone.gguf"))))
    assert adapters_of(character(folder, [{"file": "voice.gguf"}], options)) == (AdapterUse(own, -1.0, optional=True),)
    assert adapters_of(character(folder, [{"file": "voice.gguf"}], CharacterOptions(adapters=()))) == ()


@pytest.mark.parametrize("file", ["../outside.gguf", "/etc/passwd", "assets/../../outside.gguf", "", "."])
def test_a_card_cannot_name_files_outside(folder, file):
    assert adapters_of(character(folder, [{"file": file}])) == ()


@pytest.mark.parametrize(
    "adapters", [7, "voice.gguf", [7], [{"file": 7}], [{"file": "voice.gguf", "scale": 1e9}], {"a": 1}, None]
)
def test_what_is_no_list_of_adapters_is_nobodys_loss(folder, adapters):
    assert adapters_of(character(folder, adapters)) == ()


def test_there_is_an_end_to_them(folder):
    assert len(adapters_of(character(folder, [{"file": "voice.gguf"}] * 100))) == MOST_ADAPTERS


def test_the_built_in_character_has_the_voice_that_is_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr("companion.core.character_adapters.models_folder", lambda: tmp_path)
    assert adapters_of(built_in_character()) == ()
    (tmp_path / "hoshi").mkdir()
    (tmp_path / "hoshi" / "hoshi.gguf").write_bytes(b"x")
    assert adapters_of(built_in_character()) == (AdapterUse(str(tmp_path / "hoshi" / "hoshi.gguf"), optional=True),)

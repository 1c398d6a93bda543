"""What the library finds, and what it reads of each file."""

from __future__ import annotations

import pytest

from companion.core.adapter import RECIPE
from companion.core.library.scan import Found, library_files, read_item
from companion.core.paths import models_folder, own_models_folder, starter_model
from companion.core.recipes.quantize import Quantize
from tests.core.library.conftest import Shelf, write_job
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_bert, write_tiny_llama, write_truncated


def places(**chosen) -> dict[str, str]:
    return {found.path.name: found.place for found in library_files(**chosen)}


def test_everything_is_found_where_it_belongs(shelf: Shelf, tmp_path):
    job = write_job(Quantize(name="small"))
    write_tiny_llama(job.output / "small.gguf")
    linked, dropped = write_tiny_llama(tmp_path / "theirs.gguf"), write_tiny_llama(tmp_path / "dropped.gguf")
    found = places(linked=[str(linked)], chosen=[str(dropped), str(shelf.base)])
    assert found == {
        "base.gguf": "own", "base-fitted.gguf": "own", "merged.gguf": "own", "voice.gguf": "own", "small.gguf": "job",
        "theirs.gguf": "linked", "dropped.gguf": "outside", "hoshi.gguf": "shipped", starter_model().name: "starter",
    }  # fmt: skip


def test_hidden_files_and_later_parts_are_left_out(home):
    folder = own_models_folder()
    folder.mkdir()
    for name in (".large.gguf", "split-00001-of-00002.gguf", "split-00002-of-00002.gguf"):
        write_tiny_llama(folder / name)
    hidden = folder / ".trash"
    hidden.mkdir()
    write_tiny_llama(hidden / "gone.gguf")
    assert {name for name, place in places().items() if place == "own"} == {"split-00001-of-00002.gguf"}


def test_a_model_says_what_it_is(shelf: Shelf):
    item = shelf.items()["base-fitted"]
    assert (item.kind, item.architecture, item.quantization, item.calls_itself) == ("model", "llama", "Q8_0", "A base")
    assert item.has_template
    assert item.bytes == shelf.build.stat().st_size
    assert item.what == ""


def test_an_adapter_says_what_it_is(shelf: Shelf):
    item = shelf.items()["voice"]
    assert (item.kind, item.name, item.rank) == ("adapter", "Voice", 4)
    assert item.base_sha256 == shelf.items()["base"].sha256


@pytest.mark.parametrize(
    ("recipe", "began"),
    [('{"kind":"fine-tune","start_adapter":"hoshi.gguf"}', "hoshi"), ('{"kind":"fine-tune"}', ""), ("{", ""), ("[1]", "")],
)
def test_an_adapter_says_from_which_one_its_training_began(shelf: Shelf, recipe, began):
    path = write_adapter(shelf.adapter.with_name("second.gguf"), shelf.base, metadata={RECIPE: recipe})
    assert read_item(Found(path, "own")).went_on_from == began


def test_what_cannot_be_used_says_why(tmp_path):
    half = read_item(Found(write_truncated(tmp_path / "half.gguf"), "own"))
    assert "incomplete" in half.what
    embedding = read_item(Found(write_tiny_bert(tmp_path / "bert.gguf"), "own"))
    assert "other work than chat" in embedding.what
    assert embedding.architecture == "bert"
    gone = read_item(Found(tmp_path / "gone.gguf", "linked"))
    assert (gone.bytes, "not there" in gone.what) == (0, True)


def test_a_file_named_by_its_content_is_called_what_it_calls_itself(tmp_path):
    path = write_tiny_llama(tmp_path / ("sha256-" + "a" * 64), name="Little one")
    assert read_item(Found(path, "linked")).name == "Little one"


def test_the_shipped_adapter_is_one_of_the_starters(home):
    items = {found.place: read_item(found) for found in library_files()}
    assert items["shipped"].path.parent.parent == models_folder()
    assert items["shipped"].kind == "adapter"

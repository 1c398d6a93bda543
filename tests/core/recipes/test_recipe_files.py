"""Recipes as files and from command lines: what is read, what is refused, and by which sentence."""

from __future__ import annotations

import contextlib
from typing import get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.errors import RecipeError
from companion.core.fields import fields_of
from companion.core.recipes import parts
from companion.core.recipes.evaluate import Evaluate, Persona
from companion.core.recipes.files import decode_recipe, encode_recipe, read_recipe, with_changes, write_recipe
from companion.core.recipes.fine_tune import PRESETS, FineTune
from companion.core.recipes.mistakes import without_effect
from companion.core.recipes.parts import Adapter, Optimizer
from companion.core.recipes.pretrain import Pretrain

EVALUATION = Evaluate(name="x", subjects=(("/m.gguf",), ("/m.gguf", "/a.gguf:0.5")), persona=Persona(distances=(2,)))


def test_a_file_changes_only_what_it_says(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('kind = "fine-tune"\n[adapter]\nrank = 4\nwhere = ["attn_q"]\n')
    recipe = read_recipe(path, FineTune, PRESETS["thorough"])
    assert (recipe.adapter.rank, recipe.adapter.where) == (4, ("attn_q",))
    assert recipe.training.epochs == PRESETS["thorough"].training.epochs


@pytest.mark.parametrize("recipe", [*PRESETS.values(), Pretrain(name="x"), EVALUATION], ids=lambda r: r.kind)
def test_a_recipe_comes_back_as_it_was_written(tmp_path, recipe):
    write_recipe(tmp_path / "r.toml", recipe)
    assert read_recipe(tmp_path / "r.toml", type(recipe)) == recipe
    assert decode_recipe(encode_recipe(recipe)) == (recipe, ())


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("training.epochs=2", "training.epochs", 2.0),
        ("optimizer.learning_rate=1e-4", "optimizer.learning_rate", 1e-4),
        ("optimizer.name=lion", "optimizer.name", "lion"),
        ("adapter.rank_stabilized=true", "adapter.rank_stabilized", True),
        ("adapter.where=attn_q,attn_v", "adapter.where", ("attn_q", "attn_v")),
        ('name="two words"', "name", "two words"),
    ],
)
def test_single_values_are_changed_from_a_command_line(change, path, value):
    recipe = with_changes(FineTune(), [change])
    for name in path.split("."):
        recipe = getattr(recipe, name)
    assert recipe == value


def test_a_list_of_numbers_is_changed_from_a_command_line():
    assert with_changes(Evaluate(), ["persona.distances=1, 8"]).persona.distances == (1, 8)
    with pytest.raises(RecipeError, match=r"persona\.distances"):
        with_changes(Evaluate(), ["persona.distances=near"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("training.epochs", "changes nothing"),
        ("trainings.epochs=1", "no table “trainings”"),
        ("training.epoch=1", "no field “training.epoch”"),
        ("training=1", "no field “training”"),
        ("optimizer.learning_rate=-1", "impossible value"),
        ("optimizer.name=sdg", "impossible value"),
        ("training.epochs=many", "impossible value"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(change, says):
    with pytest.raises(RecipeError, match=says) as caught:
        with_changes(FineTune(), [change])
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        ("training.epochs=1e9", "“training.epochs”: 1000000000.0.", "It takes a number from 0 to 1,000."),
        ("adapter.rank=513", "“adapter.rank”: 513.", "It takes a whole number from 0 to 512."),
        ("adapter.dropout=1", "“adapter.dropout”: 1.", "It takes a number from 0 and below 1."),
        ("optimizer.learning_rate=nan", "“optimizer.learning_rate”: nan.", "It takes a number from 0 to 100."),
        ("optimizer.name=sdg", "“optimizer.name”: sdg.", "It takes one of these: adafactor, adagrad, adam, adamw, "),
        ("adapter.where=attn_q,foo", "“adapter.where”: attn_q, foo.", "It takes some of these: attn_k, attn_output, attn_q, "),
        ("adapter.where=", "“adapter.where”: nothing.", "It takes some of these: attn_k, attn_output, attn_q, "),
        ("data.shuffle=perhaps", "“data.shuffle”: perhaps.", "It takes true or false."),
        ("kind=pretrain", "“kind”: pretrain.", "It takes “fine-tune” only."),
        (f"name={'x' * 81}", "“name”: xxx", "It takes a text of at most 80 characters."),
    ],
)
def test_an_impossible_value_is_told_with_what_the_field_takes(change, what, remedy):
    with pytest.raises(RecipeError) as caught:
        with_changes(FineTune(), [change])
    assert what in caught.value.what
    assert caught.value.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        ("[traning]\nepochs = 1\n", "unknown field: “traning”.", "Did you mean “training”? There are: kind, model, "),
        ("[training]\nepohcs = 1\n", "unknown field: “training.epohcs”.", "Did you mean “epochs”? There are: epochs, steps, "),
        ("training = 3\n", "for “training”: 3.", "It takes a table with the fields epochs, steps, "),
    ],
)
def test_a_misspelt_field_of_a_file_is_told_with_those_there_are(tmp_path, content, what, remedy):
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path, FineTune)
    assert caught.value.what.startswith("The recipe “mine.toml” has an ")
    assert what in caught.value.what
    assert caught.value.remedy.startswith(remedy)


@pytest.mark.parametrize(
    "content",
    [b"[adapter\n", b"\xff\xfe", b"[adapter]\nrnak = 1\n", b'kind = "evaluate"\n', b"[adapter]\nrank = 9999\n", b"data = 3\n"],
)
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"broken\.toml"):
        read_recipe(path, FineTune)


@given(st.text(max_size=60))
def test_whatever_is_typed_after_set_is_a_recipe_or_a_sentence(text):
    with contextlib.suppress(RecipeError):
        assert isinstance(with_changes(FineTune(), [text]), FineTune)


def test_a_recipe_of_another_version_is_read_without_what_only_that_version_knows():
    recipe = FineTune(name="hers")
    told = msgspec.json.decode(encode_recipe(recipe))
    told["mood"] = "calm"
    told["training"]["epoch_count"] = told["training"].pop("epochs")
    told["future"] = {"a": 1}
    kept = decode_recipe(msgspec.json.encode(told))
    assert kept.recipe == recipe
    assert set(kept.unknown) == {"mood", "training.epoch_count", "future"}


@pytest.mark.parametrize(
    ("optimizer", "adapter", "words"),
    [
        (Optimizer(name="lbfgs"), Adapter(), []),
        (Optimizer(clip_norm=0.5), Adapter(lora_plus=16), []),
        (Optimizer(name="lbfgs", clip_norm=0), Adapter(), []),
        (Optimizer(name="lbfgs", clip_norm=0.5), Adapter(), ["optimizer.clip_norm has no effect"]),
        (Optimizer(name="lbfgs"), Adapter(lora_plus=16), ["adapter.lora_plus has no effect"]),
        (Optimizer(), Adapter(method="full", lora_plus=16), ["adapter.lora_plus has no effect"]),
        (Optimizer(name="lbfgs", clip_norm=2), None, ["optimizer.clip_norm has no effect"]),
    ],
)
def test_a_value_that_changes_nothing_is_told(optimizer, adapter, words):
    told = without_effect(optimizer, adapter)
    assert len(told) == len(words)
    assert all(word in sentence for word, sentence in zip(words, told, strict=True))


@given(st.binary(max_size=200))
def test_whatever_a_job_folder_holds_is_a_recipe_or_a_sentence(content):
    with pytest.raises(RecipeError):
        decode_recipe(content)


def test_every_field_of_every_table_has_a_title_and_a_sentence():
    tables = [
        kind
        for kind in vars(parts).values()
        if isinstance(kind, type) and issubclass(kind, parts.Part) and kind is not parts.Part
    ]
    assert len(tables) >= 8
    for table in tables:
        described = {field.name for field in fields_of(table)}
        assert described == {info.name for info in msgspec.structs.fields(table)}, table.__name__
        assert all(field.sentence.endswith(".") for field in fields_of(table))
        assert get_type_hints(table)

"""What is asked for in shares, in whole numbers; and what cannot be is a sentence with what can."""

from __future__ import annotations

import pytest

from companion.core.errors import ModelError, RecipeError
from companion.core.gguf.header import read_header
from companion.core.recipes.prune import Prune
from companion.workshop.pruning.plan import Pattern, planned
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import write_architecture


@pytest.fixture(scope="module")
def header(tmp_path_factory):
    path = write_tiny_llama(
        tmp_path_factory.mktemp("m") / "m.gguf", layers=3, width=256, heads=8, kv_heads=4, ffn=1024, type="Q4_K"
    )
    return read_header(path)


def plan(header, **recipe):
    return planned(Prune(**recipe), header)


def test_shares_become_whole_blocks_and_heads(header):
    assert plan(header, neurons=0.2).neurons == 832
    assert plan(header, neurons=0.2, k_quants=True).neurons == 768
    assert plan(header, neurons=0.2, whole_blocks=True)[1:3] == (768, 256)
    assert plan(header, heads=0.2).heads == 3
    assert plan(header, layers=2).layers == 1
    found = plan(header, pattern="2:4")
    assert (found.pattern, found.sparsity) == (Pattern(2, 4), 0.5)
    assert plan(header, sparsity=0.5, pattern="2:4").sparsity == 0.5


@pytest.mark.parametrize(
    ("recipe", "what", "remedy"),
    [
        ({}, "Nothing is to be taken out", "--layers 2"),
        ({"layers": 3}, "has 3 layers, so 3 cannot", "Take out 2 at most"),
        ({"neurons": 0.9, "k_quants": True}, "90% of 1,024 neurons cannot", "between 25% and 75%"),
        ({"neurons": 0.01}, "stay in multiples of 32", "between 3% and 97%"),
        ({"heads": 0.9}, "90% of 4 key/value heads cannot", "between 25% and 75%"),
        ({"pattern": "4:2"}, "takes nothing out", "2:4"),
        ({"pattern": "half"}, "“half” is no pattern", "2:4"),
        ({"pattern": "3:7"}, "Rows of 256 weights are no multiple of 7", "another pattern"),
        ({"pattern": "2:4", "sparsity": 0.7}, "sets 50% of the weights to zero, not 70%", "Leave out one"),
    ],
)
def test_what_changes_nothing_or_leaves_nothing_is_refused(header, recipe, what, remedy):
    with pytest.raises(RecipeError) as caught:
        plan(header, **recipe)
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_a_narrow_model_keeps_its_neurons_and_its_only_head(tmp_path):
    narrow = read_header(write_tiny_llama(tmp_path / "n.gguf", ffn=32, kv_heads=1))
    with pytest.raises(RecipeError, match="32 neurons cannot be taken out") as caught:
        plan(narrow, neurons=0.5)
    assert caught.value.remedy == "Leave the neurons as they are."
    with pytest.raises(RecipeError, match="there is one only"):
        plan(narrow, heads=0.5)


@pytest.mark.parametrize("variant", ["qwen2", "phi3"])
def test_heads_stay_where_llama_cpp_wants_them_all(variant, tmp_path):
    header = read_header(write_architecture(tmp_path / "m.gguf", variant))
    with pytest.raises(ModelError, match="only with heads as wide together as the model"):
        plan(header, heads=0.5)
    assert plan(header, neurons=0.3).neurons == 64


def test_gemmas_largest_keeps_its_heads(tmp_path):
    large = read_header(write_tiny_llama(tmp_path / "l.gguf", layers=46, architecture="gemma2"), chat_model=False)
    with pytest.raises(ModelError, match="by its number of heads"):
        plan(large, heads=0.5)


def test_experts_are_refused(tmp_path):
    experts = {"{arch}.expert_count": 4, "{arch}.expert_used_count": 2}
    header = read_header(write_tiny_llama(tmp_path / "e.gguf", metadata=experts), chat_model=False)
    with pytest.raises(ModelError, match="has experts"):
        plan(header, layers=1)

"""Sound GGUF files that llama.cpp must not see: what is no chat model, and contradictions on which llama.cpp aborts.

llama.cpp answers most contradictions with an error that the engine can report; only those that end the process
(GGML_ASSERT, a crash, an exception that leaves a C function) are met here, each found by loading damaged models into
llama-cpp-python 0.3.36 (`pytest -m slow tests/llama/test_tiny_models.py`) or in src/llama-model.cpp (load_hparams).
"""

from __future__ import annotations

import re

from companion.core.errors import ModelError
from companion.core.gguf.cursor import damaged, shown
from companion.core.gguf.fields import MAX_LAYERS, GGUFHeader

_MAX_EXPERTS = 1024
_CPU_ALIGNMENT = 32

_OTHER_KINDS = {
    "adapter": ("an adapter, which changes a model but is none", "Choose the model it was made for."),
    "imatrix": ("an importance matrix, which helps to quantize a model", "Choose the model itself."),
    "mmproj": ("the part of a model that sees or hears, not the one that writes", "Choose the language model it belongs to."),
    "vocab": ("only a vocabulary", "Choose the model itself."),
}
_KIND_OF_ARCHITECTURE = {"clip": "mmproj"}
_FOR_EMBEDDING = frozenset(
    {
        *("bert", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "llama-embed", "modern-bert", "neo-bert"),
        *("nomic-bert", "nomic-bert-moe"),
    }
)
"""Architectures made to turn texts into vectors; others do when they say how (`pooling_type`)."""

_NOT_FOR_CHAT = _FOR_EMBEDDING | {"t5", "t5encoder", "wavtokenizer-dec"}
"""Architectures without a decoder, or (t5) with an encoder that must read first."""

_POOLINGS = (0, 1, 2, 3)  # LLAMA_POOLING_TYPE_NONE, MEAN, CLS, LAST
_RANKING = 4  # LLAMA_POOLING_TYPE_RANK

_WITHOUT_HEADS = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
"""Recurrent architectures; every other one divides by its number of heads."""

_PLAIN = frozenset({"llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "mistral3", "smollm3"})
"""Architectures with attention and rotary embedding in every layer."""

_WHOLE_ROTARY = frozenset(
    {"llama", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "mistral3", "smollm3", "granite", "internlm2", "olmo", "olmo2", "arcee"}
)
"""Architectures whose graph asserts that rotary embedding turns the whole head (n_embd_head == n_rot)."""

_EPSILONS = ("layer_norm_rms_epsilon", "layer_norm_epsilon", "group_norm_epsilon")
_ROPE_SCALINGS = frozenset({"none", "linear", "yarn", "longrope"})
_NO_VOCABULARY = frozenset({"", "none", "no_vocab"})
_NEEDS_BYTES = frozenset({"llama", "plamo2"})
_MATRIX = re.compile(r"(token_embd|output|blk\.\d+\.(attn_(q|k|v|qkv|output)|ffn_(gate|up|down)(_exps)?))\.weight")
"""What llama.cpp multiplies by; other tensors (tables of experts, …) may hold integers."""
_VECTOR = re.compile(r".*(norm\.weight|\.bias)|rope_(freqs|factors_long|factors_short)\.weight")
"""What the CPU adds or scales by, in float32 only."""
_ANOTHER_BUILD = "Choose another build of this model."
_CHOOSE_EMBEDDING = "Choose an embedding model, such as nomic-embed-text or bge-small."


def refuse_unless_chat_model(header: GGUFHeader) -> None:
    """Raises ModelError when `header` is not that of a language model that llama.cpp can be given."""
    _refuse_other_kinds(header)
    _refuse_contradictions(header)
    _refuse_vocabulary(header)


def refuse_unless_embedding_model(header: GGUFHeader) -> None:
    """Raises ModelError when `header` is not that of a model that turns whole texts into vectors."""
    _refuse_no_models(header)
    file, architecture = header.path.name, header.architecture
    pooling = header.metadata.get(f"{architecture}.pooling_type")
    if pooling == _RANKING:
        raise ModelError(f"“{file}” ranks texts and does not turn them into vectors.", _CHOOSE_EMBEDDING)
    if pooling not in (None, *_POOLINGS):  # llama-graph.cpp aborts
        raise damaged(file, "it takes its vectors in an unknown way", _ANOTHER_BUILD)
    if not pooling and architecture not in _FOR_EMBEDDING:
        raise ModelError(f"“{file}” is a model for writing, not one that turns texts into vectors.", _CHOOSE_EMBEDDING)
    _refuse_contradictions(header)
    _refuse_vocabulary(header)


def _refuse_other_kinds(header: GGUFHeader) -> None:
    _refuse_no_models(header)
    file, architecture = header.path.name, header.architecture
    if architecture in _NOT_FOR_CHAT or header.metadata.get(f"{architecture}.attention.causal") is False:
        what = f"“{file}” is a model for other work than chat ({shown(architecture)}): it does not write word by word"
        raise ModelError(f"{what}.", "Choose a chat model.")
    if header.text("tokenizer.ggml.model") == "bert":
        raise ModelError(f"“{file}” has the vocabulary of a model for searching, not for writing.", "Choose a chat model.")


def _refuse_no_models(header: GGUFHeader) -> None:
    file, architecture = header.path.name, header.architecture
    kind = _KIND_OF_ARCHITECTURE.get(architecture, header.general_type)
    if kind in _OTHER_KINDS:
        what, remedy = _OTHER_KINDS[kind]
        raise ModelError(f"“{file}” is {what}.", remedy)
    if not architecture:
        raise damaged(file, "it does not say what kind of model it is")
    if not header.tensors:
        raise ModelError(f"“{file}” holds no weights.", "Choose the model itself.")


def _refuse_contradictions(header: GGUFHeader) -> None:
    scaling = header.text(f"{header.architecture}.rope.scaling.type") or "none"
    contradictions = {
        "the number of its layers is impossible": not 0 < header.layers <= MAX_LAYERS,
        "more of its layers look ahead than it has": header.number("{arch}.nextn_predict_layers") > header.layers,
        "its attention heads do not add up": not _heads_add_up(header),
        "its experts do not add up": not _experts_add_up(header),
        "the number that keeps its norms from dividing by zero is negative": _has_negative_epsilon(header),
        f"it stretches its context in an unknown way (“{shown(scaling)}”)": scaling not in _ROPE_SCALINGS,
        "its data is not aligned for this processor": header.alignment < _CPU_ALIGNMENT,
    }
    for what, is_so in contradictions.items():
        if is_so:
            raise damaged(header.path.name, what, _ANOTHER_BUILD)
    for tensor in header.tensors:
        is_matrix, is_vector = _MATRIX.fullmatch(tensor.name), _VECTOR.fullmatch(tensor.name)
        if (is_matrix and not tensor.type.is_weight) or (is_vector and tensor.type.name != "F32"):
            what = f"nothing can be computed with “{shown(tensor.name)}” as {tensor.type.name}"
            raise damaged(header.path.name, what, _ANOTHER_BUILD)


def _heads_add_up(header: GGUFHeader) -> bool:
    if header.architecture in _WITHOUT_HEADS:
        return True
    heads, holding = header.per_layer("attention.head_count"), header.kv_heads
    if not any(heads) or any(count % kv for count, kv in zip(heads, holding, strict=True) if kv):
        return False
    rotary, (key, value) = header.number("{arch}.rope.dimension_count"), header.head_sizes
    if rotary % 2 or (rotary and rotary != key and header.architecture in _WHOLE_ROTARY):  # it turns pairs
        return False
    has_key_length = f"{header.architecture}.attention.key_length" in header.metadata
    if not has_key_length and header.head_count and header.embedding_length % header.head_count:
        return False
    return header.architecture not in _PLAIN or (key == value and key % 2 == 0 and all(holding))


def _experts_add_up(header: GGUFHeader) -> bool:
    experts, groups = header.number("{arch}.expert_count"), header.number("{arch}.expert_group_count")
    used, groups_used = max(header.per_layer("expert_used_count"), default=0), header.number("{arch}.expert_group_used_count")
    if not experts:
        return not used and not groups
    if experts > _MAX_EXPERTS or not 0 < used <= experts or groups >= experts:
        return False
    return groups <= 1 or (experts % groups == 0 and 0 < groups_used < groups)


def _has_negative_epsilon(header: GGUFHeader) -> bool:
    values = (header.metadata.get(f"{header.architecture}.attention.{key}") for key in _EPSILONS)
    return any(isinstance(value, float) and not value >= 0 for value in values)  # not “< 0”: NaN is as bad


def _refuse_vocabulary(header: GGUFHeader) -> None:
    file, tokenizer = header.path.name, header.text("tokenizer.ggml.model")
    if tokenizer in _NO_VOCABULARY or not header.vocabulary_size:
        raise ModelError(f"“{file}” has no vocabulary.", _ANOTHER_BUILD)
    if tokenizer in _NEEDS_BYTES and header.bytes_with_token < 256:
        # llama_vocab::byte_to_token throws through the C interface as soon as a text holds a byte without a token
        raise damaged(file, "its vocabulary cannot spell every character", _ANOTHER_BUILD)

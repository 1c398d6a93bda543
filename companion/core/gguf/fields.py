"""What a GGUF file says about its model, by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from companion.core.gguf.parse import Skipped, TensorInfo, Value
from companion.core.gguf.types import FILE_TYPES

MAX_LAYERS = 512
"""LLAMA_MAX_LAYERS of llama.cpp."""

BASE_SHA256, BASE_NAME = "companion.base.sha256", "companion.base.name"
"""Keys of what we make: of which file it was made."""
_GUESSED = 1024  # a bit llama.cpp sets when it derived the file type itself


class GGUFHeader(msgspec.Struct, frozen=True, kw_only=True):
    """One model as its file, or the files of a split model, describe it. Numbers are 0 where the file says nothing."""

    path: Path
    """The file itself; the first one of a split model."""
    parts: tuple[Path, ...]
    """Every file of the model; one unless it is split."""
    version: int
    metadata: dict[str, Value]
    """Of the first file; large arrays and texts are `Skipped`."""
    tensors: tuple[TensorInfo, ...]
    alignment: int
    data_offset: int
    """Bytes from the start of the first file to its tensor data."""
    file_size: int
    """Bytes of all parts together."""
    bytes_with_token: int
    """How many of the 256 bytes have a token `<0x..>` or of their own; matters for SentencePiece vocabularies."""

    @property
    def tensor_count(self) -> int:
        return len(self.tensors)

    @property
    def architecture(self) -> str:
        return self.text("general.architecture")

    @property
    def general_type(self) -> str:
        return self.text("general.type") or "model"

    @property
    def name(self) -> str:
        """`general.name`, or the file's name without its ending."""
        return " ".join(self.text("general.name").split()) or self.path.stem

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def weights_bytes(self) -> int:
        """Bytes of all tensors, without padding."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def bits_per_weight(self) -> float:
        return self.weights_bytes * 8 / self.parameters if self.parameters else 0.0

    @property
    def quantization(self) -> str:
        """Such as “Q4_K_M”: what the file calls itself, else the type that takes the most bytes. The latter also for a build
        of ours that is called as its source was packed, and holds nothing of that type."""
        bytes_by_type: Counter[str] = Counter()
        for tensor in self.tensors:
            bytes_by_type[tensor.type.name] += tensor.size
        number = self.metadata.get("general.file_type")
        if isinstance(number, int) and (number & ~_GUESSED) in FILE_TYPES:
            called = FILE_TYPES[number & ~_GUESSED]
            matrices = {tensor.type.name for tensor in self.tensors if len(tensor.shape) > 1}
            holds_it = any(called == kind or called.startswith(f"{kind}_") for kind in matrices)
            if holds_it or not self.text(BASE_SHA256):  # others' recipes have names of their own: IQ3_M is made of IQ3_S
                return called
        return bytes_by_type.most_common(1)[0][0] if bytes_by_type else ""

    @property
    def context_length(self) -> int:
        """Tokens the model was trained for."""
        return self.number("{arch}.context_length")

    @property
    def layers(self) -> int:
        return self.number("{arch}.block_count")

    @property
    def embedding_length(self) -> int:
        return self.number("{arch}.embedding_length")

    @property
    def feed_forward_length(self) -> int:
        """The widest layer's."""
        return max(self.per_layer("feed_forward_length"), default=0)

    @property
    def head_count(self) -> int:
        """Of the first layer, as llama.cpp takes it for the head size."""
        return next(iter(self.per_layer("attention.head_count")), 0)

    @property
    def kv_heads(self) -> tuple[int, ...]:
        """Heads that hold keys and values, in each layer."""
        key = "attention.head_count_kv"
        return self.per_layer(key if f"{self.architecture}.{key}" in self.metadata else "attention.head_count")

    @property
    def head_sizes(self) -> tuple[int, int]:
        """Numbers in one head's keys and values, in layers without a sliding window."""
        default = self.embedding_length // self.head_count if self.head_count else 0
        key, value = self.number("{arch}.attention.key_length"), self.number("{arch}.attention.value_length")
        return key or default, value or default

    @property
    def n_embd_k_gqa(self) -> tuple[int, ...]:
        """Width of one token's keys in each layer; 0 in layers without attention.

        Where layers with a sliding window have heads of another size, the larger of both stands for all.
        """
        size = max(self.head_sizes[0], self.number("{arch}.attention.key_length_swa"))
        return tuple(heads * size for heads in self.kv_heads)

    @property
    def n_embd_v_gqa(self) -> tuple[int, ...]:
        """Width of one token's values in each layer, as `n_embd_k_gqa`."""
        size = max(self.head_sizes[1], self.number("{arch}.attention.value_length_swa"))
        return tuple(heads * size for heads in self.kv_heads)

    @property
    def vocabulary_size(self) -> int:
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        return tokens.length if isinstance(tokens, Skipped) else self.number("{arch}.vocab_size")

    @property
    def has_chat_template(self) -> bool:
        template = self.metadata.get("tokenizer.chat_template")
        return isinstance(template, Skipped) or (isinstance(template, str) and bool(template.strip()))

    @property
    def is_split(self) -> bool:
        return len(self.parts) > 1

    def text(self, key: str) -> str:
        """The text under `key`, empty when there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """The non-negative integer under `key` (“{arch}” stands for the architecture), 0 when there is none."""
        value = self.metadata.get(key.replace("{arch}", self.architecture))
        return value if isinstance(value, int) and value >= 0 else 0

    def per_layer(self, key: str) -> tuple[int, ...]:
        """One number per layer of a key that holds either a number for all of them or a list; without “{arch}.”."""
        layers = min(self.layers, MAX_LAYERS)
        value = self.metadata.get(f"{self.architecture}.{key}")
        if isinstance(value, tuple):
            numbers = tuple(n if isinstance(n, int) and n > 0 else 0 for n in value[:layers])
            return numbers + (0,) * (layers - len(numbers))
        return (self.number(f"{{arch}}.{key}"),) * layers

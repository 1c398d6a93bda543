"""How much memory a training will need, before anything is loaded. Sizes in bytes."""

from __future__ import annotations

from typing import NamedTuple

from companion.core.recipes.parts import Adapter
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.losses import CHUNK_BYTES

MASTER_BYTES = 16
"""Of a trained number: itself, its gradient and two means, in float32."""
PROGRAM_BYTES = 450_000_000
"""Python, torch and llama.cpp without any model (measured on Linux)."""


class Need(NamedTuple):
    """What stays during the whole training, and what every token of a row adds."""

    fixed: int
    per_token: int

    def beside(self, other: Need) -> Need:
        """Of both together."""
        return Need(self.fixed + other.fixed, self.per_token + other.per_token)

    def total(self, tokens: int) -> int:
        return self.fixed + tokens * self.per_token

    def most_tokens(self, available: int) -> int:
        """The longest row that fits; 0 when none does."""
        return max((available - self.fixed) // self.per_token, 0)


def training_need(
    config: DecoderConfig,
    packed_bytes: int,
    adapter: Adapter | None,
    *,
    packed: bool,
    checkpoint: bool,
    compute_bytes: int,
    typical_length: int,
) -> Need:
    """Of a model whose weights take `packed_bytes` in the file; `adapter` None, or of method “full”, trains everything."""
    table = config.vocabulary * config.width
    whole = adapter is None or adapter.method == "full"
    trained = config.parameters + table if whole else adapter_parameters(config, adapter) if adapter is not None else 0
    weights = _weights_bytes(config, packed_bytes, compute_bytes, packed=packed and not whole)
    fixed = PROGRAM_BYTES + weights + MASTER_BYTES * trained + 3 * CHUNK_BYTES
    kept = _kept_per_layer(config, compute_bytes, typical_length)
    inputs = 4 * config.width
    per_token = (config.layers * inputs + 2 * kept) if checkpoint else (config.layers + 2) * kept
    return Need(fixed, per_token + 16 * config.width)


class TeacherSize(NamedTuple):
    """What decides how much memory a teacher takes."""

    config: DecoderConfig
    packed_bytes: int
    matched: int
    """Layers of the student whose hidden states are compared with it."""


def teacher_need(teacher: TeacherSize, *, packed: bool, compute_bytes: int, typical_length: int) -> Need:
    """What a frozen teacher adds: its weights, the chances of one chunk, one layer at a time, and what it hands over."""
    config = teacher.config
    weights = _weights_bytes(config, teacher.packed_bytes, compute_bytes, packed=packed)
    per_token = _kept_per_layer(config, compute_bytes, typical_length) + (teacher.matched + 2) * 4 * config.width
    return Need(weights + 5 * CHUNK_BYTES, per_token)


def adapter_parameters(config: DecoderConfig, adapter: Adapter) -> int:
    """Numbers in A and B of all chosen matrices."""
    shapes = {
        "attn_q": (config.width, config.query_width),
        "attn_k": (config.width, config.kv_width),
        "attn_v": (config.width, config.kv_width),
        "attn_output": (config.query_width, config.width),
        "ffn_gate": (config.width, config.feed_forward),
        "ffn_up": (config.width, config.feed_forward),
        "ffn_down": (config.feed_forward, config.width),
    }
    last = config.layers - 1 if adapter.last_layer < 0 else min(adapter.last_layer, config.layers - 1)
    chosen = max(last - adapter.first_layer + 1, 0)
    return chosen * (adapter.rank or 16) * sum(sum(shapes[name]) for name in adapter.where)


def _weights_bytes(config: DecoderConfig, packed_bytes: int, compute_bytes: int, *, packed: bool) -> int:
    """Unpacked once, or as in the file with room for what is unpacked at a time."""
    table = config.vocabulary * config.width
    largest = max(2 * config.feed_forward, config.query_width + 2 * config.kv_width) * config.width
    return packed_bytes + (largest + table) * compute_bytes if packed else (config.parameters + 2 * table) * compute_bytes


def _kept_per_layer(config: DecoderConfig, compute_bytes: int, typical_length: int) -> int:
    """What one layer keeps of one token for its backward (see nn/layer.py)."""
    streams = 2 * 4 * config.width
    attention = compute_bytes * (2 * config.query_width + 2 * config.kv_width)
    chances = compute_bytes * config.heads * typical_length
    return streams + attention + chances + compute_bytes * 2 * config.feed_forward

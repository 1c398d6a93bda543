"""How much memory a model will need, said before it is loaded: from its header alone.

Three parts, as llama.cpp allocates them:

- weights: the bytes of all tensors. They are mapped, not copied, yet a model whose weights do not stay in memory reads
  its whole file from disk for every token, so they count in full.
- cache of keys and values: layers × context × (n_embd_k_gqa × bytes of K + n_embd_v_gqa × bytes of V). An upper bound
  where layers have a sliding window; recurrent layers add their state.
- compute buffer, with flash attention (llama.cpp's choice on every CPU): the larger of
  batch × 4 bytes × (vocabulary + 2 × width), at the output, and
  batch × 4 bytes × (3 × feed-forward + 4 × width) + batch × 2 bytes × context, inside a layer.
  Without flash attention every head keeps a score for every pair of tokens:
  batch × 4 bytes × (5 × width + n_embd_k_gqa + n_embd_v_gqa + (heads + 1) × context).

Measured with the starter model, batches of 512 and contexts of 512, 1024, 2048, 4096 and 8192: the cache is exact, the
compute buffer 98.2 MiB estimated against 98.2 to 102.5 allocated (at most 4% too low); the whole engine process with a
context of 8192 took 369 MB against 388 MB estimated. `tests/llama/test_tiny_models.py` measures it again.
"""

from __future__ import annotations

import msgspec

from companion.core.amounts import bytes_text
from companion.core.errors import ModelError
from companion.core.gguf.fields import GGUFHeader

BATCH = 512
"""Tokens that llama.cpp computes at once (n_ubatch)."""
CONTEXT_STEP = 256
"""llama.cpp rounds every context up to a multiple of this."""

_SMALLEST_USEFUL_CONTEXT = 512
_Q4_0_BITS = 4.5
_WORTH_REQUANTIZING = 5.0
"""Bits per weight above which a Q4_0 build is noticeably smaller."""


class MemoryNeed(msgspec.Struct, frozen=True):
    """Bytes that one model with one context will need."""

    weights: int
    kv_cache: int
    compute: int

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.compute


def memory_need(
    header: GGUFHeader,
    context_tokens: int,
    bytes_per_k: float = 2,
    bytes_per_v: float = 2,
    *,
    flash_attention: bool = True,
) -> MemoryNeed:
    """Estimate for a context of `context_tokens`; bytes per number of the cache may be broken (Q8_0: 34/32)."""
    context = -(-max(context_tokens, 1) // CONTEXT_STEP) * CONTEXT_STEP
    keys, values = sum(header.n_embd_k_gqa), sum(header.n_embd_v_gqa)
    cache = context * (keys * bytes_per_k + values * bytes_per_v) + _state_bytes(header)
    return MemoryNeed(header.weights_bytes, int(cache), _compute_bytes(header, context, flash_attention))


def largest_context_that_fits(header: GGUFHeader, available_bytes: int) -> int:
    """The largest context, a multiple of 256 and not above what the model was trained for; 0 when none fits."""
    low, high = 0, max(header.context_length // CONTEXT_STEP, 1)
    while low < high:
        middle = (low + high + 1) // 2
        if memory_need(header, middle * CONTEXT_STEP).total <= available_bytes:
            low = middle
        else:
            high = middle - 1
    return low * CONTEXT_STEP


def refusal(header: GGUFHeader, context_tokens: int, available_bytes: int) -> ModelError | None:
    """Why this model does not fit with this context, in numbers and with a smaller choice; None when it does."""
    need = memory_need(header, context_tokens).total
    if need <= available_bytes:
        return None
    choices = []
    fitting = largest_context_that_fits(header, available_bytes)
    if fitting >= _SMALLEST_USEFUL_CONTEXT:
        choices.append(f"a context of {fitting:,} tokens")
    smaller = int(header.parameters * _Q4_0_BITS / 8)
    beside_weights = memory_need(header, min(context_tokens, 2048)).total - header.weights_bytes
    if header.bits_per_weight > _WORTH_REQUANTIZING and smaller + beside_weights <= available_bytes:
        choices.append(f"a smaller build, such as Q4_0 at about {bytes_text(smaller)}")
    what = (
        f"“{header.name}” needs about {bytes_text(need)} of memory with a context of {context_tokens:,} tokens; "
        f"{bytes_text(available_bytes)} are free."
    )
    return ModelError(what, f"Choose {' or '.join(choices) or 'a smaller model'}.")


def _compute_bytes(header: GGUFHeader, context: int, flash_attention: bool) -> int:
    width = max(header.embedding_length, header.head_count * header.head_sizes[0])
    experts = max(header.per_layer("expert_used_count"), default=0) * header.number("{arch}.expert_feed_forward_length")
    inner = max(header.feed_forward_length, experts)
    output = header.vocabulary_size + 2 * width
    if flash_attention:
        return BATCH * max(4 * output, 4 * (3 * inner + 4 * width) + 2 * context)
    key_value = max(header.n_embd_k_gqa, default=0) + max(header.n_embd_v_gqa, default=0)
    attention = 5 * width + key_value + (header.head_count + 1) * context
    return BATCH * 4 * max(output, 3 * inner + 4 * width + context, attention)


def _state_bytes(header: GGUFHeader) -> int:
    """What recurrent layers keep, as if every layer were one (llama_hparams::n_embd_r and n_embd_s), in float32."""
    number, width = header.number, header.embedding_length
    state, inner = number("{arch}.ssm.state_size"), number("{arch}.ssm.inner_size")
    groups, kernel = number("{arch}.ssm.group_count"), number("{arch}.ssm.conv_kernel")
    mamba = max(kernel - 1, 0) * (inner + 2 * groups * state) + state * inner
    rwkv = width * (2 + number("{arch}.wkv.head_size")) if number("{arch}.wkv.head_size") else 0
    return 4 * (mamba + rwkv) * len(header.kv_heads)

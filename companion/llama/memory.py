"""How much memory a model will need, said before it is loaded: from its header alone.

The parts, as llama.cpp allocates them:

- weights: the bytes of all tensors. They are mapped, not copied, yet a model whose weights do not stay in memory reads
  its whole file from disk for every token, so they count in full. Those that llama.cpp repacks for this processor are copied,
  and the mapped ones are not looked at again: the system drops them when it needs room, so they count once, and are told
  beside (`droppable`). A tied table of tokens that is repacked stands in memory twice.
- cache of keys and values: layers × context × (n_embd_k_gqa × bytes of K + n_embd_v_gqa × bytes of V). An upper bound
  where layers have a sliding window; recurrent layers add their state.
- compute buffer, for `u` tokens computed at once (n_ubatch) of which `o` have logits: with flash attention (llama.cpp's choice
  on every CPU) the larger of o × 4 bytes × (vocabulary + 2 × width), at the output, and
  u × 4 bytes × (3 × feed-forward + 4 × width) + u × 2 bytes × context, inside a layer (twice the context where some layers
  have a sliding window, whose mask is another).
  Without flash attention every head keeps a score for every pair of tokens:
  u × 4 bytes × (5 × width + n_embd_k_gqa + n_embd_v_gqa + (heads + 1) × context).

The cache is exact, the compute buffer of the starter model at most 5 % too low over contexts of 512 to 8192, u of 32 to 512, with
and without flash attention, in F16 and Q8_0 (`tests/llama/test_memory.py` measures it again). What is too close to call is
asked of llama.cpp itself (`simulation.py`).
"""

from __future__ import annotations

import msgspec

from companion.core.amounts import bytes_text
from companion.core.errors import ModelError
from companion.core.gguf.fields import GGUFHeader
from companion.core.gguf.types import TYPES_BY_NAME
from companion.llama.context import ContextOptions
from companion.llama.kernels import repacks

CONTEXT_STEP = 256
"""llama.cpp rounds every context up to a multiple of this."""

_SMALLEST_USEFUL_CONTEXT = 512
_Q4_0_BITS = 4.5
_WORTH_REQUANTIZING = 5.0
"""Bits per weight above which a Q4_0 build is noticeably smaller."""
_TOKENS = "token_embd.weight"
_LOOKED_UP = frozenset({_TOKENS, "position_embd.weight", "token_types.weight", "per_layer_token_embd.weight"})
"""Tables of which rows are looked up; nothing is multiplied by them, so they are not repacked."""


class MemoryNeed(msgspec.Struct, frozen=True):
    """Bytes that one model with one context will need."""

    weights: int
    kv_cache: int
    compute: int
    droppable: int = 0
    """Mapped bytes that are read once, while loading, and not again."""

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.compute


def memory_need(header: GGUFHeader, options: ContextOptions, *, extra_buffers: bool = True) -> MemoryNeed:
    """Estimate for a model and a context with these options; `extra_buffers` says whether weights may be repacked."""
    context = -(-max(options.tokens, 1) // CONTEXT_STEP) * CONTEXT_STEP
    keys, values = (
        sum(widths) * kind.size // kind.block
        for widths, kind in (
            (header.n_embd_k_gqa, TYPES_BY_NAME[options.kv_types.keys]),
            (header.n_embd_v_gqa, TYPES_BY_NAME[options.kv_types.values]),
        )
    )
    repacked, again = _repacked(header) if extra_buffers else (0, 0)
    return MemoryNeed(
        weights=header.weights_bytes + again,
        kv_cache=context * (keys + values) + _state_bytes(header),
        compute=_compute_bytes(header, context, options),
        droppable=repacked,
    )


def largest_context_that_fits(header: GGUFHeader, options: ContextOptions, available_bytes: int) -> int:
    """The largest context, a multiple of 256 and not above what the model was trained for; 0 when none fits.

    The rest of `options` holds.
    """
    low, high = 0, max(header.context_length // CONTEXT_STEP, 1)
    while low < high:
        middle = (low + high + 1) // 2
        if memory_need(header, options._replace(tokens=middle * CONTEXT_STEP)).total <= available_bytes:
            low = middle
        else:
            high = middle - 1
    return low * CONTEXT_STEP


def refusal(
    header: GGUFHeader, options: ContextOptions, available_bytes: int, need: MemoryNeed | None = None
) -> ModelError | None:
    """Why this model does not fit with this context, in numbers and with a smaller choice; None when it does.

    `need` is what llama.cpp said itself, when it was asked.
    """
    bytes_needed = (need or memory_need(header, options)).total
    if bytes_needed <= available_bytes:
        return None
    choices = []
    fitting = largest_context_that_fits(header, options, available_bytes)
    if _SMALLEST_USEFUL_CONTEXT <= fitting < options.tokens:
        choices.append(f"a context of {fitting:,} tokens")
    smaller = int(header.parameters * _Q4_0_BITS / 8)
    short = memory_need(header, options._replace(tokens=min(options.tokens, 2048)))
    if header.bits_per_weight > _WORTH_REQUANTIZING and smaller + short.total - header.weights_bytes <= available_bytes:
        choices.append(f"a smaller build, such as Q4_0 at about {bytes_text(smaller)}")
    what = (
        f"“{header.name}” needs about {bytes_text(bytes_needed)} of memory with a context of {options.tokens:,} tokens; "
        f"{bytes_text(available_bytes)} are free."
    )
    return ModelError(what, f"Choose {' or '.join(choices) or 'a smaller model'}.")


def bytes_on_gpu(header: GGUFHeader, options: ContextOptions, layers: int) -> int:
    """Bytes of graphics memory when the last `layers` of the model (negative: all, and the output) are computed there: their
    weights, their share of the cache, and the compute buffer."""
    count = max(1, header.layers)
    placed = count if layers < 0 or layers > count else layers
    first = count - placed
    weights = sum(tensor.size for tensor in header.tensors if first <= _layer(tensor.name, count) < count)
    need = memory_need(header, options, extra_buffers=False)
    if layers < 0 or layers > count:
        weights = need.weights
    return weights + need.kv_cache * placed // count + need.compute


def _layer(name: str, otherwise: int) -> int:
    words = name.split(".")
    return int(words[1]) if words[0] == "blk" and len(words) > 2 and words[1].isdecimal() else otherwise


def _repacked(header: GGUFHeader) -> tuple[int, int]:
    """Bytes of the tensors that are repacked, and of those among them that are needed as they are, too."""
    repacked, tied = 0, all(tensor.name != "output.weight" for tensor in header.tensors)
    for tensor in header.tensors:
        if len(tensor.shape) < 2 or tensor.name in _LOOKED_UP or not tensor.name.endswith(".weight"):
            continue
        if repacks(tensor.type, tensor.shape[1], tensor.shape[0]):
            repacked += tensor.size
    table = next((tensor for tensor in header.tensors if tensor.name == _TOKENS), None)
    is_twice = tied and table is not None and len(table.shape) == 2 and repacks(table.type, table.shape[1], table.shape[0])
    return repacked, table.size if table is not None and is_twice else 0


def _compute_bytes(header: GGUFHeader, context: int, options: ContextOptions) -> int:
    at_once = options.computed_at_once
    width = max(header.embedding_length, header.head_count * header.head_sizes[0])
    experts = max(header.per_layer("expert_used_count"), default=0) * header.number("{arch}.expert_feed_forward_length")
    inner = max(header.feed_forward_length, experts)
    masks = 2 if header.number("{arch}.attention.sliding_window") else 1
    output = min(at_once, options.outputs or at_once) * 4 * (header.vocabulary_size + 2 * width)
    if options.flash_attention is not False:
        return max(output, at_once * (4 * (3 * inner + 4 * width) + 2 * masks * context))
    key_value = max(header.n_embd_k_gqa, default=0) + max(header.n_embd_v_gqa, default=0)
    attention = 5 * width + key_value + (header.head_count + masks) * context
    return max(output, at_once * 4 * max(3 * inner + 4 * width + context, attention))


def _state_bytes(header: GGUFHeader) -> int:
    """What recurrent layers keep, as if every layer were one (llama_hparams::n_embd_r and n_embd_s), in float32."""
    number, width = header.number, header.embedding_length
    state, inner = number("{arch}.ssm.state_size"), number("{arch}.ssm.inner_size")
    groups, kernel = number("{arch}.ssm.group_count"), number("{arch}.ssm.conv_kernel")
    mamba = max(kernel - 1, 0) * (inner + 2 * groups * state) + state * inner
    rwkv = width * (2 + number("{arch}.wkv.head_size")) if number("{arch}.wkv.head_size") else 0
    return 4 * (mamba + rwkv) * len(header.kv_heads)

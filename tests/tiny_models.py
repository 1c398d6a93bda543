"""Writes tiny but real GGUF models: llama.cpp loads them, decodes, and tokenizes any text there and back.

Every file is made from a fixed seed, is smaller than 1 MB and takes a fraction of a second. The weights are random, so
what such a model "says" is noise, but the same noise every time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
from gguf.vocab import bytes_to_unicode
from numpy.typing import NDArray

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
"""Control tokens of the byte-level vocabulary, in the order of their ids from 0; the last one ends a reply."""

Tokenizer = Literal["gpt2", "llama"]

_WORDS = "the and you that hello what is are not with my name love about think how can tell me night star good thing ing er"
_NORMAL, _UNKNOWN, _CONTROL, _UNUSED, _BYTE = 1, 2, 3, 5, 6
_INTEGERS = ("I8", "I16", "I32", "I64")
_SUPER_BLOCK = 256
_K_SCALES = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}
"""Where the float16 scales stand in one block of each K-quant (ggml-common.h); the other bytes may be anything."""


def write_tiny_llama(
    path: Path,
    *,
    layers: int = 2,
    width: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    ffn: int = 128,
    vocabulary: int = 384,
    context: int = 512,
    template: str | None = CHATML,
    tokenizer: Tokenizer = "gpt2",
    type: str = "F32",
    tied: bool = True,
    ends: bool = True,
    name: str = "Tiny",
    seed: int = 0,
    architecture: str = "llama",
    metadata: dict[str, Any] | None = None,
    leave_out: tuple[str, ...] = (),
    types: dict[str, str] | None = None,
    tensors: dict[str, NDArray[np.float32] | None] | None = None,
) -> Path:
    """Write one model of the llama architecture and return its path.

    `type` is a ggml type name; K-quants need `width` and `ffn` divisible by 256, the others by 32. `metadata` adds or
    replaces keys ("{arch}" stands for the architecture; ints become uint32), `leave_out` drops keys. `types` gives single
    tensors another type than `type` has (matrices) or F32 (norms). `tensors` adds or replaces some by their values, None
    leaves one out. With `ends` false it never draws a control token, so
    that a reply goes on until it is stopped.
    """
    tied = tied and ends
    fields = _metadata(layers, width, heads, kv_heads, ffn, context, type)
    fields |= _bpe(vocabulary) if tokenizer == "gpt2" else _spm(vocabulary)
    fields |= {"general.name": name} | ({"tokenizer.chat_template": template} if template is not None else {})
    fields |= metadata or {}
    kept = {key: value for key, value in fields.items() if key not in leave_out}
    random = np.random.default_rng(seed)
    written = {}
    for tensor, shape in _shapes(layers, width, heads, kv_heads, ffn, vocabulary, tied).items():
        steer = {} if ends else {"token_embd.weight": (slice(None), 4.0), "output.weight": (slice(len(CONTROL)), -5.0)}
        written[tensor] = _weights(
            random, shape, (types or {}).get(tensor, type if len(shape) == 2 else "F32"), steer.get(tensor)
        )
    for tensor, values in (tensors or {}).items():
        written.pop(tensor, None)
        if values is not None:
            kind = gguf.GGMLQuantizationType[(types or {}).get(tensor, type if values.ndim == 2 else "F32")]
            written[tensor] = (values, kind) if kind.name == "F32" else (gguf.quants.quantize(values, kind), kind)
    return _write(path, architecture, kept, written)


def write_tiny_bert(
    path: Path,
    *,
    layers: int = 2,
    width: int = 64,
    heads: int = 4,
    ffn: int = 128,
    context: int = 128,
    pooling: int | None = 1,
    name: str = "Tiny BERT",
    seed: int = 0,
    metadata: dict[str, Any] | None = None,
) -> Path:
    """Write an embedding model: an encoder with a WordPiece vocabulary of letters and a few words.

    `pooling` is llama.cpp's number: 1 takes the mean, 2 the first token, 4 ranks; None leaves it out.
    """
    tokens = _word_pieces()
    fields = {
        "general.type": "model",
        "general.name": name,
        "general.file_type": 0,
        "bert.block_count": layers,
        "bert.context_length": context,
        "bert.embedding_length": width,
        "bert.feed_forward_length": ffn,
        "bert.attention.head_count": heads,
        "bert.attention.layer_norm_epsilon": 1e-12,
        "bert.attention.causal": False,
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.token_type_count": 2,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [_CONTROL] * 5 + [_NORMAL] * (len(tokens) - 5),
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.unknown_token_id": 1,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.cls_token_id": 2,
        "tokenizer.ggml.eos_token_id": 3,
        "tokenizer.ggml.seperator_token_id": 3,
        "tokenizer.ggml.mask_token_id": 4,
    }
    fields |= {"bert.pooling_type": pooling} if pooling is not None else {}
    random = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (len(tokens), width),
        "token_types.weight": (2, width),
        "position_embd.weight": (context, width),
        **_with_bias("token_embd_norm", (width,)),
    }
    for layer in range(layers):
        for tensor in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes |= _with_bias(f"blk.{layer}.{tensor}", (width, width))
        shapes |= _with_bias(f"blk.{layer}.attn_output_norm", (width,))
        shapes |= _with_bias(f"blk.{layer}.ffn_up", (ffn, width)) | _with_bias(f"blk.{layer}.ffn_down", (width, ffn))
        shapes |= _with_bias(f"blk.{layer}.layer_output_norm", (width,))
    tensors = {tensor: _weights(random, shape, "F32") for tensor, shape in shapes.items()}
    return _write(path, "bert", fields | (metadata or {}), tensors)


def _write(path: Path, architecture: str, fields: dict[str, Any], tensors: dict[str, tuple[NDArray[Any], Any]]) -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in fields.items():
        _add(writer, key.replace("{arch}", architecture), value)
    for tensor, (packed, kind) in tensors.items():
        writer.add_tensor(tensor, packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_unknown_architecture(path: Path) -> Path:
    """A sound file of an architecture no llama.cpp knows: it is refused there with an error, not a crash."""
    return write_tiny_llama(path, architecture="companion_unknown", name="Unknown")


def write_crashing(path: Path, at: Literal["load", "decode"] = "load") -> Path:
    """A model that passes our check of the header, and on which llama.cpp (0.3.36, CPU) ends the whole process.

    Loading it: an architecture of experts without a single expert fails GGML_ASSERT(n_expert > 0) in
    src/models/smallthinker.cpp. Decoding it: an architecture whose rotary embedding has sections, without them, fails
    GGML_ASSERT(sections[0] > 0 || …) in ggml-cpu/ops.cpp. Both abort at once (SIGABRT; on Linux set GGML_NO_BACKTRACE=1,
    else llama.cpp starts gdb first, which takes a second). Neither happens with `vocab_only`.
    """
    return write_tiny_llama(path, architecture="smallthinker" if at == "load" else "paddleocr", name="Crashing")


def write_truncated(path: Path, share: float = 0.6) -> Path:
    """A model whose download stopped: only the first `share` of its bytes."""
    content = write_tiny_llama(path).read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def _metadata(layers: int, width: int, heads: int, kv_heads: int, ffn: int, context: int, type_name: str) -> dict[str, Any]:
    file_types = {t.name.partition("_")[2]: int(t) for t in gguf.LlamaFileType}
    return {
        "general.type": "model",
        "general.file_type": file_types.get(type_name, file_types.get(f"{type_name}_S", 0)),
        "{arch}.block_count": layers,
        "{arch}.context_length": context,
        "{arch}.embedding_length": width,
        "{arch}.feed_forward_length": ffn,
        "{arch}.attention.head_count": heads,
        "{arch}.attention.head_count_kv": kv_heads,
        "{arch}.attention.layer_norm_rms_epsilon": 1e-5,
        "{arch}.rope.freq_base": 10000.0,
        "{arch}.rope.dimension_count": width // heads,
    }


def _shapes(
    layers: int, width: int, heads: int, kv_heads: int, ffn: int, vocabulary: int, tied: bool
) -> dict[str, tuple[int, ...]]:
    """Tensor names and numpy shapes (rows, row length)."""
    kv = width // heads * kv_heads
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (vocabulary, width), "output_norm.weight": (width,)}
    if not tied:
        shapes["output.weight"] = (vocabulary, width)
    for layer in range(layers):
        block = {
            "attn_norm": (width,),
            "attn_q": (width, width),
            "attn_k": (kv, width),
            "attn_v": (kv, width),
            "attn_output": (width, width),
            "ffn_norm": (width,),
            "ffn_gate": (ffn, width),
            "ffn_up": (ffn, width),
            "ffn_down": (width, ffn),
        }
        shapes |= {f"blk.{layer}.{tensor}.weight": shape for tensor, shape in block.items()}
    return shapes


def _weights(
    random: np.random.Generator, shape: tuple[int, ...], type_name: str, steer: tuple[slice, float] | None = None
) -> tuple[NDArray[Any], Any]:
    """Random weights, packed, and their ggml type. Norms are ones. `steer` sets the first weight of some rows."""
    kind = gguf.GGMLQuantizationType[type_name]
    if type_name in _K_SCALES:
        return _random_blocks(random, shape, type_name), kind
    if type_name in _INTEGERS:
        return np.zeros(shape, type_name.replace("I", "int")), kind
    values = np.ones(shape, np.float32) if len(shape) == 1 else random.normal(0, 1 / np.sqrt(shape[-1]), shape)
    values = values.astype(np.float32)
    if steer is not None:
        values[steer[0], 0] = steer[1]
    return (values, kind) if type_name == "F32" else (gguf.quants.quantize(values, kind), kind)


def _random_blocks(random: np.random.Generator, shape: tuple[int, ...], type_name: str) -> NDArray[np.uint8]:
    """K-quant blocks that no quantizer made: random bits under small scales (`gguf` cannot quantize to these types)."""
    _, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[type_name]]
    blocks = random.integers(0, 256, (shape[0] * shape[1] // _SUPER_BLOCK, size), np.uint8)
    scale = np.frombuffer(np.float16(1e-4).tobytes(), np.uint8)
    for at in _K_SCALES[type_name]:
        blocks[:, at : at + 2] = scale
    return blocks.reshape(shape[0], shape[1] // _SUPER_BLOCK * size)


def _with_bias(tensor: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{tensor}.weight": shape, f"{tensor}.bias": shape[:1]}


def _word_pieces() -> list[str]:
    """As llama.cpp wants them: the beginning of a word has a space before it (▁), what continues one has nothing."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"
    pieces = [*(f"▁{letter}" for letter in letters), *letters, *(f"▁{word}" for word in _WORDS.split())]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(pieces)]


def _bpe(vocabulary: int) -> dict[str, Any]:
    """Byte-level BPE: control tokens, 256 bytes, the words of `_WORDS` with the merges that build them, unused ones."""
    alphabet = bytes_to_unicode()
    tokens = [*CONTROL, *(alphabet[byte] for byte in range(256))]
    merges: list[str] = []
    for word in _WORDS.split():
        for spelling in (word, alphabet[ord(" ")] + word):
            for end in range(2, len(spelling) + 1):
                if spelling[:end] not in tokens:
                    tokens.append(spelling[:end])
                    merges.append(f"{spelling[: end - 1]} {spelling[end - 1]}")
    kept = tokens[:vocabulary]
    merges = [merge for merge in merges if merge.replace(" ", "") in kept]
    types = [_CONTROL] * len(CONTROL) + [_NORMAL] * (len(kept) - len(CONTROL))
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        **_vocabulary(kept, types, vocabulary),
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
    }


def _spm(vocabulary: int) -> dict[str, Any]:
    """SentencePiece as in Llama 2: <unk>, <s>, </s>, 256 byte tokens, the ChatML markers, letters and a few words."""
    letters = ["▁", *"etaoinshrdlcumwfgypbvkjxqzETAOINSHRDLCUMWFGYPBVKJXQZ0123456789.,!?'-:"]
    words = [w for word in _WORDS.split() for w in (word[:2], word, "▁" + word[:2], "▁" + word) if len(w) > 1]
    pieces = list(dict.fromkeys(letters + words))
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *CONTROL[1:], *pieces][:vocabulary]
    special = 3 + 256 + len(CONTROL[1:])
    types = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_CONTROL] * len(CONTROL[1:])]
    types += [_NORMAL] * (len(tokens) - special)
    scores = [0.0] * special + [float(-n) for n in range(vocabulary - special)]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        **_vocabulary(tokens, types, vocabulary),
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
    }


def _vocabulary(tokens: list[str], types: list[int], size: int) -> dict[str, Any]:
    smallest = 256 + 8
    if size < smallest:
        raise ValueError(f"a vocabulary needs at least {smallest} tokens, for the bytes and the control tokens")
    unused = [f"<|unused_{n}|>" for n in range(size - len(tokens))]
    return {"tokenizer.ggml.tokens": tokens + unused, "tokenizer.ggml.token_type": types + [_UNUSED] * len(unused)}


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    """Add one key with the type llama.cpp expects for such a value."""
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)

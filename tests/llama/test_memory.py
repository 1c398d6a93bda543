"""What a model will need, from its header: numbers that were measured, and refusals that name a smaller choice."""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import pytest

from companion.core.amounts import bytes_text
from companion.core.gguf.header import GGUFHeader, TensorInfo, read_header
from companion.core.gguf.types import TENSOR_TYPES
from companion.llama.context import ContextOptions, KVTypes
from companion.llama.memory import bytes_on_gpu, largest_context_that_fits, memory_need, refusal
from tests.tiny_models import write_tiny_llama

MIB = 1 << 20
GB = 10**9
Q8_0 = 8
ANY = ContextOptions(0)


@pytest.fixture(scope="module")
def starter_header(starter: Path) -> GGUFHeader:
    return read_header(starter)


@pytest.fixture(scope="module")
def big(starter_header: GGUFHeader) -> GGUFHeader:
    """A header like that of Llama 3.1 70B in Q8_0, without its file."""
    numbers = {
        "block_count": 80,
        "context_length": 131_072,
        "embedding_length": 8192,
        "feed_forward_length": 28_672,
        "attention.head_count": 64,
        "attention.head_count_kv": 8,
    }
    metadata = starter_header.metadata | {f"llama.{key}": value for key, value in numbers.items()} | {"general.name": "Big 70B"}
    tensors = (TensorInfo("all", (8192, 8_612_000), TENSOR_TYPES[Q8_0], 0),)
    return msgspec.structs.replace(starter_header, metadata=metadata, tensors=tensors)


@pytest.mark.parametrize(("context", "cache_mib"), [(512, 11.25), (2048, 45), (8192, 180)])
def test_the_cache_of_the_starter_model_is_exact(starter_header: GGUFHeader, context: int, cache_mib: float) -> None:
    """llama.cpp logs "KV buffer size" 11.25, 45.00 and 180.00 MiB (tests/llama/test_tiny_models.py asks it)."""
    need = memory_need(starter_header, ContextOptions(context))
    assert need.kv_cache == cache_mib * MIB
    assert need.weights == 96_576_768
    assert need.compute == 98.25 * MIB
    assert need.total == need.weights + need.kv_cache + need.compute


def test_a_quantized_cache_is_smaller(starter_header: GGUFHeader) -> None:
    assert memory_need(starter_header, ContextOptions(8192, kv_types=KVTypes("Q8_0", "Q8_0"))).kv_cache == int(
        180 * MIB * 34 / 64
    )
    assert memory_need(starter_header, ContextOptions(8192, kv_types=KVTypes("F16", "Q8_0"))).kv_cache == int(
        90 * MIB * (1 + 34 / 64)
    )


def test_contexts_are_rounded_up_as_llama_cpp_does(starter_header: GGUFHeader) -> None:
    assert memory_need(starter_header, ContextOptions(1000)) == memory_need(starter_header, ContextOptions(1024))
    assert memory_need(starter_header, ContextOptions(0)) == memory_need(starter_header, ContextOptions(256))


def test_without_flash_attention_long_contexts_take_more(starter_header: GGUFHeader) -> None:
    assert memory_need(starter_header, ContextOptions(8192, flash_attention=False)).compute == pytest.approx(
        166.38 * MIB, rel=1e-3
    )


def test_layers_without_attention_take_no_cache(tmp_path: Path) -> None:
    keys = {"{arch}.attention.head_count_kv": [2, 0]}
    header = read_header(write_tiny_llama(tmp_path / "tiny.gguf", metadata=keys), chat_model=False)
    assert memory_need(header, ContextOptions(256)).kv_cache == 256 * (32 + 32) * 2


def test_recurrent_layers_keep_a_state(tmp_path: Path) -> None:
    keys = {f"{{arch}}.ssm.{key}": value for key, value in {"state_size": 16, "inner_size": 128, "conv_kernel": 4}.items()}
    plain = read_header(write_tiny_llama(tmp_path / "plain.gguf"))
    recurrent = read_header(write_tiny_llama(tmp_path / "recurrent.gguf", metadata=keys))
    assert memory_need(recurrent, ContextOptions(256)).kv_cache - memory_need(plain, ContextOptions(256)).kv_cache == 2 * 4 * (
        3 * 128 + 16 * 128
    )


def test_the_largest_context_is_the_last_one_that_fits(starter_header: GGUFHeader) -> None:
    for megabytes in range(200, 400, 7):
        available = megabytes * 10**6
        context = largest_context_that_fits(starter_header, ANY, available)
        assert context % 256 == 0
        assert context == 0 or memory_need(starter_header, ContextOptions(context)).total <= available
        assert context == 8192 or memory_need(starter_header, ContextOptions(context + 256)).total > available
    assert largest_context_that_fits(starter_header, ANY, 100 * GB) == 8192
    assert largest_context_that_fits(starter_header, ANY, 96_000_000) == 0
    assert largest_context_that_fits(starter_header, ANY, 0) == 0


def test_a_model_trained_for_less_than_one_step_gets_one(tmp_path: Path) -> None:
    header = read_header(write_tiny_llama(tmp_path / "tiny.gguf", context=128))
    assert largest_context_that_fits(header, ANY, GB) == 256


def test_logits_of_few_tokens_take_less(starter_header: GGUFHeader) -> None:
    """llama.cpp reserves 21.51 MiB, and 3.35 for 64 tokens at once."""
    assert memory_need(starter_header, ContextOptions(8192, outputs=16)).compute == pytest.approx(21.5 * MIB, rel=1e-3)
    narrow = memory_need(starter_header, ContextOptions(8192, ubatch=64, outputs=16))
    assert narrow.compute == pytest.approx(3.35 * MIB, rel=0.1)


def test_layers_on_the_gpu_take_their_share(starter_header: GGUFHeader) -> None:
    options = ContextOptions(8192, outputs=16)
    whole, need = bytes_on_gpu(starter_header, options, -1), memory_need(starter_header, options)
    assert whole == need.total
    shares = [bytes_on_gpu(starter_header, options, layers) for layers in (10, 20, 30)]
    assert need.compute < shares[0] < shares[1] < shares[2] < whole
    assert shares[1] - shares[0] == pytest.approx(shares[2] - shares[1], rel=0.1)


def test_what_fits_is_not_refused(starter_header: GGUFHeader) -> None:
    assert refusal(starter_header, ContextOptions(8192), 389_000_000) is None


def test_a_context_too_long_is_refused_with_one_that_fits(starter_header: GGUFHeader) -> None:
    error = refusal(starter_header, ContextOptions(8192), 250_000_000)
    assert error is not None
    expected = "needs about 388 MB of memory with a context of 8,192 tokens; 250 MB are free."
    assert error.what == f"“{starter_header.name}” {expected}"
    assert error.remedy == "Choose a context of 2,048 tokens or a smaller build, such as Q4_0 at about 75.7 MB."


def test_weights_too_large_are_refused_with_a_smaller_build(big: GGUFHeader) -> None:
    error = refusal(big, ContextOptions(8192), 64 * GB)
    assert error is not None
    assert error.what == "“Big 70B” needs about 77.9 GB of memory with a context of 8,192 tokens; 64 GB are free."
    assert error.remedy == "Choose a smaller build, such as Q4_0 at about 39.7 GB."


def test_without_any_choice_a_smaller_model_is_named(big: GGUFHeader) -> None:
    error = refusal(big, ContextOptions(8192), 8 * GB)
    assert error is not None
    assert error.remedy == "Choose a smaller model."


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1234, "1.23 KB"),
        (98_362_432, "98.4 MB"),
        (999_600_000, "1 GB"),
        (41_230_000_000, "41.2 GB"),
        (133 * 10**9, "133 GB"),
        (2 * 10**12, "2 TB"),
        (struct.unpack("<Q", b"\xff" * 8)[0], "18,446,744 TB"),
    ],
)
def test_amounts_have_at_most_three_figures(count: int, text: str) -> None:
    assert bytes_text(count) == text

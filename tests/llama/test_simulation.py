"""What is foreseen against what is then taken: from the header, by llama.cpp's own layout, and in a real process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.llama.context import Context, ContextOptions, KVTypes
from companion.llama.library import Library
from companion.llama.memory import MemoryNeed, memory_need
from companion.llama.model import DEFAULT_PLACEMENT, Model
from companion.llama.quantize import quantize
from companion.llama.simulation import foreseen
from tests.tiny_models import write_tiny_llama, write_unknown_architecture
from tests.workshop.architectures import VARIANTS, write_architecture

MIB = 1 << 20
QUANTIZED = KVTypes("Q8_0", "Q4_0")
CONTEXTS = [
    ContextOptions(tokens, ubatch=ubatch, outputs=outputs, flash_attention=flash, kv_types=types)
    for tokens in (512, 8192)
    for ubatch, outputs in ((512, 16), (128, 0))
    for flash, types in ((True, KVTypes()), (False, KVTypes()), (True, QUANTIZED))
]
SHAPES = [{"width": 512, "heads": 8, "kv_heads": 8, "ffn": 2048}, {"width": 768, "heads": 12, "ffn": 2048}]


@pytest.fixture
def library() -> Library:
    """The newest hears llama.cpp's log; that of the session may not be it, when other tests have made one."""
    return Library()


@pytest.fixture(scope="session")
def repacked(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter model in a type that processors repack."""
    path = tmp_path_factory.mktemp("repacked") / "starter-Q4_0.gguf"
    quantize(starter, path, file_type="Q4_0", threads=2)
    return path


def taken(library: Library, path: Path, contexts: list[ContextOptions]) -> list[tuple[float, float, float]]:
    """MiB of weights, cache and compute buffer as llama.cpp logs them when it really loads."""
    found = []
    with Model(library, path) as model:
        weights = sum(map(float, re.findall(r"model buffer size = +([0-9.]+) MiB", "\n".join(library.log))))
        for options in contexts:
            library.log.clear()
            Context(model, options).close()
            found.append((weights, library.buffer_bytes("KV") / MIB, library.buffer_bytes("compute") / MIB))
    return found


def within(foreseen_mib: float, taken_mib: float) -> bool:
    """The promise: 2 % or 64 MiB, whichever is more."""
    return abs(foreseen_mib - taken_mib) <= max(0.02 * taken_mib, 64)


@pytest.mark.parametrize("kind", ["shipped", "repacked"])
def test_llama_cpps_own_layout_is_what_is_taken(library, starter, repacked, kind):
    path = starter if kind == "shipped" else repacked
    needs = list(foreseen(library, path, DEFAULT_PLACEMENT, CONTEXTS))
    for need, (weights, cache, compute) in zip(needs, taken(library, path, CONTEXTS), strict=True):
        assert need is not None
        assert need.kv_cache / MIB == pytest.approx(cache, abs=0.02)
        assert need.compute / MIB == pytest.approx(compute, abs=0.02)
        assert (need.weights + need.droppable) / MIB == pytest.approx(weights, abs=1)


@pytest.mark.parametrize("model", ["starter", "shape-0", "shape-1", *VARIANTS])
def test_the_header_alone_says_nearly_the_same(library, starter, tmp_path, model):
    if model == "starter":
        path = starter
    elif model.startswith("shape"):
        path = write_tiny_llama(tmp_path / "wide.gguf", type="Q8_0", context=16_384, **SHAPES[int(model[-1])])
    else:
        path = write_architecture(tmp_path / "model.gguf", model)
    header, compared = read_header(path), 0
    for options, need in zip(CONTEXTS, foreseen(library, path, DEFAULT_PLACEMENT, CONTEXTS), strict=True):
        if need is None:  # heads of a size that no quantized cache holds
            assert options.kv_types == QUANTIZED
            continue
        compared += 1
        estimate = memory_need(header, options)
        assert estimate.kv_cache >= need.kv_cache - MIB // 50, "an upper bound where layers have a sliding window"
        assert within(estimate.total / MIB, need.total / MIB)
        assert estimate.compute == pytest.approx(need.compute, rel=0.1, abs=MIB)
    assert compared >= len(CONTEXTS) * 2 // 3


def test_a_whole_process_holds_what_was_foreseen(starter, repacked):
    """Resident memory of a process that loads the model and fills its context, beside one that only loads the libraries."""
    script = (
        "import sys, psutil; from pathlib import Path; from companion.llama.library import Library;"
        "from companion.llama.model import Model; from companion.llama.context import Context, ContextOptions;"
        "library, rss = Library(), lambda: psutil.Process().memory_info().rss; before = rss();"
        "model = Model(library, Path(sys.argv[1])); context = Context(model, ContextOptions(4096, outputs=16));"
        "context.read([(7 * i + 11) % model.vocabulary.size for i in range(512)]);"
        "print(rss() - before)"
    )
    for path in (starter, repacked):
        done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, timeout=120)
        need = memory_need(read_header(path), ContextOptions(4096, outputs=16))
        assert within((need.total + need.droppable) / MIB, int(done.stdout) / MIB), path.name


def test_what_cannot_be_made_is_none_and_what_is_no_model_a_sentence(library, starter, tmp_path):
    impossible = ContextOptions(512, flash_attention=False, kv_types=KVTypes("F16", "Q8_0"))
    first, second = foreseen(library, starter, DEFAULT_PLACEMENT, [impossible, ContextOptions(512)])
    assert first is None
    assert isinstance(second, MemoryNeed)
    with pytest.raises(ModelError, match="cannot load"):
        next(foreseen(library, write_unknown_architecture(tmp_path / "unknown.gguf"), DEFAULT_PLACEMENT, [impossible]))

"""Perplexity and divergence are those of llama.cpp's own tool, on the same tokens.

    python3 packaging/start.py test -m slow tests/llama/test_perplexity_tool.py

builds the tool from the source that llama-cpp-python ships (once, about five minutes on two cores), see tests/llama_tools.py.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from companion.core.paths import models_folder
from companion.llama.adapter import Adapters, Scaled
from companion.llama.context import Context, ContextOptions
from companion.llama.divergence import compared, divergence
from companion.llama.scoring import Rows, Softmax, perplexity, text_rows, text_tokens
from tests import llama_tools

pytestmark = pytest.mark.slow
ADAPTER = models_folder() / "hoshi" / "hoshi.gguf"
TEXT = models_folder() / "evaluation" / "text.txt"
SAME_BATCHES = ("-b", "512")
"""One chunk at a time, as ours: sums in another order move single tokens by some thousandths of a nat, and percentiles of
1,785 tokens with them (0.4 % at 95 %); means stay within 0.03 % whatever the batch."""


@pytest.fixture(scope="module")
def base(starter, tmp_path_factory):
    """What the tool prints and writes of the starter model."""
    file = tmp_path_factory.mktemp("base") / "base.bin"
    printed = llama_tools.run(starter, TEXT, *SAME_BATCHES, "--kl-divergence-base", str(file))
    return printed, llama_tools.read_base(file), file


@contextlib.contextmanager
def context(model, *adapters):
    with Context(model, ContextOptions(512, 2, outputs=256)) as opened:
        voices = Adapters(opened)
        try:
            voices.put([Scaled(path, 1.0) for path in adapters])
            yield opened
        finally:
            voices.close()


@pytest.fixture(scope="module")
def tokens(starter_loaded):
    return text_tokens(starter_loaded.vocabulary, TEXT.read_text(encoding="utf-8"))


def test_the_tokens_are_the_tools(base, tokens):
    assert tokens[: len(base[1].tokens)] == base[1].tokens
    assert len(base[1].tokens) == len(tokens) // 512 * 512


def test_perplexity_is_the_tools(starter_loaded, starter, base, tokens):
    printed = llama_tools.run(starter, TEXT, *SAME_BATCHES)
    with context(starter_loaded) as measured:
        found = perplexity(measured, tokens)
    tools = llama_tools.number(printed, "Final estimate: PPL")
    print(f"perplexity: {found.perplexity:.6f}, llama.cpp's tool {tools:.6f}")
    assert found.perplexity == pytest.approx(tools, rel=1e-3)


def test_divergence_is_the_tools(starter_loaded, starter, base, tokens):
    """The tool reads the reference from a file rounded to 16 bits: with the same rounding the numbers are the same, and
    without it they differ by what the rounding is."""
    against = ("--kl-divergence", "--kl-divergence-base", str(base[2]), "--lora", str(ADAPTER))
    printed = llama_tools.run(starter, TEXT, *SAME_BATCHES, *against)
    with context(starter_loaded) as before, context(starter_loaded, ADAPTER) as after:
        exact = divergence(before, after, tokens)
        rounded = against_the_file(after, tokens, base[1].log_probabilities)
    names = {"Mean    KLD": np.mean, "Median  KLD": np.median, "Maximum KLD": np.max}
    names |= {f"{each:.1f}%   KLD": lambda kl, p=each: np.percentile(kl, p) for each in (99.0, 95.0, 90.0)}
    names |= {"99.9%   KLD": lambda kl: np.percentile(kl, 99.9)}
    for name, of in names.items():
        tools = llama_tools.number(printed, name)
        print(f"{name}: {of(exact.kl):.6f}, rounded as the tool does {of(rounded[0]):.6f}, the tool {tools:.6f}")
        assert of(rounded[0]) == pytest.approx(tools, rel=1e-3, abs=2e-6), name
        assert of(exact.kl) == pytest.approx(tools, rel=5e-3, abs=2e-3), name
    same = 100 * float(np.mean(exact.same_top))
    print(f"Same top p: {same:.3f}, the tool {llama_tools.number(printed, 'Same top p')}")
    assert 100 * float(np.mean(rounded[1])) == pytest.approx(llama_tools.number(printed, "Same top p"), rel=1e-3)
    rms = 100 * float(np.sqrt(np.mean(np.square(exact.change))))
    print(f"RMS Δp: {rms:.3f}, the tool {llama_tools.number(printed, 'RMS Δp')}")
    assert rms == pytest.approx(llama_tools.number(printed, "RMS Δp"), rel=1e-3, abs=1e-3)


def against_the_file(candidate: Context, tokens: list[int], log_probabilities: np.ndarray) -> np.ndarray:
    """Our divergence from what the tool kept of the reference. Like the tool, it leaves out what is less likely than e⁻¹⁶."""
    reference = log_probabilities.reshape(-1, log_probabilities.shape[-1])
    found, at = [], 0
    with Softmax(2) as softmax:
        for rows in text_rows(candidate, tokens, 512):
            kept = reference[at : at + len(rows.targets)]
            at += len(kept)
            found.append(as_the_tool_sums(softmax, kept, rows))
    return np.concatenate(found, axis=1)


def as_the_tool_sums(softmax: Softmax, kept: np.ndarray, rows: Rows) -> np.ndarray:
    """Our own function, corrected for what the tool counts otherwise: rounded chances add up to a little more than 1, and
    what the file could not tell apart from zero is dropped."""
    ours = compared(softmax, Rows(kept, rows.targets), rows)
    wide = kept.astype(np.float64)
    total = np.exp(wide).sum(axis=1)
    q = rows.logits.astype(np.float64)
    q -= q.max(axis=1, keepdims=True)
    q -= np.log(np.exp(q).sum(axis=1, keepdims=True))
    dropped = np.where(wide <= -16, np.exp(wide) * (wide - q), 0).sum(axis=1)
    ours[0] = ours[0] * total + total * np.log(total) - dropped
    return ours

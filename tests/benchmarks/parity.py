"""`start.py bench parity`: how far torch's logits are from llama.cpp's, per architecture, per type, on the starter model.

Mean KL divergence in nats per token of the same tokens, everything computed in float32. Packed weights are compared with
llama.cpp on the same numbers unpacked to float32: on packed ones it rounds the other factor of each product to 8 bits,
which is a divergence of its own, shown beside it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import llama_cpp
import torch
from torch import Tensor

from companion.core.gguf.header import read_header
from companion.llama.library import Library
from companion.llama.model import Model
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.weights import GGUFWeights
from tests.benchmark_report import Report, starter_or_leave
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import VARIANTS, llama_logits, mean_divergence, unpack_to_float32, write_architecture

GOAL = 1e-4
TOKENS = [(7 * n * n + 3 * n) % 280 for n in range(40)]
TYPES = {
    "F16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16, "BF16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0, "Q5_1": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_1,
    "Q5_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_0, "Q4_1": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_1,
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0, "Q6_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q6_K,
    "Q5_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_S, "Q4_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_S,
    "Q3_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q3_K_S, "Q2_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q2_K,
    "IQ4_NL": llama_cpp.LLAMA_FTYPE_MOSTLY_IQ4_NL, "IQ4_XS": llama_cpp.LLAMA_FTYPE_MOSTLY_IQ4_XS,
}  # fmt: skip
TEXT = "The observatory stands on a hill above the town. At night a red lamp burns beside the ladder, and the kettle is on."


def main() -> int:
    report = Report("Torch beside llama.cpp: mean KL divergence in nats per token")
    starter = starter_or_leave()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.gguf"
        for variant in VARIANTS:
            write_architecture(model, variant)
            report.add(f"architecture {variant}", mean_divergence(llama_logits(model, TOKENS), logits(model, TOKENS)), goal=GOAL)
        whole = write_tiny_llama(Path(folder) / "whole.gguf", width=256, ffn=256, heads=4, kv_heads=2, vocabulary=288)
        for kind, file_type in TYPES.items():
            compare(report, f"type {kind}", quantized(whole, model, file_type), TOKENS, Path(folder))
        with Model(Library(), starter, vocabulary_only=True) as words:
            tokens = words.vocabulary.tokenize(TEXT)
        compare(report, "starter model", starter, tokens, Path(folder))
    return report.finish()


def quantized(whole: Path, packed: Path, file_type: int) -> Path:
    """All matrices of `whole` as this type, by llama.cpp's quantizer."""
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype, options.pure, options.nthread = file_type, True, 1
    assert llama_cpp.llama_model_quantize(str(whole).encode(), str(packed).encode(), options) == 0
    return packed


def compare(report: Report, name: str, model: Path, tokens: list[int], folder: Path) -> None:
    unpacked = llama_logits(unpack_to_float32(model, folder / "float32.gguf"), tokens)
    report.add(name, mean_divergence(unpacked, logits(model, tokens)), goal=GOAL)
    report.add(f"{name}, llama.cpp's own rounding", mean_divergence(unpacked, llama_logits(model, tokens)))


def logits(model: Path, tokens: list[int]) -> Tensor:
    decoder = Decoder.load(GGUFWeights(read_header(model)), DecoderOptions(packed=True))
    with torch.no_grad():
        return decoder.logits(decoder.hidden(pack([Example(tokens, [False] * len(tokens))])))


if __name__ == "__main__":
    sys.exit(main())

"""`start.py bench step`: where the time of a training step goes, and what a second lane adds.

The starter model with the adapter of `bench train`, dialogues of persona_chat in rows of about 1,024 tokens, bfloat16.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from functools import partial

import torch

from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Batch, pack
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.recipes.open_base import open_base
from tests.benchmark_report import Report, fresh_home, median, starter_or_leave
from tests.benchmarks.train import ALPHA, DATA, RANK, cut, lines

ROWS, PER_ROW, ROUNDS = 8, 2, 5
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "mkldnn", "_scaled_dot_product")
SOFTMAX = ("softmax", "logsumexp", "exp")


def main() -> int:
    report = Report("A training step")
    if not DATA.is_dir():
        print(f"The benchmark's data is missing: {DATA.name} belongs into shared/data beside the repository.", file=sys.stderr)
        return 2
    with fresh_home(), open_base(starter_or_leave()) as base:
        template = TrainingTemplate(base.vocabulary, base.template)
        examples = [template.example(cut(template, line)) for line in lines("train.jsonl", ROWS * PER_ROW)]
        rows = [pack(examples[at : at + PER_ROW]) for at in range(0, len(examples), PER_ROW)]
        decoder = Decoder.load(GGUFWeights(base.header), DecoderOptions(compute=torch.bfloat16))
        decoder.add_adapter(Adapter(rank=RANK, alpha=ALPHA), seed=0)
        decoder.train()
        lanes = decoder.lanes()
        torch.set_num_threads(max(torch.get_num_threads() // lanes, 1))
        learn(decoder, rows[:1])
        shares(report, decoder, rows[:1])
        tokens = sum(len(row.tokens) for row in rows)
        alone, together = [], []
        for _ in range(ROUNDS):  # in turns: what disturbs one disturbs the other
            alone.append(tokens / timed(decoder, [rows]))
            torch.set_num_threads(torch.get_num_threads() * lanes)
            dealt = deal([len(row.tokens) for row in rows], lanes)
            together.append(tokens / timed(decoder, [[rows[index] for index in mine] for mine in dealt]))
            torch.set_num_threads(max(torch.get_num_threads() // lanes, 1))
        report.add("one lane", median(alone), "tok/s")
        report.add(f"{lanes} lanes", median(together), "tok/s")
        report.add(f"{lanes} lanes ÷ one", median([b / a for a, b in zip(alone, together, strict=True)]))
    return report.finish()


def shares(report: Report, decoder: Decoder, rows: Sequence[Batch]) -> None:
    """Of the time of one lane, by kind of operation."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        learn(decoder, rows)
    spent = {"matrix products": 0.0, "softmax": 0.0, "all else": 0.0}
    for each in profile.key_averages():
        name = each.key.removeprefix("aten::").rstrip("_")
        kind = "matrix products" if name in PRODUCTS else "softmax" if any(word in name for word in SOFTMAX) else "all else"
        spent[kind] += each.self_cpu_time_total
    for kind, time_spent in spent.items():
        report.add(f"time: {kind}", 100 * time_spent / sum(spent.values()), "%")


def timed(decoder: Decoder, dealt: Sequence[Sequence[Batch]]) -> float:
    """Seconds of one pass, forward and backward, with a lane for each list of rows."""
    began = time.perf_counter()
    side_by_side([partial(_lane, decoder, rows) for rows in dealt])
    return time.perf_counter() - began


def learn(decoder: Decoder, rows: Sequence[Batch]) -> None:
    for row in rows:
        result = supervised_loss(decoder, row, Loss())
        torch.autograd.backward(result.total / max(result.count, 1))
    for weight in decoder.trainable().values():
        weight.grad = None


def _lane(decoder: Decoder, rows: Sequence[Batch], failed: threading.Event) -> None:
    for row in rows:
        if not failed.is_set():
            result = supervised_loss(decoder, row, Loss())
            torch.autograd.backward(result.total / max(result.count, 1))


if __name__ == "__main__":
    raise SystemExit(main())

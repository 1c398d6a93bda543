"""The held-out loss a second time, by the trainer's own network: two programs that agree are both likely to be right."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from companion.core.adapter import read_adapter
from companion.core.errors import ModelError
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.report import Items, Metric
from companion.workshop.data.batch import Example, pack
from companion.workshop.evaluation.family import Tell
from companion.workshop.evaluation.held_out import Measured
from companion.workshop.evaluation.opened import Opened
from companion.workshop.evaluation.units import metric
from companion.workshop.export.merge import merge_adapter
from companion.workshop.export.verify import tolerance
from companion.workshop.nn.config import refuse_unless_supported
from companion.workshop.nn.decoder import UNPACKED, Decoder, DecoderOptions
from companion.workshop.nn.losses import token_losses
from companion.workshop.nn.weights import GGUFWeights

MOST_TOKENS: Final = 8192
"""About so many tokens of dialogues are computed twice."""
KEY: Final = "likelihood.torch_loss"


class Checked(NamedTuple):
    metric: Metric
    notes: tuple[str, ...]


def torch_check(opened: Opened, measured: Sequence[Measured], tell: Tell) -> Checked:
    """The loss of her replies in torch, and a sentence that sets both programs side by side."""
    fields: dict[str, Any] = {
        "title": "Held-out loss in torch",
        "unit": "nats per token",
        "explained": "The same loss computed by the trainer's own network; it should differ by less than one per cent.",
    }
    chosen = _affordable([one for one in measured if one.assistant.tokens])
    if not chosen:
        return Checked(Metric(key=KEY, value=None, why="There are no replies to compute it from.", **fields), ())
    try:
        with _merged(opened) as header:
            decoder = Decoder.load(GGUFWeights(header), DecoderOptions(packed=header.parameters > UNPACKED))
            decoder.eval()
            nats = []
            for number, one in enumerate(chosen, start=1):
                batch = pack([Example(list(one.tokens), list(one.learn))])
                nats.append(float(token_losses(decoder, batch).double().sum()))
                tell(number / len(chosen))
    except ModelError as error:
        return Checked(Metric(key=KEY, value=None, why=f"{error.what} {error.remedy}".strip(), **fields), ())
    vectors = tuple((each, float(one.assistant.tokens)) for each, one in zip(nats, chosen, strict=True))
    items = Items(names=tuple(one.fingerprint for one in chosen), vectors=vectors)
    tokens = sum(one.assistant.tokens for one in chosen)
    torchs, llamas = sum(nats) / tokens, sum(one.assistant.nats for one in chosen) / tokens
    agree = abs(torchs - llamas) <= tolerance(int(tokens)) * torchs
    note = (
        f"Over {len(chosen):,} dialogues with {tokens:,} tokens of hers, torch computes {torchs:.4f} nats per token and "
        f"llama.cpp {llamas:.4f}{'' if agree else ', which is too far apart: one of them is wrong'}."
    )
    return Checked(metric(KEY, items=items, why="", **fields), (note,))


def _affordable(measured: Sequence[Measured]) -> list[Measured]:
    chosen: list[Measured] = []
    for one in measured:
        if chosen and sum(len(each.tokens) for each in (*chosen, one)) > MOST_TOKENS:
            break
        chosen.append(one)
    return chosen


@contextmanager
def _merged(opened: Opened) -> Iterator[GGUFHeader]:
    """The subject as one model file: torch reads adapters only when they are worked into the weights, here in float16."""
    header = read_header(opened.path)
    refuse_unless_supported(header)
    with tempfile.TemporaryDirectory() as folder:
        for number, (path, scale) in enumerate(opened.adapters):
            target = Path(folder) / f"merged-{number % 2}.gguf"
            adapter = replace(read_adapter(path), base_sha256="")  # which was compared when the subject was opened
            merge_adapter(target, header, adapter, scale=scale, kind="F16")
            header = read_header(target)
        yield header

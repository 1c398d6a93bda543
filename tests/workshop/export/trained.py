"""Adapters of random weights on small models, their dialogues, and torch's loss on them: what a training would leave."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights


def random_dialogues(vocabulary: int, count: int = 4, length: int = 40, seed: int = 0) -> list[Example]:
    dice = torch.Generator().manual_seed(seed)
    examples = []
    for number in range(count):
        tokens = torch.randint(3, vocabulary, (length + 7 * number,), generator=dice).tolist()
        examples.append(Example(tokens, [index > length // 3 for index in range(len(tokens))]))
    return examples


def random_tensors(shapes: dict[str, tuple[int, int]], rank: int, size: float = 0.3, seed: int = 0) -> dict[str, Tensor]:
    """A and B for the model's tensors of these shapes (out, in)."""
    dice = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, (outputs, inputs) in shapes.items():
        tensors[f"{name}.lora_a"] = torch.randn(rank, inputs, generator=dice) / inputs**0.5
        tensors[f"{name}.lora_b"] = torch.randn(outputs, rank, generator=dice) * size
    return tensors


def matrices(model: Path) -> dict[str, tuple[int, int]]:
    """The matrices of all layers, (out, in)."""
    tensors = read_header(model).tensors
    return {t.name: (t.shape[1], t.shape[0]) for t in tensors if t.name.startswith("blk.") and len(t.shape) == 2}


class Losses(NamedTuple):
    plain: float
    adapted: float


def torch_losses(
    model: Path, examples: list[Example], tensors: dict[str, Tensor] | None = None, alpha: float = 0.0, rslora: bool = False
) -> Losses:
    """Nats per learned token in float32, without and with the adapter of `tensors`."""
    decoder = Decoder.load(GGUFWeights(read_header(model)), DecoderOptions(compute=torch.float32))

    def loss() -> float:
        with torch.no_grad():
            found = [supervised_loss(decoder, pack([example]), Loss()) for example in examples]
        return sum(one.cross_entropy for one in found) / sum(one.count for one in found)

    plain = loss()
    if tensors:
        rank = next(iter(tensors.values())).shape[0]
        decoder.add_adapter(Adapter(rank=rank, alpha=alpha, rank_stabilized=rslora), seed=0)
        assert set(decoder.trainable()) == set(tensors)
        with torch.no_grad():
            for name, parameter in decoder.trainable().items():
                parameter.copy_(tensors[name])
    return Losses(plain, loss())

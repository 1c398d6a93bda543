"""Which feed-forward neurons and attention heads of a layer matter: by what taking one out would do.

A neuron is one number m_j between the feed-forward products; a group is what one key/value head gathers for all query heads
that read it, Σ over its columns of the output matrix. Leaving one out is multiplying it by 0 instead of 1, and three scores
say what that does:

fisher      ½ E[(∂ log p / ∂ gate)²], the second-order change of the next word's chances in nats per token, with words
            drawn from the model (Molchanov et al. 2019, arXiv:1906.10771; Michel et al. 2019, arXiv:1905.10650)
wanda       Σ_i W_ij² E[m_j²], what it writes into the residual stream (Sun et al. 2023, arXiv:2306.11695, by columns)
magnitude   the squares of all its weights (Li et al. 2017, arXiv:1608.08710)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from companion.llama.scoring import Tell
from companion.workshop.data.batch import Example
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.layer import Layer
from companion.workshop.nn.linear import Linear
from companion.workshop.quantization.importance import watch_drawn_words

Scores = Literal["fisher", "wanda", "magnitude"]


class LayerScores(msgspec.Struct, frozen=True):
    """Of one layer; more is more important."""

    neurons: list[float]
    heads: list[float]
    """Of key/value heads, each with the query heads that read it."""


def measure_scores(decoder: Decoder, kind: Scores, examples: Sequence[Example], *, seed: int, tell: Tell) -> list[LayerScores]:
    """Of every layer. `magnitude` reads no examples."""
    config = decoder.config
    if kind == "magnitude":
        found = []
        for layer in decoder.layers:
            found.append(_by_weights(layer, config))
            tell(len(found) / config.layers)
        return found
    sums: dict[int, Tensor] = {}
    watched = {id(linear) for layer in decoder.layers for linear in (layer.down, layer.output)}
    outputs = {id(layer.output) for layer in decoder.layers}
    tokens = sum(len(example.tokens) - 1 for example in examples)

    def watch(linear: Linear, x: Tensor, dy: Tensor) -> None:
        place = id(linear)
        if place not in watched:
            return
        if kind == "wanda":
            effect = x.float().square().sum(0)
        else:
            slope = (dy @ linear.dense()).float() * x.float()
            slope = _by_group(slope, config) if place in outputs else slope
            effect = slope.square().sum(0) / 2
        sums[place] = sums.get(place, torch.zeros((), device=x.device)) + effect.double()

    watch_drawn_words(decoder, examples, watch, seed=seed, tell=tell)
    found = []
    for layer in decoder.layers:
        neurons, heads = (sums[id(linear)] / tokens for linear in (layer.down, layer.output))
        if kind == "wanda":
            neurons, heads = neurons * _columns(layer.down), _by_group(heads * _columns(layer.output), config)
        found.append(LayerScores(neurons.tolist(), heads.tolist()))
    return found


def staying(scores: Sequence[float], count: int, block: int = 1) -> NDArray[np.int64]:
    """The `count` best, ascending; in blocks of so many neighbours that go or stay together."""
    together = np.asarray(scores, np.float64).reshape(-1, block).sum(1)
    chosen = np.sort(np.argsort(-together, kind="stable")[: count // block])
    return (chosen[:, None] * block + np.arange(block)).ravel()


def _by_weights(layer: Layer, config: DecoderConfig) -> LayerScores:
    """One matrix at a time: packed ones are unpacked into the same place."""
    c = config
    rows = layer.gate_up.dense().double().square().sum(1)
    neurons = rows.view(-1, c.feed_forward).sum(0) + _columns(layer.down)
    q, k, v = torch.split(layer.qkv.dense().double().square().sum(1), [c.query_width, c.kv_width, c.kv_width])
    heads = sum((_by_group(each, c) for each in (q, k, v)), _by_group(_columns(layer.output), c))
    return LayerScores(neurons.tolist(), heads.tolist())


def _columns(linear: Linear) -> Tensor:
    """Sum of the squares of each column, (in,)."""
    return linear.dense().double().square().sum(0)


def _by_group(values: Tensor, config: DecoderConfig) -> Tensor:
    """(…, key/value heads): sums over the columns of each, which lie side by side."""
    return values.view(*values.shape[:-1], config.kv_heads, -1).sum(-1)

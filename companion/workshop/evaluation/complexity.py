"""How large the model and its update are: in numbers, in norms, and in what a part of it could express."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import norm as normal

from companion.core.adapter import read_adapter
from companion.core.gguf.header import read_header
from companion.core.moods import LABELS
from companion.core.report import Curve, Interval, Metric, Section, Table
from companion.mood import weights as mood_weights
from companion.mood.classifier import MoodReader, weights_file
from companion.workshop.evaluation.family import Situation
from companion.workshop.evaluation.rademacher import linear_rademacher
from companion.workshop.evaluation.update_size import Norms, Update, by_layer, updates, weight_norms
from companion.workshop.nn.weights import GGUFWeights

KEY: Final = "complexity"
TITLE: Final = "Complexity"
MOOD_TEXTS: Final = 500
SIGN_DRAWS: Final = 400
LARGEST: Final = 8
"""Weights shown in the table."""
NO_ADAPTER: Final = "There is no adapter on this model: name one as FILE or FILE:SCALE behind it."


class Changed(NamedTuple):
    """A weight of the model and its update."""

    update: Update
    norms: Norms

    @property
    def frobenius(self) -> float:
        """The update's share of the weight, by Frobenius norms."""
        return self.update.frobenius / self.norms.frobenius if self.norms.frobenius else 0.0

    @property
    def spectral(self) -> float:
        """The same by spectral norms."""
        return self.update.spectral / self.norms.spectral if self.norms.spectral else 0.0


def measure(situation: Situation) -> Section:
    """Raises ModelError when a file cannot be read any more."""
    opened = situation.opened
    header = read_header(opened.path)
    base = GGUFWeights(header)
    found = updates(opened.adapters)
    adapted = {update.name for update in found}
    norms: dict[str, Norms] = {}
    matrices = [tensor.name for tensor in header.tensors if len(tensor.shape) > 1]
    for number, name in enumerate(matrices, start=1):
        norms[name] = weight_norms(base.packed(name), spectral=name in adapted)
        situation.tell(0.9 * number / len(matrices))
    base.release()
    changed = [Changed(update, norms[update.name]) for update in found]
    mood = _mood(situation)
    situation.tell(1.0)
    return Section(
        key=KEY,
        title=TITLE,
        explained="How large the model is, and how much its adapters change it.",
        metrics=(
            _count("parameters", "Parameters", header.parameters, "Numbers that the model consists of."),
            _trainable(situation),
            *_update_metrics(changed),
            Metric(
                key=f"{KEY}.weight_norm",
                title="Norm of all weights",
                value=math.sqrt(sum(each.frobenius**2 for each in norms.values())),
                explained="The square root of the sum of all weights squared (Frobenius), before any adapter.",
                count=len(norms),
                units="weights",
            ),
            mood,
        ),
        curves=_curves(changed, norms),
        tables=(_largest(changed),) if changed else (),
        notes=("Spectral norms of the model's own weights come from block power iteration, which never overestimates.",)
        if changed
        else (),
    )


def _count(name: str, title: str, value: int, explained: str) -> Metric:
    return Metric(key=f"{KEY}.{name}", title=title, value=float(value), unit="parameters", explained=explained)


def _trainable(situation: Situation) -> Metric:
    adapters = [read_adapter(adapter.path) for adapter in situation.opened.adapters]
    explained = "Numbers of the adapters, which are all that training may change."
    if not adapters:
        return Metric(key=f"{KEY}.trainable", title="Trainable parameters", value=None, explained=explained, why=NO_ADAPTER)
    return _count("trainable", "Trainable parameters", sum(adapter.parameters for adapter in adapters), explained)


def _update_metrics(changed: Sequence[Changed]) -> list[Metric]:
    """Means over the weights that have an update; without any there are no values."""
    count = len(changed)
    whole = math.sqrt(sum(each.norms.frobenius**2 for each in changed))
    values: list[tuple[str, str, float, str, str]] = [
        (
            "effective_rank",
            "Effective rank of the update",
            sum(each.update.effective_rank for each in changed) / max(1, count),
            "",
            "How many directions the update of a weight really uses, on average: the exponential of the entropy of its "
            "singular values.",
        ),
        (
            "update_frobenius",
            "Size of the update",
            math.sqrt(sum(each.update.frobenius**2 for each in changed)) / whole if whole else 0.0,
            "share",
            "Frobenius norm of all updates against that of the weights they belong to.",
        ),
        (
            "update_spectral",
            "Strongest direction of the update",
            sum(each.spectral for each in changed) / max(1, count),
            "share",
            "Spectral norm of an update against that of its weight, on average: how loud its loudest direction is.",
        ),
    ]
    return [
        Metric(
            key=f"{KEY}.{name}",
            title=title,
            value=value if changed else None,
            unit=unit,
            explained=explained,
            why="" if changed else NO_ADAPTER,
            count=count,
            units="weights",
        )
        for name, title, value, unit, explained in values
    ]


def _mood(situation: Situation) -> Metric:
    """Of the mood model's last layer, over the texts of these dialogues; each of its labels is one linear head."""
    texts = dict.fromkeys(
        turn.content.strip()
        for dialogue in situation.material.dialogues
        for turn in dialogue.messages
        if turn.role != "system" and turn.content.strip()
    )
    chosen = list(texts)[:MOOD_TEXTS]
    title = "Rademacher complexity of the mood head"
    explained = (
        "How well the mood model's last layer could fit labels drawn at random on these texts, from 0 (not at all): "
        "the less, the more its mistakes on new texts are like those on known ones."
    )
    if not chosen:
        why = "There are no texts. Name a dataset of dialogues."
        return Metric(key=f"{KEY}.mood_rademacher", title=title, value=None, explained=explained, why=why)
    reader = MoodReader.load()
    arrays = mood_weights.read(weights_file()).arrays
    features = np.array([[*reader.features(text), 1.0] for text in chosen], np.float64)  # the bias is a weight of a constant
    heads = np.concatenate([arrays["output"], arrays["output.bias"][None]], axis=0)
    largest = float(np.linalg.norm(heads, axis=0).max())
    options = situation.recipe.certainty
    z = float(normal.isf((1 - options.level) / 2))
    found = linear_rademacher(features, largest, draws=SIGN_DRAWS, seed=options.seed, z=z)
    method = f"{SIGN_DRAWS} draws of signs, seed {options.seed}; the texts are taken as given"
    return Metric(
        key=f"{KEY}.mood_rademacher",
        title=title,
        value=found.value,
        explained=f"{explained} For the largest of its {len(LABELS)} heads (norm {largest:.2f}); at most {found.bound:.3f}.",
        interval=Interval(low=found.low, high=found.high, level=options.level, method=method),
        count=len(chosen),
        units="texts",
    )


def _curves(changed: Sequence[Changed], norms: dict[str, Norms]) -> tuple[Curve, ...]:
    inside = {name: each.frobenius for name, each in norms.items() if name.startswith("blk.")}
    curves = [_by_layer("Weight norms by layer", "mean Frobenius norm", {"weights": inside}, "How large the weights are.")]
    if changed:
        ranks = {each.update.name: each.update.effective_rank for each in changed}
        sizes = {
            "Frobenius": {each.update.name: each.frobenius for each in changed},
            "spectral": {each.update.name: each.spectral for each in changed},
        }
        curves += [
            _by_layer("Effective rank by layer", "effective rank", {"update": ranks}, "Where the update uses many directions."),
            _by_layer("Size of the update by layer", "share of the weight", sizes, "Where the adapter changes the model most."),
        ]
    return tuple(curve for curve in curves if all(curve.series.values()))


def _by_layer(title: str, y_label: str, series: dict[str, dict[str, float]], explained: str) -> Curve:
    points = {
        name: tuple((float(layer), value) for layer, value in by_layer(values).items() if layer >= 0)
        for name, values in series.items()
    }
    return Curve(title=title, x_label="layer", y_label=y_label, series=points, explained=explained)


def _largest(changed: Sequence[Changed]) -> Table:
    most = sorted(changed, key=lambda each: -each.frobenius)[:LARGEST]
    rows = [
        (each.update.name, f"{each.update.effective_rank:.1f}", f"{each.frobenius:.2%}", f"{each.spectral:.2%}") for each in most
    ]
    return Table(
        title="Weights that changed most",
        header=("weight", "effective rank", "Frobenius", "spectral"),
        rows=tuple(rows),
        explained="Norms of the update against those of the weight.",
    )

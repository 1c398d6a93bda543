"""How far every next word's chances are from those of a reference model, on the texts that perplexity is measured on."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion.core.errors import DatasetError
from companion.core.report import Curve, Items, Metric, Section
from companion.llama.divergence import divergence, refuse_other_vocabulary
from companion.workshop.evaluation.certainty import bootstrap
from companion.workshop.evaluation.family import Situation
from companion.workshop.evaluation.likelihood import chunk_names, read_tokens
from companion.workshop.evaluation.opened import Opened
from companion.workshop.evaluation.units import metric

KEY: Final = "divergence"
PERCENTILES: Final = (90.0, 95.0, 99.0, 99.9)
RARE: Final = 99.5
"""Beyond this percentile an interval from a few chunks would say nothing."""
_TITLE: Final = "Divergence from the reference"
_EXPLAINED: Final = "How differently the model chooses its next word than the reference model does, over the same text."


class _Chunks(NamedTuple):
    """All texts together, (chunks, tokens per chunk)."""

    names: tuple[str, ...]
    kl: NDArray[np.float64]
    same_top: NDArray[np.bool_]
    change: NDArray[np.float64]


def measure(situation: Situation) -> Section:
    """Skipped for the reference itself. Raises ModelError for different vocabularies, DatasetError when every text is too
    short, EngineError."""
    reference = situation.reference
    if reference is None:
        return Section(key=KEY, title=_TITLE, explained=_EXPLAINED, state="skipped", why="This is the reference itself.")
    refuse_other_vocabulary(reference.model, situation.opened.model)
    found = _over_texts(situation, reference)
    situation.tell(1.0)
    return Section(
        key=KEY,
        title=_TITLE,
        explained=_EXPLAINED,
        metrics=(*_means(found), *_spread(situation, found)),
        curves=(_curve(found.kl.ravel()),),
        notes=(f"Measured from “{reference.subject.name}”.",),
    )


def _over_texts(situation: Situation, reference: Opened) -> _Chunks:
    recipe, opened, texts = situation.recipe.likelihood, situation.opened, situation.material.texts
    names: list[str] = []
    found, too_short = [], None
    for number, text in enumerate(texts):
        tokens = read_tokens(opened, text, recipe.most_tokens)
        size, batch = recipe.context, min(512, recipe.context)
        try:
            with reference.context(size, batch=batch) as before, opened.context(size, batch=batch) as after:
                found.append(
                    divergence(
                        before,
                        after,
                        tokens,
                        chunk=size,
                        tell=lambda done, begun=number: situation.tell((begun + done) / len(texts)),  # type: ignore[misc]
                    )
                )
        except DatasetError as error:
            too_short = error
            continue
        names += chunk_names(text, [tokens[at : at + size] for at in range(0, len(found[-1].kl) * size, size)])
    if not found:
        raise too_short or DatasetError("There is no text to measure on.", "Name one (likelihood.text_files).")
    kl, same_top, change = (np.concatenate(parts) for parts in zip(*((f.kl, f.same_top, f.change) for f in found), strict=True))
    return _Chunks(tuple(names), kl, same_top, change)


def _means(found: _Chunks) -> list[Metric]:
    def items(values: NDArray[Any]) -> Items:
        count = float(values.shape[1])
        return Items(names=found.names, vectors=tuple((float(each), count) for each in values.sum(axis=1)))

    return [
        metric(
            f"{KEY}.mean",
            "KL divergence, mean",
            items(found.kl),
            units="chunks",
            why="",
            unit="nats per token",
            explained="0 would be the same chances for every word; far below 0.1 nobody notices a difference.",
        ),
        metric(
            f"{KEY}.same_top",
            "Same likeliest word",
            items(found.same_top),
            units="chunks",
            why="",
            unit="share",
            explained="How often both models find the same next word the likeliest.",
        ),
    ]


def _spread(situation: Situation, found: _Chunks) -> list[Metric]:
    """What is no mean: percentiles and the root mean square, with intervals drawn by chunks."""
    options = situation.recipe.certainty

    def drawn(key: str, title: str, explained: str, unit: str, percentile: float | None) -> Metric:
        def estimate(chunks: NDArray[np.intp]) -> float:
            if percentile is None:
                return float(np.sqrt(np.mean(np.square(found.change[chunks]))))
            return float(np.percentile(found.kl[chunks], percentile))

        everything = np.arange(len(found.kl), dtype=np.intp)
        is_common = percentile is None or percentile < RARE
        interval = bootstrap(estimate, len(everything), options, key=f"{KEY}.{key}", called="chunks") if is_common else None
        return Metric(
            key=f"{KEY}.{key}",
            title=title,
            value=estimate(everything),
            unit=unit,
            explained=explained,
            interval=interval,
            count=len(everything),
            units="chunks",
        )

    rows = [drawn("median", "KL divergence, median", "Half of all words are nearer than this.", "nats per token", 50.0)]
    rows += [
        drawn(f"p{each:g}", f"KL divergence, {each:g} %", f"{each:g} of 100 words are nearer than this.", "nats per token", each)
        for each in PERCENTILES
    ]
    rows.append(drawn("max", "KL divergence, largest", "The word on which both differ most.", "nats per token", 100.0))
    said = "By how much the chance of the true next word typically changes."
    rows.append(drawn("rms_change", "RMS Δp", said, "share", None))
    return rows


def _curve(kl: NDArray[np.float64]) -> Curve:
    """Percentiles of the divergence; on the right the few words on which the models differ most."""
    shares = np.unique(np.concatenate([np.linspace(0, 100, 51), [99.5, 99.9]]))
    values = np.percentile(kl, shares)
    return Curve(
        title="KL divergence of each word",
        x_label="per cent of the words",
        y_label="nats, at most",
        series={
            "divergence": tuple((float(x), max(0.0, float(y))) for x, y in zip(shares, values, strict=True) if math.isfinite(y))
        },
        explained="The flatter this line, the more alike both models are on most words.",
    )

"""How surely a subject expects what was really said: perplexity of texts, held-out loss of dialogues, bits per byte."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from companion.core.errors import DatasetError
from companion.core.report import Curve, Items, Metric, Section
from companion.llama.context import Context
from companion.llama.scoring import refuse_too_short, score_chunks, text_tokens
from companion.workshop.evaluation.family import Situation, Tell, Text
from companion.workshop.evaluation.held_out import Counted, HeldOut, Measured, held_out
from companion.workshop.evaluation.lanes import in_lanes, lanes_for
from companion.workshop.evaluation.material import DATASET
from companion.workshop.evaluation.opened import Opened
from companion.workshop.evaluation.torch_check import torch_check
from companion.workshop.evaluation.units import metric

KEY: Final = "likelihood"
MOST_CHARACTERS: Final = 32
"""That tokens stand for on average: what is beyond need not be tokenized."""
_NO_WORDS: Final = "There are no such words in these dialogues; name dialogues that hold some."
_ROLES: Final[dict[str, tuple[str, Callable[[Measured], Counted], str]]] = {
    "": (
        "Held-out loss",
        lambda one: one.assistant,
        "How much her replies in these dialogues surprise the model; less is better.",
    ),
    ":user": ("Held-out loss, the person", lambda one: one.user, "How much what the person says surprises the model."),
    ":all": ("Held-out loss, both", lambda one: one.both, "How much the words of both surprise the model."),
}


def measure(situation: Situation) -> Section:
    """Raises EngineError, ModelError."""
    recipe, opened = situation.recipe.likelihood, situation.opened
    texts, dialogues = situation.material.texts, situation.material.dialogues[: recipe.dialogues]
    metrics: list[Metric] = []
    for number, text in enumerate(texts):
        metrics += _of_text(situation, text, _part(situation.tell, 0.5 * number / len(texts), 0.5 / len(texts)), number == 0)
    found = held_out(opened, dialogues, _part(situation.tell, 0.5, 0.3 if recipe.torch_check else 0.5))
    metrics += _of_dialogues(found)
    notes = found.notes
    if recipe.torch_check:
        checked = torch_check(opened, found.measured, _part(situation.tell, 0.8, 0.2))
        metrics.append(checked.metric)
        notes += checked.notes
    situation.tell(1.0)
    return Section(
        key=KEY,
        title="Likelihood",
        explained="How surely the model expects what people really wrote and said.",
        metrics=tuple(metrics),
        curves=_distribution(found.measured),
        notes=notes,
    )


def _of_text(situation: Situation, text: Text, tell: Tell, first: bool) -> list[Metric]:
    """Perplexity and bits per byte of one text; without a value, and with the reason, when it is too short."""
    opened, recipe = situation.opened, situation.recipe.likelihood
    tokens = read_tokens(opened, text, recipe.most_tokens)
    suffix = "" if first else f":{text.name}"
    fields: dict[str, Any] = {"better": "lower", "units": "chunks"}
    perplexed: dict[str, Any] = {
        "key": f"{KEY}.perplexity{suffix}",
        "title": f"Perplexity ({text.name})",
        "explained": "Among how many words, all equally likely, the model seems to choose in plain text.",
        "headline": first,
    }
    bits: dict[str, Any] = {
        "key": f"{KEY}.text_bits_per_byte{suffix}",
        "title": f"Bits per byte ({text.name})",
        "unit": "bits per byte",
        "explained": "How many bits the model would need for each byte of the text; comparable between all models.",
    }
    chunk, piece = recipe.context, opened.model.vocabulary.piece
    try:
        refuse_too_short(tokens, chunk)
    except DatasetError as error:
        why = f"{error.what} {error.remedy}"
        return [Metric(value=None, why=why, **fields, **each) for each in (perplexed, bits)]
    chunks = [tokens[start : start + chunk] for start in range(0, len(tokens) - chunk + 1, chunk)]
    values = _score(opened, chunks, chunk, tell)
    names = chunk_names(text, chunks)
    sizes = [sum(len(piece(token)) for token in part[chunk // 2 + 1 :]) for part in chunks]
    nats, count = -values.sum(axis=1), float(values.shape[1])
    by_token = Items(names=names, vectors=tuple((float(each), count) for each in nats), combine="exp-ratio")
    by_byte = Items(
        names=tuple(f"{text.name} {number}" for number in range(len(chunks))),
        vectors=tuple((float(each) / math.log(2), float(size)) for each, size in zip(nats, sizes, strict=True)),
    )
    return [
        metric(items=by_token, why=_NO_WORDS, **fields, **perplexed),
        metric(items=by_byte, why=_NO_WORDS, **fields, **bits),
    ]


def _score(opened: Opened, chunks: Sequence[list[int]], size: int, tell: Tell) -> NDArray[np.float64]:
    """(chunks, tokens per chunk) log-probabilities as llama.cpp's tool would count them."""

    def work(context: Context, part: Sequence[list[int]], told: Tell) -> list[NDArray[np.float64]]:
        return list(score_chunks(context, [token for each in part for token in each], size, told))

    lanes = lanes_for(opened, len(chunks))
    found = in_lanes(opened, chunks, lanes, lambda lane, _: lane.context(size, batch=min(512, size)), work, tell)
    return np.stack(found)


def read_tokens(opened: Opened, text: Text, most: int) -> list[int]:
    """The beginning of a text as llama.cpp's tool would read it, at most so many tokens."""
    return text_tokens(opened.model.vocabulary, text.content[: most * MOST_CHARACTERS])[:most]


def chunk_names(text: Text, chunks: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Each chunk by the text, its number and its tokens: those of different vocabularies are not to be paired."""
    digests = (hashlib.blake2b(np.asarray(part, "<i4").tobytes(), digest_size=4).hexdigest() for part in chunks)
    return tuple(f"{text.name} {number} {digest}" for number, digest in enumerate(digests))


def _of_dialogues(found: HeldOut) -> list[Metric]:
    metrics = [role_loss(f"{KEY}.held_out_loss{suffix}", suffix, found.measured) for suffix in _ROLES]
    datasets = list(dict.fromkeys(one.dialogue.labels.get(DATASET, "") for one in found.measured))
    if len(datasets) > 1:
        for name in datasets:
            those = [one for one in found.measured if one.dialogue.labels.get(DATASET, "") == name]
            metrics.append(role_loss(f"{KEY}.held_out_loss@{name}", "", those, f" ({name})"))
    hers = [one for one in found.measured if one.assistant.bytes]
    items = Items(
        names=tuple(one.dialogue.id for one in hers),
        vectors=tuple((one.assistant.nats / math.log(2), float(one.assistant.bytes)) for one in hers),
    )
    bits = metric(
        f"{KEY}.bits_per_byte",
        "Bits per byte of her replies",
        items,
        why=_NO_WORDS,
        unit="bits per byte",
        better="lower",
        explained="The held-out loss per byte of text instead of per token; comparable between all models.",
    )
    return [*metrics, bits]


def role_loss(key: str, role: str, measured: Sequence[Measured], more: str = "") -> Metric:
    """The held-out loss of what one role says; `more` goes behind the title, for a part of the dialogues."""
    title, of, explained = _ROLES[role]
    those = [(one, of(one)) for one in measured if of(one).tokens]
    items = Items(
        names=tuple(one.fingerprint for one, _ in those),
        vectors=tuple((counted.nats, float(counted.tokens)) for _, counted in those),
    )
    return metric(
        key,
        f"{title}{more}",
        items,
        why=_NO_WORDS,
        unit="nats per token",
        better="" if role else "lower",
        explained=explained,
        headline=not role and not more,
    )


def _distribution(measured: Sequence[Measured]) -> tuple[Curve, ...]:
    """How the dialogues' losses are spread: bars of equal width."""
    losses = [one.assistant.nats / one.assistant.tokens for one in measured if one.assistant.tokens]
    if len(losses) < 2:
        return ()
    counts, edges = np.histogram(losses, bins=min(20, max(4, math.isqrt(2 * len(losses)))))
    bars = tuple((float(low + high) / 2, float(n)) for n, low, high in zip(counts, edges, edges[1:], strict=False))
    return (
        Curve(
            title="Held-out loss of each dialogue",
            x_label="nats per token",
            y_label="dialogues",
            series={"her replies": bars},
            kind="bars",
            explained="Dialogues on the right surprised the model most.",
        ),
    )


def _part(tell: Tell, begin: float, share: float) -> Tell:
    """Progress of one part of the work as that of all of it."""
    return lambda done: tell(begin + share * done)

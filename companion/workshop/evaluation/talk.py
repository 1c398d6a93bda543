"""How she talks: variety, repetition and loops, length, ends of turns, language, character. All replies are looked at."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion.core.loops import find_loop
from companion.core.recipes.evaluate import Certainty
from companion.core.report import Better, Curve, Failure, FailureKind, Items, Metric, SampleReply, Section
from companion.core.words import words_of
from companion.workshop.evaluation.certainty import bootstrap
from companion.workshop.evaluation.character_breaks import character_break
from companion.workshop.evaluation.drift import Drift, drifts
from companion.workshop.evaluation.family import Reply, Situation
from companion.workshop.evaluation.units import by_dialogue, metric, shortened
from companion.workshop.evaluation.variety import distinct, said_before, self_repetition

KEY: Final = "talk"
TITLE: Final = "How she talks"
NO_WORDS: Final = "No reply has enough words. Raise “tokens” in the suite’s table of replies."
EXAMPLES: Final = 5
"""Failures of one kind that are shown."""
BINS: Final = 16


class _Looked(NamedTuple):
    """Everything that is found out about one reply."""

    reply: Reply
    words: list[str]
    loop: str
    broken: str
    drift: Drift | None

    @property
    def empty(self) -> bool:
        return not self.reply.text.strip()


def measure(situation: Situation) -> Section:
    """Over the replies to the material's prompts."""
    replies = situation.replies
    if not replies:
        why = "There are no dialogues to reply to. Name a dataset of dialogues, or raise “dialogues” in the table of replies."
        return Section(key=KEY, title=TITLE, state="skipped", why=why)
    languages = drifts(replies)
    situation.tell(0.5)
    looked = [
        _Looked(reply, words_of(reply.text), find_loop(reply.text), character_break(reply.text), language)
        for reply, language in zip(replies, languages, strict=True)
    ]
    metrics = [*_shares(looked), *_variety(looked), *_lengths(looked, situation.recipe.certainty)]
    return Section(
        key=KEY,
        title=TITLE,
        explained="What can be told from her replies without knowing the right answer.",
        metrics=tuple(metrics),
        curves=(_distribution(looked),),
        samples=_samples(replies[: situation.recipe.replies.samples]),
        failures=tuple(_failures(looked)),
        notes=_notes(looked),
    )


def _shares(looked: Sequence[_Looked]) -> list[Metric]:
    """Metrics that are a share of replies."""

    def share(
        name: str, title: str, better: Better, explained: str, counts: Callable[[_Looked], bool], *, headline: bool = False
    ) -> Metric:
        vectors = [(float(counts(each)), 1.0) for each in looked]
        items = by_dialogue([each.reply.prompt for each in looked], vectors)
        return metric(
            f"{KEY}.{name}", title, items, why=NO_WORDS, unit="share", better=better, explained=explained, headline=headline
        )

    judged = [each for each in looked if each.drift is not None]
    drifted = by_dialogue([each.reply.prompt for each in judged], [(float(bool(_drifted(each))), 1.0) for each in judged])
    return [
        share("ended", "Ends her turn", "higher", "Replies that she ended herself.", lambda e: e.reply.ended, headline=True),
        share("empty", "Empty replies", "lower", "Replies without a word in them.", lambda e: e.empty),
        share("loops", "Loops", "lower", "Replies in which a phrase is said again and again.", lambda e: bool(e.loop)),
        share(
            "breaks_character",
            "Breaks character",
            "lower",
            "Replies that talk of being an AI model or like an assistant’s stock phrases.",
            lambda e: bool(e.broken),
            headline=True,
        ),
        metric(
            f"{KEY}.other_language",
            "Other language",
            drifted,
            why="Every reply is too short for its language to be told. Raise “tokens” in the table of replies.",
            unit="share",
            better="lower",
            explained="Replies in another language than the one that is spoken.",
        ),
    ]


def _by_dialogue(looked: Sequence[_Looked]) -> dict[str, list[_Looked]]:
    found: dict[str, list[_Looked]] = {}
    for each in looked:
        found.setdefault(each.reply.prompt.dialogue.id or each.reply.prompt.name, []).append(each)
    return found


def _drifted(each: _Looked) -> bool:
    return each.drift is not None and each.drift.drifted


def _variety(looked: Sequence[_Looked]) -> list[Metric]:
    prompts = [each.reply.prompt for each in looked]
    by_name = _by_dialogue(looked)

    def ratio(name: str, title: str, better: Better, explained: str, vectors: Sequence[tuple[float, float]]) -> Metric:
        items = by_dialogue(prompts, vectors)
        return metric(f"{KEY}.{name}", title, items, why=NO_WORDS, unit="share", better=better, explained=explained)

    things = {1: "words", 2: "pairs of words", 3: "runs of three words"}
    found = [
        metric(
            f"{KEY}.distinct_{size}",
            f"Distinct-{size}",
            Items(names=tuple(by_name), vectors=tuple(distinct([[e.words for e in each] for each in by_name.values()], size))),
            why=NO_WORDS,
            unit="share",
            better="higher",
            explained=f"Different {thing} among all {thing} she said; more replies make it smaller, so compare as many of them.",
        )
        for size, thing in things.items()
    ]
    return [
        *found,
        ratio(
            "self_repetition",
            "Repeats inside a reply",
            "lower",
            "Runs of four words that she had already said in the same reply.",
            [self_repetition(each.words) for each in looked],
        ),
        ratio(
            "across_replies",
            "Repeats across replies",
            "lower",
            "Sentences that she also says in other replies.",
            said_before([each.reply.text for each in looked]),
        ),
    ]


def _lengths(looked: Sequence[_Looked], options: Certainty) -> list[Metric]:
    counts = [np.array([float(len(each.words)) for each in same]) for same in _by_dialogue(looked).values()]
    written = [(each, words_of(each.reply.prompt.reference)) for each in looked if each.reply.prompt.reference.strip()]
    verbosity = by_dialogue(
        [each.reply.prompt for each, _ in written], [(float(len(each.words)), float(len(words))) for each, words in written]
    )

    def quantile(name: str, title: str, share: float, explained: str) -> Metric:
        def estimate(chosen: NDArray[np.intp]) -> float:
            return float(np.quantile(np.concatenate([counts[index] for index in chosen]), share))

        key = f"{KEY}.{name}"
        return Metric(
            key=key,
            title=title,
            value=estimate(np.arange(len(counts))),
            unit="words",
            explained=explained,
            interval=bootstrap(estimate, len(counts), options, key=key, called="dialogues"),
            count=len(counts),
            units="dialogues",
        )

    return [
        quantile("words_median", "Length, half of the replies", 0.5, "Half of her replies have at most so many words."),
        quantile("words_p90", "Length, nine of ten replies", 0.9, "Nine of ten replies have at most so many words."),
        metric(
            f"{KEY}.verbosity",
            "Length against people’s",
            verbosity,
            why="No dialogue has a reply that a person wrote. Choose dialogues with replies of “assistant”.",
            unit="times",
            explained="Her words for each word that people wrote at the same places; 1 is as long.",
        ),
    ]


def _distribution(looked: Sequence[_Looked]) -> Curve:
    """Share of the replies per bin of lengths, against those that people wrote."""
    hers = [len(each.words) for each in looked]
    theirs = [len(words_of(each.reply.prompt.reference)) for each in looked if each.reply.prompt.reference.strip()]
    width = max(1, -(-(max(hers + theirs) + 1) // BINS))

    def bars(lengths: Sequence[int]) -> tuple[tuple[float, float], ...]:
        counts = Counter(length // width for length in lengths)
        return tuple((float(number * width), counts[number] / len(lengths)) for number in range(max(hers + theirs) // width + 1))

    series = {"her replies": bars(hers)} | ({"people’s replies": bars(theirs)} if theirs else {})
    return Curve(
        title="Length of replies",
        x_label=f"words (from, {width} wide)" if width > 1 else "words",
        y_label="share of replies",
        series=series,
        kind="bars",
        explained="How long her replies are.",
    )


def _samples(replies: Sequence[Reply]) -> tuple[SampleReply, ...]:
    return tuple(
        SampleReply(name=reply.prompt.name, prompt=last_said(reply), reply=reply.text, reference=reply.prompt.reference)
        for reply in replies
    )


def last_said(reply: Reply) -> str:
    """What the person said right before."""
    return next((turn.content for turn in reversed(reply.prompt.dialogue.messages) if turn.role == "user"), "")


def _failures(looked: Sequence[_Looked]) -> list[Failure]:
    """The first few of each kind. A reply that loops and was cut for it is shown as a loop."""
    kinds: tuple[tuple[FailureKind, Callable[[_Looked], str]], ...] = (
        ("empty", lambda e: "(nothing)" if e.empty else ""),
        ("loop", lambda e: f"“{shortened(e.loop, 80)}” in: {shortened(e.reply.text)}" if e.loop else ""),
        ("never-stops", lambda e: shortened(e.reply.text) if not (e.reply.ended or e.loop or e.empty) else ""),
        ("breaks-character", lambda e: f"“{e.broken}” in: {shortened(e.reply.text)}" if e.broken else ""),
        ("other-language", lambda e: f"{e.drift.spoken}: {shortened(e.reply.text)}" if e.drift and e.drift.drifted else ""),
    )
    found = []
    for kind, example_of in kinds:
        examples = [(each.reply.prompt.name, example) for each in looked if (example := example_of(each))]
        found += [Failure(kind=kind, where=where, example=example) for where, example in examples[:EXAMPLES]]
    return found


def _notes(looked: Sequence[_Looked]) -> tuple[str, ...]:
    tokens = statistics.mean(each.reply.tokens for each in looked)
    short = sum(each.drift is None for each in looked)
    notes = [
        f"A reply has {tokens:.0f} tokens on average; one that was cut at the longest counts as not ended.",
        "Breaks of character are found by a list of English phrases: other wordings and other languages go unseen.",
    ]
    if short:
        notes.append(f"{short} of {len(looked)} replies are too short or too mixed for their language to be told.")
    return tuple(notes)

"""Whether a reply has the mood that was asked for, as the program's own mood model reads it.

The mood is asked for as a person would in the chat, by the author's note; a model with control tags (Keskar et al. 2019)
gets its tag, too. Every sentence of the reply is read, and the seven groups of Ekman are compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from companion.core.character import Character
from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.errors import DatasetError
from companion.core.moods import EKMAN, EKMAN_GROUPS, LABELS, NEUTRAL, Mood, split_sentences
from companion.core.report import Metric, SampleReply, Section, Table
from companion.mood.classifier import MoodReader
from companion.workshop.evaluation.family import Prompt, Reply, Situation
from companion.workshop.evaluation.opened import Opened
from companion.workshop.evaluation.replies import answer
from companion.workshop.evaluation.scripted import Said, character_of, dialogue, read_lines, shipped
from companion.workshop.evaluation.units import each, metric

KEY: Final = "mood"
TITLE: Final = "Mood that was asked for"
PROMPTS: Final = "moods.jsonl"
NOTHING: Final = "No reply was given. Raise “prompts” in the table “mood”."


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message that any mood could answer, and the one that is wanted."""

    id: Said
    mood: Said
    """One of the 28 labels."""
    said: Said


class Felt(NamedTuple):
    """What was read in one reply."""

    wish: Wish
    reply: Reply
    groups: frozenset[str]
    """Of all its sentences; neutral only when no sentence is anything else."""
    strongest: str
    """The group that is shown most strongly, neutral when none is."""

    @property
    def wanted(self) -> str:
        return EKMAN[self.wish.mood]

    @property
    def agrees(self) -> bool:
        return self.wanted in self.groups


def measure(situation: Situation) -> Section:
    """Each prompt once, in the mood it names."""
    wishes = read_lines(shipped(PROMPTS), Wish)[: situation.recipe.mood.prompts]
    for wish in wishes:
        if wish.mood not in LABELS:
            raise DatasetError(f"“{wish.mood}” in “{PROMPTS}” is no mood.", f"Take one of {', '.join(LABELS)}.")
    character = character_of(situation.recipe)
    prompts = [Prompt(wish.id, asked_for(wish, character, situation.opened)) for wish in wishes]
    seed = situation.recipe.certainty.seed
    replies = answer(situation.opened, prompts, situation.recipe.replies, seed, situation.tell)
    reader = MoodReader.load()
    felt = [read(reader, wish, reply) for wish, reply in zip(wishes, replies, strict=True)]
    return Section(
        key=KEY,
        title=TITLE,
        explained="She is asked to answer in a mood, and the program reads which one her answer has.",
        metrics=_metrics(felt),
        tables=(_confusion(felt),),
        samples=_samples(felt[: situation.recipe.replies.samples]),
        notes=(
            "Moods are read by the program’s own mood model, which shows a right group for about two sentences in three: full "
            "agreement cannot be expected.",
            "A reply of many sentences has more chances to hold a mood; “by chance” is how often it would agree if the wishes "
            "were dealt out anew among her replies.",
        ),
    )


def asked_for(wish: Wish, character: Character | None, opened: Opened) -> Dialogue:
    """The talk with a note that asks for the mood; with the control tag where the model's vocabulary has one."""
    who = character.called if character else "You"
    verb = "answers" if character else "answer"
    note = f"{who} {verb} in this mood now: {wish.mood}."
    tag = f"<{wish.mood}>"
    if tag in opened.model.vocabulary.control_tokens:
        note = f"{note} {tag}"
    return dialogue(wish.id, character, [DialogueTurn("user", wish.said)], note=note)


def read(reader: MoodReader, wish: Wish, reply: Reply) -> Felt:
    """Sentence by sentence, as the chat does it."""
    moods = reader.read(split_sentences(reply.text))
    shown = [mood for mood in moods if mood.label != NEUTRAL.label]
    if not shown:
        return Felt(wish, reply, frozenset({NEUTRAL.group}) if moods else frozenset(), NEUTRAL.group)
    return Felt(wish, reply, frozenset(mood.group for mood in shown), _strongest(shown))


def _strongest(shown: Sequence[Mood]) -> str:
    weights: dict[str, float] = {}
    for mood in shown:
        weights[mood.group] = weights.get(mood.group, 0.0) + mood.score
    return max(weights, key=weights.__getitem__)


def by_chance(felt: Sequence[Felt]) -> float:
    """Mean agreement over all ways to deal the wishes out among the replies."""
    wanted = Counter(one.wanted for one in felt)
    found = Counter(group for one in felt for group in one.groups)
    return sum(count * found[group] for group, count in wanted.items()) / len(felt) ** 2


def _metrics(felt: Sequence[Felt]) -> tuple[Metric, ...]:
    items = each([one.wish.id for one in felt], [float(one.agrees) for one in felt])
    agreement = metric(
        f"{KEY}.agreement",
        "Has the mood that was asked for",
        items,
        units="replies",
        why=NOTHING,
        unit="share",
        better="higher",
        explained="Replies in which the mood that was asked for can be read.",
        headline=True,
    )
    chance = Metric(
        key=f"{KEY}.by_chance",
        title="The same by chance",
        value=by_chance(felt),
        unit="share",
        explained="How often a mood would be met if it were asked for at random: what lies above this is obedience.",
        count=len(felt),
        units="replies",
    )
    return agreement, chance


def _confusion(felt: Sequence[Felt]) -> Table:
    """Rows are what was asked for, columns what was read most strongly."""
    wanted = [group for group in EKMAN_GROUPS if any(one.wanted == group for one in felt)]
    counts = Counter((one.wanted, one.strongest) for one in felt)
    rows = tuple((group, *(str(counts[group, read]) for read in EKMAN_GROUPS)) for group in wanted)
    return Table(
        title="Mood asked for and mood read",
        header=("asked for", *EKMAN_GROUPS),
        rows=rows,
        explained="Replies by the mood that was asked for (rows) and the strongest one that was read (columns).",
    )


def _samples(felt: Sequence[Felt]) -> tuple[SampleReply, ...]:
    return tuple(
        SampleReply(name=f"{one.wish.id} ({one.wish.mood})", prompt=one.wish.said, reply=one.reply.text, reference="")
        for one in felt
    )

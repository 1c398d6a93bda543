"""Whether she remembers what she was told: a name or a fact, some turns of small talk, and the question.

All turns up to the last question are written, hers too, so that every subject answers the same words. The memory of the
program is not used: this is what the model itself keeps in mind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from companion.core.character import Character
from companion.core.dataset import DialogueTurn
from companion.core.report import Curve, Metric, SampleReply, Section
from companion.workshop.evaluation.family import Prompt, Reply, Situation
from companion.workshop.evaluation.replies import answer
from companion.workshop.evaluation.scripted import Said, character_of, dialogue, read_lines, shipped
from companion.workshop.evaluation.units import by_dialogue, metric

KEY: Final = "recall"
TITLE: Final = "What she remembers"
SCRIPTS, SMALL_TALK = "recalls.jsonl", "small_talk.jsonl"
SMALL_TALK_STEP: Final = 5
KINDS: Final = {"name": ("names", "Names"), "fact": ("facts", "Facts")}
NOTHING: Final = "No such script was among those that were asked. Raise “recalls” in the table “persona”."


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is told, what she says to it, and the question; the answer must hold one of `expects`."""

    id: Said
    kind: Literal["name", "fact"]
    tell: Said
    answer: Said
    ask: Said
    expects: Annotated[tuple[Said, ...], Meta(min_length=1)]

    def held_by(self, reply: str) -> bool:
        """Whether the reply holds what was told, as whole words in any case."""
        found = "|".join(map(re.escape, self.expects))
        return re.search(rf"(?<!\w)(?:{found})(?!\w)", reply.replace("’", "'"), re.IGNORECASE) is not None


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Small talk that tells nothing."""

    said: Said
    answer: Said


class _Asked(NamedTuple):
    script: Script
    distance: int
    reply: Reply

    @property
    def held(self) -> bool:
        return self.script.held_by(self.reply.text)


def measure(situation: Situation) -> Section:
    """Every script at every distance of the recipe."""
    options = situation.recipe.persona
    distances = sorted({max(0, distance) for distance in options.distances})
    if not distances:
        why = "No distances are named. Set “distances” in the table “persona”, such as [1, 4]."
        return Section(key=KEY, title=TITLE, state="skipped", why=why)
    character = character_of(situation.recipe)
    scripts = read_lines(shipped(SCRIPTS), Script)[: options.recalls]
    small_talk = read_lines(shipped(SMALL_TALK), Exchange)
    cases = [
        (script, distance, scripted(script, distance, character, _between(small_talk, number, distance)))
        for number, script in enumerate(scripts)
        for distance in distances
    ]
    replies = answer(
        situation.opened,
        [prompt for _, _, prompt in cases],
        situation.recipe.replies,
        situation.recipe.certainty.seed,
        situation.tell,
    )
    asked = [_Asked(script, distance, reply) for (script, distance, _), reply in zip(cases, replies, strict=True)]
    return Section(
        key=KEY,
        title=TITLE,
        explained="She is told something, talks about other things, and is then asked for it.",
        metrics=tuple(_metrics(asked, distances)),
        curves=(_curve(asked, distances),),
        samples=_samples(asked, situation.recipe.replies.samples),
        notes=(
            "All that was said before the question is written, her own replies too, and the program’s memory is not used.",
            "A reply counts when it holds the word that was told, whatever it says besides.",
        ),
    )


def _between(small_talk: Sequence[Exchange], number: int, distance: int) -> list[Exchange]:
    """Other small talk for each script; beyond all there is it begins anew."""
    return [small_talk[(SMALL_TALK_STEP * number + index) % len(small_talk)] for index in range(distance)]


def scripted(script: Script, distance: int, character: Character | None, between: Sequence[Exchange]) -> Prompt:
    """The talk up to the question. Prompts of one script share the id of their dialogue: they are one unit."""
    said = [DialogueTurn("user", script.tell), DialogueTurn("assistant", script.answer)]
    for exchange in between:
        said += [DialogueTurn("user", exchange.said), DialogueTurn("assistant", exchange.answer)]
    return Prompt(f"{script.id} after {distance}", dialogue(script.id, character, [*said, DialogueTurn("user", script.ask)]))


def _metrics(asked: Sequence[_Asked], distances: Sequence[int]) -> list[Metric]:
    def share(name: str, title: str, chosen: Sequence[_Asked], explained: str, *, headline: bool = False) -> Metric:
        items = by_dialogue([each.reply.prompt for each in chosen], [(float(each.held), 1.0) for each in chosen])
        return metric(
            f"{KEY}.{name}", title, items, units="scripts", why=NOTHING, unit="share", better="higher",
            explained=explained, headline=headline,
        )  # fmt: skip

    found = [share("held", "Remembers what she was told", asked, "Answers that hold what she was told before.", headline=True)]
    for kind, (name, title) in KINDS.items():
        chosen = [each for each in asked if each.script.kind == kind]
        found.append(share(name, f"{title} remembered", chosen, f"Only the scripts that tell a {kind}."))
    for distance in distances:
        chosen = [each for each in asked if each.distance == distance]
        explained = f"Asked when {distance} {'exchange' if distance == 1 else 'exchanges'} about other things lie between."
        found.append(share(f"held:{distance}", f"Remembered after {distance}", chosen, explained))
    return found


def _curve(asked: Sequence[_Asked], distances: Sequence[int]) -> Curve:
    def line(chosen: Sequence[_Asked]) -> tuple[tuple[float, float], ...]:
        points = []
        for distance in distances:
            held = [each.held for each in chosen if each.distance == distance]
            if held:
                points.append((float(distance), sum(held) / len(held)))
        return tuple(points)

    series = {title: line([each for each in asked if each.script.kind == kind]) for kind, (_, title) in KINDS.items()}
    return Curve(
        title="Remembered over time",
        x_label="exchanges about other things between",
        y_label="share remembered",
        series={title: points for title, points in series.items() if points},
        explained="How what she was told fades while other things are talked about.",
    )


def _samples(asked: Sequence[_Asked], most: int) -> tuple[SampleReply, ...]:
    """One per script, at the largest distance."""
    farthest = max(each.distance for each in asked)
    return tuple(
        SampleReply(
            name=each.reply.prompt.name,
            prompt=f"{each.script.tell} … {each.script.ask}",
            reply=each.reply.text,
            reference=" / ".join(each.script.expects),
        )
        for each in asked
        if each.distance == farthest
    )[:most]

"""Whether she knows who she is: of two things she might say of herself, is the true one likelier than the false one?

Each question is asked behind her card and greeting, and both answers are scored as her next words by their mean
log-probability per token, so that a longer one has no disadvantage. Nothing is drawn at random.

The shipped pairs do not give themselves away: the starter model finds the true answer likelier in 75 % of them behind the
card and in 52 % without it (tests/workshop/evaluation/test_persona.py -m slow).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from companion.core.character import Character
from companion.core.character_library import built_in_character
from companion.core.dataset import DialogueTurn
from companion.core.report import Section, Table
from companion.workshop.evaluation.endings import ending_scores
from companion.workshop.evaluation.family import Situation, Tell
from companion.workshop.evaluation.opened import Opened, prompt_tokens
from companion.workshop.evaluation.scripted import Said, character_of, dialogue, read_lines, shipped
from companion.workshop.evaluation.units import each, metric, shortened

KEY: Final = "persona"
TITLE: Final = "Who she is"
FACTS: Final = "persona_facts.jsonl"
"""About the built-in character."""
ROWS: Final = 20
"""Mistaken pairs that are shown."""


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two answers to a question, alike but for what is true of the character."""

    id: Said
    question: Said
    true: Said
    false: Said


class _Case(NamedTuple):
    """An answer and all that stands before it, as tokens."""

    beginning: list[int]
    answer: list[int]


class _Scored(NamedTuple):
    fact: Fact
    margin: float
    """Nats per token by which the true answer is likelier."""


def measure(situation: Situation) -> Section:
    """The built-in character has facts that are shipped; for another one the recipe names a file of them."""
    character = character_of(situation.recipe)
    path = _facts_file(situation, character)
    if character is None or path is None:
        who = f"No facts are known about {character.called}." if character else "This suite names no character."
        remedy = "Name a file of true and false answers as “facts_file” in the table “persona”."
        if character is None:
            remedy = f"The standard one does (“character”, such as “{built_in_character().name.lower()}”)."
        return Section(key=KEY, title=TITLE, state="skipped", why=f"{who} {remedy}")
    facts = read_lines(path, Fact)[: situation.recipe.persona.facts]
    found = margins(situation.opened, character, facts, situation.tell)
    scored = [_Scored(fact, margin) for fact, margin in zip(facts, found, strict=True)]
    names = [fact.id for fact in facts]
    nothing = "There are no facts."
    wins = [1.0 if margin > 0 else 0.5 if margin == 0 else 0.0 for margin in found]
    accuracy = metric(
        f"{KEY}.facts",
        f"Knows who {character.called} is",
        each(names, wins),
        units="facts",
        why=nothing,
        unit="share",
        better="higher",
        explained="Pairs in which she finds the true answer likelier than the false one; guessing gives 50 %.",
        headline=True,
    )
    margin = metric(
        f"{KEY}.margin",
        "Margin of the truth",
        each(names, found),
        units="facts",
        why=nothing,
        unit="nats per token",
        better="higher",
        explained="By how much she finds true answers likelier than false ones, on average.",
    )
    return Section(
        key=KEY,
        title=TITLE,
        explained="Two answers to a question about her, of which one is true: which one does she find likelier?",
        metrics=(accuracy, margin),
        tables=_mistaken(scored),
        notes=("Answers are compared by their mean log-probability per token, behind her card and greeting.",),
    )


def _facts_file(situation: Situation, character: Character | None) -> Path | None:
    if situation.recipe.persona.facts_file:
        return Path(situation.recipe.persona.facts_file)
    built_in = character is not None and character.card == built_in_character().card
    return shipped(FACTS) if built_in else None


def margins(opened: Opened, character: Character | None, facts: Sequence[Fact], tell: Tell) -> list[float]:
    """Of each fact, in nats per token; with no character the question stands alone. Raises as `ending_scores`."""
    cases: list[_Case] = []
    for fact in facts:
        beginning = prompt_tokens(opened, dialogue(fact.id, character, [DialogueTurn("user", fact.question)]).messages)
        cases += [_Case(beginning, opened.model.vocabulary.tokenize(text)) for text in (fact.true, fact.false)]
    scores = _per_token(opened, cases, tell)
    return [true - false for true, false in zip(scores[::2], scores[1::2], strict=True)]


def _per_token(opened: Opened, cases: Sequence[_Case], tell: Tell) -> list[float]:
    """Mean log-probability of each answer in nats per token."""
    texts = [[*case.beginning, *case.answer] for case in cases]
    found = ending_scores(opened, texts, [len(case.beginning) for case in cases], tell)
    return [float(values[-len(case.answer) :].mean()) for case, values in zip(cases, found, strict=True)]


def _mistaken(scored: Sequence[_Scored]) -> tuple[Table, ...]:
    """The pairs that she got most wrong."""
    wrong = sorted((found for found in scored if found.margin <= 0), key=lambda found: found.margin)[:ROWS]
    if not wrong:
        return ()
    rows = tuple(
        (
            shortened(found.fact.question, 120),
            shortened(found.fact.true, 160),
            shortened(found.fact.false, 160),
            f"{found.margin:.2f}",
        )
        for found in wrong
    )
    return (
        Table(
            title="What she takes for true of herself",
            header=("question", "true", "likelier to her", "nats per token"),
            rows=rows,
            explained="The pairs she got most wrong, the worst first.",
        ),
    )

"""What every family of metrics is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from companion.core.dataset import Dialogue
from companion.core.recipes.evaluate import Evaluate
from companion.core.report import Section
from companion.workshop.evaluation.opened import Opened

Tell = Callable[[float], None]
"""Called with the share that is done, 0 to 1; may raise to give up."""


class Text(NamedTuple):
    """A plain text for perplexity."""

    name: str
    content: str


class Prompt(NamedTuple):
    """Turns up to a reply that is to be given, and the one that a person wrote there ("" when there is none)."""

    name: str
    """Unique: the dialogue and the turn. Subjects are paired by it."""
    dialogue: Dialogue
    """Ends with a user turn; begins with the card as its system turn when there is one."""
    reference: str = ""


class Reply(NamedTuple):
    prompt: Prompt
    text: str
    tokens: int
    ended: bool
    """Whether she ended her turn herself, instead of being cut."""
    seconds: float


class Material(NamedTuple):
    """What all subjects are measured on."""

    dialogues: tuple[Dialogue, ...]
    """With unique ids and the label "dataset"; the person's own, else the built-in ones."""
    texts: tuple[Text, ...]
    prompts: tuple[Prompt, ...]


class Situation(NamedTuple):
    """One subject under measurement."""

    recipe: Evaluate
    opened: Opened
    material: Material
    replies: Sequence[Reply]
    """To `material.prompts`, in their order; made once, before the families that look at them."""
    reference: Opened | None
    """What divergence is measured from; None when it would be the subject itself."""
    tell: Tell


class Family(Protocol):
    """`measure` of one file. Metrics that carry `items` get their interval later, from one place for all families.

    Raises CompanionError when it cannot measure: the section is then kept as failed with that sentence, and the other
    families go on.
    """

    def __call__(self, situation: Situation, /) -> Section: ...

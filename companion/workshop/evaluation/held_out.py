"""The held-out loss: how surely a subject expects what was really said in dialogues, by who said it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion.core.dataset import Dialogue
from companion.llama.chat_template import TemplateError
from companion.llama.vocabulary import Vocabulary
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.evaluation.endings import ending_scores
from companion.workshop.evaluation.family import Tell
from companion.workshop.evaluation.opened import Opened


class Counted(NamedTuple):
    """What one role says in one dialogue."""

    nats: float
    tokens: int
    bytes: int
    """Of the text; control tokens stand for none and are counted with the text they mark."""


class Measured(NamedTuple):
    """One dialogue."""

    dialogue: Dialogue
    assistant: Counted
    user: Counted
    tokens: tuple[int, ...]
    learn: tuple[bool, ...]
    """Which of `tokens` are hers."""

    @property
    def both(self) -> Counted:
        a, b = self.assistant, self.user
        return Counted(a.nats + b.nats, a.tokens + b.tokens, a.bytes + b.bytes)

    @property
    def fingerprint(self) -> str:
        """Names the dialogue and its tokens: losses per token of different vocabularies are not to be paired."""
        digest = hashlib.blake2b(np.asarray(self.tokens, "<i4").tobytes(), digest_size=4)
        return f"{self.dialogue.id} {digest.hexdigest()}"


class HeldOut(NamedTuple):
    measured: tuple[Measured, ...]
    notes: tuple[str, ...]
    """What could not be measured as it was, in full sentences."""


class _Example(NamedTuple):
    dialogue: Dialogue
    tokens: list[int]
    hers: NDArray[np.bool_]
    theirs: NDArray[np.bool_]

    @property
    def before(self) -> int:
        """Tokens before the first that is measured."""
        return int(np.argmax(self.hers | self.theirs))


def held_out(opened: Opened, dialogues: Sequence[Dialogue], tell: Tell) -> HeldOut:
    """Every dialogue as training would see it, with what all of them begin with computed once. Raises EngineError."""
    examples, notes = _examples(opened, dialogues)
    values = ending_scores(opened, [example.tokens for example in examples], [example.before for example in examples], tell)
    vocabulary = opened.model.vocabulary
    measured = (_measured(vocabulary, example, found) for example, found in zip(examples, values, strict=True))
    return HeldOut(tuple(measured), notes)


def _examples(opened: Opened, dialogues: Sequence[Dialogue]) -> tuple[list[_Example], tuple[str, ...]]:
    templates = [TrainingTemplate(opened.model.vocabulary, opened.template, role) for role in ("assistant", "user")]
    found: list[_Example] = []
    refused = cut = 0
    for dialogue in dialogues:
        try:
            hers, theirs = (template.example(dialogue) for template in templates)
        except TemplateError:
            refused += 1
            continue
        tokens = max(hers.tokens, theirs.tokens, key=len)
        cut += len(tokens) > opened.longest
        tokens = tokens[: opened.longest]
        masks = [_mask(example.learn, len(tokens)) for example in (hers, theirs)]
        if any(mask.any() for mask in masks):
            found.append(_Example(dialogue, tokens, *masks))
    notes = []
    if refused:
        notes.append(f"{refused:,} dialogues cannot be written by the chat template of this model and were left out.")
    if cut:
        notes.append(f"{cut:,} dialogues are longer than the {opened.longest:,} tokens of this model; their ends were left out.")
    return found, tuple(notes)


def _mask(learn: Sequence[bool], size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    known = learn[:size]
    mask[: len(known)] = known
    mask[0] = False
    return mask


def _measured(vocabulary: Vocabulary, example: _Example, values: NDArray[np.float64]) -> Measured:
    """`values` (tokens,): log-probabilities, 0 where the masks are not looked at."""
    sizes = np.array([len(vocabulary.piece(token)) for token in example.tokens])
    hers, theirs = (
        Counted(float(-values[mask].sum()), int(mask.sum()), int(sizes[mask].sum())) for mask in (example.hers, example.theirs)
    )
    return Measured(example.dialogue, hers, theirs, tuple(example.tokens), tuple(example.hers.tolist()))

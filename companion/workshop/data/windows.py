"""Long dialogues in pieces that fit: cut between exchanges, each piece with the system message before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from companion.core.dataset import DOCUMENT, Dialogue, DialogueTurn
from companion.workshop.data.batch import Example
from companion.workshop.data.template import TrainingTemplate

_TURN_TOKENS: Final = 8
"""What a template writes around one turn, about."""
_MOST_BYTES_PER_TOKEN: Final = 24
"""A text longer than this per token is surely too long: it need not be rendered to see that."""


@dataclass
class Windows:
    """The examples of one dialogue, and what had to be done to it."""

    examples: list[Example] = field(default_factory=list)
    divided: bool = False
    """Whether it became several examples."""
    shortened: bool = False
    """Whether a single turn was too long and lost its end."""
    system_shortened: bool = False
    """Whether the system message alone was too long."""


def windows_of(template: TrainingTemplate, dialogue: Dialogue, longest: int) -> Windows:
    """The dialogue as examples of at most `longest` tokens; raises TemplateError. Without an example nothing is learned."""
    if DOCUMENT in dialogue.labels:
        return _document(template, dialogue, longest)
    if sum(len(turn.content) for turn in dialogue.messages) <= longest * _MOST_BYTES_PER_TOKEN:
        whole = template.example(dialogue)
        if len(whole.tokens) <= longest:
            return Windows([whole] if any(whole.learn) else [])
    return _Cutting(template, dialogue, longest).windows()


def _document(template: TrainingTemplate, dialogue: Dialogue, longest: int) -> Windows:
    tokens = template.document_tokens(dialogue)
    pieces = [tokens[start : start + longest] for start in range(0, len(tokens), longest)]
    examples = [Example(piece, [False] + [True] * (len(piece) - 1)) for piece in pieces if len(piece) > 1]
    return Windows(examples, divided=len(examples) > 1)


class _Cutting:
    """Cuts one dialogue that is too long."""

    def __init__(self, template: TrainingTemplate, dialogue: Dialogue, longest: int) -> None:
        self._template = template
        self._dialogue = dialogue
        self._longest = longest
        self._result = Windows()
        turns = [turn for turn in dialogue.messages if turn.content.strip()]
        begun = 1 if turns and turns[0].role == "system" else 0
        self._system, self._exchanges = turns[:begun], _exchanges(turns[begun:])
        self._room = longest
        if begun:
            size = template.count(turns[0].content) + _TURN_TOKENS
            if size > longest * 3 // 4:
                self._system = [_with_text(turns[0], template.shortened(turns[0].content, longest // 2 - _TURN_TOKENS))]
                self._result.system_shortened, size = True, longest // 2
            self._room -= size

    def windows(self) -> Windows:
        waiting: list[list[DialogueTurn]] = []
        size = 0
        for exchange in self._exchanges:
            length = self._size(exchange)
            if waiting and size + length > self._room:
                self._add(waiting)
                waiting, size = [], 0
            waiting.append(exchange)
            size += length
        if waiting:
            self._add(waiting)
        self._result.divided = len(self._result.examples) > 1
        return self._result

    def _add(self, exchanges: Sequence[list[DialogueTurn]]) -> None:
        """One window; in halves when the estimate was too low, shortened when a single exchange does not fit."""
        example = self._example([turn for exchange in exchanges for turn in exchange])
        if len(example.tokens) > self._longest:
            if len(exchanges) > 1:
                middle = len(exchanges) // 2
                self._add(exchanges[:middle])
                self._add(exchanges[middle:])
                return
            self._result.shortened = True
            example = self._example(self._with_short_context(exchanges[0]))
            example = Example(example.tokens[: self._longest], example.learn[: self._longest])
        if any(example.learn):
            self._result.examples.append(example)

    def _example(self, turns: Sequence[DialogueTurn]) -> Example:
        messages = (*self._system, *turns)
        return self._template.example(Dialogue(messages=messages, labels=self._dialogue.labels))

    def _with_short_context(self, exchange: list[DialogueTurn]) -> list[DialogueTurn]:
        """What comes before her words may take half of the room; what is left is hers, and her words lose their end."""
        context = [turn for turn in exchange if turn.role != "assistant"]
        most = max(1, self._room // 2 // max(1, len(context)) - _TURN_TOKENS)
        return [
            turn
            if turn.role == "assistant" or self._template.count(turn.content) <= most
            else _with_text(turn, self._template.shortened(turn.content, most) or "…")
            for turn in exchange
        ]

    def _size(self, turns: Sequence[DialogueTurn]) -> int:
        return sum(self._template.count(turn.content) + _TURN_TOKENS for turn in turns)


def _exchanges(turns: Sequence[DialogueTurn]) -> list[list[DialogueTurn]]:
    """Turns up to and including her words, again and again."""
    found: list[list[DialogueTurn]] = []
    for turn in turns:
        if not found or (found[-1][-1].role == "assistant" and turn.role != "assistant"):
            found.append([])
        found[-1].append(turn)
    return found


def _with_text(turn: DialogueTurn, text: str) -> DialogueTurn:
    return DialogueTurn(turn.role, text, turn.train)

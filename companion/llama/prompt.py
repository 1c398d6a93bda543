"""From turns to the tokens of a prompt: rendered by the model's template, safe against smuggled markers, cut to fit.

Between two control tokens the text is tokenized in one piece, exactly as llama.cpp does it for the whole prompt, so the
tokens equal those of `llama_tokenize(prompt, parse_special=true)` whenever nobody typed a marker.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import llama_cpp

from companion.core.errors import ModelError
from companion.core.messages import Turn
from companion.llama.chat_template import ChatTemplate, Rendered, TemplateError
from companion.llama.prompt_turns import Cut, TurnsByKind
from companion.llama.vocabulary import Vocabulary


class Stretch(NamedTuple):
    """The tokens of `rendered.text[start:end]`: one control token, or the plain text between two of them."""

    start: int
    end: int
    tokens: list[int]
    control: bool = False


def tokens_of(vocabulary: Vocabulary, rendered: Rendered) -> list[int]:
    """Tokens of a rendered prompt; BOS is added when the vocabulary wants it and the template did not write it."""
    return [token for stretch in stretches_of(vocabulary, rendered) for token in stretch.tokens]


def stretches_of(vocabulary: Vocabulary, rendered: Rendered) -> list[Stretch]:
    """The same tokens with where they stand in the text, for training, which learns only some of them."""
    found: list[Stretch] = []
    start, stretch = 0, 0
    for match in vocabulary.control_pattern.finditer(rendered.text):
        while stretch < len(rendered.typed) and rendered.typed[stretch].end <= match.start():
            stretch += 1
        if stretch < len(rendered.typed) and rendered.typed[stretch].start < match.end():
            continue  # somebody typed it: plain text
        token = vocabulary.control_tokens[match.group()]
        attributes = llama_cpp.llama_vocab_get_attr(vocabulary.pointer, token)
        end = match.start()
        if attributes & llama_cpp.LLAMA_TOKEN_ATTR_LSTRIP:
            end = start + len(rendered.text[start:end].rstrip())
        found.append(Stretch(start, end, _plain(vocabulary, rendered, start, end)))
        found.append(Stretch(match.start(), match.end(), [token], control=True))
        start = match.end()
        if attributes & llama_cpp.LLAMA_TOKEN_ATTR_RSTRIP:
            start += len(rendered.text[start:]) - len(rendered.text[start:].lstrip())
    found.append(Stretch(start, len(rendered.text), _plain(vocabulary, rendered, start, len(rendered.text))))
    found = [each for each in found if each.tokens]
    if vocabulary.adds_bos and (not found or found[0].tokens[0] != vocabulary.bos):
        found.insert(0, Stretch(0, 0, [vocabulary.bos], control=True))
    return found


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common prefix; compares in C until the first difference is near."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _plain(vocabulary: Vocabulary, rendered: Rendered, start: int, end: int) -> list[int]:
    """Tokens of a stretch between control tokens; a marker that somebody typed is cut in two, so that it stays text."""
    cuts = [start]
    for match in vocabulary.marker_pattern.finditer(rendered.text, start, end):
        if any(typed.start < match.end() and match.start() < typed.end for typed in rendered.typed):
            cuts.append(match.start() + 1)
    pieces = (rendered.text[a:b] for a, b in itertools.pairwise([*cuts, end]))
    return [token for piece in pieces if piece for token in vocabulary.tokenize(piece)]


KEEP_WHEN_TRIMMING = 0.6
"""Share of the context that stays filled after old turns are dropped: dropping many at once keeps the beginning of
the prompt the same for many turns, so that it does not have to be read anew each time. What was dropped comes back
only when everything fits into this share, so that a prompt at the edge does not change at every turn."""
TURN_TOKENS = 8
"""What a template writes around one turn, about."""


class FittedPrompt(NamedTuple):
    tokens: list[int]
    dropped_turns: int
    """How many of the oldest messages were left out."""
    first_remembered: int
    """Message id of the oldest message that is in the prompt, 0 when none was dropped."""
    dropped_examples: int = 0
    """How many of the example dialogues were left out."""


class PromptBuilder:
    """Builds prompts for one model and one context size, and remembers where it cut last."""

    def __init__(self, vocabulary: Vocabulary, template: ChatTemplate, context_tokens: int) -> None:
        self.vocabulary = vocabulary
        self.template = template
        self.context_tokens = context_tokens
        self._cut_at = 0
        self._examples_cut = 0
        self._known: frozenset[int] = frozenset()
        """Ids of the messages of the last prompt: what was cut counts for the same conversation only."""

    def build(self, turns: Sequence[Turn], *, reply_tokens: int, continue_last: bool = False) -> FittedPrompt:
        """A prompt that leaves room for the reply. Example dialogues leave first, then the oldest messages; the card, the
        inserts and the newest message stay, and only when these alone are too long, the earliest inserts go.

        Raises ModelError when the card and the newest message are too long, or when the template cannot render the turns.
        """
        room = self.context_tokens - min(reply_tokens, self.context_tokens // 4)
        parts = TurnsByKind(turns, [len(self.vocabulary.tokenize(turn.text)) + TURN_TOKENS for turn in turns])
        least = parts.size(Cut(len(parts.examples), parts.droppable_messages, len(parts.inserts)))
        if least > room:
            raise ModelError(
                f"This is too long for her: about {least:,} tokens with her card, and she can keep {room:,} in mind.",
                "Shorten it, or give her a larger context in the settings.",
            )
        cut = self._first_guess(parts, room)
        while True:
            tokens = self._tokens(parts.kept(cut), continue_last=continue_last)
            if len(tokens) <= room or (more := parts.more(cut)) is None:
                break
            cut = more
        self._remember(parts, cut)
        return FittedPrompt(tokens, cut.messages, self._cut_at, cut.examples)

    def build_open(self, turns: Sequence[Turn], *, reply_tokens: int) -> FittedPrompt:
        """What the next prompt begins with, whatever the person says next.

        Raises ModelError when the template cannot render the turns.
        """
        one, other = (self.build([*turns, Turn("user", said)], reply_tokens=reply_tokens) for said in ("X", "9"))
        return one._replace(tokens=one.tokens[: common_prefix(one.tokens, other.tokens)])

    def _remember(self, parts: TurnsByKind, cut: Cut) -> None:
        self._cut_at = parts.ids[cut.messages] if cut.messages else 0
        self._examples_cut = cut.examples
        self._known = frozenset(parts.ids) - {0}

    def _first_guess(self, parts: TurnsByKind, room: int) -> Cut:
        """What to leave out, from the sizes alone: nothing, as much as last time, or enough for the kept share."""
        goal = int(room * KEEP_WHEN_TRIMMING)
        before = self._cut_before(parts)
        if parts.size(Cut()) <= (goal if any(before) else room):
            return Cut()
        if parts.size(before) <= room:
            return before
        cut, size = before, parts.size(before)
        for example in parts.examples[before.examples :]:
            if size <= goal:
                break
            cut, size = cut._replace(examples=cut.examples + 1), size - sum(parts.sizes[i] for i in example)
        if size <= room:
            return cut
        for message in parts.messages[before.messages : parts.droppable_messages]:
            if size <= goal:
                break
            cut, size = cut._replace(messages=cut.messages + 1), size - parts.sizes[message]
        oldest = parts.turns[parts.messages[cut.messages]] if parts.messages else None
        if oldest is not None and oldest.role == "assistant" and 0 < cut.messages < parts.droppable_messages:
            cut = cut._replace(messages=cut.messages + 1)  # an answer without its question helps nobody
        return cut

    def _cut_before(self, parts: TurnsByKind) -> Cut:
        """What was left out of the last prompt of this conversation."""
        if self._known.isdisjoint(parts.ids):
            return Cut()
        messages = parts.ids.index(self._cut_at) if self._cut_at and self._cut_at in parts.ids else 0
        return Cut(min(self._examples_cut, len(parts.examples)), min(messages, parts.droppable_messages))

    def _tokens(self, turns: Sequence[Turn], *, continue_last: bool) -> list[int]:
        try:
            return tokens_of(self.vocabulary, self.template.render(turns, continue_last=continue_last))
        except TemplateError as error:
            raise ModelError(
                f"The chat template of this model cannot write this conversation ({error}).",
                "Start a new conversation or choose another model.",
            ) from error

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
from companion.llama.vocabulary import Vocabulary

KEEP_WHEN_TRIMMING = 0.6
"""Share of the context that stays filled after old turns are dropped: dropping many at once keeps the beginning of
the prompt the same for many turns, so that it does not have to be read anew each time."""


def tokens_of(vocabulary: Vocabulary, rendered: Rendered) -> list[int]:
    """Tokens of a rendered prompt; BOS is added when the vocabulary wants it and the template did not write it."""
    tokens: list[int] = []
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
        tokens += _plain(vocabulary, rendered, start, end)
        tokens.append(token)
        start = match.end()
        if attributes & llama_cpp.LLAMA_TOKEN_ATTR_RSTRIP:
            start += len(rendered.text[start:]) - len(rendered.text[start:].lstrip())
    tokens += _plain(vocabulary, rendered, start, len(rendered.text))
    if vocabulary.adds_bos and tokens[:1] != [vocabulary.bos]:
        tokens.insert(0, vocabulary.bos)
    return tokens


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


class FittedPrompt(NamedTuple):
    tokens: list[int]
    dropped_turns: int
    """How many of the oldest turns after the system turn were left out."""
    first_remembered: int
    """Message id of the oldest turn that is in the prompt, 0 when nothing was dropped."""


class PromptBuilder:
    """Builds prompts for one model and one context size, and remembers where it cut last."""

    def __init__(self, vocabulary: Vocabulary, template: ChatTemplate, context_tokens: int) -> None:
        self.vocabulary = vocabulary
        self.template = template
        self.context_tokens = context_tokens
        self._cut_at = 0

    def build(self, turns: Sequence[Turn], *, reply_tokens: int, continue_last: bool = False) -> FittedPrompt:
        """A prompt that leaves room for the reply; the system turn and the newest turns always stay.

        Raises ModelError when the last turn alone is too long, or when the template cannot render it.
        """
        head = 1 if turns and turns[0].role == "system" else 0
        room = self.context_tokens - min(reply_tokens, self.context_tokens // 4)
        sizes = [len(self.vocabulary.tokenize(turn.text)) + 8 for turn in turns]
        if sum(sizes[:head]) + sizes[-1] > room:
            needed = sum(sizes[:head]) + sizes[-1]
            raise ModelError(
                f"This is too long for her: about {needed:,} tokens with her card, and she can keep {room:,} in mind.",
                "Shorten it, or give her a larger context in the settings.",
            )
        dropped = self._first_guess(turns, sizes, head, room)
        last = len(turns) - 1 - head
        while True:
            kept = [*turns[:head], *turns[head + dropped :]]
            tokens = self._tokens(kept, continue_last=continue_last)
            if len(tokens) <= room or dropped >= last:
                break
            dropped += 1
        self._cut_at = turns[head + dropped].id if dropped else 0
        return FittedPrompt(tokens, dropped, self._cut_at)

    def build_open(self, turns: Sequence[Turn], *, reply_tokens: int) -> FittedPrompt:
        """What the next prompt begins with, whatever the person says next.

        Raises ModelError when the template cannot render the turns.
        """
        one, other = (self.build([*turns, Turn("user", said)], reply_tokens=reply_tokens) for said in ("X", "9"))
        return one._replace(tokens=one.tokens[: common_prefix(one.tokens, other.tokens)])

    def _first_guess(self, turns: Sequence[Turn], sizes: Sequence[int], head: int, room: int) -> int:
        """How many turns to drop, from their sizes alone: none, as many as last time, or down to the kept share."""
        if sum(sizes) <= room:
            return 0
        ids = [turn.id for turn in turns[head:]]
        before = ids.index(self._cut_at) if self._cut_at and self._cut_at in ids else 0
        fixed = sum(sizes[:head])
        if before and fixed + sum(sizes[head + before :]) <= room:
            return before
        goal, dropped = room * KEEP_WHEN_TRIMMING, before
        while dropped < len(turns) - 1 - head and fixed + sum(sizes[head + dropped :]) > goal:
            dropped += 1
        if turns[head + dropped].role == "assistant" and dropped < len(turns) - 1 - head:
            dropped += 1  # an answer without its question helps nobody
        return dropped

    def _tokens(self, turns: Sequence[Turn], *, continue_last: bool) -> list[int]:
        try:
            return tokens_of(self.vocabulary, self.template.render(turns, continue_last=continue_last))
        except TemplateError as error:
            raise ModelError(
                f"The chat template of this model cannot write this conversation ({error}).",
                "Start a new conversation or choose another model.",
            ) from error

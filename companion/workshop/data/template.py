"""A dialogue as an example to learn from, through the model's own chat template: the tokens the engine would see.

The mask comes from the rendered segments: what she said, and what the template writes to end her turn (so that she learns
to stop); never the header of a turn. Text that was typed stays text, whatever markers it looks like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise, repeat
from typing import Literal, NamedTuple

from companion.core.dataset import DOCUMENT, Dialogue, DialogueTurn
from companion.core.messages import Turn
from companion.llama.chat_template import ChatTemplate, Rendered, TemplateError, Typed
from companion.llama.prompt import Stretch, common_prefix, stretches_of
from companion.llama.vocabulary import Vocabulary
from companion.workshop.data.batch import Example


class _Span(NamedTuple):
    """Characters of a rendered dialogue that are learned."""

    start: int
    end: int


class TrainingTemplate:
    """Renders dialogues for one model. `learn_from` "all" learns every token but the first; "user", what the person says,
    is there to be measured."""

    def __init__(
        self, vocabulary: Vocabulary, template: ChatTemplate, learn_from: Literal["assistant", "user", "all"] = "assistant"
    ) -> None:
        self._vocabulary = vocabulary
        self._template = template
        self._learn_from = learn_from
        self._headers = _reply_headers(template)

    def example(self, dialogue: Dialogue) -> Example:
        """One dialogue, whole, up to the last token that is learned; empty turns are left out.

        An example without anything to learn comes back with a mask that is all False. Raises TemplateError when the
        template cannot write these turns in any form.
        """
        if DOCUMENT in dialogue.labels:
            tokens = self.document_tokens(dialogue)
            return Example(tokens, [False] + [True] * (len(tokens) - 1) if tokens else [])
        turns = [turn for turn in dialogue.messages if turn.content.strip()]
        if not turns:
            return Example([], [])
        rendered = self._template.render([Turn(turn.role, turn.content) for turn in turns], closed=True)
        if self._headers:
            rendered = _with_headers(rendered, self._headers)
        stretches = stretches_of(self._vocabulary, rendered)
        tokens = [token for stretch in stretches for token in stretch.tokens]
        if self._learn_from == "all":
            return Example(tokens, [False] + [True] * (len(tokens) - 1))
        learn = self._mask(rendered, stretches, self._learned(turns, rendered, stretches))
        last = max((index + 1 for index, flag in enumerate(learn) if flag), default=len(learn))
        return Example(tokens[:last], learn[:last])

    def count(self, text: str) -> int:
        """Tokens of a turn's text, without what the template writes around it."""
        return len(self._vocabulary.tokenize(text))

    def shortened(self, text: str, tokens: int) -> str:
        """The beginning of a text, at most so many tokens."""
        pieces = self._vocabulary.tokenize(text)[: max(0, tokens)]
        return b"".join(map(self._vocabulary.piece, pieces)).decode("utf-8", errors="ignore").strip()

    def document_tokens(self, dialogue: Dialogue) -> list[int]:
        """Text to pretrain on, between the tokens that begin and end a text."""
        vocabulary = self._vocabulary
        text = "\n\n".join(turn.content for turn in dialogue.messages)
        begin = [vocabulary.bos] if vocabulary.adds_bos and vocabulary.bos >= 0 else []
        end = [vocabulary.eos] if vocabulary.eos >= 0 else []
        return [*begin, *vocabulary.tokenize(text), *end]

    def _learned(self, turns: Sequence[DialogueTurn], rendered: Rendered, stretches: Sequence[Stretch]) -> list[_Span]:
        """What is learned, in characters: her words and, up to the token that ends a turn, what the template writes
        behind them. A template without such a token between two turns gives nothing to learn there."""
        typed, role = rendered.typed, self._learn_from
        flags = repeat(True) if role == "user" else iter(_flags(turns, sum(each.role == role for each in typed)))
        controls = iter([stretch for stretch in stretches if stretch.control and stretch.end > 0])
        control = next(controls, None)
        spans: list[_Span] = []
        for index, each in enumerate(typed):
            if each.role != role or not next(flags) or each.start == each.end:
                continue
            while control is not None and control.start < each.end:
                control = next(controls, None)
            before = typed[index + 1].start if index + 1 < len(typed) else len(rendered.text)
            closes = control is not None and control.end <= before and self._vocabulary.ends_reply(control.tokens[0])
            spans.append(_Span(each.start, control.end if closes and control is not None else each.end))
        return spans

    def _mask(self, rendered: Rendered, stretches: Sequence[Stretch], spans: Sequence[_Span]) -> list[bool]:
        """Which tokens are learned. A token that begins in a header is none of hers, even if it ends in her words."""
        learn: list[bool] = []
        at = 0
        for stretch in stretches:
            flags = [False] * len(stretch.tokens)
            while at < len(spans) and spans[at].end <= stretch.start:
                at += 1
            for span in spans[at:]:
                if span.start >= stretch.end:
                    break
                first = self._tokens_before(rendered, stretch, span.start, counts_cut=True)
                last = self._tokens_before(rendered, stretch, span.end, counts_cut=False)
                flags[first:last] = [True] * max(0, last - first)
            learn += flags
        return learn

    def _tokens_before(self, rendered: Rendered, stretch: Stretch, place: int, *, counts_cut: bool) -> int:
        """How many tokens of a stretch stand before a place in the text; `counts_cut` counts one that goes across."""
        if place <= stretch.start:
            return 0
        if place >= stretch.end:
            return len(stretch.tokens)
        before = rendered.text[stretch.start : place]
        sizes = [len(self._vocabulary.piece(token)) for token in stretch.tokens]
        extra = sum(sizes) - len(rendered.text[stretch.start : stretch.end].encode())
        if extra not in (0, 1):  # pieces that are not the text's own bytes; 1 is SentencePiece's space at the beginning
            tokens = self._vocabulary.tokenize(before)
            same = common_prefix(tokens, stretch.tokens)
            return same if same == len(tokens) or not counts_cut else same + 1
        bound, end = len(before.encode()) + extra, 0
        for index, size in enumerate(sizes):
            if end >= bound:
                return index
            end += size
            if end > bound and not counts_cut:
                return index
        return len(sizes)


def _flags(turns: Sequence[DialogueTurn], written: int) -> list[bool]:
    """Whether each of her turns is learned, as the template wrote them: one for one, or neighbours joined."""
    hers = [turn.train for turn in turns if turn.role == "assistant"]
    if len(hers) == written:
        return hers
    spoken = [turn for turn in turns if turn.role != "system"]
    joined = [all(turn.train for turn in run) for role, run in groupby(spoken, lambda turn: turn.role) if role == "assistant"]
    if len(joined) != written:
        raise TemplateError("the template joined her turns in a way that cannot be followed")
    return joined


def _reply_headers(template: ChatTemplate) -> dict[str, str]:
    """What the engine's prompt has before a reply where a finished dialogue is written in another way, by the role before.

    Templates of reasoning models write an empty thought before a new reply and leave it out of earlier ones. She has to
    learn her words behind what will stand before them.
    """
    probe = [Turn("user", "\u2603a"), Turn("assistant", "\u2603b"), Turn("user", "\u2603c"), Turn("assistant", "\u2603d")]
    probe = [*probe, Turn("user", "\u2603e"), Turn("assistant", "\u2603f")]
    headers: set[str] = set()
    gaps: set[str] = set()
    try:
        whole = template.render(probe, closed=True)
        for number in (1, 3, 5):
            prompt = template.render(probe[:number])
            headers.add(prompt.text[prompt.typed[-1].end :])
        hers = [(before, after) for before, after in pairwise(whole.typed) if after.role == "assistant"]
        gaps = {whole.text[before.end : after.start] for before, after in hers}
    except TemplateError:
        return {}
    return {"user": headers.pop()} if len(headers) == 1 and gaps != headers else {}


def _with_headers(rendered: Rendered, headers: Mapping[str, str]) -> Rendered:
    """The same dialogue with these headers before her turns."""
    pieces = [rendered.text[: rendered.typed[0].start]]
    typed: list[Typed] = []
    length = len(pieces[0])
    for index, each in enumerate(rendered.typed):
        if index:
            before = rendered.typed[index - 1]
            gap = rendered.text[before.end : each.start]
            gap = headers.get(before.role, gap) if each.role == "assistant" else gap
            pieces.append(gap)
            length += len(gap)
        pieces.append(rendered.text[each.start : each.end])
        typed.append(Typed(length, length + each.end - each.start, each.role))
        length = typed[-1].end
    pieces.append(rendered.text[rendered.typed[-1].end :])
    return Rendered("".join(pieces), tuple(typed))

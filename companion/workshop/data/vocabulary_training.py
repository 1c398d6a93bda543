"""A vocabulary of one's own, learned by SentencePiece from the text that will be trained on.

Text is left as it is: no normalization, no space put before it. A line break is a piece of its own and digits stand alone.
With BPE what has no piece is spelled by its bytes. llama.cpp's unigram knows no bytes, so there every character of the text
gets a piece, and one that never came up becomes “unknown”.
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import sentencepiece

from companion.core.dataset import DOCUMENT
from companion.core.errors import DatasetError, RecipeError
from companion.core.recipes.pretrain import VocabularyPart
from companion.workshop.data.control_tags import TURN_BEGINS, TURN_ENDS
from companion.workshop.data.sources.found import Found
from companion.workshop.export.sentencepiece_model import TRAINING_OPTIONS

_LINE_BREAK: Final = "\n"
_MOST_CHARACTERS: Final = 100_000_000
"""Of text that is kept to learn from; of a larger one a seeded choice of its lines."""
_OVERHEAD: Final = 60
"""Bytes that Python takes for a text beside its characters."""
_LONGEST_LINE: Final = 1000
"""Characters; SentencePiece passes over lines of more than 4192 bytes."""
_COVERAGE: Final = 0.9995
"""Share of all characters that get a piece; rarer ones are spelled by their bytes."""
_ASCII: Final = "".join(map(chr, range(33, 127)))
_TOO_SMALL: Final = re.compile(r"required_chars\. \d+ vs (\d+)")
_ROOM: Final = 256
"""Pieces that are proposed beyond the single characters."""
_REPORT_EVERY: Final = 256


def lines_to_learn_from(dialogues: Iterable[Found], report: Callable[[int], None] = lambda characters: None) -> Iterator[str]:
    """Lines of at most 1,000 characters, as text will be cut later: between line breaks, the roles on lines of their own.

    `report` is called now and then with the characters read so far, and may raise.
    """
    done = 0
    for number, found in enumerate(dialogues):
        is_document = DOCUMENT in found.dialogue.labels
        for turn in found.dialogue.messages:
            if not is_document:
                yield turn.role
            for line in turn.content.split(_LINE_BREAK):
                yield from _short(line)
            done += len(turn.content)
        if number % _REPORT_EVERY == 0:
            report(done)


def train_vocabulary(lines: Iterable[str], part: VocabularyPart, seed: int) -> bytes:
    """SentencePiece's file of a vocabulary of at most `part.size` pieces; a small text fills fewer.

    The same lines and seed give the same file. Raises DatasetError when there is no text, RecipeError when the size has no
    room for its characters.
    """
    kept = _sample(lines, seed)
    if not any(map(str.strip, kept)):
        raise DatasetError("There is no text to learn a vocabulary from.", "Name files that hold text or dialogues.")
    bpe = part.method == "bpe"
    out = io.BytesIO()
    sentencepiece.set_random_generator_seed(seed)
    options = TRAINING_OPTIONS | {
        "model_type": part.method,
        "vocab_size": part.size,
        "hard_vocab_limit": False,
        "byte_fallback": bpe,
        "character_coverage": _COVERAGE if bpe else 1.0,
        "required_chars": _ASCII,
        "split_digits": True,
        "control_symbols": [TURN_BEGINS, TURN_ENDS, *part.tags],
        "user_defined_symbols": [_LINE_BREAK],
        "num_threads": 1,  # more would sum in another order and find other pieces
        "minloglevel": 3,
    }
    try:
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(kept), model_writer=out, **options)
    except RuntimeError as error:
        needed = _TOO_SMALL.search(str(error))
        if needed is None:
            raise
        what = f"A vocabulary of {part.size:,} tokens has no room for the single characters of this text, which need {needed[1]}."
        raise RecipeError(what, f"Set vocabulary.size to {int(needed[1]) + _ROOM} or more.") from error
    return out.getvalue()


def _sample(lines: Iterable[str], seed: int) -> list[str]:
    """All lines; of a text that is too large a seeded choice: what is kept is halved whenever it is full."""
    chance = random.Random(seed)
    kept: list[str] = []
    size, share = 0, 1.0
    for line in lines:
        if share < 1.0 and chance.random() >= share:
            continue
        kept.append(line)
        size += len(line) + _OVERHEAD
        if size > _MOST_CHARACTERS:
            kept = [each for each in kept if chance.random() < 0.5]
            size, share = sum(len(each) + _OVERHEAD for each in kept), share / 2
    return kept


def _short(line: str) -> Iterator[str]:
    while len(line) > _LONGEST_LINE:
        space = line.rfind(" ", 1, _LONGEST_LINE)
        cut = space if space > 0 else _LONGEST_LINE
        yield line[:cut]
        line = line[cut:]
    if line:
        yield line

"""Paraphrase and back-translation by the local model, and the gate that keeps rubbish out.

A small model rarely paraphrases: it answers, repeats, or drifts off. What does not pass the gate is thrown away and
counted by reason, so that a person sees what their model can do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final

import psutil

from companion.core.messages import Turn
from companion.core.sampling import Sampling
from companion.llama.chat_template import template_of
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.model import Model, Placement
from companion.llama.prompt import PromptBuilder
from companion.llama.sampling import Sampler
from companion.llama.text_stream import TextStream
from companion.workshop.data.augmentation.words import STOP_WORDS, facts_of

_CONTEXT: Final = 2048
_LONGEST: Final = 1200
"""Characters of a turn that is rewritten; longer ones stay as they are."""
_FEWEST_WORDS: Final = 5
_WORD: Final = re.compile(r"\w+")
_CHATTER: Final = re.compile(
    r"\b(?:paraphras\w+|rewrit\w+|rephras\w+|translat\w+|here(?:'s| is)|sure[,!]|the (?:message|sentence|text)|as an ai)\b"
    r"|^\s*(?:user|assistant|message|text|original)\s*:",
    re.IGNORECASE,
)
_LENGTHS: Final = (0.5, 2.0)
_COMMON: Final = 0.25
"""Least share of the content words of the shorter text that are in both, names and numbers apart."""
_SAME: Final = 0.85
"""From this likeness of the words in their order on, nothing was changed."""


class LocalWriter:
    """Writes short texts with one model, in this process. Close it, or use it as a context manager. Raises ModelError."""

    def __init__(self, path: Path) -> None:
        # Without repacked weights: slower, and safe on processors whose AMX code crashes llama.cpp.
        self._model = Model(Library(), path, Placement(extra_buffers=False))
        template = template_of(self._model)
        self._stops = template.stops
        threads = max(1, (psutil.cpu_count(logical=False) or 2) - 1)  # one busy core more makes it many times slower
        tokens = min(_CONTEXT, self._model.trained_context_tokens or _CONTEXT)
        self._context = Context(self._model, ContextOptions(tokens=tokens, threads=threads))
        self._prompts = PromptBuilder(self._model.vocabulary, template, tokens)

    def __enter__(self) -> LocalWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._context.close()
        self._model.close()

    def write(self, instruction: str, text: str, seed: int) -> str:
        """What the model answers to an instruction about a text."""
        vocabulary = self._model.vocabulary
        sampling = Sampling(temperature=0.7, top_p=0.9, seed=seed, max_tokens=64 + 2 * len(vocabulary.tokenize(text)))
        turns = [
            Turn("system", "You rewrite messages. Answer with the new message only."),
            Turn("user", f"{instruction}\n\n{text}"),
        ]
        prompt = self._prompts.build(turns, reply_tokens=sampling.max_tokens).tokens
        self._context.read(prompt)
        stream, sampler, pieces = TextStream(self._stops), Sampler(vocabulary, sampling, prompt), []
        try:
            for _ in range(min(sampling.max_tokens, self._context.size - len(prompt) - 1)):
                token = sampler.sample(self._context.pointer)
                if vocabulary.ends_reply(token) or stream.stopped:
                    break
                pieces.append(stream.add(vocabulary.piece(token)))
                self._context.add(token)
        finally:
            sampler.close()
        return ("".join(pieces) + stream.finish()).strip().strip('"“”')


class Rewriting:
    """An edit by the model. `language` empty paraphrases, else translates there and back."""

    def __init__(self, writer: LocalWriter, language: str = "") -> None:
        self._writer, self._language = writer, language
        self.refused: Counter[str] = Counter()
        """How often the gate refused, by reason."""
        self.accepted = 0

    def __call__(self, text: str, names: Sequence[str], random: Random) -> str:
        if len(text) > _LONGEST or len(_WORD.findall(text)) < _FEWEST_WORDS:
            return text
        seed = random.randrange(2**31)
        if self._language:
            away = self._writer.write(f"Translate this message into {self._language}:", text, seed)
            new = self._writer.write("Translate this message into English:", away, seed) if away else ""
        else:
            new = self._writer.write("Say this message in other words, with the same meaning:", text, seed)
        reason = refusal(text, new, names)
        if reason:
            self.refused[reason] += 1
            return text
        self.accepted += 1
        return new


def refusal(before: str, after: str, names: Sequence[str] = ()) -> str:
    """Why a rewritten text is no good; empty when it is."""
    if not after.strip():
        return "it is empty"
    if _CHATTER.search(after) and not _CHATTER.search(before):
        return "it talks about the task"
    if not _LENGTHS[0] <= len(after) / max(1, len(before)) <= _LENGTHS[1]:
        return "it is far longer or shorter"
    if "\n" in after and "\n" not in before:
        return "it has several paragraphs"
    if facts_of(before, names) - {word.casefold() for word in _WORD.findall(after)}:
        return "it lost a name or a number"
    if before.rstrip().endswith("?") != after.rstrip().endswith("?"):
        return "a question became a statement, or the other way"
    kept = facts_of(before, names)
    one, other = _content(before, kept), _content(after, kept)
    if one and len(one & other) < _COMMON * min(len(one), max(1, len(other))):
        return "it says something else"
    words, others = (_WORD.findall(text.casefold()) for text in (before, after))
    return "it is the same" if SequenceMatcher(None, words, others, autojunk=False).ratio() > _SAME else ""


def _content(text: str, without: set[str]) -> set[str]:
    """Content words, cut to their beginnings so that endings do not count."""
    words = (word.casefold() for word in _WORD.findall(text))
    return {word[: max(4, len(word) - 3)] for word in words if word not in STOP_WORDS and word not in without}

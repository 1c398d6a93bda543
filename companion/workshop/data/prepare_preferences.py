"""From what a preference tuning names to units on disk: read, rendered by the one template, cut, split and counted."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.errors import DatasetError
from companion.core.job_folder import HELD_OUT_FILE
from companion.core.messages import Turn
from companion.core.recipes.prefer import Prefer
from companion.llama.chat_template import TemplateError
from companion.llama.prompt import common_prefix, tokens_of
from companion.workshop.data.batch import Example
from companion.workshop.data.control_tags import tagged
from companion.workshop.data.held_back import write_held_back
from companion.workshop.data.opening import Opening
from companion.workshop.data.preferences import FoundPreference, Preferences, read_preferences
from companion.workshop.data.prepare import Base, identity_of
from companion.workshop.data.prepared import TOKENS_FILE, SamplePrompt
from companion.workshop.data.prepared_preferences import NONE, PreparedPreferences, Unit
from companion.workshop.data.splits import LEAST, Membership, Split
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.data.token_file import TokenFile, TokenWriter

_REMEDY: Final = "Give thumbs, edit replies, or go on from the better of two; or name a file of pairs."
_SAMPLES: Final = 20


class _Ready(NamedTuple):
    """A preference as tokens; a side that it does not have is None."""

    talk: Dialogue
    better: Example | None
    worse: Example | None
    reply: str
    """The better one, else the worse."""
    other: str
    """The worse one of a pair."""

    @property
    def kept(self) -> Dialogue:
        """A dialogue in which only the better reply is learned, with the worse one beside it."""
        turns = (*self.talk.messages, DialogueTurn("assistant", self.reply))
        worse = (self.other,) if self.other else ()
        return Dialogue(messages=turns, id=self.talk.id, labels=self.talk.labels, rejected=worse)


def prepare_preferences(
    recipe: Prefer, base: Base, folder: Path, report: Callable[[float], None] = lambda fraction: None
) -> PreparedPreferences:
    """The units of a recipe, written to `folder` or found there from before. Raises DatasetError or CharacterError.

    `report` is called with the fraction done and may raise to give up; nothing half-written is left behind then.
    """
    path = folder / TOKENS_FILE
    asked = msgspec.json.encode(
        (recipe.data_files, recipe.data, recipe.character, recipe.training.seed, recipe.loss.method == "kto")
    )
    key = hashlib.sha256(asked + identity_of(base)).hexdigest()
    if path.is_file():
        with contextlib.suppress(DatasetError):  # a damaged one is made again
            kept = TokenFile(path)
            if kept.details.get("key") == key:
                return PreparedPreferences(kept, recipe.data)
            del kept  # Windows replaces no file that is mapped
    with TokenWriter(path) as writer:
        work = _Preparation(recipe, base, writer)
        details = work.details(report)
        write_held_back(folder / HELD_OUT_FILE, work.held_back)
        writer.finish({"key": key, **details})
    return PreparedPreferences(TokenFile(path), recipe.data)


class _Preparation:
    def __init__(self, recipe: Prefer, base: Base, writer: TokenWriter) -> None:
        self._recipe, self._data, self._base, self._writer = recipe, recipe.data, base, writer
        self._template = TrainingTemplate(base.vocabulary, base.template)
        self._opening = Opening(recipe.character)
        self._too_long: list[str] = []
        self._shortened: list[str] = []
        self._lengths: list[int] = []
        self.held_back: list[Dialogue] = []
        """Held-out better replies as dialogues."""
        self._groups: list[int] = []
        """Which preference each unit came from."""

    def details(self, report: Callable[[float], None]) -> dict[str, Any]:
        """Write every reply; what is kept in the file about them."""
        alone = self._recipe.loss.method == "kto"
        found = read_preferences(self._recipe.data_files, character=self._opening.name)
        chosen = (*found.pairs, *found.thumbs) if alone else found.pairs
        ready = []
        for number, each in enumerate(chosen):
            if (made := self._ready(each)) is not None:
                ready.append(made)
            report(0.99 * (number + 1) / len(chosen))
        if len(ready) < 2:
            raise DatasetError(self._nothing(found), _REMEDY)
        units = self._alone(ready) if alone else self._pairs(ready)
        split, notices = self._split(ready)
        held = set(split.held_out.tolist())
        self.held_back = [ready[number].kept for number in sorted(held) if ready[number].better is not None]
        if not alone and found.thumbs:
            which = f"{len(found.thumbs):,} single thumb{'s are' if len(found.thumbs) > 1 else ' is'}"
            notices.append(f"{which} left out: only loss.method=kto learns from replies that were judged alone.")
        return {
            "units": units,
            "lengths": self._lengths,
            "held_out": [unit for unit, group in enumerate(self._groups) if group in held],
            "left_out": [found.sentence, *self._sentences()],
            "notices": notices,
            "samples": self._samples(ready, held),
        }

    def _ready(self, found: FoundPreference) -> _Ready | None:
        """Both sides as tokens, without the oldest of what was said where all of it would be too long."""
        each = found.preference
        talk = tagged(
            self._opening.added(Dialogue(messages=each.messages, id=each.id, labels=each.labels)),
            self._base.vocabulary.control_tokens,
        )
        while True:
            sides = [self._example(talk, reply, found.place) if reply else None for reply in (each.chosen, each.rejected)]
            longest = max(len(side.tokens) for side in sides if side is not None)
            if longest <= self._data.longest:
                return _Ready(talk, sides[0], sides[1], each.chosen or each.rejected, each.rejected if each.chosen else "")
            shorter = _without_oldest(talk.messages)
            if shorter is None:
                self._too_long.append(found.place)
                return None
            if not self._shortened or self._shortened[-1] != found.place:
                self._shortened.append(found.place)
            talk = msgspec.structs.replace(talk, messages=shorter)

    def _example(self, talk: Dialogue, reply: str, place: str) -> Example:
        before = tuple(DialogueTurn(turn.role, turn.content, train=False) for turn in talk.messages)
        try:
            return self._template.example(Dialogue(messages=(*before, DialogueTurn("assistant", reply))))
        except TemplateError as error:
            raise DatasetError(
                f"{place} cannot be written by the chat template of this model ({error}).",
                "Let user and assistant take turns in it, or leave it out.",
            ) from error

    def _pairs(self, ready: Sequence[_Ready]) -> list[Unit]:
        units = []
        for number, each in enumerate(ready):
            if each.better is None or each.worse is None:
                raise AssertionError("a pair has two sides")
            units.append(Unit(self._add(each.better, number), self._add(each.worse, number), NONE, number))
            once = common_prefix(each.better.tokens, each.worse.tokens)
            self._lengths.append(len(each.better.tokens) + len(each.worse.tokens) - once)
            self._groups.append(number)
        return units

    def _alone(self, ready: Sequence[_Ready]) -> list[Unit]:
        """Every side by itself, with the reply of the next preference behind the same words to compare with."""
        units = []
        for number, each in enumerate(ready):
            other = self._add(self._example(each.talk, ready[(number + 1) % len(ready)].reply, ""), number)
            for side, is_better in ((each.better, True), (each.worse, False)):
                if side is None:
                    continue
                added = self._add(side, number)
                units.append(Unit(added if is_better else NONE, NONE if is_better else added, other, number))
                self._lengths.append(len(side.tokens))
                self._groups.append(number)
        return units

    def _add(self, example: Example, owner: int) -> int:
        self._writer.add(example, owner)
        return self._writer.examples - 1

    def _split(self, ready: Sequence[_Ready]) -> tuple[Split, list[str]]:
        """By conversation; when there is only one, by what is answered, which is said."""
        split = self._membership(ready, by_talk=True).hold_out(self._data.held_out, self._data.most_held_out)
        if len(split.held_out) or not self._data.held_out:
            return split, []
        if len(ready) >= LEAST:
            split = self._membership(ready, by_talk=False).hold_out(self._data.held_out, self._data.most_held_out)
        if len(split.held_out):
            return split, ["All of it comes from one conversation: what is held out begins like what is learned from."]
        return split, ["Nothing is held out, because there is too little: how well she learned is not measured."]

    def _membership(self, ready: Sequence[_Ready], *, by_talk: bool) -> Membership:
        found = Membership(self._recipe.training.seed, self._data.group_by, self._data.stratify_by)
        for each in ready:
            labels = {name: value for name, value in each.talk.labels.items() if by_talk or name != "conversation"}
            found.add(Dialogue(messages=each.talk.messages, labels=labels))
        return found

    def _sentences(self) -> list[str]:
        longest = f"{self._data.longest:,} tokens"
        told = []
        if self._shortened:
            count = len(self._shortened)
            told.append(f"{count:,} lost the beginning of what was said, to fit into {longest} (first: {self._shortened[0]}).")
        if self._too_long:
            count = len(self._too_long)
            told.append(f"{count:,} longer than {longest} were left out (first: {self._too_long[0]}).")
        return told

    def _nothing(self, found: Preferences) -> str:
        if found.thumbs and not found.pairs and self._recipe.loss.method != "kto":
            return "There are only single thumbs here, and no pair of a better and a worse reply (loss.method=kto takes them)."
        return f"There is too little to learn what is preferred: {found.sentence}"

    def _samples(self, ready: Sequence[_Ready], held: set[int]) -> list[Any]:
        """What is answered while training goes on, held-out first."""
        prompts: dict[tuple[int, ...], Any] = {}
        for number in sorted(range(len(ready)), key=lambda number: number not in held):
            turns = [Turn(turn.role, turn.content) for turn in ready[number].talk.messages if turn.content.strip()]
            tokens = tuple(tokens_of(self._base.vocabulary, self._base.template.render(turns)))
            prompts.setdefault(tokens, SamplePrompt(said=turns[-1].text, answer=ready[number].reply, tokens=tokens))
            if len(prompts) == _SAMPLES:
                break
        return [msgspec.to_builtins(prompt) for prompt in prompts.values()]


def _without_oldest(turns: Sequence[DialogueTurn]) -> tuple[DialogueTurn, ...] | None:
    """Without the oldest exchange, as the chat forgets; None when only the words that are answered are left."""
    begun = 1 if turns and turns[0].role == "system" else 0
    rest = list(turns[begun:])
    for at in range(1, len(rest)):
        if rest[at].role == "user":
            return (*turns[:begun], *rest[at:])
    return None

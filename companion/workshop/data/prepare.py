"""From what a recipe names to examples on disk: read, rendered, cut, split and counted, in constant memory."""

from __future__ import annotations

import contextlib
import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from heapq import heappush, heappushpop
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from companion.core.dataset import CONVERSATION_PREFIX, DOCUMENT, Dialogue, DialogueTurn
from companion.core.errors import DatasetError
from companion.core.job_folder import HELD_OUT_FILE
from companion.core.messages import Turn
from companion.core.recipes.files import TrainingRecipe
from companion.core.recipes.parts import Data
from companion.core.recipes.pretrain import Pretrain
from companion.llama.chat_template import ChatTemplate, TemplateError
from companion.llama.prompt import tokens_of
from companion.llama.vocabulary import Vocabulary
from companion.workshop.data.control_tags import tagged
from companion.workshop.data.held_back import write_held_back
from companion.workshop.data.opening import Opening
from companion.workshop.data.prepared import TOKENS_FILE, PreparedData, SamplePrompt
from companion.workshop.data.replay import chosen_replay
from companion.workshop.data.sources.found import Found
from companion.workshop.data.sources.reading import data_file, read_all
from companion.workshop.data.splits import LEAST, Membership, Split
from companion.workshop.data.talks import New, Talks
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.data.token_file import TokenFile, TokenWriter
from companion.workshop.data.windows import Windows, windows_of

_SAMPLES: Final = 64
"""Dialogues that are kept as text until the split is known; those held out first are among them."""
_LONGEST_SAMPLE: Final = 20_000
_REPORT_EVERY: Final = 64


class Base(Protocol):
    """What is asked of the model that is trained."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def template(self) -> ChatTemplate: ...


def prepare(recipe: TrainingRecipe, base: Base, folder: Path, report: Callable[[float], None] | None = None) -> PreparedData:
    """The examples of a recipe, written to `folder` or found there from before: a job keeps the data it began with.

    `report` is called with the fraction done; what it raises ends the work and leaves nothing half-written behind. Raises
    DatasetError (nothing to learn from, a wrong line, no room on the disk) or CharacterError.
    """
    path = folder / TOKENS_FILE
    key = _key(recipe, base)
    if path.is_file():
        with contextlib.suppress(DatasetError):  # a damaged one is made again
            kept = TokenFile(path)
            if kept.details.get("key") == key:
                return PreparedData(kept, recipe.data)
            del kept  # Windows replaces no file that is mapped
    with TokenWriter(path) as writer:
        work = _Preparation(recipe, base, writer, report or (lambda fraction: None))
        work.read()
        work.add_replay()
        details = work.details()
        write_held_back(folder / HELD_OUT_FILE, work.held_back(details["held_out"]))
        writer.finish({"key": key, **details})
    return PreparedData(TokenFile(path), recipe.data)


class _Preparation:
    """One pass over the sources, and what was met on the way."""

    def __init__(self, recipe: TrainingRecipe, base: Base, writer: TokenWriter, report: Callable[[float], None]) -> None:
        self._recipe, self._data, self._writer, self._report = recipe, recipe.data, writer, report
        self._base = base
        self._opening = Opening("" if isinstance(recipe, Pretrain) else recipe.character)
        self._template = TrainingTemplate(base.vocabulary, base.template, self._data.learn_from)
        self._bytes = max(1, sum(_size(source) for source in recipe.data_files))
        self._samples: list[tuple[int, int, Dialogue]] = []
        self._met: dict[str, tuple[int, str]] = {}
        self._read = 0
        self._places = array("q")
        """At which place of the sources each dialogue stands that examples were made of."""
        self._talks = Talks()
        self._of_talks: dict[int, New] = {}
        """By number, the dialogues that are from conversations."""
        self.membership = Membership(recipe.training.seed, self._data.group_by, self._data.stratify_by)
        self.notices: list[str] = []

    def read(self) -> None:
        """Every dialogue of the sources as examples."""
        if not self._recipe.data_files:
            raise DatasetError("No dialogues were named to learn from.", "Name a file, a dataset folder, or a conversation.")
        done = 0
        for number, found in enumerate(read_all(self._recipe.data_files, character=self._opening.name)):
            self._read = number
            self._add(found)
            done += sum(len(turn.content) for turn in found.dialogue.messages)
            if number % _REPORT_EVERY == 0:
                self._report(min(0.99, done / self._bytes))
        if not self._writer.examples:
            raise DatasetError(
                "There is no reply to learn from in these dialogues.",
                "Each dialogue needs at least one message of the assistant; “companion data inspect” shows what they hold.",
            )

    def add_replay(self) -> None:
        """General dialogues among hers, so that old skills are not forgotten."""
        share = self._data.replay
        if share <= 0:
            return
        if not self._data.replay_file:
            raise DatasetError("The recipe asks for replay and names no dialogues for it.", "Set data.replay_file.")
        learned = len(self._split().train)
        wanted = max(1, round(learned * share / (1 - share)))
        chosen, there_are = chosen_replay(self._data.replay_file, wanted, self._recipe.training.seed)
        for found in chosen:
            if is_silent(found.dialogue, self._data):
                self._meet("silent", found.place)
                continue
            for example in self._windows(found, found.dialogue).examples:
                self._writer.add(example, -1)
        if there_are < wanted:
            self.notices.append(f"The replay has {there_are:,} dialogues where {wanted:,} were asked for; all of them are used.")

    def held_back(self, numbers: Sequence[int]) -> Iterator[Dialogue]:
        """These dialogues as they stand in the sources, which are read a second time for it."""
        places = {self._places[number] for number in numbers}
        if places:
            sources = read_all(self._recipe.data_files, character=self._opening.name)
            yield from (found.dialogue for place, found in enumerate(sources) if place in places)

    def details(self) -> dict[str, Any]:
        """The split and what people should know, as it is kept in the file."""
        split = self._split()
        self._tell(len(split.held_out))
        held = set(split.held_out.tolist())
        return {
            "held_out": split.held_out.tolist(),
            "dialogues": len(self.membership),
            **self._conversations(held),
            "left_out": self._sentences(),
            "notices": self.notices,
            "samples": [msgspec.to_builtins(sample) for sample in self._sample_prompts(held)],
        }

    def _add(self, found: Found) -> None:
        dialogue = tagged(self._opening.added(found.dialogue), self._base.vocabulary.control_tokens)
        empty = sum(not turn.content.strip() for turn in dialogue.messages)
        if empty:
            self._meet("empty", found.place, empty)
        if is_silent(dialogue, self._data):
            self._meet("silent", found.place)
            return
        windows = self._windows(found, dialogue)
        if not windows.examples:
            self._meet("nothing", found.place)
            return
        number = len(self.membership)
        score = self.membership.add(found.dialogue)
        if (new := self._talks.add(found.dialogue)).conversation:
            self._of_talks[number] = new._replace(turns=())
        self._places.append(self._read)
        for example in windows.examples:
            self._writer.add(example, number)
        self._keep_sample(score, number, dialogue)

    def _conversations(self, held: set[int]) -> dict[str, int]:
        """How many conversations and dialogues of theirs are learned from."""
        learned = [new for number, new in self._of_talks.items() if number not in held]
        return {
            "conversations": len({new.conversation for new in learned}),
            "versions": sum(new.is_version for new in learned),
            "from_conversations": len(learned),
        }

    def _split(self) -> Split:
        return self.membership.hold_out(self._data.held_out, self._data.most_held_out)

    def _windows(self, found: Found, dialogue: Dialogue) -> Windows:
        try:
            windows = windows_of(self._template, dialogue, self._data.longest)
        except TemplateError as error:
            raise DatasetError(
                f"{found.place} cannot be written by the chat template of this model ({error}).",
                "Let user and assistant take turns in it, or leave it out.",
            ) from error
        if not windows.examples and self._data.learn_from == "assistant" and DOCUMENT not in dialogue.labels:
            raise DatasetError(
                f"{found.place} has replies, and none of their tokens would be learned.",
                f"Raise data.longest above {self._data.longest:,}, or shorten the dialogue.",
            )
        for name in ("divided", "shortened", "system_shortened"):
            if getattr(windows, name):
                self._meet(name, found.place)
        return windows

    def _meet(self, what: str, place: str, count: int = 1) -> None:
        before, first = self._met.get(what, (0, place))
        self._met[what] = (before + count, first)

    def _sentences(self) -> list[str]:
        """What could not be used as it was, with how often and where first."""
        longest = f"{self._data.longest:,}"
        forms = {
            "silent": ("1 dialogue has no reply to learn from", "{} dialogues have no reply to learn from"),
            "nothing": ("1 dialogue has no words", "{} dialogues have no words"),
            "empty": ("1 empty turn was left out", "{} empty turns were left out"),
            "divided": (
                f"1 dialogue is longer than {longest} tokens and was divided",
                f"{{}} dialogues are longer than {longest} tokens and were divided",
            ),
            "shortened": (
                f"1 dialogue has a turn longer than {longest} tokens, which was cut",
                f"{{}} dialogues have a turn longer than {longest} tokens, which was cut",
            ),
            "system_shortened": (
                f"1 dialogue has a system message that is too long for {longest} tokens; it was cut",
                f"{{}} dialogues have a system message that is too long for {longest} tokens; it was cut",
            ),
        }
        told = []
        for what, (one, many) in forms.items():
            if what in self._met:
                count, first = self._met[what]
                told.append(f"{one} ({first})." if count == 1 else f"{many.format(f'{count:,}')} (first: {first}).")
        return told

    def _tell(self, held_out: int) -> None:
        count = len(self.membership)
        if self._data.held_out > 0 and not held_out:
            why = f"fewer than {LEAST} dialogues" if count < LEAST else "dialogues that all belong together"
            self.notices.append(f"Nothing is held out, because there are {why}: how well she learned is not measured.")
        for field, missing in sorted(self.membership.unlabelled.items()):
            self.notices.append(f"{missing:,} dialogues have no “{field}”.")

    def _keep_sample(self, score: int, number: int, dialogue: Dialogue) -> None:
        """The dialogues with the smallest scores: a heap of negative scores drops the largest."""
        if DOCUMENT in dialogue.labels or sum(len(turn.content) for turn in dialogue.messages) > _LONGEST_SAMPLE:
            return
        entry = (-score, number, dialogue)
        if len(self._samples) < _SAMPLES:
            heappush(self._samples, entry)
        elif entry[0] > self._samples[0][0]:
            heappushpop(self._samples, entry)

    def _sample_prompts(self, held: set[int]) -> list[SamplePrompt]:
        """Of dialogues that are not learned from, when there are any; at different depths of the talk."""
        kept = sorted(self._samples, key=lambda entry: (entry[1] not in held, -entry[0]))
        prompts = []
        for depth, (_, _, dialogue) in enumerate(kept[:20]):
            turns = [turn for turn in dialogue.messages if turn.content.strip()]
            replies = [i for i, turn in enumerate(turns) if i and turn.role == "assistant" and turns[i - 1].role == "user"]
            if replies:
                prompts.append(self._sample(turns, replies[depth % len(replies)]))
        return prompts

    def _sample(self, turns: Sequence[DialogueTurn], reply: int) -> SamplePrompt:
        before = [Turn(turn.role, turn.content) for turn in turns[:reply]]
        tokens = tokens_of(self._base.vocabulary, self._base.template.render(before))
        return SamplePrompt(said=turns[reply - 1].content, answer=turns[reply].content, tokens=tuple(tokens))


def is_silent(dialogue: Dialogue, data: Data) -> bool:
    """Whether nothing in it would be learned."""
    if data.learn_from == "all" or DOCUMENT in dialogue.labels:
        return False
    return not any(turn.role == "assistant" and turn.train and turn.content.strip() for turn in dialogue.messages)


def _size(source: str) -> int:
    if source.startswith(CONVERSATION_PREFIX):
        return 0
    path = data_file(Path(source))
    return path.stat().st_size if path.is_file() else 0


def _key(recipe: TrainingRecipe, base: Base) -> str:
    """What the examples depend on, apart from the content of the files."""
    character = "" if isinstance(recipe, Pretrain) else recipe.character
    asked = msgspec.json.encode((recipe.data_files, recipe.data, character, recipe.training.seed))
    return hashlib.sha256(asked + identity_of(base)).hexdigest()


def identity_of(base: Base) -> bytes:
    """What tells models apart that write the same dialogue differently."""
    probe = TrainingTemplate(base.vocabulary, base.template).example(
        Dialogue(messages=(DialogueTurn("user", "How are you?"), DialogueTurn("assistant", "Well, thank you.")))
    )
    return np.asarray([base.vocabulary.size, *probe.tokens], dtype="<i8").tobytes()

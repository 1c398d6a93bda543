"""What all subjects are measured on: the person's dialogues and texts, or those that are shipped with the program."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappush, heappushpop
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from companion.core.dataset import CONVERSATION_PREFIX, DOCUMENT, Dialogue
from companion.core.dataset_folder import read_source
from companion.core.errors import DatasetError
from companion.core.fingerprint import file_sha256
from companion.core.names import numbered
from companion.core.recipes.evaluate import Evaluate
from companion.core.report import UsedFile
from companion.workshop.data.opening import Opening
from companion.workshop.data.sources.found import clean_text
from companion.workshop.data.sources.reading import data_file, read_all
from companion.workshop.evaluation.family import Material, Prompt, Tell, Text
from companion.workshop.evaluation.scripted import shipped

DATASET: Final = "dataset"
"""Label of a dialogue: the name of the dataset it came from."""
OWN_LICENCE: Final = "Apache-2.0"
MOST_TEXT_BYTES: Final = 64 << 20
TWO_PROMPTS: Final = 4
"""A dialogue of so many replies gives two prompts, an early and a late one."""


def read_material(recipe: Evaluate, tell: Tell) -> Material:
    """Raises DatasetError for what cannot be read or holds nothing, CharacterError when there is no such character.

    Of each source the same dialogues are taken whatever is asked for, in an order that has nothing to do with the file's; a
    larger budget takes more of them. Sources take turns, so that each has its share.
    """
    opening = Opening(recipe.character)
    most = max(recipe.likelihood.dialogues, recipe.replies.dialogues, recipe.robustness.dialogues)
    sources, texts = _named(recipe.data_files), list[Text]()
    found: list[list[Dialogue]] = []
    for number, (name, source) in enumerate(sources):
        taken = _read(source, name, opening, most)
        found.append(taken.dialogues)
        if taken.text:
            texts.append(Text(name, taken.text))
        tell((number + 1) / (len(sources) + 1))
    if not any(found):
        found = [_read(str(shipped("dialogues.jsonl")), "built-in", opening, most).dialogues]
    dialogues = tuple(each for row in zip_longest(*found) for each in row if each is not None)[:most]
    texts += [Text(name, _text(Path(file))) for name, file in _named(recipe.likelihood.text_files)]
    texts = texts or [Text("built-in", _text(shipped("text.txt")))]
    tell(1.0)
    prompts = (prompt for each in dialogues[: recipe.replies.dialogues] for prompt in prompts_of(each))
    return Material(dialogues, tuple(texts), tuple(_distinct(prompts)))


def read_dialogues(source: str, name: str, character: str, most: int) -> list[Dialogue]:
    """At most so many dialogues of one source, always the same, behind the card of a character. Raises as `read_material`."""
    return _read(source, name, Opening(character), most).dialogues


def licences(recipe: Evaluate) -> tuple[UsedFile, ...]:
    """Which files are measured with, and what one may do with them. Raises as `read_material`."""
    files = [used_file(source) for source in recipe.data_files]
    files += [used_file(file) for file in (*recipe.likelihood.text_files, *_earlier(recipe))]
    used = {"dialogues.jsonl": recipe.data_files, "text.txt": recipe.likelihood.text_files}
    own = (name for name, instead in used.items() if not instead)
    return (*files, *(replace(used_file(str(shipped(name))), name=f"built-in {name}", licence=OWN_LICENCE) for name in own))


def prompts_of(dialogue: Dialogue) -> Iterator[Prompt]:
    """One or two beginnings that end with the person's words, with the reply that follows; always the same ones."""
    turns = dialogue.messages
    replies = [i for i in range(1, len(turns)) if turns[i].role == "assistant" and turns[i - 1].role == "user"]
    if not replies and turns and turns[-1].role == "user":
        yield Prompt(f"{dialogue.id}#{len(turns)}", dialogue)
    halves = [replies[: len(replies) // 2], replies[len(replies) // 2 :]] if len(replies) >= TWO_PROMPTS else [replies]
    for half in filter(None, halves):
        at = half[_order(dialogue.id) % len(half)]
        yield Prompt(f"{dialogue.id}#{at}", replace(dialogue, messages=turns[:at], rejected=()), turns[at].content)


def more_prompts(material: Material) -> Iterator[Prompt]:
    """The prompts of a material, then every other beginning of its dialogues that ends with the person's words: where few
    dialogues are to give many. Dialogues take turns; each prompt comes once."""
    others = zip_longest(*(_every_prompt(each) for each in material.dialogues))
    yield from _distinct(chain(material.prompts, (each for row in others for each in row if each is not None)))


def _every_prompt(dialogue: Dialogue) -> Iterator[Prompt]:
    turns = dialogue.messages
    for at in range(1, len(turns)):
        if turns[at].role == "assistant" and turns[at - 1].role == "user":
            yield Prompt(f"{dialogue.id}#{at}", replace(dialogue, messages=turns[:at], rejected=()), turns[at].content)


def _distinct(prompts: Iterable[Prompt]) -> Iterator[Prompt]:
    """Each once: branches of one conversation ask the same until they part."""
    known: set[tuple[tuple[str, str], ...]] = set()
    for prompt in prompts:
        said = tuple((turn.role, turn.content) for turn in prompt.dialogue.messages)
        if said not in known:
            known.add(said)
            yield prompt


def _earlier(recipe: Evaluate) -> tuple[str, ...]:
    return recipe.forgetting.files if recipe.forgetting.enabled else ()


class _Taken(NamedTuple):
    dialogues: list[Dialogue]
    text: str
    """What documents of the source hold: prose is measured as a text."""


def _read(source: str, name: str, opening: Opening, most: int) -> _Taken:
    """At most so many dialogues of a source, and its prose, in constant memory."""
    heap: list[tuple[int, int, Dialogue]] = []
    prose: list[str] = []
    size = 0
    for number, found in enumerate(read_all([source], character=opening.name), start=1):
        dialogue = found.dialogue
        if DOCUMENT in dialogue.labels:
            if size < MOST_TEXT_BYTES:
                prose.append(dialogue.messages[0].content)
                size += len(prose[-1])
            continue
        turns = tuple(turn for turn in dialogue.messages if turn.content.strip())
        if not any(turn.role != "system" for turn in turns):
            continue
        identifier = f"{name}/{number}" + (f" {dialogue.id}" if dialogue.id else "")
        labels = {**dialogue.labels, DATASET: name}
        entry = (-_order(identifier), -number, replace(dialogue, messages=turns, id=identifier, labels=labels))
        if len(heap) < most:
            heappush(heap, entry)
        elif entry[0] > heap[0][0]:
            heappushpop(heap, entry)
    return _Taken([opening.added(dialogue) for _, _, dialogue in sorted(heap, reverse=True)], "\n\n".join(prose))


def _order(identifier: str) -> int:
    """A number that says nothing but is always the same."""
    return int.from_bytes(hashlib.blake2b(identifier.encode(), digest_size=8).digest(), "little")


def _named(sources: Sequence[str]) -> list[tuple[str, str]]:
    """Each source with a name of its own."""
    names = [source if source.startswith(CONVERSATION_PREFIX) else read_source(Path(source)).name for source in sources]
    return list(zip(numbered(names), sources, strict=True))


def _text(path: Path) -> str:
    """Raises DatasetError."""
    try:
        if path.stat().st_size > MOST_TEXT_BYTES:
            raise DatasetError(f"“{path.name}” is larger than {MOST_TEXT_BYTES >> 20} MB.", "Take a part of it.")
        return clean_text(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DatasetError(f"“{path.name}” is no text in UTF-8.", "Save it again as UTF-8.") from error
    except OSError as error:
        raise DatasetError(f"“{path}” cannot be read ({error.strerror}).", "Check that it is there.") from error


def used_file(source: str) -> UsedFile:
    """A dataset or a text as a report names it. Raises DatasetError."""
    if source.startswith(CONVERSATION_PREFIX):
        return UsedFile(name=source, sha256="", licence="own conversation")
    path = data_file(Path(source))
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DatasetError(f"“{source}” cannot be read ({error.strerror}).", "Check that it is there.") from error
    return UsedFile(name=path.name, sha256=file_sha256(path), bytes=size, licence=read_source(Path(source)).licence)

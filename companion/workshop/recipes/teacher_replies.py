"""Sequence-level distillation (Kim and Rush 2016, arXiv:1606.07947): the teacher writes the replies that a student learns.

The teacher speaks through llama.cpp, the likeliest word each time. Its replies also stand in the history of those that follow,
as the student would have said them. A reply that is empty, runs in circles or does not end is not taken: the dialogue keeps
its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from companion.core.dataset import DOCUMENT, DatasetSource, Dialogue
from companion.core.dataset_folder import DATA_FILE, DatasetWriter, read_source
from companion.core.errors import WorkshopError
from companion.core.files import write_atomic
from companion.core.loops import find_loop
from companion.core.recipes.distill import Distill
from companion.core.recipes.evaluate import Evaluate, Replies
from companion.workshop.data.opening import Opening
from companion.workshop.data.sources.reading import read_all
from companion.workshop.evaluation.family import Prompt, Tell
from companion.workshop.evaluation.opened import Opened, open_subjects
from companion.workshop.evaluation.replies import answer
from companion.workshop.job import Job

AT_ONCE: Final = 32
"""Dialogues between two files that a killed job goes on from."""


class Taught(NamedTuple):
    """The dialogues with the teacher's replies, and what is to be said of them."""

    folder: Path
    sentence: str


class _Part(msgspec.Struct, frozen=True):
    """Some dialogues as they are kept: how many replies were asked for, and how many were taken."""

    dialogues: tuple[Dialogue, ...]
    asked: int
    taken: int


def written_replies(job: Job, recipe: Distill) -> Taught:
    """The person's dialogues with the teacher's replies in a dataset folder of the job, made once and in parts.

    Raises DatasetError, CharacterError, ModelError and EngineError.
    """
    folder = job.folder.path / "replies"
    if not (folder / DATA_FILE).exists():
        job.stage("data", f"Letting “{Path(recipe.teacher).stem}” write the replies")
        parts = [*_parts(job, recipe, folder)]
        asked, taken = sum(part.asked for part in parts), sum(part.taken for part in parts)
        if asked and not taken:
            raise WorkshopError(
                f"None of {asked:,} replies that the teacher wrote could be taken: they are empty, run in circles or do not end.",
                "Raise distillation.reply_tokens, or choose another teacher.",
            )
        told = f"The teacher wrote {taken:,} of {asked:,} replies that it was asked for; the others stayed as they were."
        with DatasetWriter(folder) as writer:
            for part in parts:
                for dialogue in part.dialogues:
                    writer.add(dialogue)
            writer.finish(DatasetSource(name=f"{recipe.name} replies".strip(), origin=Path(recipe.teacher).name, steps=(told,)))
    return Taught(folder, read_source(folder).steps[0])


def _parts(job: Job, recipe: Distill, folder: Path) -> Iterator[_Part]:
    opening = Opening(recipe.character)
    total = max(sum(1 for _ in read_all(recipe.data_files, character=opening.name)), 1)
    sources = (opening.added(found.dialogue) for found in read_all(recipe.data_files, character=opening.name))
    with open_subjects(Evaluate(subjects=((recipe.teacher,),))) as (subjects, _):
        for first in range(0, total, AT_ONCE):
            dialogues = list(islice(sources, AT_ONCE))
            file = folder / f"part-{first}.json"
            if not file.exists():

                def tell(done: float, first: int = first, count: int = len(dialogues)) -> None:
                    job.progress((first + done * count) / total)

                write_atomic(file, msgspec.json.encode(_taught(subjects[0], recipe, dialogues, first, tell)))
            yield msgspec.json.decode(file.read_bytes(), type=_Part)


def _taught(teacher: Opened, recipe: Distill, dialogues: Sequence[Dialogue], first: int, tell: Tell) -> _Part:
    """These dialogues, turn by turn side by side; `first` is the number of the first one."""
    options = recipe.distillation
    asking = Replies(sampling="greedy", tokens=options.reply_tokens)
    now = list(dialogues)
    places = [
        _places(dialogue) if _is_chosen(first + number, recipe.training.seed, options.share) else ()
        for number, dialogue in enumerate(dialogues)
    ]
    rounds = max(map(len, places), default=0)
    taken = 0
    for turn in range(rounds):
        mine = [number for number, each in enumerate(places) if turn < len(each)]
        prompts = [
            Prompt(f"{first + n}#{turn}", replace(now[n], messages=now[n].messages[: places[n][turn]], rejected=())) for n in mine
        ]
        replies = answer(teacher, prompts, asking, recipe.training.seed, lambda done, turn=turn: tell((turn + done) / rounds))  # type: ignore[misc]
        for number, reply in zip(mine, replies, strict=True):
            if reply.ended and reply.text.strip() and not find_loop(reply.text):
                messages, at = now[number].messages, places[number][turn]
                said = replace(messages[at], content=reply.text)
                now[number] = replace(now[number], messages=(*messages[:at], said, *messages[at + 1 :]), rejected=())
                taken += 1
    return _Part(tuple(now), sum(map(len, places)), taken)


def _places(dialogue: Dialogue) -> tuple[int, ...]:
    """Where a reply to the person stands that is learned from."""
    if DOCUMENT in dialogue.labels:
        return ()
    turns = dialogue.messages
    answers = (at for at in range(1, len(turns)) if turns[at].role == "assistant" and turns[at - 1].role == "user")
    return tuple(at for at in answers if turns[at].train)


def _is_chosen(number: int, seed: int, share: float) -> bool:
    """Whether the teacher writes the replies of this dialogue: always the same ones."""
    digest = hashlib.blake2b(f"{seed}\0{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") < share * 2**64

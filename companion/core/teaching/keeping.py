"""What she knows already and must not lose: the adapter she goes on from, and what is kept of what it learned."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple, get_args

from companion.core.adapter import AdapterInfo, fisher_file, read_adapter, refuse_other_base
from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.errors import CompanionError
from companion.core.fingerprint import known_sha256
from companion.core.gguf.header import read_header
from companion.core.lineage import trainings
from companion.core.messages import AdapterUse
from companion.core.paths import models_folder
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.parts import Where

DIALOGUES: Final = "dialogues"
"""Folder beside a shipped adapter, with what it learned from."""


class Before(NamedTuple):
    """What she begins from; empty when she begins anew."""

    start: str = ""
    """Path of the adapter."""
    name: str = ""
    """What it calls itself."""
    has_fisher: bool = False
    """Whether it is known which of its weights matter (elastic weight consolidation, Kirkpatrick et al. 2017)."""
    earlier: tuple[str, ...] = ()
    """What it learned from, as far as that is still there."""


def before(uses: Sequence[AdapterUse], model: Path, conversations: Collection[str]) -> Before:
    """From what she talks with now. Reads files and looks through the jobs: not for the window's own thread.

    She goes on from an adapter only when it is the only one, counts in full, and has a shape that a training takes.
    `conversations` are the sources that are still there.
    """
    if len(uses) != 1 or uses[0].scale != 1:
        return Before()
    path = Path(uses[0].path)
    try:
        info = read_adapter(path)
        refuse_other_base(info, read_header(model), known_sha256(model))
    except CompanionError:
        return Before()
    if not _goes_on(info):
        return Before()
    return Before(str(path), info.name, fisher_file(path).is_file(), _earlier(path, conversations))


def keeping_sentence(found: Before, *, replays: bool, holds: bool) -> str:
    """How her skills are kept: by earlier dialogues that are mixed in, or by weights that are held (EWC)."""
    if not found.start:
        return "The model itself stays as it is: what she learns lies beside it and can be taken off again."
    ways = [
        *(["one dialogue in five is one that she learned from earlier"] if replays else []),
        *(["what mattered for that is held firmly"] if holds else []),
    ]
    if ways:
        return f"She goes on from “{found.name}”: {', and '.join(ways)}, so that she keeps it."
    if found.earlier:
        return f"She goes on from “{found.name}”, and learns again what that learned from."
    return f"She goes on from “{found.name}”; what that learned from is not known, so check afterwards whether she still has it."


def _goes_on(info: AdapterInfo) -> bool:
    """Whether a training can begin from its matrices: those of whole layers, all of one rank."""
    parts = [tensor.name.split(".") for tensor in info.tensors]
    known = {*get_args(Where), "attn_qkv"}
    inside = all(len(each) == 4 and each[0] == "blk" and each[2] in known for each in parts)
    return inside and len({tensor.rank for tensor in info.tensors}) == 1


def _earlier(adapter: Path, conversations: Collection[str]) -> tuple[str, ...]:
    if adapter.is_relative_to(models_folder()):
        return tuple(str(path) for path in sorted((adapter.parent / DIALOGUES).glob("*.jsonl")))
    found: list[str] = []
    for job in trainings(adapter):
        recipe = job.recipe()
        if isinstance(recipe, FineTune):  # what was only preferred holds no dialogues to learn again
            found += recipe.data_files
    return tuple(source for source in dict.fromkeys(found) if _is_there(source, conversations))


def _is_there(source: str, conversations: Collection[str]) -> bool:
    return source in conversations if source.startswith(CONVERSATION_PREFIX) else Path(source).exists()

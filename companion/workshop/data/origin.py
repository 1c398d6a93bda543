"""Where dialogues come from: what each source says of itself, and of several what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.core.dataset import CONVERSATION_PREFIX, DatasetSource
from companion.core.dataset_folder import read_source
from companion.workshop.data.sources.reading import data_file, recognise


def form_of_source(source: str) -> str:
    """Raises DatasetError."""
    return "conversations" if source.startswith(CONVERSATION_PREFIX) else recognise(data_file(Path(source)))


def source_of(files: Sequence[str], steps: Sequence[str], name: str = "") -> DatasetSource:
    """Where a new dataset came from: what its sources say, joined, and the steps that made it.

    `name` is what it is called, that of the first source when it is empty. Raises DatasetError.
    """
    known = [
        DatasetSource(name="conversations", origin="conversations in Companion", licence="private", consent="the person's own")
        if file.startswith(CONVERSATION_PREFIX)
        else read_source(Path(file))
        for file in files
    ]
    first = known[0]

    def joined(field: str) -> str:
        return "; ".join(dict.fromkeys(value for each in known if (value := getattr(each, field))))

    earlier = tuple(step for each in known for step in each.steps)
    return replace(
        first,
        name=name or first.name,
        origin=joined("origin"),
        form=", ".join(dict.fromkeys(form_of_source(file) for file in files)),
        licence=joined("licence"),
        attribution=joined("attribution"),
        consent=joined("consent"),
        steps=(*earlier, *steps),
    )

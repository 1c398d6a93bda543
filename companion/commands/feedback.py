"""`companion data feedback`: what a person's thumbs, edits and choices come to, as a dataset and as preferences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from companion.core.dataset_folder import DATA_FILE, DatasetWriter
from companion.core.errors import DatasetError
from companion.workshop.data.origin import source_of
from companion.workshop.data.preferences import praised, read_preferences, write_preferences

PREFERENCES_FILE: Final = "preferences.jsonl"


def feedback(*, files: Sequence[str], output: Path | None, as_json: bool) -> int:
    """Say what was found, and write it to a new folder when one is named; returns the exit status. Raises CompanionError."""
    found = read_preferences(files)
    good = list(praised(files))
    judged = [each.preference for each in (*found.pairs, *found.thumbs)]
    if not judged and not good:
        what = "Nothing was judged in these conversations yet."
        raise DatasetError(what, "Give thumbs, write a reply over, or ask for another one and go on from the better.")
    if output is not None:
        with DatasetWriter(output) as writer:
            for dialogue in good:
                writer.add(dialogue)
            try:
                write_preferences(output / PREFERENCES_FILE, judged)
            except OSError as error:
                raise DatasetError(f"“{output}” cannot be written ({error.strerror}).", "Name another folder.") from error
            if good:
                writer.finish(source_of(files, ["Only replies that were praised or written by the person are learned from."]))
    if as_json:
        facts = {"pairs": len(found.pairs), "thumbs": len(found.thumbs), "learned": len(good), "what": found.sentence}
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    print(f"{found.sentence} {len(good):,} {'reply' if len(good) == 1 else 'replies'} to learn from.")
    if output is not None:
        kept = f"“{output / PREFERENCES_FILE}”" + (f" and “{output / DATA_FILE}”" if good else "")
        print(f"They are in {kept}.")
    return 0

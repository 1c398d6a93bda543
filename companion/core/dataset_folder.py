"""Dataset folders on disk: written as a stream, and seen by others only when they are whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

import msgspec
import tomli_w
from msgspec.structs import replace

from companion.core.dataset import DatasetSource, Dialogue
from companion.core.errors import DatasetError
from companion.core.files import write_atomic
from companion.core.names import numbered
from companion.core.paths import own_datasets_folder

DATA_FILE: Final = "data.jsonl"
SOURCE_FILE: Final = "source.toml"
DIALOGUE_ENDINGS: Final = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".txt", ".md")
MOST_FILES: Final = 500
"""In a folder that is given as a whole."""
_MOST_LOOKED_AT: Final = 20_000
_MOST_SOURCE_BYTES: Final = 1024 * 1024
_LONGEST_NAME: Final = 60


def read_source(path: Path) -> DatasetSource:
    """Where the dialogues of a file or a dataset folder came from; what nobody wrote down is "unknown".

    Raises DatasetError when source.toml is there and cannot be understood.
    """
    folder = path if path.is_dir() else path.parent if path.name == DATA_FILE else None
    file = folder / SOURCE_FILE if folder is not None else None
    if file is None or not file.is_file():
        name = path.stem if path.name != DATA_FILE else path.parent.name
        return DatasetSource(name=name, origin=str(path))
    try:
        if file.stat().st_size > _MOST_SOURCE_BYTES:
            raise DatasetError(f"“{file}” is larger than 1 MB.", "Shorten it: it says where the dialogues came from.")
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), DatasetSource)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise DatasetError(f"“{file}” is no description of a dataset ({error}).", "Correct it or delete it.") from error
    except OSError as error:
        raise DatasetError(f"“{file}” cannot be read ({error.strerror}).", "Check that you may read it.") from error


class OwnDataset(NamedTuple):
    """One of the person's datasets."""

    folder: Path
    source: DatasetSource
    bytes: int


def own_datasets() -> tuple[OwnDataset, ...]:
    """What is in the person's folder of datasets, the newest first; one whose description is damaged is told by its name.

    Parts of a divided dataset lie one folder deeper.
    """
    root, found = own_datasets_folder(), list[tuple[str, int, OwnDataset]]()
    for data in sorted((*root.glob(f"*/{DATA_FILE}"), *root.glob(f"*/*/{DATA_FILE}"))):
        folder = data.parent
        if any(part.startswith(".") for part in folder.relative_to(root).parts) or not data.is_file():
            continue
        try:
            source = read_source(folder)
        except DatasetError:
            source = DatasetSource(name=folder.name, origin=str(folder))
        about = data.stat()
        found.append((source.made, about.st_mtime_ns, OwnDataset(folder, source, about.st_size)))
    return tuple(dataset for *_, dataset in sorted(found, key=lambda each: each[:2], reverse=True))


def free_dataset_folder(name: str) -> Path:
    """Where a new dataset of that name goes: below the person's datasets, and nothing is there yet."""
    root = own_datasets_folder()
    words = "".join(letter if letter.isalnum() or letter in "-_" else " " for letter in name)
    plain = "-".join(words.split())[:_LONGEST_NAME] or "dialogues"
    taken = [path.name for path in root.glob("*")]
    return root / numbered([*taken, plain])[-1]


def write_source(folder: Path, source: DatasetSource) -> None:
    """Say anew where a dataset came from. Raises DatasetError; what was said before then stands."""
    try:
        write_atomic(folder / SOURCE_FILE, tomli_w.dumps(msgspec.to_builtins(source)).encode())
    except OSError as error:
        what = f"“{folder / SOURCE_FILE}” cannot be written ({error.strerror})."
        raise DatasetError(what, "Make room on the disk, or check that you may write there.") from error


def dialogue_files(paths: Sequence[Path]) -> tuple[str, ...]:
    """What of these can be learned from: files as they are, dataset folders, and of other folders the files in them that
    may hold dialogues, by their names; hidden ones left out.

    Raises DatasetError when there is nothing, or too much.
    """
    found: dict[str, None] = {}
    looked_at = 0
    for path in paths:
        if not path.is_dir() or (path / DATA_FILE).is_file():
            found[str(path)] = None
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            looked_at += len(files) + 1
            inside = [name for name in sorted(files) if Path(name).suffix.lower() in DIALOGUE_ENDINGS and name[0] != "."]
            found |= dict.fromkeys([folder] if DATA_FILE in files else [str(Path(folder, name)) for name in inside])
            if looked_at > _MOST_LOOKED_AT or len(found) > MOST_FILES:
                raise DatasetError(f"There is too much in “{path.name}”.", "Choose the folder or the files themselves.")
    if not found:
        endings = ", ".join(DIALOGUE_ENDINGS)
        raise DatasetError("No file in there looks like dialogues.", f"They end in one of {endings}.")
    return tuple(found)


def discard_unfinished(folder: Path) -> None:
    """Take away what a writer left that was killed; a dataset that is whole stays."""
    with contextlib.suppress(OSError):
        for part in folder.glob(f".{DATA_FILE}.*.part"):
            part.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()


class DatasetWriter:
    """A new dataset folder. Use as a context manager; without `finish` nothing is left of it.

    Raises DatasetError when there is a dataset already, when the folder cannot be written, or when the disk is full.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dialogues = self.turns = self.words = 0
        if (folder / DATA_FILE).exists():
            raise DatasetError(f"There already is a dataset in “{folder}”.", "Name another folder, or delete that one.")
        with self._told():
            self._made = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder, prefix=f".{DATA_FILE}.", suffix=".part")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink()
        if self._made:
            with contextlib.suppress(OSError):
                self.folder.rmdir()  # only when nothing is in it

    def add(self, dialogue: Dialogue) -> None:
        with self._told():
            self._file.write(msgspec.json.encode(dialogue) + b"\n")
        self.dialogues += 1
        self.turns += len(dialogue.messages)
        self.words += sum(len(turn.content.split()) for turn in dialogue.messages)

    def finish(self, source: DatasetSource) -> DatasetSource:
        """Write where it came from, with the counts, and then give the dialogues their name; returns what was written."""
        whole = replace(
            source,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            dialogues=self.dialogues,
            turns=self.turns,
            words=self.words,
        )
        with self._told():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            write_source(self.folder, whole)
            self._temporary.replace(self.folder / DATA_FILE)
        return whole

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"“{self.folder}” cannot be written ({error.strerror})."
            raise DatasetError(what, "Make room on the disk, or name another folder.") from error

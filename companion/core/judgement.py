"""Blind verdicts of a person about two subjects, kept so that training can use them.

<data>/preferences/<names>-<digest>/
    contest.json      who stood against whom
    outcome.json      who was preferred, when it was told last
    verdicts.jsonl    every verdict, appended and on the disk before the next question is asked
    data.jsonl        those with a winner as dialogues with a rejected reply: a dataset like any other
    source.toml       where they came from
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
import tomli_w

from companion.core.dataset import DatasetSource, Dialogue, DialogueTurn
from companion.core.dataset_folder import DATA_FILE, SOURCE_FILE
from companion.core.errors import DatasetError
from companion.core.files import read_json, write_atomic
from companion.core.paths import PRIVATE_FILE, data_folder
from companion.core.report import Subject

Answer = Literal["a", "b", "tie", "skip"]
CONTEST_FILE: Final = "contest.json"
VERDICTS_FILE: Final = "verdicts.jsonl"
OUTCOME_FILE: Final = "outcome.json"
BRADLEY_TERRY: Final = "Bradley–Terry: a strength 1 higher is preferred in 73 % of cases; a tie is half a win."
_NAME: Final = 60
_APPEND: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)  # Windows would write other line ends


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """Two subjects, always in the same order, whichever is named first."""

    a: Subject
    b: Subject


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One verdict. `turns` end with the person's words that both replies answer."""

    prompt: str
    turns: tuple[DialogueTurn, ...]
    a_reply: str
    b_reply: str
    answer: Answer
    first: Literal["a", "b"] = "a"
    """Whose reply was shown first."""
    asked: bool = True
    """False for replies that were alike word for word: a tie nobody had to be asked for."""
    time: float = 0.0
    """Seconds since the epoch (UTC)."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One contestant among all who were ever judged: its strength in logits, 0 in the mean, with its interval."""

    name: str
    strength: float
    low: float
    high: float
    wins: float
    losses: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the verdicts of one contest come to."""

    a: str
    b: str
    """Names of the two."""
    a_wins: int
    b_wins: int
    ties: int
    sentence: str
    """Who is preferred, how often, and how surely."""
    share: float
    """How often `b` is preferred, 0 to 1, a tie counted as half; its interval follows."""
    low: float
    high: float
    details: tuple[str, ...] = ()
    """Further sentences: how often each won, and whether the first reply was chosen more often."""
    standings: tuple[Standing, ...] = ()
    """The strongest first."""
    pairs: tuple[Judged, ...] = ()
    """What both said, in the order of the verdicts."""
    preferences: int = 0
    """How many verdicts became dialogues to learn from."""
    time: float = 0.0
    """Seconds since the epoch (UTC)."""

    @property
    def verdicts(self) -> int:
        return self.a_wins + self.b_wins + self.ties


class Judgement:
    """The folder of one contest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def contest(self) -> Contest | None:
        """None when it cannot be read."""
        return read_json(self.folder / CONTEST_FILE, Contest)

    def verdicts(self) -> list[Judged]:
        """The oldest first, the last one of each prompt; a line that a kill cut short is left out."""
        found: dict[str, Judged] = {}
        try:
            lines = (self.folder / VERDICTS_FILE).read_bytes().split(b"\n")
        except OSError:
            return []
        for line in lines:
            try:
                judged = msgspec.json.decode(line, type=Judged)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
            found[judged.prompt] = judged
        return list(found.values())

    def add(self, judged: Judged) -> None:
        """Put a verdict on the disk. Raises DatasetError, and the verdicts before it are then still whole."""
        try:
            file = os.open(self.folder / VERDICTS_FILE, _APPEND, PRIVATE_FILE)
            try:
                end = os.lseek(file, 0, os.SEEK_END)
                torn = end > 0 and _byte_at(file, end - 1) != b"\n"
                line = (b"\n" if torn else b"") + msgspec.json.encode(judged) + b"\n"
                if os.write(file, line) != len(line):
                    raise DatasetError(f"The verdict could not be kept in “{self.folder}”.", "Make room on the disk.")
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise self._unwritable(error) from error

    def take_back(self, prompt: str) -> None:
        """Forget the verdict about this prompt, so that it is asked anew. Raises DatasetError."""
        kept = [judged for judged in self.verdicts() if judged.prompt != prompt]
        try:
            write_atomic(self.folder / VERDICTS_FILE, b"".join(msgspec.json.encode(judged) + b"\n" for judged in kept))
        except OSError as error:
            raise self._unwritable(error) from error

    def outcome(self) -> Outcome | None:
        """What was told last; None when nothing was, or it cannot be read."""
        return read_json(self.folder / OUTCOME_FILE, Outcome)

    def keep_outcome(self, outcome: Outcome) -> None:
        """So that it is found again. Raises DatasetError."""
        try:
            write_atomic(self.folder / OUTCOME_FILE, msgspec.json.encode(outcome))
        except OSError as error:
            raise self._unwritable(error) from error

    def write_dataset(self) -> int:
        """Those with a winner as dialogues to learn from; returns how many. Raises DatasetError."""
        contest = self.contest()
        dialogues = [dialogue for each in self.verdicts() if (dialogue := _preference(each, contest)) is not None]
        if not dialogues:
            self._forget_dataset()
            return 0
        names = f"{contest.a.name} and {contest.b.name}" if contest is not None else "two models"
        source = DatasetSource(
            name=self.folder.name,
            origin=f"blind verdicts about {names}",
            form="preferences",
            licence="private",
            consent="the person's own",
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            dialogues=len(dialogues),
            turns=sum(len(dialogue.messages) for dialogue in dialogues),
            words=sum(len(turn.content.split()) for dialogue in dialogues for turn in dialogue.messages),
        )
        try:
            write_atomic(self.folder / SOURCE_FILE, tomli_w.dumps(msgspec.to_builtins(source)).encode())
            write_atomic(self.folder / DATA_FILE, b"".join(msgspec.json.encode(each) + b"\n" for each in dialogues))
        except OSError as error:
            raise self._unwritable(error) from error
        return len(dialogues)

    def _forget_dataset(self) -> None:
        """Every verdict with a winner was taken back."""
        try:
            for name in (DATA_FILE, SOURCE_FILE):
                (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> DatasetError:
        what = f"The verdict could not be kept in “{self.folder}” ({error.strerror})."
        return DatasetError(what, "Make room on the disk, or make the folder writable; the verdicts before it are kept.")


def open_judgement(one: Subject, other: Subject) -> Judgement:
    """The folder of these two, made when it is not there yet. Raises DatasetError."""
    a, b = sorted((one, other), key=identity)
    names = re.sub(r"[^\w]+", "-", f"{a.name} vs {b.name}").strip("-")[:_NAME]
    digest = hashlib.sha256(f"{identity(a)} {identity(b)}".encode()).hexdigest()[:8]
    found = Judgement(preferences_folder() / f"{names}-{digest}")
    if found.contest() is None:
        try:
            write_atomic(found.folder / CONTEST_FILE, msgspec.json.encode(Contest(a=a, b=b)))
        except OSError as error:
            what = f"“{found.folder}” cannot be written ({error.strerror})."
            raise DatasetError(what, "Make room on the disk, or make the folder writable.") from error
    return found


def all_judgements() -> Iterator[Judgement]:
    """Every contest there was."""
    for file in sorted(preferences_folder().glob(f"*/{CONTEST_FILE}")):
        yield Judgement(file.parent)


def preferences_folder() -> Path:
    return data_folder() / "preferences"


def identity(subject: Subject) -> str:
    """The same for the same files and scales, whatever they are called."""
    parts = [subject.model.sha256, *(f"{each.sha256}*{each.scale:g}" for each in subject.adapters)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _preference(judged: Judged, contest: Contest | None) -> Dialogue | None:
    """The better reply is learned from, the worse is rejected; what was said before is context."""
    if judged.answer not in ("a", "b"):
        return None
    better, worse = (judged.a_reply, judged.b_reply) if judged.answer == "a" else (judged.b_reply, judged.a_reply)
    if not better.strip():
        return None
    labels = {"judged": "blind"}
    if contest is not None:
        labels["preferred"] = (contest.a if judged.answer == "a" else contest.b).name
    return Dialogue(
        messages=(*_context(judged.turns), DialogueTurn("assistant", better)), id=judged.prompt, labels=labels, rejected=(worse,)
    )


def _context(turns: Sequence[DialogueTurn]) -> Iterator[DialogueTurn]:
    for turn in turns:
        yield DialogueTurn(turn.role, turn.content, train=turn.role != "assistant")


def _byte_at(file: int, position: int) -> bytes:
    os.lseek(file, position, os.SEEK_SET)
    return os.read(file, 1)

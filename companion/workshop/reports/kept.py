"""What an evaluation has measured so far, as files in its job's folder: a resumed job, or whoever finds it dead, reads them.

<job>/measured/
    about.json              which files, on which machine: what was measured must not change under it
    replies-0.json          every reply of the first subject
    0-likelihood.json       one finished section of it
    0-safety.begun          this section was begun so many times, and its process has not come to its end
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from companion.core.files import read_json, write_atomic
from companion.core.report import Measured, Section, Subject, UsedFile

_ABOUT = "about.json"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What all parts of a report have in common."""

    subjects: tuple[Subject, ...]
    reference: Subject | None = None
    parts: tuple[str, ...] = ()
    """The keys of the sections that are wanted, in their order."""
    suite: str = ""
    seed: int = 0
    data: tuple[UsedFile, ...] = ()
    machine: dict[str, str] = msgspec.field(default_factory=dict)
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    command: str = ""
    began: float = 0.0
    cautions: tuple[str, ...] = ()


class KeptReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply without its prompt, which the recipe makes again."""

    name: str
    text: str
    tokens: int
    ended: bool
    seconds: float


class Kept:
    """The folder `measured` of one job. Writing raises OSError; what cannot be read counts as not measured."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def about(self) -> About | None:
        return read_json(self.folder / _ABOUT, About)

    def keep_about(self, about: About) -> None:
        write_atomic(self.folder / _ABOUT, msgspec.json.encode(about))

    def section(self, subject: int, key: str) -> Section | None:
        return read_json(self.folder / f"{subject}-{key}.json", Section)

    def keep_section(self, subject: int, section: Section) -> None:
        write_atomic(self.folder / f"{subject}-{section.key}.json", msgspec.json.encode(section, enc_hook=_plain))
        self.end(subject, section.key)

    def replies(self, subject: int) -> tuple[KeptReply, ...] | None:
        return read_json(self.folder / f"replies-{subject}.json", tuple[KeptReply, ...])

    def keep_replies(self, subject: int, replies: Sequence[KeptReply]) -> None:
        write_atomic(self.folder / f"replies-{subject}.json", msgspec.json.encode(replies))

    def begin(self, subject: int, key: str) -> int:
        """Note that a section is begun, and say how many times before it was begun and no word was heard again."""
        mark = self._mark(subject, key)
        before = read_json(mark, int) or 0
        write_atomic(mark, msgspec.json.encode(before + 1))
        return before

    def end(self, subject: int, key: str) -> None:
        """The process is still alive after a section, however that ended."""
        with contextlib.suppress(OSError):
            self._mark(subject, key).unlink(missing_ok=True)

    def is_empty(self, about: About) -> bool:
        """Whether no section is there yet."""
        return not any(self.section(number, key) for number in range(len(about.subjects)) for key in about.parts)

    def measured(self, about: About) -> tuple[Measured, ...]:
        """What there is of every subject; those of which nothing is known yet are left out."""
        found = []
        for number, subject in enumerate(about.subjects):
            sections = [section for key in about.parts if (section := self.section(number, key)) is not None]
            if sections:
                found.append(Measured(subject=subject, sections=tuple(sections)))
        return tuple(found)

    def _mark(self, subject: int, key: str) -> Path:
        return self.folder / f"{subject}-{key}.begun"


def _plain(number: object) -> object:
    """A number of numpy's as Python's."""
    if isinstance(number, np.generic):
        return number.item()
    raise TypeError(f"{type(number).__name__} is no part of a section")

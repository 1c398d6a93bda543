"""Every report there is: of the person's evaluations, of comparisons between them, and those that are shipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from companion.core.gate_recipe import UNDECISIVE
from companion.core.job import JOBS_FOLDER
from companion.core.library.report_heads import State, read_head, state_of
from companion.core.paths import data_folder, models_folder
from companion.core.report import CROSS_VALIDATION, GATE, Subject
from companion.core.suites import read_suite

REPORT, PAGE = "report.json", "report.html"


class FoundReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of a report."""

    file: str
    page: str = ""
    """The page to look at; empty when there is none."""
    subjects: tuple[Subject, ...] = ()
    verdict: str = ""
    suite: str = ""
    when: float = 0.0
    """Seconds since the epoch."""
    seconds: float = 0.0
    """How long it was measured; 0 when it was put together from others."""
    parts: dict[str, float] = {}
    """Seconds that each part of it took, by its key, of all subjects together."""
    has_gate: bool = False
    is_cross_validation: bool = False
    """Whether it is about a recipe, and no model or adapter that there is."""
    finished: bool = True
    is_shipped: bool = False

    @property
    def name(self) -> str:
        """What it is about: the last of two, which was compared with the first."""
        names = [subject.name for subject in self.subjects]
        return names[-1] if 0 < len(names) < 3 else f"{len(names)} compared"

    @property
    def title(self) -> str:
        return " against ".join(subject.name for subject in reversed(self.subjects)) if len(self.subjects) < 3 else self.name

    @property
    def bytes(self) -> int:
        """Of the models of all subjects."""
        return sum(subject.model.bytes for subject in self.subjects)

    @property
    def is_measured_here(self) -> bool:
        return not self.is_shipped and self.seconds > 0 and Path(self.file).parent != compared_folder()


def all_reports(known: dict[State, FoundReport | None]) -> tuple[FoundReport, ...]:
    """The newest first. `known` keeps what was read, by the state of each file; what cannot be read is left out."""
    found = (_read(file, known) for file in _files())
    return tuple(sorted((each for each in found if each is not None), key=lambda each: (each.is_shipped, -each.when)))


def compared_folder() -> Path:
    """Where comparisons of earlier reports are kept."""
    return data_folder() / "reports"


def seconds_needed(reports: Iterable[FoundReport], suite: str, model_bytes: Sequence[int], *, gate: bool) -> float:
    """About how long a suite will take for models of these sizes, from the last time it was measured here; 0 when it never was.

    What is read and written grows with the size of the model. What is measured to decide is told from what was measured
    without a decision part by part, and the other way round.
    """
    here = [each for each in reports if each.is_measured_here and each.finished and each.suite == suite and each.bytes]
    same = next((each for each in here if each.has_gate == gate), None)
    if same is not None:
        return same.seconds * sum(model_bytes) / same.bytes
    if not here:
        return 0.0
    recipe, other = read_suite(suite), here[0]
    if gate:
        earlier = recipe.forgetting.dialogues / recipe.likelihood.dialogues * other.parts.get("likelihood", 0.0)
        needed = other.seconds + earlier - sum(other.parts.get(part, 0.0) for part in UNDECISIVE)
    else:
        needed = other.seconds - other.parts.get("forgetting", 0.0)
    return needed * sum(model_bytes) / other.bytes


_SHIPPED: Final = f"*/{REPORT}"
_OF_JOBS: Final = f"{JOBS_FOLDER}/*/output/{REPORT}"


def _files() -> Iterator[Path]:
    yield from models_folder().glob(_SHIPPED)
    yield from data_folder().glob(_OF_JOBS)
    yield from compared_folder().glob("*.json")


def _read(file: Path, known: dict[State, FoundReport | None]) -> FoundReport | None:
    state = state_of(file)
    if state is None:
        return None
    if state in known:
        return known[state]
    known[state] = None
    report = read_head(file)
    if report is None:
        return None
    page = file.with_suffix(".html")
    sections = [section for one in report.measured for section in one.sections]
    parts: dict[str, float] = {}
    for section in sections:
        parts[section.key] = parts.get(section.key, 0.0) + section.seconds
    known[state] = FoundReport(
        file=str(file),
        page=str(page) if page.is_file() else "",
        subjects=tuple(one.subject for one in report.measured),
        verdict=report.verdict,
        suite=report.suite,
        when=report.began or state[2] / 1e9,
        seconds=report.seconds,
        parts=parts,
        has_gate=GATE in parts,
        is_cross_validation=CROSS_VALIDATION in parts,
        finished=report.finished,
        is_shipped=models_folder() in file.parents,
    )
    return known[state]

"""The pages of the workshop, in their order. To add one, add its line to SECTIONS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from companion.ui.workshop.desk import Desk


class Section(NamedTuple):
    """`make` imports the page and makes it, when it is first asked for."""

    title: str
    sentence: str
    """What one does there."""
    make: Callable[[Desk], QWidget]


def _teach(desk: Desk) -> QWidget:
    from companion.ui.workshop.teach.teach_page import TeachPage

    return TeachPage(desk)


def _train(desk: Desk) -> QWidget:
    from companion.ui.workshop.train_page import train_page

    return train_page(desk)


def _evaluate(desk: Desk) -> QWidget:
    from companion.ui.workshop.evaluate.evaluate_page import EvaluatePage

    return EvaluatePage(desk)


def _optimize(desk: Desk) -> QWidget:
    from companion.ui.workshop.optimize.optimize_page import OptimizePage

    return OptimizePage(desk)


def _data(desk: Desk) -> QWidget:
    from companion.ui.workshop.data.data_page import DataPage

    return DataPage(desk)


def _jobs(desk: Desk) -> QWidget:
    from companion.ui.workshop.jobs.jobs_page import JobsPage

    return JobsPage(desk)


def _library(desk: Desk) -> QWidget:
    from companion.app.job_needs import titles_needing
    from companion.ui.workshop.library.library_page import LibraryPage

    return LibraryPage(desk.theme, desk.library(), desk.downloads(), partial(titles_needing, desk.jobs))


SECTIONS: Final[dict[str, Section]] = {
    "teach": Section("Teach", "She learns from your conversations", _teach),
    "data": Section("Data", "What she can learn from: look through it, clean it, divide it", _data),
    "train": Section("Train", "Teach her from dialogues, with every knob in reach", _train),
    "evaluate": Section("Evaluate", "How good she is, what helped, and which of two you like better", _evaluate),
    "optimize": Section("Optimize", "Make her smaller or faster on this computer, and see what it costs", _optimize),
    "jobs": Section("Jobs", "Work that waits, goes on, or is done", _jobs),
    "library": Section("Library", "Models and adapters, and where each came from", _library),
}
"""By the name that `Desk.go` knows: teach, data, train, evaluate, optimize, jobs, library."""

"""The Tab key in the real window: it reaches every control of every page of the workshop, and leaves the page again."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from companion.core.dataset import DatasetSource, Dialogue, DialogueTurn
from companion.core.dataset_folder import DatasetWriter
from companion.core.paths import own_datasets_folder
from companion.program import Program
from companion.ui.workshop.data.data_page import DataPage
from companion.ui.workshop.jobs.jobs_page import JobsPage
from companion.ui.workshop.sections import SECTIONS
from tests.ui.workshop.written_jobs import finished, job

SOON_MS = 60_000
MOST_PRESSES = 200


@pytest.fixture(autouse=True)
def something_to_show() -> None:
    """A dataset and a job that is over, so that their pages are full."""
    with DatasetWriter(own_datasets_folder() / "nights") as writer:
        for name in ("Vega", "Deneb", "Altair"):
            turns = (DialogueTurn("user", "Which star is that?"), DialogueTurn("assistant", f"That one is {name}."))
            writer.add(Dialogue(messages=turns))
        writer.finish(DatasetSource(name="Nights", origin="nights.csv"))
    job("Evenings", *finished(own_datasets_folder() / "evenings.gguf"))


def takes_tab(widget: QWidget) -> bool:
    """Of the tabs of one row only the chosen one does: the arrow keys reach the others."""
    is_other_tab = isinstance(widget, QAbstractButton) and widget.group() is not None and not widget.isChecked()
    policy = Qt.FocusPolicy.TabFocus
    return bool(widget.focusPolicy() & policy) and widget.isVisible() and widget.isEnabled() and not is_other_tab


def reached(start: QWidget) -> list[QWidget]:
    """What has the keyboard after each press, until it is where it was before."""
    start.setFocus()
    found: list[QWidget] = []
    while (now := QApplication.focusWidget()) is not None and now not in found and len(found) < MOST_PRESSES:
        found.append(now)
        QTest.keyClick(now, Qt.Key.Key_Tab)
    return found


def is_filled(page: QWidget) -> bool:
    """What is found out in the background was found."""
    if isinstance(page, DataPage):
        return page.details.part is not None and page.details.part.found.inspection is not None
    return not isinstance(page, JobsPage) or bool(page.list.key)


@pytest.mark.parametrize("section", SECTIONS)
def test_tab_reaches_every_control_and_leaves_the_page(section: str, program: Program, qtbot):
    program.content.show_page("workshop")
    panel = program.workshop.panel
    panel.show_page(section)
    page = panel.pages[section]
    qtbot.waitUntil(lambda: is_filled(page), timeout=SOON_MS)
    wanted = [widget for widget in page.findChildren(QWidget) if takes_tab(widget) and widget.focusProxy() is None]
    found = reached(wanted[0])
    names = [f"{type(widget).__name__} {widget.accessibleName()}" for widget in wanted if widget not in found]
    assert not names, f"never reached: {names}"
    assert any(not page.isAncestorOf(widget) for widget in found)

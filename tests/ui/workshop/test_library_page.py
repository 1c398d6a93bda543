"""The page of the library with real files, the real engine behind adopting, and a real server behind the catalog."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from companion.app.downloads import Downloads
from companion.core.character import BUILT_IN
from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.core.library.catalog import read_catalog
from companion.core.library.collection import Collection
from companion.core.library.elsewhere import Elsewhere
from companion.core.paths import own_models_folder
from companion.core.recipes.evaluate import Evaluate
from companion.ui.workshop.library.library_page import LibraryPage
from companion.ui.workshop.library.library_tree import Role
from tests.app.library.conftest import LOADED_MS, Office, office  # noqa: F401 (a fixture)
from tests.hub_server import HubServer, hub_server
from tests.tiny_models import write_tiny_llama, write_truncated

CONTENT = os.urandom(1_500_000)


@pytest.fixture
def downloads(office: Office) -> Iterator[Downloads]:  # noqa: F811
    made = Downloads(office.notices)
    yield made
    made.close()


@pytest.fixture
def page(theme, qtbot, office: Office, downloads: Downloads) -> LibraryPage:  # noqa: F811
    made = LibraryPage(theme, office.library, downloads)
    qtbot.addWidget(made)
    made.resize(936, 620)
    made.show()
    qtbot.waitExposed(made)
    collected(made, qtbot)
    return made


def collected(page: LibraryPage, qtbot) -> Collection:
    def done() -> bool:
        collection = page._library.collection
        return collection is not None and not collection.without_checksum and not page._library._reading

    qtbot.waitUntil(done, timeout=LOADED_MS)
    return page._library.collection


def rows(page: LibraryPage) -> list[str]:
    return [index.data() for index in page.tree._all()]


def words(page: LibraryPage) -> str:
    QApplication.processEvents()  # what was just added is shown then
    return "\n".join(label.text() for label in page.details.findChildren(QLabel) if label.isVisibleTo(page.details))


def test_what_is_not_listed_yet_is_looked_at_as_soon_as_it_is(page: LibraryPage, office: Office, qtbot):  # noqa: F811
    collected(page, qtbot)
    made = own_models_folder() / "brand-new.gguf"
    page.show_item(str(made))
    office.library.refresh()
    qtbot.wait(300)
    write_tiny_llama(made, name="Brand new")
    office.library.refresh()
    qtbot.waitUntil(lambda: page.details.title.text() == "brand-new", timeout=20_000)


def test_the_tree_shows_who_came_of_whom(page: LibraryPage, office: Office):  # noqa: F811
    base = next(index for index in page.tree._all() if index.data(Role.KEY) == str(office.base))
    assert page.tree.model().index(0, 0, base).data() == "Voice"
    assert "used by everybody" in base.data(Role.CAPTION)
    assert rows(page)[0] == "base"  # what everybody thinks with comes first
    assert base.data(Qt.ItemDataRole.AccessibleTextRole).startswith("base, Model")


def test_an_item_tells_where_it_came_from_and_how_it_is(page: LibraryPage, office: Office):  # noqa: F811
    page.show_item(str(office.voice))
    assert page.details.title.text() == "Voice"
    assert [line.face.accessibleName() for line in page.details.family.lines] == ["base", "Voice (adapter), this one"]
    assert "In your own folder of adapters." in words(page)
    page.details.family.lines[0].face.click()
    assert page.details.title.text() == "base"
    assert "ran on this machine" in words(page)


def test_adopting_from_the_menu_and_rolling_back(page: LibraryPage, office: Office, qtbot):  # noqa: F811
    page.show_item(str(office.voice))
    assert not page.details.roll_back_button.isVisible()
    page.details._fill_menu()
    (hoshi,) = [action for action in page.details.menu.actions() if action.text() == "Hoshi"]
    hoshi.trigger()
    collected(page, qtbot)
    assert office.characters.load(BUILT_IN).options.adapters[0].file == str(office.voice)
    assert page.details.used.text() == "Used by Hoshi."
    qtbot.mouseClick(page.details.roll_back_button, Qt.MouseButton.LeftButton)
    collected(page, qtbot)
    assert office.characters.load(BUILT_IN).options.adapters is None
    assert not page.details.used.isVisible()


def test_a_model_for_everybody(page: LibraryPage, office: Office, qtbot):  # noqa: F811
    page.show_item(str(office.other))
    page.details._fill_menu()
    page.details.menu.actions()[0].trigger()
    office.wait_for(office.other)
    collected(page, qtbot)
    assert page.details.used.text() == "Used by everybody."
    qtbot.mouseClick(page.roll_back_button, Qt.MouseButton.LeftButton)
    office.wait_for(office.base)


def test_deleting_what_is_used_asks_first(page: LibraryPage, office: Office, qtbot):  # noqa: F811
    office.adoption.use_for(BUILT_IN, collected(page, qtbot).family.item(str(office.voice)))
    collected(page, qtbot)
    page.show_item(str(office.voice))
    page.tree.setFocus()
    qtbot.keyClick(page.tree, Qt.Key.Key_Delete)
    assert page.details.question.isVisible()
    assert "Hoshi uses it" in words(page)
    page.details.question.no.click()
    assert office.voice.exists()
    page.details.remove_button.click()
    page.details.question.yes.click()
    assert not office.voice.exists()
    collected(page, qtbot)
    assert page.trash_button.isVisible()
    page._fill_trash()
    page.trash_menu.actions()[0].trigger()
    collected(page, qtbot)
    assert office.voice.exists()
    assert page._item().path == office.voice, "one looks at it again"


def test_what_nobody_uses_is_deleted_at_once(page: LibraryPage, office: Office, qtbot):  # noqa: F811
    page.show_item(str(office.other))
    page.details.remove_button.click()
    assert not office.other.exists()
    collected(page, qtbot)
    assert "other" not in rows(page)


def test_what_comes_along_cannot_be_deleted(page: LibraryPage, starter):
    page.show_item(str(starter))
    assert not page.details.remove_button.isVisible()
    assert "Comes with Companion" in words(page)


def test_a_damaged_file_says_so_and_cannot_be_used(page: LibraryPage, qtbot):
    write_truncated(own_models_folder() / "half.gguf")
    page._library.refresh()
    collected(page, qtbot)
    page.show_item(str(own_models_folder() / "half.gguf"))
    assert "incomplete" in words(page)
    assert not page.details.use_button.isEnabled()
    roots = page.tree.model()
    assert roots.index(roots.rowCount() - 1, 0).data() == "half"  # what cannot be used comes last


def test_models_of_other_programs_are_chosen_and_linked(page: LibraryPage, office: Office, qtbot, tmp_path: Path, monkeypatch):  # noqa: F811
    one, two = (write_tiny_llama(tmp_path / f"{name}.gguf", seed=seed) for seed, name in enumerate(("one", "two")))
    offered = tuple(Elsewhere(path=path, program="LM Studio", name=path.stem, bytes=400_000) for path in (one, two))
    monkeypatch.setattr("companion.app.library.library.look_elsewhere", lambda: offered)
    with qtbot.waitSignal(office.library.found_elsewhere, timeout=LOADED_MS):
        page.look_button.click()
    assert [box.text() for box in page.found.boxes] == ["one", "two"]
    page.found.boxes[1].setChecked(False)
    page.found.link_button.click()
    collected(page, qtbot)
    assert office.preferences.settings.linked_models == (str(one),)
    assert page.details.title.text() == "one"
    assert page.details.remove_button.text() == "Unlink"
    page.details.remove_button.click()
    assert office.preferences.settings.linked_models == ()
    assert one.exists()


@pytest.fixture
def hub(monkeypatch, home) -> Iterator[HubServer]:
    with hub_server() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        monkeypatch.setenv("HF_HOME", str(home / "hf"))
        yield server


def test_a_download_from_the_catalog_ends_in_the_library(page: LibraryPage, hub, qtbot, monkeypatch, tmp_path):
    content = write_tiny_llama(tmp_path / "little.gguf", vocabulary=3000).read_bytes()
    offer = replace(read_catalog()[0], bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr("companion.ui.workshop.library.library_page.read_catalog", lambda: (offer,))
    hub.files[offer.key] = content
    hub.bytes_per_second = 600_000
    page.catalog_button.click()
    card = page.catalog.cards[offer.key]
    assert card.main_button.text().startswith("Download ")
    assert "127.0.0.1" in card.progress.text()
    assert hub.asked == []  # nothing before the press
    card.main_button.click()
    qtbot.waitUntil(lambda: card.download.state == "running" and card.download.done > 100_000, timeout=LOADED_MS)
    assert card.bar.isVisible()
    card.main_button.click()  # Stop
    assert card.main_button.text().startswith("Go on")
    hub.bytes_per_second = 0
    card.main_button.click()
    qtbot.waitUntil(lambda: card.download.state == "done", timeout=LOADED_MS)
    card.main_button.click()
    collected(page, qtbot)
    assert page.details.title.text() == Path(offer.file).stem
    assert f"Downloaded from “{offer.repository}” today" in words(page)


def test_a_download_that_fails_says_why_and_what_to_do(page: LibraryPage, hub, qtbot, monkeypatch):
    offer = replace(read_catalog()[0], bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr("companion.ui.workshop.library.library_page.read_catalog", lambda: (offer,))
    hub.files[offer.key] = CONTENT
    hub.spoiled = True
    page.catalog_button.click()
    card = page.catalog.cards[offer.key]
    card.main_button.click()
    qtbot.waitUntil(lambda: card.download.state == "failed", timeout=LOADED_MS)
    assert "checksum is wrong" in card.problem.text()
    assert card.main_button.text().startswith("Try again")


def test_every_offer_says_how_it_would_run_here(page: LibraryPage):
    page.show_catalog()
    assert len(page.catalog.cards) == len(read_catalog())
    for card in page.catalog.cards.values():
        assert card.fit.text()
        assert "memory" in card.outlook.text()


@pytest.mark.parametrize(("width", "height", "size"), [(416, 470, 14), (936, 576, 24), (600, 700, 24), (3500, 2000, 14)])
def test_nothing_is_cut_off(page: LibraryPage, theme, office: Office, qtbot, width, height, size):  # noqa: F811
    theme.set_font_size(size)
    page.resize(width, height)
    page.show_item(str(office.voice))
    qtbot.wait(50)
    assert page.width() == width
    for button in page.findChildren(QPushButton):
        if button.isVisible() and button.text() and not button.toolTip():
            assert button.width() >= button.minimumSizeHint().width(), button.text()
    page.show_catalog()
    qtbot.wait(50)
    for card in page.catalog.cards.values():
        assert card.width() <= page.width()
        assert card.main_button.width() >= card.main_button.minimumSizeHint().width()


def test_a_low_page_keeps_its_list_and_every_button(page: LibraryPage, theme, office: Office, qtbot):  # noqa: F811
    theme.set_font_size(24)
    page.resize(836, 453)
    qtbot.wait(50)
    assert page.tree.viewport().height() > page.tree.sizeHintForRow(0)
    places = [QRect(each.mapTo(page, QPoint(0, 0)), each.size()) for each in (page.tree, page.look_button, page.details)]
    assert not any(one.intersects(other) for one, other in combinations(places, 2))
    page.resize(936, 620)
    assert page.look_button.mapTo(page, QPoint(0, 0)).y() > page.tree.mapTo(page, QPoint(0, 0)).y()


def test_everything_has_a_name_for_screen_readers(page: LibraryPage, office: Office):  # noqa: F811
    page.show_item(str(office.voice))
    for show in (page.show_here, page.show_catalog, page.found.show_looking):
        show()
        QApplication.processEvents()
        for button in page.findChildren(QPushButton):
            assert button.accessibleName() or button.text() or not button.isVisible(), button
    assert page.tree.accessibleName()
    assert page.details.family.accessibleName()


def test_deleting_what_a_job_still_needs_asks_first(page: LibraryPage, office: Office, qtbot):  # noqa: F811
    collected(page, qtbot)
    waiting = create_job(Evaluate(name="Check", subjects=((str(office.base), f"{office.voice}:1"),)), JobOrder())
    assert waiting.names(str(office.voice))
    assert waiting.names(str(office.base))
    assert not waiting.names(str(office.voice)[:-1])
    page.details._needing = lambda file: ("Check of her voice",) if waiting.names(file) else ()
    page.show_item(str(office.voice))
    page.details.remove_button.click()
    assert page.details.question.isVisible()
    assert "“Check of her voice” still needs it, and would fail." in words(page)
    assert office.voice.exists()
    page.details.question.yes.click()
    assert not office.voice.exists()

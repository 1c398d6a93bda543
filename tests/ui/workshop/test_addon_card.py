"""The graphics card among what this computer is: offered, installed, refused and removed, with real workers and no card."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import msgspec
import pytest
from PySide6.QtWidgets import QPushButton

from companion.app import addons as app
from companion.app.engine_state import EngineState
from companion.core.addons.installed import Checked, in_use, place, standing, unfinished_bytes, users
from companion.core.hardware import probe
from companion.core.messages import LoadOptions
from companion.core.paths import ADDONS_VARIABLE
from companion.ui.workshop.optimize.addon_card import AddonCard
from tests.addon_parts import WHEEL_NAME, backend_library, needs_compiler, served, torch_wheel, with_card, write_manifest
from tests.hub_server import HubServer, hub_server
from tests.ui.workshop.conftest import Room

SOON_MS, LATER_MS = 20_000, 60_000


@pytest.fixture
def hub(monkeypatch) -> Iterator[HubServer]:
    machine = with_card()
    monkeypatch.setattr(app, "probe", lambda: machine)
    with hub_server() as server:
        yield server


@pytest.fixture
def offer(hub, tmp_path, monkeypatch):
    def listed(contents: Mapping[str, bytes]) -> None:
        monkeypatch.setenv(ADDONS_VARIABLE, str(write_manifest(tmp_path / "addons.json", served(hub, contents))))

    return listed


@pytest.fixture
def card(room: Room, qtbot):
    """Shows the card once the machine was looked at."""

    def shown() -> AddonCard:
        made = AddonCard(room.addons)
        qtbot.addWidget(made)
        made.resize(700, 300)
        made.show()
        with qtbot.waitSignal(room.addons.changed, timeout=SOON_MS):
            room.addons.look()
        return made

    return shown


def buttons(card: AddonCard) -> list[str]:
    return [each.text() for each in card.findChildren(QPushButton) if each.isVisible()]


def until(qtbot, state: str) -> None:
    qtbot.waitUntil(lambda: standing("cuda").state == state, timeout=LATER_MS)


def test_without_a_graphics_card_nothing_is_shown(card, room: Room, monkeypatch):
    monkeypatch.setattr(app, "probe", lambda: msgspec.structs.replace(probe(), gpus=()))
    assert not card().isVisible()
    assert room.addons.view.sentence == "No graphics card was found; everything runs on the processor."


def test_a_checkout_says_what_to_do_instead(hub, card):
    made = card()
    assert "Pretended Card was found. No add-on for it comes with this Companion" in made.found.text()
    assert buttons(made) == []


def test_a_damaged_list_is_told(hub, card, tmp_path, monkeypatch):
    (tmp_path / "addons.json").write_text("{")
    monkeypatch.setenv(ADDONS_VARIABLE, str(tmp_path / "addons.json"))
    made = card()
    assert "is damaged" in made.problem.text()


def test_it_is_offered_installed_checked_and_removed(offer, card, room: Room, qtbot):
    offer({WHEEL_NAME: torch_wheel()})
    made = card()
    assert "Lets the card write replies and teach. CUDA" in made.offer.text()
    assert "Nothing is fetched before you press" in made.small.text()
    assert "Licence: MIT." in made.small.text()
    (install,) = buttons(made)
    assert install.startswith("Install the CUDA add-on, ")
    made.main_button.click()
    assert buttons(made) == ["Stop"]
    until(qtbot, "on")
    assert "torch 9.9.9+fake on Pretended Card" in made.state.text()
    assert buttons(made) == ["Check again", "Remove"]
    assert "works, and is used from now on" in room.told[-1].what
    made.remove_button.click()
    until(qtbot, "absent")
    qtbot.waitUntil(lambda: not room.addons.view.doing, timeout=SOON_MS)
    assert buttons(made) == [install]


def test_stopping_keeps_what_came_to_go_on_with_or_to_discard(hub, offer, card, room: Room, qtbot):
    offer({"libggml-cuda.so": os.urandom(2_000_000)})
    hub.bytes_per_second = 500_000
    made = card()
    made.main_button.click()
    qtbot.waitUntil(lambda: unfinished_bytes("cuda") > 300_000, timeout=SOON_MS)
    assert "Fetching libggml-cuda.so" in made.progress.text()
    made.main_button.click()
    assert buttons(made) == ["Go on with the CUDA add-on", "Discard"]
    assert "Not complete: " in made.state.text()
    hub.bytes_per_second = 0
    made.main_button.click()
    until(qtbot, "refused")  # it is no library
    qtbot.waitUntil(lambda: not room.addons.view.doing, timeout=SOON_MS)
    assert "llama.cpp cannot use “libggml-cuda.so”" in made.state.text()
    assert "is off. llama.cpp cannot use" in room.told[-1].what
    assert buttons(made) == ["Check again", "Remove"]


def test_what_cannot_be_fetched_is_a_sentence(hub, offer, card, room: Room, qtbot):
    offer({"libggml-cuda.so": b"x"})
    hub.files.clear()
    made = card()
    made.main_button.click()
    qtbot.waitUntil(made.problem.isVisible, timeout=SOON_MS)
    assert "does not give “libggml-cuda.so” (HTTP 404)" in made.problem.text()
    assert not room.addons.view.doing


@needs_compiler
def test_the_engine_takes_it_up_and_lets_go_of_it_before_it_is_removed(
    fresh_cache, offer, card, room: Room, qtbot, tmp_path, talkative_model
):
    offer({"libggml-cuda.so": backend_library(tmp_path)})
    engine = room.engine
    engine.load(str(talkative_model), LoadOptions())
    qtbot.waitUntil(lambda: engine.state is EngineState.READY, timeout=LATER_MS)
    first, made = engine.process_id, card()
    made.main_button.click()
    until(qtbot, "on")
    qtbot.waitUntil(lambda: engine.state is EngineState.READY and engine.process_id != first, timeout=LATER_MS)
    second = engine.process_id
    assert users("cuda") == (second,)
    made.remove_button.click()
    until(qtbot, "absent")
    qtbot.waitUntil(lambda: engine.state is EngineState.READY and engine.process_id not in (first, second), timeout=LATER_MS)
    assert not place("cuda").exists()


def test_after_an_update_it_is_checked_without_a_word(offer, card, room: Room, qtbot):
    offer({WHEEL_NAME: torch_wheel()})
    made = card()
    made.main_button.click()
    until(qtbot, "on")
    told = len(room.told)
    file = place("cuda") / "checked.json"
    file.write_bytes(file.read_bytes().replace(Checked().version.encode(), b"0.0.0", 1))
    assert in_use() is None
    later = app.Addons(room.engine, room.notices)
    later.check_anew()
    until(qtbot, "on")
    later.close()
    assert len(room.told) == told

"""The voice follows the character: adapters are on the model before the next prompt, and come back with a new engine."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from companion.app.adapter_wishes import AdapterWishes
from companion.app.engine_state import EngineState
from companion.core.character import BUILT_IN, CharacterAdapter, CharacterOptions
from companion.core.messages import AdapterUse, LoadOptions, Turn
from companion.core.sampling import Sampling
from tests import tiny_models
from tests.app.conftest import Desk
from tests.tiny_adapters import write_adapter

HI = (Turn("user", "Hi"),)
SHORT = Sampling(max_tokens=20, seed=1)


@pytest.fixture(autouse=True)
def nobody_has_a_voice_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The adapter that is shipped for Hoshi would be offered to every model and left out again."""
    monkeypatch.setattr("companion.core.character_adapters.models_folder", lambda: tmp_path / "nothing")


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory, talkative_model: Path) -> Path:
    return write_adapter(tmp_path_factory.mktemp("voices") / "voice.gguf", talkative_model, name="Voice", seed=1)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for a model of the same shapes."""
    folder = tmp_path_factory.mktemp("foreign")
    base = tiny_models.write_tiny_llama(folder / "base.gguf", context=32768, ends=False, seed=9)
    return write_adapter(folder / "foreign.gguf", base)


def use(path: Path) -> AdapterUse:
    return AdapterUse(str(path), optional=True)


def names(desk: Desk) -> list[str]:
    return [adapter.name for adapter in desk.engine.model.adapters]


def said(desk: Desk, qtbot) -> str:
    pieces: list[str] = []
    connection = desk.engine.piece_received.connect(lambda _request, text: pieces.append(text))
    with qtbot.waitSignal(desk.engine.reply_done, timeout=20_000):
        desk.engine.generate(HI, SHORT)
    desk.engine.piece_received.disconnect(connection)
    return "".join(pieces)


def prefer(desk: Desk, identifier: str, *files: Path) -> None:
    adapters = tuple(CharacterAdapter(str(file)) for file in files)
    desk.characters.save_options(identifier, CharacterOptions(adapters=adapters))


def make_character(desk: Desk, tmp_path: Path, name: str, adapters: list[dict[str, object]]) -> str:
    card = tmp_path / f"{name}.json"
    extensions = {"companion": {"adapters": adapters}}
    card.write_text(
        json.dumps(
            {"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": name, "first_mes": "Hm?", "extensions": extensions}}
        )
    )
    return str(desk.characters._library.add(card).identifier)


def test_adapters_that_are_wanted_count_and_are_told(ready, qtbot, voice):
    plain = said(ready, qtbot)
    with qtbot.waitSignal(ready.engine.adapters_changed, timeout=10_000) as changed:
        ready.engine.set_adapters([use(voice)])
    assert [adapter.name for adapter in changed.args[0].adapters] == names(ready) == ["Voice"]
    assert said(ready, qtbot) != plain
    with qtbot.waitSignal(ready.engine.adapters_changed, timeout=10_000):
        ready.engine.set_adapters([])
    assert said(ready, qtbot) == plain


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_dead_engine_comes_back_in_the_same_voice(fresh_cache, ready, qtbot, voice, name):
    prefer(ready, BUILT_IN, voice)
    with qtbot.waitSignal(ready.engine.adapters_changed, timeout=10_000):
        ready.chat.read_again(ready.conversations.current.id)
    voiced = said(ready, qtbot)
    with qtbot.waitSignals([ready.engine.died, ready.engine.adapters_changed], timeout=30_000):
        os.kill(ready.engine.process_id, getattr(signal, name))
    assert names(ready) == ["Voice"]
    if name == "SIGKILL":  # after a crash it goes on without repacking, which rounds otherwise
        assert said(ready, qtbot) == voiced


def test_each_conversation_is_in_the_voice_of_its_character(ready, qtbot, voice, tmp_path):
    """Opening is enough: the swap is made before anything is said, so that reading ahead is in the new voice."""
    assert names(ready) == []
    mira = make_character(ready, tmp_path, "Mira", [])
    prefer(ready, mira, voice)
    with qtbot.waitSignals([ready.engine.adapters_changed, ready.engine.prompt_read], timeout=10_000):
        ready.characters.choose(mira)
    assert names(ready) == ["Voice"]
    with qtbot.waitSignal(ready.engine.adapters_changed, timeout=10_000):
        ready.characters.choose(BUILT_IN)
    assert names(ready) == []


def test_what_suits_another_model_is_left_out_without_a_word(ready, qtbot, voice, foreign, tmp_path):
    mira = make_character(ready, tmp_path, "Mira", [])
    prefer(ready, mira, foreign, voice, tmp_path / "gone.gguf")
    with qtbot.waitSignal(ready.engine.adapters_changed, timeout=10_000):
        ready.characters.choose(mira)
    assert names(ready) == ["Voice"]
    assert not ready.told


def test_a_damaged_adapter_is_told_and_she_answers_all_the_same(ready, qtbot, voice, tmp_path):
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(voice.read_bytes()[:-500])
    with qtbot.waitSignal(ready.engine.adapters_refused, timeout=10_000) as refused:
        ready.engine.set_adapters([use(damaged), use(voice)])
    assert "damaged.gguf" in refused.args[0]
    assert names(ready) == ["Voice"]
    assert said(ready, qtbot)


def test_one_that_must_count_and_cannot_leaves_the_voice_as_it_is(ready, qtbot, voice, foreign):
    with qtbot.waitSignal(ready.engine.adapters_changed, timeout=10_000):
        ready.engine.set_adapters([use(voice)])
    with qtbot.waitSignal(ready.engine.adapters_refused, timeout=10_000) as refused:
        ready.engine.set_adapters([AdapterUse(str(foreign))])
    assert "foreign.gguf" in refused.args[0]
    assert refused.args[1]
    assert names(ready) == ["Voice"]


def test_an_adapter_trained_meanwhile_is_in_the_next_reply(ready, qtbot, voice, talkative_model, tmp_path):
    path = tmp_path / "mine.gguf"
    prefer(ready, BUILT_IN, path)
    ready.settings = replace(ready.settings, sampling=SHORT)
    with qtbot.waitSignal(ready.chat.reply_finished, timeout=20_000):
        ready.chat.send("Hello")
    assert names(ready) == []
    for seed in (1, 2):
        write_adapter(path, talkative_model, name=f"Mine {seed}", seed=seed)
        with qtbot.waitSignals([ready.engine.adapters_changed, ready.chat.reply_finished], timeout=20_000):
            ready.chat.send("And now?")
        assert names(ready) == [f"Mine {seed}"]


def test_an_adapter_that_kills_the_engine_is_left_out(fresh_cache, ready, qtbot, voice):
    """The process dies while it carries the request out."""
    refused = []
    ready.engine.adapters_refused.connect(lambda *told: refused.append(told))
    os.kill(ready.engine.process_id, signal.SIGSTOP)
    ready.engine.set_adapters([use(voice)])
    with qtbot.waitSignals([ready.engine.died, ready.engine.model_ready], timeout=30_000):
        os.kill(ready.engine.process_id, signal.SIGSEGV)
        os.kill(ready.engine.process_id, signal.SIGCONT)
    assert "crashed on the adapter “voice.gguf”" in refused[0][0]
    assert ready.engine.model.rung == "cpu", "the model is not to blame"
    assert names(ready) == []
    ready.engine.set_adapters([use(voice)])
    assert said(ready, qtbot)
    assert ready.engine.state is EngineState.READY


def test_wishes_are_told_once_and_again_when_the_file_changes(tmp_path):
    wishes, path = AdapterWishes(), tmp_path / "voice.gguf"
    path.write_bytes(b"one")
    assert wishes.news() is None
    wishes.want([use(path)])
    assert wishes.news() == (use(path),)
    assert wishes.news() is None
    path.write_bytes(b"another")
    assert wishes.news() == (use(path),)
    wishes.begin()
    assert wishes.news() == (use(path),)
    wishes.blame([use(path)])
    assert wishes.news() == ()
    path.write_bytes(b"trained again")
    assert wishes.news() == (use(path),)


def test_the_shipped_voice_is_hers_by_default(desk, qtbot, talkative_model, tmp_path, monkeypatch):
    """Her card names it, wherever the model's own base it was trained for is loaded."""
    monkeypatch.setattr("companion.core.character_adapters.models_folder", lambda: tmp_path)
    (tmp_path / "hoshi").mkdir()
    write_adapter(tmp_path / "hoshi" / "hoshi.gguf", talkative_model, name="Hoshi")
    desk.chat.read_again(desk.conversations.current.id)
    with qtbot.waitSignal(desk.engine.adapters_changed, timeout=30_000):
        desk.engine.load(str(talkative_model), LoadOptions())
    assert names(desk) == ["Hoshi"]

"""Adopting and rolling back, with the real engine: what was chosen is what answers."""

from __future__ import annotations

from pathlib import Path

from companion.core.character import BUILT_IN, Card
from companion.core.library.history import History
from tests.app.library.conftest import LOADED_MS, Office
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama


def reply(office: Office) -> str:
    """Say something; which adapters are on the model when she answers."""
    with office.qtbot.waitSignal(office.engine.reply_done, timeout=LOADED_MS):
        office.chat.send("Hello")
    return ", ".join(adapter.name for adapter in office.engine.model.adapters)


def test_the_next_reply_uses_an_adopted_adapter_and_rolling_back_takes_it_off(office: Office):
    assert reply(office) == ""
    office.adoption.use_for(BUILT_IN, office.item(office.voice))
    assert reply(office) == "Voice"
    assert History().last(str(office.voice)).after.uses(str(office.voice))
    office.adoption.roll_back()
    assert reply(office) == ""
    assert office.characters.load(BUILT_IN).options.adapters is None


def test_an_adapter_of_another_model_is_refused_before_it_is_noted(office: Office):
    wide = write_tiny_llama(office.other.with_name("wide.gguf"), width=128)
    stranger = write_adapter(office.voice.with_name("stranger.gguf"), wide, name="Stranger")
    before = office.adoption.history.changes
    office.adoption.use_for(BUILT_IN, office.item(stranger))
    assert "“stranger.gguf” does not fit “base.gguf”" in office.said()
    assert office.adoption.history.changes == before
    assert office.characters.load(BUILT_IN).options.adapters is None


def test_everybodys_model_is_noted_once_it_is_loaded(office: Office):
    office.adoption.use_for_everybody(office.item(office.other))
    office.wait_for(office.other)
    assert office.preferences.settings.model == str(office.other)
    change = office.adoption.history.last()
    assert (change.character, change.before.model, change.after.model) == (None, str(office.base), str(office.other))
    before = len(office.adoption.history.changes)
    office.adoption.roll_back()
    office.wait_for(office.base)
    assert office.preferences.settings.model == str(office.base)
    assert len(office.adoption.history.changes) == before - 1


def test_a_model_that_fails_to_load_is_not_noted(office: Office):
    before = office.adoption.history.changes
    office.other.write_bytes(b"GGUF no more")
    office.adoption.use_for_everybody(office.item(office.other))
    assert "“other.gguf”" in office.said()
    assert office.adoption.history.changes == before
    assert office.preferences.settings.model == str(office.base)


def test_a_character_thinks_with_a_model_of_her_own(office: Office):
    mia = office.characters.create(Card(name="Mia", first_mes="Hi."))
    office.adoption.use_for(mia.identifier, office.item(office.other))
    office.characters.choose(mia.identifier)
    office.wait_for(office.other)
    assert office.preferences.settings.model == str(office.base)  # everybody else's
    office.characters.choose(BUILT_IN)
    office.wait_for(office.base)
    office.characters.choose(mia.identifier)
    office.wait_for(office.other)
    office.adoption.roll_back()
    office.wait_for(office.base)


def test_a_model_of_her_own_that_is_gone_is_told_of_once(office: Office):
    mia = office.characters.create(Card(name="Mia", first_mes="Hi."))
    office.adoption.use_for(mia.identifier, office.item(office.other))
    office.other.unlink()
    office.characters.choose(mia.identifier)
    office.characters.choose(BUILT_IN)
    office.characters.choose(mia.identifier)
    assert office.said().count("no longer there") == 1
    assert Path(office.engine.model.path) == office.base


def test_to_stop_using_is_noted_too(office: Office):
    voice = office.item(office.voice)
    office.adoption.use_for(BUILT_IN, voice)
    office.adoption.stop_using(BUILT_IN, voice)
    assert office.characters.load(BUILT_IN).options.adapters == ()
    office.adoption.roll_back()
    assert [Path(each.file) for each in office.characters.load(BUILT_IN).options.adapters] == [office.voice]


def test_rolling_back_to_a_model_that_is_gone_says_so(office: Office):
    office.adoption.use_for_everybody(office.item(office.other))
    office.wait_for(office.other)
    office.base.unlink()
    office.adoption.roll_back()
    assert "no longer there" in office.said()
    assert Path(office.engine.model.path) == office.other


def test_the_notice_of_an_adoption_takes_it_back(office: Office):
    office.adoption.use_for(BUILT_IN, office.item(office.voice))
    notice = next(notice for notice in office.told if notice.action == "Roll back")
    notice.act()
    assert office.characters.load(BUILT_IN).options.adapters is None
    assert office.told[-1].what == "Hoshi talks again as before any change."

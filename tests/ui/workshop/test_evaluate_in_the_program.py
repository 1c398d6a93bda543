"""The page Evaluate beside the running program: what runs for it ends with the window."""

from __future__ import annotations

import psutil

from companion.app.blind_test import BlindState
from companion.core.paths import models_folder, own_adapters_folder
from companion.program import Program
from companion.ui.workshop.evaluate.evaluate_page import EvaluatePage
from tests.tiny_adapters import write_adapter
from tests.ui.conftest import LOADED_MS


def test_a_blind_test_under_way_ends_with_the_window(ready: Program, qtbot, talkative_model):
    own_adapters_folder().mkdir()
    write_adapter(own_adapters_folder() / "voice.gguf", talkative_model, name="Voice")
    ready.content.show_page("workshop")
    ready.workshop.show("evaluate")
    page = ready.workshop.panel.pages["evaluate"]
    assert isinstance(page, EvaluatePage)
    qtbot.waitUntil(lambda: len(page.form.subjects.chosen()) == 2, timeout=LOADED_MS)
    assert page.form.subjects.chosen()[1].name.endswith("+ Voice")
    page.show_blind_test()
    page.blind_form.start_button.click()
    assert ready.workshop.foot_height() == page.blind.foot.height() > 0
    qtbot.waitUntil(lambda: page.test.state is BlindState.ASKING, timeout=LOADED_MS)
    process = psutil.Process(page.test._process.process_id)
    below = process.children(recursive=True)
    assert below, "the engine that writes the replies"
    ready.close()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert psutil.wait_procs(below, timeout=10)[1] == []


def test_another_page_leads_to_a_report(program: Program, qtbot):
    program.content.show_page("workshop")
    program.workshop.show("jobs")
    program.workshop.show_report(str(models_folder() / "hoshi" / "report.json"))
    page = program.workshop.panel.pages["evaluate"]
    assert program.workshop.panel.page == "evaluate"
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.report, timeout=LOADED_MS)
    assert page.report.verdict.text().startswith("starter + hoshi")

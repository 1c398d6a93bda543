"""The starter model is fitted to this machine by a real job, behind the back of nobody who talks, and taken when it is faster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from companion.app import fitting as module
from companion.app import models as models_module
from companion.app.engine_state import EngineState
from companion.app.fitting import Fitting
from companion.app.job_entry import JobPhase
from companion.app.jobs import Jobs
from companion.app.models import Models
from companion.core.fitted import Fitted, fitted_file, is_fitted, remember, remembered, speedup
from companion.core.job import BuildProven, JobOrder, OutputWritten, Proven
from companion.core.job_folder import create_job
from companion.core.job_queue import want
from companion.core.recipes.files import with_changes
from companion.core.recipes.quantize import Quantize
from tests.app.conftest import Desk
from tests.small_recipes import end_jobs, small_recipe, write_dialogues
from tests.tiny_models import write_tiny_llama

SMALL = (
    "calibration.tokens=512",
    "search.anchors=0",
    "search.kinds=Q4_0,Q5_0,Q8_0",
    "proof.tokens=1024",
    "proof.stock=false",
    "threads=1",
)
SOON_MS, LATER_MS = 30_000, 90_000


@pytest.fixture(scope="module")
def starter(tmp_path_factory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("s") / "starter.gguf", width=64, ffn=256, type="F16")


class Home(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.jobs = Jobs(self.notices, self.preferences)
        self.models = Models(self.engine, self.preferences, self.notices)
        self.fitting = Fitting(self.jobs, self.engine, self.models, self.preferences, self.notices)
        self.models.start()
        self.fitting.start()

    @property
    def phases(self) -> list[JobPhase]:
        return [entry.phase for entry in self.jobs.entries]

    def phase(self, job: str) -> JobPhase | None:
        entry = self.jobs.entry(job)
        return entry.phase if entry is not None else None

    def close(self) -> None:
        self.fitting.close()
        self.jobs.close()
        super().close()


@pytest.fixture
def homes(qapp, starter, monkeypatch) -> Iterator[list[Home]]:
    for place in (module, models_module):
        monkeypatch.setattr(place, "starter_model", lambda: starter)
    monkeypatch.setattr(module, "Quantize", lambda **fields: with_changes(Quantize(**fields), SMALL))
    monkeypatch.setattr(module, "QUIET_MS", 100)
    monkeypatch.setattr(module, "TICK_MS", 50)
    made: list[Home] = []
    yield made
    for home in made:
        home.close()
    end_jobs()


def move_in(homes: list[Home]) -> Home:
    homes.append(Home())
    return homes[-1]


def move_out(homes: list[Home]) -> None:
    homes.pop().close()


def test_a_faster_build_is_made_checked_taken_and_can_be_given_back(homes, qtbot, monkeypatch, starter):
    monkeypatch.setattr(module, "WORTH", 0.0)
    home = move_in(homes)
    qtbot.waitUntil(lambda: is_fitted(Path(home.preferences.settings.model)), timeout=LATER_MS)
    assert home.engine.state is EngineState.READY
    assert fitted_file().is_file()
    assert "fitted to this computer" in home.said()
    assert remembered().state == "taken"
    home.told[-1].act()
    qtbot.waitUntil(lambda: home.preferences.settings.model == "", timeout=SOON_MS)
    qtbot.wait(500)
    assert len(home.jobs.entries) == 1


def test_a_build_that_is_not_worth_it_is_left_and_not_made_again(homes, qtbot, monkeypatch):
    monkeypatch.setattr(module, "WORTH", 1e9)
    move_in(homes)
    qtbot.waitUntil(lambda: (kept := remembered()) is not None and kept.state == "left", timeout=LATER_MS)
    assert not fitted_file().exists()
    assert homes[0].preferences.settings.model == ""
    move_out(homes)
    again = move_in(homes)
    qtbot.waitUntil(lambda: again.engine.state is EngineState.READY, timeout=SOON_MS)
    qtbot.wait(1000)
    assert not again.jobs.entries


def test_whoever_talks_comes_first_and_the_job_goes_on_afterwards(homes, qtbot, monkeypatch, starter):
    monkeypatch.setattr(module, "WORTH", 0.0)
    home = move_in(homes)
    qtbot.waitUntil(lambda: home.phases == [JobPhase.RUNNING], timeout=SOON_MS)
    home.engine.state = EngineState.ANSWERING
    home.engine.state_changed.emit(home.engine.state)
    qtbot.waitUntil(lambda: home.phases == [JobPhase.PAUSED], timeout=SOON_MS)
    qtbot.wait(500)
    assert home.phases == [JobPhase.PAUSED]
    home.engine.state = EngineState.READY
    home.engine.state_changed.emit(home.engine.state)
    qtbot.waitUntil(lambda: is_fitted(Path(home.preferences.settings.model)), timeout=LATER_MS)


def test_whom_the_person_pauses_stays_paused(homes, qtbot, monkeypatch, starter):
    monkeypatch.setattr(module, "WORTH", 0.0)
    home = move_in(homes)
    qtbot.waitUntil(lambda: home.phases == [JobPhase.RUNNING], timeout=SOON_MS)
    home.jobs.pause(home.jobs.entries[0].id)
    qtbot.waitUntil(lambda: home.phases == [JobPhase.PAUSED], timeout=SOON_MS)
    qtbot.wait(1000)
    assert home.phases == [JobPhase.PAUSED]
    home.jobs.resume(home.jobs.entries[0].id)
    qtbot.waitUntil(lambda: is_fitted(Path(home.preferences.settings.model)), timeout=LATER_MS)


def test_what_the_person_starts_goes_before_it_and_it_goes_on_afterwards(homes, qtbot, monkeypatch, tiny_model, tmp_path):
    monkeypatch.setattr(module, "WORTH", 0.0)
    home = move_in(homes)
    qtbot.waitUntil(lambda: home.phases == [JobPhase.RUNNING], timeout=SOON_MS)
    quiet = home.jobs.entries[0].id
    assert home.jobs.entries[0].title == "Fitting her model to this computer"
    assert home.jobs.in_the_way is None, "nobody is told to wait for it"
    mine = home.jobs.start(small_recipe(tiny_model, write_dialogues(tmp_path / "dialogues.jsonl")), JobOrder())
    done: list[str] = []
    home.jobs.ended.connect(lambda entry: done.append(entry.id))
    qtbot.waitUntil(lambda: home.phase(mine) is JobPhase.RUNNING, timeout=SOON_MS)
    assert home.phase(quiet) is JobPhase.WAITING, "it keeps its place, which is the last one"
    qtbot.waitUntil(lambda: is_fitted(Path(home.preferences.settings.model)), timeout=LATER_MS)
    assert done == [mine, quiet]


def test_after_a_kill_the_next_window_begins_with_what_the_person_wants(homes, qtbot, monkeypatch, tiny_model, tmp_path):
    first = move_in(homes)
    qtbot.waitUntil(lambda: first.phases == [JobPhase.RUNNING], timeout=SOON_MS)
    quiet = first.jobs.folder(first.jobs.entries[0].id)
    first.fitting.close()
    first.jobs.close()
    qtbot.waitUntil(lambda: not quiet.worker(), timeout=SOON_MS)
    mine = create_job(small_recipe(tiny_model, write_dialogues(tmp_path / "dialogues.jsonl")), JobOrder())
    want(mine)
    jobs = Jobs(first.notices, first.preferences)
    order: list[str] = []
    jobs.ended.connect(lambda entry: order.append(entry.id))
    jobs.begin()
    qtbot.waitUntil(lambda: len(order) == 2, timeout=LATER_MS)
    jobs.close()
    assert order == [mine.id, quiet.id]


def test_a_measurement_waits_until_it_has_made_room(homes, qtbot):
    home = move_in(homes)
    qtbot.waitUntil(lambda: home.phases == [JobPhase.RUNNING], timeout=SOON_MS)
    turn, workers = home.jobs.measuring, []
    folder = home.jobs.folder(home.jobs.entries[0].id)
    turn.ask(home, "something", lambda: workers.append(folder.worker()))
    assert "Fitting her model" in turn.waits_for(home)
    qtbot.waitUntil(lambda: workers == [0], timeout=SOON_MS)
    qtbot.wait(1000)
    assert home.phases == [JobPhase.WAITING]
    turn.give_back(home)
    qtbot.waitUntil(lambda: home.phases == [JobPhase.RUNNING], timeout=SOON_MS)


def test_nothing_begins_by_itself_between_a_measurement_and_its_job(homes, qtbot, monkeypatch, tiny_model, tmp_path):
    home = move_in(homes)
    qtbot.waitUntil(lambda: home.phases == [JobPhase.RUNNING], timeout=SOON_MS)
    (quiet,) = (entry.id for entry in home.jobs.entries)
    home.jobs.measuring.ask(home, "something", lambda: None)
    qtbot.waitUntil(lambda: home.phase(quiet) is JobPhase.WAITING, timeout=SOON_MS)
    seen: list[JobPhase | None] = []
    home.jobs.changed.connect(lambda: seen.append(home.phase(quiet)))
    home.jobs.measuring.give_back(home)
    qtbot.wait(50)
    mine = home.jobs.start(small_recipe(tiny_model, write_dialogues(tmp_path / "dialogues.jsonl")), JobOrder())
    qtbot.waitUntil(lambda: home.phase(mine) is JobPhase.RUNNING, timeout=SOON_MS)
    assert set(seen) == {JobPhase.WAITING}
    assert home.jobs.entry(quiet).state_words == "waits for a quiet moment"


def test_nothing_begins_while_somebody_works(homes, qtbot):
    home = move_in(homes)
    for _ in range(40):
        home.fitting.disturb()  # as every key and every movement of the mouse does
        qtbot.wait(40)
    assert not home.jobs.entries
    qtbot.waitUntil(lambda: home.phases == [JobPhase.RUNNING], timeout=SOON_MS)


def test_a_job_that_an_earlier_window_began_is_finished_by_the_next(homes, qtbot, monkeypatch):
    monkeypatch.setattr(module, "WORTH", 0.0)
    first = move_in(homes)
    qtbot.waitUntil(lambda: first.phases == [JobPhase.RUNNING], timeout=SOON_MS)
    move_out(homes)
    second = move_in(homes)
    qtbot.waitUntil(lambda: is_fitted(Path(second.preferences.settings.model)), timeout=LATER_MS)
    assert len(second.jobs.entries) == 1


def test_nothing_is_fitted_for_those_who_have_chosen(homes, qtbot, talkative_model):
    home = move_in(homes)
    home.preferences.update(model=str(talkative_model))
    qtbot.wait(1000)
    home.preferences.update(model="", fit_model=False)
    qtbot.wait(1000)
    assert not home.jobs.entries


def test_what_was_fitted_to_another_machine_is_fitted_anew(homes, qtbot, monkeypatch, starter):
    monkeypatch.setattr(module, "WORTH", 1e9)
    remember(Fitted(machine="another", starter="0" * 64, state="taken"))
    move_in(homes)
    qtbot.waitUntil(lambda: remembered().state == "left", timeout=LATER_MS)
    assert remembered().machine != "another"


def test_the_speedup_is_that_of_the_build_that_was_delivered():
    def build(size, write):
        rest = {name: 1.0 for name in Proven.__struct_fields__ if name not in {"bytes", "write", "source_write", "adapters"}}
        return BuildProven(name="build", kinds={}, proven=Proven(bytes=size, write=write, source_write=50.0, **rest))

    output = OutputWritten(file="a", kind="model", metrics={"bytes": 100.0})
    assert speedup([build(100, 90.0), build(200, 200.0)], [output]) == pytest.approx(1.8)
    assert speedup([build(200, 200.0)], [output]) == 0.0
    assert speedup([], []) == 0.0


def test_a_damaged_record_counts_as_none(home):
    fitted_file().parent.mkdir(parents=True)
    (fitted_file().with_suffix(".json")).write_bytes(msgspec.json.encode({"state": 3}))
    assert remembered() is None

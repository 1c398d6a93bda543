"""Teaching without widgets: real conversations, real processes, a tiny model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from companion.app.datasets import Datasets
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.job_entry import JobPhase
from companion.app.job_orders import prepared
from companion.app.jobs import Jobs
from companion.app.library.adoption import Adoption
from companion.app.models import Models
from companion.app.taught import Taught
from companion.app.teaching import Teaching
from companion.core.job_folder import create_job
from companion.core.library.history import History
from companion.core.paths import own_adapters_folder
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.prefer import Prefer
from companion.core.teaching.goals import Goal
from tests.app.conftest import SAM, Household
from tests.small_recipes import TEXT, end_jobs, write_dialogues
from tests.tiny_models import write_tiny_llama

SOON_MS, LATER_MS = 120_000, 300_000
WORDS = TEXT.split()


@pytest.fixture(autouse=True)
def no_job_left_behind() -> Iterator[None]:
    yield
    end_jobs()


class School(Household):
    """Everything that teaching needs, with the tiny model as the one that she thinks with."""

    def __init__(self, model: Path, qtbot) -> None:
        super().__init__(replace(SAM, model=str(model), jobs_on_close="pause"))
        self.qtbot = qtbot
        self.conversations.start()
        self.engine = Engine()
        self.jobs, self.datasets = Jobs(self.notices, self.preferences), Datasets()
        models = Models(self.engine, self.preferences, self.notices)
        self.adoption = Adoption(models, self.characters, self.preferences, self.notices, History())
        self.teaching = Teaching(
            self.datasets, self.jobs, self.conversations, self.characters, self.engine, self.preferences, self.notices
        )
        self.taught = Taught(self.jobs, self.conversations, self.notices, lambda: self.adoption)
        self.teaching.show()

    def talk(self, title: str, replies: int = 3, *, thumbs: int = 0, edits: int = 0) -> str:
        """A conversation in which the first replies were judged: with `thumbs` 1 or -1, or written anew. Its source."""
        made = self.store.create_conversation(character="", character_name="Hoshi", title=title, greetings=("hello",))
        parent = made.active
        for number in range(replies):
            asked = self.store.add_message(made.id, parent=parent, role="user", text=" ".join(WORDS[number : number + 5]))
            said = self.store.add_message(made.id, parent=asked.id, role="assistant", text=f"the star {WORDS[number]}", model="m")
            if thumbs:
                self.store.set_feedback(said.id, thumbs)
            if number < edits:
                said = self.store.add_message(
                    made.id, parent=asked.id, role="assistant", text=f"night {WORDS[number]} night", model="m", edited=True
                )
            parent = said.id
        self.conversations.changed.emit()  # as the chat says it
        return f"conversation:{made.id}"

    def learn_from(self, *sources: str) -> None:
        self.teaching.pick(sources)
        self.until(lambda: self.teaching.found is not None or bool(self.teaching.problem))

    def teach(self, goal: Goal, *sources: str) -> Path:
        """A whole lesson, the quickest there is; what she learned."""
        self.learn_from(*sources)
        self.teaching.choose_goal(goal)
        self.teaching.choose_effort("quick")
        with self.qtbot.waitSignal(self.teaching.started, timeout=SOON_MS) as started:
            self.teaching.start()
        self.until(lambda: self.taught.lesson is not None and self.taught.lesson.entry.id == started.args[0])
        self.until(lambda: not self.taught.lesson.is_under_way)
        assert self.taught.lesson.entry.phase is JobPhase.DONE, self.taught.lesson.entry.what
        return self.taught.lesson.adapter

    def until(self, condition) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=LATER_MS)

    def refusals(self) -> dict[Goal, str]:
        return {offer.goal: offer.refusal for offer in self.teaching.offers}

    def close(self) -> None:
        self.teaching.close()
        self.taught.close()
        self.datasets.close()
        self.jobs.close()
        self.engine.close()
        super().close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With room for her card."""
    return write_tiny_llama(tmp_path_factory.mktemp("models") / "roomy.gguf", context=4096)


@pytest.fixture
def school(qapp, qtbot, model: Path) -> Iterator[School]:
    made = School(model, qtbot)
    yield made
    made.close()


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_dialogues(tmp_path / "dialogues.jsonl"))


def test_conversations_that_were_judged_come_first_with_their_counts_in_words(school: School):
    school.talk("Judged", thumbs=1, edits=2)
    school.talk("Disliked", thumbs=-1)
    school.talk("Later, and not judged")
    assert [(talk.title, talk.words) for talk in school.teaching.talks()] == [
        ("Disliked", "3 thumbs down · 3 replies"),
        ("Judged", "3 thumbs up, 2 in your own words · 5 replies"),
        ("Later, and not judged", "3 replies"),
    ]


def test_a_goal_that_the_dialogues_cannot_serve_is_refused_with_the_reason(school: School, data):
    school.learn_from(data)
    refusals = school.refusals()
    assert "at least two replies that you judged" in refusals[Goal.STOP]
    assert not refusals[Goal.SOUND]
    assert not refusals[Goal.FACTS]
    school.teaching.choose_goal(Goal.SOUND)
    school.learn_from(school.talk("Bad", 3, thumbs=-1), school.talk("Good", 3, thumbs=1))
    assert not school.refusals()[Goal.STOP]


def test_pairs_are_compared_and_lone_thumbs_are_judged_one_by_one(school: School):
    for source, method, word in (
        (school.talk("Edited", 4, edits=3), "dpo", "DPO"),
        (school.talk("Thumbs", 4, thumbs=-1), "kto", "KTO"),
    ):
        school.learn_from(source)
        school.teaching.choose_goal(Goal.STOP)
        offer = next(offer for offer in school.teaching.offers if offer.goal is Goal.STOP)
        assert word in offer.method
        assert "because" in offer.sentence
        recipe = school.teaching.recipe("balanced")
        assert isinstance(recipe, Prefer)
        assert recipe.loss.method == method


def test_what_it_takes_is_measured_once_and_told_for_every_preset(school: School, data):
    school.learn_from(data)
    school.teaching.choose_goal(Goal.SOUND)
    assert school.teaching.is_measuring
    school.until(lambda: school.teaching.costs)
    costs = school.teaching.costs
    assert costs["quick"].seconds < costs["balanced"].seconds < costs["thorough"].seconds
    assert len({cost.memory for cost in costs.values()}) == 1
    assert costs["quick"].disk > 0
    school.teaching.choose_effort("thorough")
    assert school.teaching.costs == costs
    school.teaching.choose_goal(Goal.FACTS)
    assert school.teaching.costs == {}, "another recipe is measured anew"
    school.teaching.choose_goal(Goal.SOUND)
    assert school.teaching.costs == costs, "what was measured is known"
    assert not school.teaching.is_measuring


def test_a_measurement_outlasts_a_look_at_another_page_and_not_a_talk(school: School, data):
    school.learn_from(data)
    school.teaching.choose_goal(Goal.SOUND)
    assert school.teaching.is_measuring
    school.teaching.hide()
    school.teaching.show()
    school.engine.state_changed.emit(EngineState.ANSWERING)
    assert school.teaching.is_measuring
    school.teaching.hide()
    assert school.teaching.is_measuring
    school.engine.state_changed.emit(EngineState.ANSWERING)
    assert not school.teaching.is_measuring
    school.teaching.show()
    assert school.teaching.is_measuring


def test_nothing_is_measured_while_nobody_comes_back(school: School, data):
    school.learn_from(data)
    school.teaching.choose_goal(Goal.SOUND)
    school.teaching._away._timer.setInterval(50)
    school.teaching.hide()
    school.until(lambda: not school.teaching.is_measuring)
    assert not school.teaching.costs


def test_a_lesson_from_start_to_adoption_and_back(school: School, data):
    adapter = school.teach(Goal.SOUND, data)
    assert adapter == own_adapters_folder() / "Hoshi-sounds-like-this.gguf"
    lesson = school.taught.lesson
    assert lesson.entry.phase is JobPhase.DONE
    assert school.taught.adopted is None
    school.taught.adopt()
    assert school.taught.is_adopted(lesson)
    assert school.taught.adopted.after.uses(str(adapter))
    again = Taught(school.jobs, school.conversations, school.notices, lambda: school.adoption)
    assert again.lesson == lesson, "whoever comes back finds it"
    assert again.is_adopted(lesson)
    again.close()
    school.taught.put_aside()
    assert school.taught.lesson is None
    school.taught.look_again()
    assert school.taught.lesson == lesson
    school.taught.roll_back()
    assert school.taught.adopted is None
    assert school.conversations.partner.options.adapters is None


def test_the_next_lesson_goes_on_from_what_she_talks_with_and_repeats_the_last(school: School, data, tmp_path):
    first = school.teach(Goal.SOUND, data)
    school.taught.adopt()
    school.until(lambda: school.teaching.before.start == str(first))
    assert len(school.teaching.before.earlier) == 1, "the cleaned copy that she learned from"
    school.taught.put_aside()
    more = str(write_dialogues(tmp_path / "more.jsonl", seed=2))
    school.learn_from(more)
    assert "one dialogue in five is one that she learned from earlier" in school.teaching.keeping
    recipe = school.teaching.recipe("balanced")
    assert recipe.start_adapter == str(first)
    assert recipe.data.replay_file == school.teaching.before.earlier[0]
    school.until(lambda: school.teaching.costs)


def test_preferences_after_a_lesson_hold_what_mattered_for_it(school: School, data):
    first = school.teach(Goal.SOUND, data)
    school.teaching.go_on_from(str(first))
    school.until(lambda: school.teaching.before.start == str(first))
    second = school.teach(Goal.STOP, *(school.talk(f"Talk {number}", 3, edits=3) for number in range(3)))
    assert school.taught.lesson.recipe.loss.ewc > 0
    assert second.with_name(f"{second.stem}.fisher.gguf").is_file(), "what the next lesson is held by"
    school.teaching.go_on_from(str(second))
    school.until(lambda: school.teaching.before.has_fisher)
    assert "held firmly" in school.teaching.keeping


def test_what_is_mended_is_mended_in_a_copy_that_she_then_learns_from(school: School, data):
    lines = Path(data).read_text(encoding="utf-8").splitlines()
    Path(data).write_text("\n".join([*lines, *lines[:3]]), encoding="utf-8")
    school.learn_from(data)
    school.teaching.choose_goal(Goal.SOUND)
    assert any(finding.step == "copies" for finding in school.teaching.mending)
    school.teach(Goal.SOUND, data)
    recipe = school.taught.lesson.recipe
    assert isinstance(recipe, FineTune)
    assert [Path(file).name for file in recipe.data_files] == ["Hoshi-sounds-like-this"]
    assert Path(data).read_text(encoding="utf-8").count("\n") == len(lines) + 2, "what was chosen stays as it is"


def test_her_phrases_and_versions_of_a_dialogue_stay_and_only_equal_ones_are_copies(school: School, tmp_path):
    file = tmp_path / "pirate.jsonl"
    phrase = "May the wind be with you and with your ship."
    said = [f"{' '.join(WORDS[at : at + 12])} and star {at}. {phrase}" for at in range(12)]
    said += [said[0].replace(" and ", " or ", 1), said[1]]
    turns = [[{"role": "user", "content": f"Tell me of {text[:9]}"}, {"role": "assistant", "content": text}] for text in said]
    file.write_text("\n".join(json.dumps({"messages": each}) for each in turns), encoding="utf-8")
    school.learn_from(str(file))
    school.teaching.choose_goal(Goal.SOUND)
    assert [(finding.step, finding.count) for finding in school.teaching.mending] == [("copies", 1)]
    assert school.teaching.phrases == 13
    school.teach(Goal.SOUND, str(file))
    learned = Path(school.taught.lesson.recipe.data_files[0], "data.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(learned) == 13
    assert all(phrase in line for line in learned)
    school.teaching.choose_goal(Goal.FACTS)
    assert "boilerplate" in {finding.step for finding in school.teaching.mending}
    assert school.teaching.phrases == 0


def test_a_lesson_for_tonight_waits_and_is_found_again_and_a_training_from_elsewhere_is_none(school: School, data):
    school.learn_from(data)
    school.teaching.choose_goal(Goal.SOUND)
    with school.qtbot.waitSignal(school.teaching.started, timeout=SOON_MS) as started:
        school.teaching.start(tonight=True)
    school.until(lambda: school.taught.lesson is not None)
    assert school.taught.lesson.entry.id == started.args[0]
    school.until(lambda: school.taught.lesson.entry.waits_for == "tonight")
    recipe, order = prepared(school.taught.lesson.recipe, "")
    other = create_job(recipe, order)
    school.jobs.look()
    school.until(lambda: school.jobs.entry(other.id) is not None)
    assert school.taught.lesson.entry.id == started.args[0]


def test_what_cannot_be_looked_through_is_told_in_a_sentence(school: School, tmp_path):
    school.learn_from("/nowhere/at-all.jsonl")
    assert "is not there" in school.teaching.problem
    assert school.teaching.offers == ()
    school.learn_from(school.talk("Talk"))
    assert school.teaching.problem == ""


def test_what_was_said_since_is_looked_through_and_what_is_gone_is_taken_off(school: School):
    kept, gone = school.talk("Kept", thumbs=1), school.talk("Gone", thumbs=1)
    school.learn_from(kept, gone)
    before = school.teaching.found.learned_replies
    school.teaching.hide()
    school.store.delete_conversation(int(gone.partition(":")[2]))
    number = int(kept.partition(":")[2])
    last = school.store.path(number)[-1].message
    asked = school.store.add_message(number, parent=last.id, role="user", text="tell me")
    school.store.add_message(number, parent=asked.id, role="assistant", text="the night", model="m")
    school.teaching.show()
    assert school.teaching.sources == (kept,)
    school.until(lambda: school.teaching.found is not None)
    assert school.teaching.found.learned_replies == before - 2


def test_the_check_measures_her_with_and_without_it_and_gives_a_verdict(school: School, data):
    adapter = school.teach(Goal.SOUND, data)
    lesson = school.taught.lesson
    assert school.taught.may_check(lesson)
    assert school.taught.check_of(lesson) is None
    school.taught.check()
    school.until(lambda: school.taught.check_of(lesson) is not None)
    school.until(lambda: school.taught.is_checking(lesson))
    school.taught.stop_check()
    school.until(lambda: not school.taught.is_checking(lesson))
    school.taught.check()
    school.until(lambda: school.taught.is_checking(lesson))
    school.until(lambda: school.taught.check_of(lesson).phase in {JobPhase.DONE, JobPhase.FAILED})
    check = school.taught.check_of(lesson)
    assert check.phase is JobPhase.DONE, check.what
    assert check.what.startswith(("Adopt: ", "Keep "))
    recipe = school.jobs.folder(check.id).recipe()
    assert [len(files) for files in recipe.subjects] == [1, 2]
    assert recipe.subjects[1][1].startswith(str(adapter))
    held_back = [json.loads(line) for line in Path(recipe.data_files[0]).read_text(encoding="utf-8").splitlines()]
    assert held_back

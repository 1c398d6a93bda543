"""A cross-validation as one job: every fold a job within it, interrupted anywhere, and a report at the end."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from companion.core.errors import DatasetError
from companion.core.job import (
    CrossValidation,
    JobEvent,
    JobOrder,
    JobStarted,
    OutputWritten,
    PartMeasured,
    StageBegan,
    StageProgress,
    StepDone,
    Trouble,
)
from companion.core.job_folder import JobFolder, all_jobs, create_job
from companion.core.library.report_list import all_reports
from companion.core.report import Report
from companion.workshop.client import JobDied, JobProcess
from companion.workshop.job import Wishes
from companion.workshop.recipes.fold_jobs import lay_out
from tests.small_recipes import write_dialogues
from tests.tiny_models import write_tiny_llama
from tests.workshop.small_jobs import ended, of_kind, small_recipe, work_here

FEW = ("training.steps=30", "watch.evaluations=1", "watch.samples=0", "watch.checkpoint_steps=5")
HARMFUL = ("optimizer.name=sgd", "optimizer.learning_rate=100", "optimizer.clip_norm=0", "watch.checkpoint_steps=0")


def begun(model: Path, data: Path, *changes: str, folds: int = 3, **asked: object) -> JobFolder:
    order = JobOrder(cross_validation=CrossValidation(folds=folds, **asked))
    return create_job(small_recipe(model, data, *FEW, *changes), order)


def fold_job(job: JobFolder, number: int) -> JobFolder:
    return JobFolder(job.path / "folds" / f"fold-{number}")


def steps_of(job: JobFolder) -> list[tuple[int, float]]:
    return [(event.step, event.loss) for event in job.events() if isinstance(event, StepDone)]


def report_of(job: JobFolder) -> Report:
    return msgspec.json.decode((job.output / "report.json").read_bytes(), type=Report)


def rows(job: JobFolder) -> list[tuple[str, ...]]:
    return list(report_of(job).measured[0].sections[0].tables[0].rows)


class Ends:
    """Ends the work while a fold is at a step that is not its last."""

    def __init__(self, job: JobFolder, fold: int, wish: str) -> None:
        self.wishes = Wishes(job.cancel_mark)
        self._fold, self._wish = fold_job(job, fold), wish

    def __call__(self, event: JobEvent) -> None:
        if isinstance(event, StageProgress) and self._fold.resumable_step() == 5:
            getattr(self.wishes, self._wish)()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, tiny_model, dialogues) -> JobFolder:
    """A job that nobody interrupted."""
    recipe = small_recipe(tiny_model, dialogues, *FEW)
    folder = tmp_path_factory.mktemp("undisturbed")
    job = create_job(recipe, JobOrder(cross_validation=CrossValidation(folds=3)), folder)
    work_here(job)
    return job


def test_every_fold_is_trained_and_measured_and_only_the_report_is_kept(tiny_model, dialogues):
    job = begun(tiny_model, dialogues)
    events = work_here(job)
    end = ended(events)
    assert (end.state, "over 3 folds the held-out loss falls" in end.what) == ("done", True), end
    parts = of_kind(events, PartMeasured)
    assert [(part.title, part.subject, part.part, part.parts) for part in parts] == [
        (f"Fold {number}", "learned from 16 dialogues", number, 3) for number in (1, 2, 3)
    ]
    assert all(part.after < part.before for part in parts), "simple words are soon learned"
    said = [event.sentence for event in of_kind(events, StageBegan)]
    assert "Fold 2 of 3: learning from 16 dialogues" in said
    assert "Fold 3 of 3: measuring 8 dialogues that it did not see" in said
    report = report_of(job)
    assert (report.finished, report.verdict) == (True, end.what)
    assert [row[0] for row in rows(job)] == ["1", "2", "3"]
    assert [Path(made.file).name for made in of_kind(events, OutputWritten)] == ["report.json", "report.html"]
    kept = sorted(path.name for path in fold_job(job, 2).path.iterdir())
    assert kept == ["events.jsonl", "lock", "order.json", "plan.json", "progress.json", "recipe.json", "result.json"]
    assert not list(job.path.rglob("*.gguf"))
    assert not list(job.path.rglob("*.pt"))
    assert not list(job.path.rglob("*.jsonl.part"))
    assert [found.id for found in all_jobs()] == [job.id], "folds are no jobs of the person's"
    assert job.summary().kind == "cross-validation"
    found = next(report for report in all_reports({}) if not report.is_shipped)
    assert found.is_cross_validation


def test_progress_is_that_of_all_folds_with_the_time_that_is_left(tiny_model, dialogues):
    job = begun(tiny_model, dialogues, folds=2)
    told = [event for event in work_here(job) if isinstance(event, StageProgress) and event.seconds_left]
    fractions = [event.fraction for event in told]
    assert fractions == sorted(fractions)
    assert fractions[0] < 0.5 < fractions[-1] <= 1


def test_a_pause_in_a_fold_goes_on_in_the_middle_of_it_without_the_files_it_began_with(tiny_model, tmp_path, undisturbed):
    data = write_dialogues(tmp_path / "dialogues.jsonl")
    job = begun(tiny_model, data)
    ends = Ends(job, 2, "pause")
    end = ended(work_here(job, ends, ends.wishes))
    assert (end.state, end.what) == ("interrupted", "The cross-validation was paused; 1 of 3 folds is finished.")
    assert f"companion jobs resume {job.id}" in end.remedy
    data.unlink()
    first = fold_job(job, 1).events_file.read_bytes()
    events = work_here(job)
    assert ended(events).state == "done"
    assert fold_job(job, 1).events_file.read_bytes() == first, "what is finished is not trained again"
    assert of_kind(list(fold_job(job, 2).events()), JobStarted)[-1].resumed_step in range(5, 30)
    assert [part.part for part in job.events() if isinstance(part, PartMeasured)] == [1, 2, 3]
    assert rows(job) == rows(undisturbed)


def test_a_killed_process_costs_what_came_after_the_last_checkpoint_of_its_fold(tiny_model, dialogues, undisturbed):
    job = begun(tiny_model, dialogues)
    with JobProcess(job) as process:
        events = process.events()
        next(event for event in events if fold_job(job, 2).resumable_step() >= 5)
        process.kill()
        with pytest.raises(JobDied):
            list(events)
    work_here(job)
    assert of_kind(list(fold_job(job, 2).events()), JobStarted)[-1].resumed_step in range(5, 30)
    assert steps_of(fold_job(job, 2)) == steps_of(fold_job(undisturbed, 2))
    assert rows(job) == rows(undisturbed)


def test_a_cancel_reports_the_finished_folds_and_frees_the_one_at_work(tiny_model, dialogues, undisturbed):
    job = begun(tiny_model, dialogues)
    ends = Ends(job, 2, "cancel")
    end = ended(work_here(job, ends, ends.wishes))
    assert end.state == "cancelled"
    assert end.what.startswith("One fold alone cannot say whether this recipe helps: over 1 of 3 folds the held-out loss falls")
    assert not report_of(job).finished
    assert rows(job) == rows(undisturbed)[:1]
    assert not list(job.path.rglob("*.pt"))
    assert not list(job.path.rglob("train.jsonl"))


def test_a_cancel_before_a_fold_is_finished_leaves_no_report(tiny_model, dialogues):
    job = begun(tiny_model, dialogues)
    ends = Ends(job, 1, "pause")
    work_here(job, ends, ends.wishes)
    cancelled = Wishes(job.cancel_mark)
    cancelled.cancel()
    end = ended(work_here(job, wishes=cancelled))
    assert (end.state, end.what) == ("cancelled", "The cross-validation was cancelled before a fold was finished.")
    assert not list(job.output.iterdir())
    assert not list(job.path.rglob("*.pt"))


def test_a_fold_that_fails_is_told_with_its_troubles_once_and_ends_the_job(tiny_model, dialogues):
    job = begun(tiny_model, dialogues, *HARMFUL)
    for _ in range(2):
        end = ended(work_here(job))
        assert end.state == "failed"
        assert end.what.startswith("Fold 1 could not be finished. The loss stopped being a number after step")
        assert "companion jobs" not in end.remedy, "a fold is no job that a person could cancel"
        troubles = of_kind(list(job.events()), Trouble)
        assert [event.kind for event in troubles].count("nan") == 1
        assert all(event.what.startswith("Fold 1, step ") for event in troubles)


def test_another_model_than_the_job_began_with_is_refused(dialogues, tmp_path):
    model = write_tiny_llama(tmp_path / "base.gguf")
    job = begun(model, dialogues)
    ends = Ends(job, 1, "pause")
    work_here(job, ends, ends.wishes)
    write_tiny_llama(model, seed=1)
    assert "not the file that this job began with" in ended(work_here(job)).what


def test_dialogues_are_divided_once_each_is_measured_and_none_without_a_reply(tiny_model, tmp_path):
    data = write_dialogues(tmp_path / "dialogues.jsonl", count=12)
    with data.open("a", encoding="utf-8") as file:
        file.write('{"messages": [{"role": "user", "content": "nobody answers"}]}\n')
    recipe = small_recipe(tiny_model, data)
    folds = lay_out(recipe, CrossValidation(folds=4, repeats=2), tmp_path / "folds")
    assert (len(folds.rounds), folds.scheme.folds, folds.left_out) == (8, 4, 1)
    assert sorted(line for fold in folds.rounds[:4] for line in fold.split.held_out) == list(range(12))
    assert not any(set(fold.split.train) & set(fold.split.held_out) for fold in folds.rounds)
    data.write_text("")
    again = lay_out(recipe, CrossValidation(folds=4, repeats=2), tmp_path / "folds")
    assert [list(fold.split.train) for fold in again.rounds] == [list(fold.split.train) for fold in folds.rounds]
    folds.prepare(folds.rounds[0], recipe)
    files = (folds.rounds[0].train_file, folds.rounds[0].unseen_file)
    assert [len(file.read_text().splitlines()) for file in files] == [9, 3]


@pytest.mark.parametrize(("count", "folds"), [(9, 5), (3, 3), (2, 2)])
def test_five_folds_are_usual_and_fewer_dialogues_make_fewer(count, folds, tiny_model, tmp_path):
    recipe = small_recipe(tiny_model, write_dialogues(tmp_path / "dialogues.jsonl", count=count))
    assert len(lay_out(recipe, CrossValidation(), tmp_path / "folds").rounds) == folds


def test_one_dialogue_alone_cannot_be_left_out(tiny_model, tmp_path):
    recipe = small_recipe(tiny_model, write_dialogues(tmp_path / "dialogues.jsonl", count=1))
    with pytest.raises(DatasetError, match=r"At least 2 different dialogues are needed.*there is 1"):
        lay_out(recipe, CrossValidation(), tmp_path / "folds")

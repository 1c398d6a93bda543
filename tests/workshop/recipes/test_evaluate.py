"""Evaluations as jobs: what they leave, and that nothing measured is lost however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from companion.core.job import FINISHES_PART, JobEnded, JobStarted, OutputWritten, PartMeasured, StageBegan, StageProgress
from companion.workshop.job import Wishes
from companion.workshop.reports.kept import Kept
from tests.workshop.recipes.small_evaluations import PARTS, report_of, small_evaluation, without_times
from tests.workshop.small_jobs import ended, of_kind, small_job, work_here, write_dialogues


@pytest.fixture
def job(talkative_model, dialogues):
    return small_evaluation([[str(talkative_model)]], dialogues)


@pytest.fixture
def two(tiny_model, talkative_model, dialogues):
    return small_evaluation([[str(tiny_model)], [str(talkative_model)]], dialogues)


def test_two_subjects_end_in_a_report_with_a_verdict(two):
    events = work_here(two)
    assert ended(events).state == "done", ended(events)
    report = report_of(two)
    assert ended(events).what == report.verdict
    assert [section.key for section in report.measured[0].sections] == PARTS
    assert [section.state for section in report.measured[1].sections] == ["done"] * 4
    assert report.measured[0].sections[1].state == "skipped", "it is what the other is measured from"
    assert report.finished
    assert {one.key for one in report.comparisons if one.headline}
    assert (two.output / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [event.part for event in of_kind(events, PartMeasured)] == list(range(1, 9))
    found = [event.found for event in of_kind(events, PartMeasured)]
    assert any(each.startswith("perplexity (built-in) ") for each in found), "what was found is told with every part"
    assert [event.kind for event in of_kind(events, OutputWritten)] == ["report", "report"]
    summary = two.summary()
    assert (summary.kind, summary.state, summary.step, summary.steps) == ("evaluate", "done", 8, 8)
    for file in (*[one.subject.model for one in report.measured], *report.data):
        assert len(file.sha256) == 64
    assert {"System", "Processor"} <= report.machine.keys()
    assert "llama-cpp-python" in report.versions


def test_the_same_twice_gives_the_same_report(talkative_model, dialogues, job):
    again = small_evaluation([[str(talkative_model)]], dialogues)
    work_here(job)
    work_here(again)
    assert without_times(report_of(job)) == without_times(report_of(again))


def test_a_paused_evaluation_goes_on_after_what_it_has(talkative_model, dialogues, job):
    whole = small_evaluation([[str(talkative_model)]], dialogues)
    work_here(whole)
    wishes = Wishes(job.cancel_mark)
    events = work_here(job, lambda event: wishes.pause() if isinstance(event, PartMeasured) and event.part == 2 else None, wishes)
    assert ended(events).state == "interrupted"
    assert f"companion jobs resume {job.id}" in ended(events).remedy
    assert job.summary().state == "interrupted"
    rest = work_here(job)
    assert [event.part for event in of_kind(rest, PartMeasured)] == [3]
    assert not [event for event in of_kind(rest, StageBegan) if "answering" in event.sentence], "replies are kept"
    assert without_times(report_of(job)) == without_times(report_of(whole))


def test_the_time_left_is_in_the_progress_file_from_part_to_part(talkative_model, dialogues):
    """Whoever looks at the job reads that file only."""
    job = small_evaluation([[str(talkative_model)]], dialogues)
    found = []
    work_here(job, lambda event: found.append(job.progress()) if isinstance(event, PartMeasured | StageBegan) else None)
    known = [each for each in found if each.seconds_left]
    assert len(known) >= 3
    after = found[found.index(known[0]) : -1]  # the last stage writes the report
    assert all(each.seconds_left for each in after), "it never vanishes in between"
    assert [each.fraction for each in after] == sorted(each.fraction for each in after)


def test_a_cancelled_evaluation_ends_with_a_report_of_what_there_is(job):
    wishes = Wishes(job.cancel_mark)
    events = work_here(job, lambda event: wishes.cancel() if isinstance(event, PartMeasured) else None, wishes)
    assert ended(events).state == "cancelled"
    report = report_of(job)
    assert [section.key for section in report.measured[0].sections] == ["likelihood"]
    assert not report.finished
    assert "ended early" in report.verdict


def test_cancelled_in_the_middle_of_the_first_part_it_is_finished_and_reported(talkative_model, dialogues):
    job = small_evaluation([[str(talkative_model)]], dialogues, "likelihood.enabled=false")
    wishes = Wishes(job.cancel_mark)

    def cancel(event: object) -> None:
        if isinstance(event, StageProgress) and (job.measured / "0-overlap.begun").exists():
            wishes.cancel()

    events = work_here(job, cancel, wishes)
    assert ended(events).state == "cancelled"
    assert [section.key for section in report_of(job).measured[0].sections] == ["overlap"]
    assert FINISHES_PART in [event.sentence for event in of_kind(events, StageBegan)]


def test_cancelled_before_anything_was_measured(job):
    wishes = Wishes(job.cancel_mark)
    events = work_here(job, lambda event: wishes.cancel() if isinstance(event, JobStarted) else None, wishes)
    assert ended(events) == JobEnded(
        state="cancelled",
        what="The evaluation was cancelled before anything was measured.",
        time=ended(events).time,
        seconds=ended(events).seconds,
    )
    assert not (job.output / "report.json").exists()


def test_cancelled_between_the_replies_and_the_first_part_it_can_be_gone_on_with(job):
    wishes = Wishes(job.cancel_mark)
    kept = Kept(job.measured)
    events = work_here(job, lambda event: wishes.cancel() if isinstance(event, StageBegan) and kept.replies(0) else None, wishes)
    assert "resume it" in ended(events).remedy
    assert not job.summary().is_over
    rest = work_here(job)
    assert ended(rest).state == "done"
    assert not [event for event in of_kind(rest, StageBegan) if "answering" in event.sentence]
    assert job.summary().is_over


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_after_a_kill_what_was_measured_is_still_there(job):
    command = [sys.executable, "-P", "-m", "companion", "job", str(job.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for line in process.stdout:
            if b'"PartMeasured"' in line:
                os.kill(process.pid, signal.SIGKILL)
                break
    assert job.summary().state == "interrupted"
    first = Kept(job.measured).section(0, "likelihood")
    rest = work_here(job)
    assert ended(rest).state == "done"
    assert [event.part for event in of_kind(rest, PartMeasured)] == [2, 3]
    assert report_of(job).measured[0].sections[0] == first


def test_one_part_that_cannot_be_measured_does_not_keep_the_others_from_it(talkative_model, dialogues, tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("Too short.")
    job = small_evaluation([[str(talkative_model)]], dialogues, f"likelihood.text_files={short}", "likelihood.context=512")
    events = work_here(job)
    assert ended(events).state == "done"
    sections = {section.key: section for section in report_of(job).measured[0].sections}
    assert "tokens" in f"{sections['likelihood'].why} {[metric.why for metric in sections['likelihood'].metrics]}"
    assert sections["talk"].state == "done"


def test_a_part_in_which_the_process_was_lost_twice_is_given_up(job):
    kept = Kept(job.measured)
    for _ in range(2):
        kept.begin(0, "overlap")
    events = work_here(job)
    assert ended(events).state == "done"
    sections = {section.key: section for section in report_of(job).measured[0].sections}
    assert sections["overlap"].state == "failed"
    assert "lost 2 times" in sections["overlap"].why
    assert sections["talk"].state == "done"


def test_other_files_than_it_began_with_are_refused(job, talkative_model, dialogues, tmp_path):
    wishes = Wishes(job.cancel_mark)
    work_here(job, lambda event: wishes.pause() if isinstance(event, PartMeasured) else None, wishes)
    about = Kept(job.measured).about()
    data = about.data[0]
    changed = type(about)(
        **{name: getattr(about, name) for name in about.__struct_fields__}
        | {"data": (type(data)(name=data.name, sha256="0" * 64, bytes=data.bytes), *about.data[1:])}
    )
    Kept(job.measured).keep_about(changed)
    assert "not those that this evaluation began with" in ended(work_here(job)).what


def test_a_report_that_cannot_be_put_where_it_should_go_is_in_the_jobs_folder(talkative_model, dialogues, tmp_path):
    place = tmp_path / "gone" / "r.json"
    job = small_evaluation([[str(talkative_model)]], dialogues, "likelihood.enabled=false", output=str(place))
    place.parent.write_text("a file stands where the folder should")
    last = ended(work_here(job))
    assert last.state == "failed"
    assert str(job.output / "report.json") in last.what
    assert report_of(job).finished


def test_what_an_adapter_learned_from_is_no_proof_of_what_it_can_do(tiny_model, dialogues, tmp_path):
    training = small_job(tiny_model, dialogues, "training.steps=1", output=str(tmp_path / "voice.gguf"))
    assert ended(work_here(training)).state == "done"
    other = write_dialogues(tmp_path / "others.jsonl", seed=9)
    for data, warned in ((dialogues, True), (other, False)):
        job = small_evaluation([[str(tiny_model), str(tmp_path / "voice.gguf")]], data)
        assert ended(work_here(job)).state == "done"
        report = report_of(job)
        assert (f"learned from “{data.name}”" in report.verdict) == bool(report.cautions) == warned

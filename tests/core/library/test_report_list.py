"""Reports are found wherever they lie, and say how long the next will take."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from companion.core.job import JOBS_FOLDER
from companion.core.library.report_list import all_reports, compared_folder, seconds_needed
from companion.core.paths import data_folder
from companion.core.report import GATE, Measured, Report, Section, Subject, UsedFile


def subject(name: str, size: int = 1000) -> Subject:
    return Subject(name=name, model=UsedFile(name=f"{name}.gguf", sha256=name, bytes=size))


def report(*names: str, **facts: object) -> Report:
    key = "likelihood" if "gate" not in facts else GATE
    facts.pop("gate", None)
    measured = tuple(Measured(subject=subject(name), sections=(Section(key=key, title="Likelihood"),)) for name in names)
    return Report(verdict="As good as before.", measured=measured, **facts)


def write(file: Path, told: Report) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(told))
    return file


def in_job(name: str) -> Path:
    return data_folder() / JOBS_FOLDER / name / "output" / "report.json"


def test_those_of_jobs_comparisons_and_the_program_are_listed_the_newest_first(home):
    old = write(in_job("1"), report("a", suite="quick", began=10.0, seconds=4.0))
    new = write(compared_folder() / "both.json", report("a", "b", suite="quick", began=20.0))
    new.with_suffix(".html").write_text("page")
    found = all_reports({})
    assert [each.file for each in found[:2]] == [str(new), str(old)]
    assert [each.page for each in found[:2]] == [str(new.with_suffix(".html")), ""]
    assert [each.title for each in found[:2]] == ["b against a", "a"]
    assert found[-1].is_shipped
    assert found[-1].name == "starter + hoshi"
    assert [each.is_measured_here for each in (*found[:2], found[-1])] == [False, True, False]


def test_what_is_no_report_is_left_out_and_what_was_read_is_read_once(home):
    in_job("1").parent.mkdir(parents=True)
    in_job("1").write_text(json.dumps({"nothing": 1}))
    write(in_job("2"), report("a"))
    known = {}
    first = all_reports(known)
    assert [each.title for each in first if not each.is_shipped] == ["a"]
    assert all_reports(known)[0] is first[0]
    write(in_job("2"), report("changed"))
    assert [each.title for each in all_reports(known) if not each.is_shipped] == ["changed"]


def test_the_time_of_a_decision_is_told_part_by_part_from_what_was_measured_without_one(home):
    seconds = {"likelihood": 6.0, "cost": 8.0, "robustness": 4.0, "talk": 2.0}
    sections = tuple(Section(key=key, title=key, seconds=took) for key, took in seconds.items())
    measured = (Measured(subject=subject("a"), sections=sections),)
    write(in_job("1"), Report(verdict="Fine.", measured=measured, suite="quick", began=10.0, seconds=30.0))
    found = all_reports({})
    assert seconds_needed(found, "quick", [1000], gate=False) == 30.0
    assert seconds_needed(found, "quick", [1000, 1000], gate=True) == 2 * (30 + 6 - 8 - 4), "as many earlier dialogues as others"
    assert seconds_needed(found, "standard", [1000, 1000], gate=True) == 0.0


def test_the_time_of_a_suite_grows_with_the_models_and_is_known_from_the_same_kind_only(home):
    write(in_job("1"), report("a", suite="quick", began=10.0, seconds=8.0))
    write(in_job("2"), report("a", suite="quick", began=20.0, seconds=30.0, gate=True))
    write(in_job("3"), report("a", suite="quick", began=30.0, seconds=1.0, finished=False))
    found = all_reports({})
    assert seconds_needed(found, "quick", [1000], gate=False) == 8.0
    assert seconds_needed(found, "quick", [1000, 3000], gate=False) == 32.0
    assert seconds_needed(found, "quick", [1000], gate=True) == 30.0
    assert seconds_needed(found, "standard", [1000], gate=False) == 0.0

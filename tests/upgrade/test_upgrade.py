"""Homes that earlier versions left, opened by this one: everything is there, and nothing of it is called damaged.

`homes/` holds one per release, and of formats before the first one: schema-1 and schema-2 are named by the version of the
database. `make_home.py` makes them.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from companion import __version__
from companion.app.job_entry import JobPhase
from companion.app.job_scan import JobScanner
from companion.app.notices import Notice, Tone
from companion.core.appearance import Appearance
from companion.core.character_library import CharacterLibrary
from companion.core.dataset_folder import own_datasets
from companion.core.job_folder import all_jobs
from companion.core.job_history import JobReader
from companion.core.library.collection import Librarian
from companion.core.library.history import History
from companion.core.library.report_list import all_reports
from companion.core.library.trash import Trash
from companion.core.measured_here import runs_here
from companion.core.paths import HOME_VARIABLE, data_folder, database_file, settings_file
from companion.core.report_file import read_report
from companion.core.settings import load_settings
from companion.core.storage.migrations import MIGRATIONS
from companion.core.storage.store import Store
from companion.program import Program
from companion.ui.shell import Shell

ROOT = Path(__file__).parents[2]
WHERE_MADE = b"/tmp/companion-sample/home"
HOMES = sorted((Path(__file__).parent / "homes").glob("*.tar.xz"))


class Kept(NamedTuple):
    folder: Path
    expected: dict[str, Any]

    def part(self, name: str) -> dict[str, Any]:
        """What is expected of a part; skips where that version had none."""
        if name not in self.expected:
            pytest.skip(f"that version kept no {name}")
        return self.expected[name]


@pytest.fixture(params=HOMES, ids=lambda file: file.name.removesuffix(".tar.xz"))
def kept(request, tmp_path: Path, monkeypatch) -> Kept:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path / "kept", filter="data")
    home = tmp_path / "kept" / "home"
    for file in home.rglob("*.json*"):  # jobs name files by their whole path: as if it had been made here
        file.write_bytes(file.read_bytes().replace(WHERE_MADE, str(home).encode()))
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    return Kept(home, json.loads((tmp_path / "kept" / "expected.json").read_bytes()))


def test_every_release_has_a_home_that_is_kept():
    released = re.findall(r"^## (\S+) \((?!not released\))", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    names = [file.name.removesuffix(".tar.xz") for file in HOMES]
    assert not {*released, __version__} - set(names), "tests/upgrade/make_home.py makes it"
    assert sum(file.stat().st_size for file in HOMES) < 300_000 * len(HOMES)


def test_conversations_are_there_with_all_that_was_said_of_them(kept: Kept):
    expected = kept.part("talks")
    with sqlite3.connect(database_file()) as before:
        version = before.execute("PRAGMA user_version").fetchone()[0]
    before.close()
    store = Store(database_file())
    talks = {talk.title: talk for talk in store.conversations()}
    assert store.notice == ""
    assert {title: [[s.message.role, s.message.text] for s in store.path(t.id)] for title, t in talks.items()} == expected[
        "conversations"
    ]
    assert {title: len(store.tree(talk.id)) for title, talk in talks.items()} == expected["messages"]
    judged = {message.text: message.feedback for talk in talks.values() for message in store.tree(talk.id) if message.feedback}
    assert judged == expected["feedback"]
    for text, title in expected["search"].items():
        assert [hit.conversation for hit in store.search(text)] == [talks[title].id], text
    assert sorted(memory.text for memory in store.memories.all("mira")) == expected.get("memories", [])
    assert [persona.name for persona in store.personas.all()] == [expected[name] for name in ("persona",) if name in expected]
    if "note" in expected:
        talk = next(talk for talk in talks.values() if talk.note)
        assert (talk.note, talk.note_depth, store.personas.persona(talk.persona).name) == (expected["note"], 2, "Ada")
        assert store.memories.summary(talk.id).text == expected["summary"]
    # It can be gone on with, and what was there before can be gone back to.
    talk = talks["I drink tea"]
    added = store.add_message(talk.id, parent=talk.active, role="user", text="Still here?")
    assert store.path(talk.id)[-1].message.id == added.id
    store.close()
    assert len(list(data_folder().glob("backups/*.sqlite3"))) == int(version < len(MIGRATIONS))


def test_settings_hold_as_they_were(kept: Kept):
    loaded = load_settings(settings_file())
    assert loaded.notice == ""
    found = msgspec.to_builtins(loaded.settings)
    for name, value in kept.part("settings").items():
        assert (found[name] if not isinstance(value, dict) else found[name] | value) == found[name], name


def test_characters_of_ones_own_are_there(kept: Kept):
    expected = dict(kept.part("character"))
    found = CharacterLibrary().load(expected.pop("identifier"))
    assert {name: getattr(found.card, name) for name in expected} == expected


def test_the_library_knows_models_adapters_reports_and_what_was_adopted(kept: Kept):
    expected = kept.part("workshop")
    librarian = Librarian(CharacterLibrary(), Trash())
    for item in librarian.collect((), "").without_checksum:
        librarian.add_checksum(item)
    collection = librarian.collect((), "")
    own = {item.path.name: item for item in collection.items if item.place == "own"}
    assert set(own) == {expected["model"], expected["adapter"]}
    assert [item.what for item in own.values()] == ["", ""], "neither is called damaged"
    adapter = own[expected["adapter"]]
    assert adapter.base_sha256 == own[expected["model"]].sha256
    assert collection.reports[adapter.key].verdict == expected["verdict"]
    assert collection.made[adapter.key].job, "how it was made is known"
    assert len(History().changes) == expected["adoptions"]
    assert [run.model for run in runs_here()] == expected["measured"]
    (dataset,) = own_datasets()
    found = {"name": dataset.source.name, "licence": dataset.source.licence, "dialogues": dataset.source.dialogues}
    assert found == expected["dataset"]
    (report,) = [report for report in all_reports({}) if not report.is_shipped]
    assert read_report(Path(report.file)).verdict == report.verdict == expected["verdict"]
    assert Path(report.page).read_text(encoding="utf-8").count("<html") == 1


def test_jobs_are_listed_with_their_history(kept: Kept):
    expected = kept.part("workshop")["jobs"]
    entries = {entry.summary.kind: entry for entry in JobScanner().scan()}
    assert set(entries) == set(expected)
    for kind, facts in expected.items():
        summary = entries[kind].summary
        assert (summary.state, summary.steps, summary.name) == (facts["state"], facts["steps"], facts["name"])
        assert entries[kind].phase is JobPhase.DONE
        assert summary.notes == ()
    for job in all_jobs():
        job.recipe()
        job.order()
        reader = JobReader(job.events_file)
        reader.read()
        assert reader.history.seconds > 0


@pytest.mark.qt_log_ignore(r"does not support (propagateSizeHints|raise\(|grabbing the keyboard)")
def test_the_window_opens_with_it_and_has_nothing_to_complain_of(kept: Kept, qapp: QApplication, qtbot):
    window = Shell(qapp, Appearance())
    qtbot.addWidget(window)
    told: list[Notice] = []
    program = Program(qapp, window)
    program.notices.notice_raised.connect(told.append)
    shown = [talk.title for talk in program.conversations.all()]
    for page in ("characters", "memory", "personas", "workshop", "settings", "chat"):
        program.content.show_page(page)
        qtbot.wait(50)
    complaints = [notice.what for notice in told if notice.tone in (Tone.WARNING, Tone.ERROR)]
    sentences = [program.preferences.notice, program.store.notice, program.characters.notice]
    program.close()
    program.theme.deleteLater()
    assert set(kept.part("talks")["conversations"]) <= set(shown)
    assert (complaints, sentences) == ([], ["", "", ""])

"""What she was taught last: found again from the jobs, checked, adopted, rolled back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from companion.app.background import Background
from companion.app.conversations import Conversations
from companion.app.job_entry import JobEntry, JobPhase
from companion.app.job_orders import prepared
from companion.app.jobs import Jobs
from companion.app.library.adoption import Adoption
from companion.app.notices import Notices
from companion.core.adapter_use import adapter_use
from companion.core.character import BUILT_IN
from companion.core.character_library import built_in_character
from companion.core.errors import CompanionError
from companion.core.gate_recipe import decisive
from companion.core.job_folder import JobFolder
from companion.core.job_targets import name_after
from companion.core.library.history import Change
from companion.core.library.scan import Found, read_item
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.files import AdapterRecipe, Recipe
from companion.core.subject import subject
from companion.core.suites import read_suite

KINDS = ("fine-tune", "prefer")
SUITE = "quick"


class Lesson(NamedTuple):
    """One teaching: its job, and what was asked of it."""

    entry: JobEntry
    recipe: AdapterRecipe

    @property
    def adapter(self) -> Path | None:
        """What she learned, once it is finished and as long as it is there."""
        made = (Path(file) for file in reversed(self.entry.summary.outputs) if file.endswith(".gguf"))
        return next((path for path in made if path.is_file()), None)

    @property
    def is_gone(self) -> bool:
        """Whether it made an adapter that is no longer where it was."""
        return self.adapter is None and any(file.endswith(".gguf") for file in self.entry.summary.outputs)

    @property
    def sides(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """She as before, and with what she learned, as recipes name them; for one that is finished."""
        start = (
            [f"{self.recipe.start_adapter}:1"] if self.recipe.start_adapter and Path(self.recipe.start_adapter).is_file() else []
        )
        return (self.recipe.model, *start), (self.recipe.model, f"{self.adapter}:1")

    @property
    def character(self) -> str:
        """Whom it was for, as the program names her."""
        is_built_in = self.recipe.character.casefold() == built_in_character().name.casefold()
        return BUILT_IN if is_built_in else self.recipe.character

    @property
    def is_under_way(self) -> bool:
        """Whether she learns, or waits to."""
        return self.entry.is_computing or self.entry.phase is JobPhase.WAITING


class Taught(QObject):
    """Nothing of this is kept anywhere but in the folders of jobs and in the history of adoptions."""

    changed = Signal()

    def __init__(self, jobs: Jobs, conversations: Conversations, notices: Notices, adoption: Callable[[], Adoption]) -> None:
        super().__init__()
        self._jobs, self._conversations, self._notices = jobs, conversations, notices
        self._make_adoption = adoption
        self._adoption: Adoption | None = None
        self._recipes: dict[str, Recipe | None] = {}
        self._lessons: dict[str, bool] = {}
        self._put_aside = ""
        """The job that the person has done with: its page makes room for the next."""
        self._background = Background(parent=self)
        jobs.changed.connect(self.changed)
        conversations.opened.connect(lambda _conversation: self.changed.emit())

    @property
    def adoption(self) -> Adoption:
        if self._adoption is None:
            self._adoption = self._make_adoption()
            self._adoption.changed.connect(self.changed)
        return self._adoption

    @property
    def lesson(self) -> Lesson | None:
        """The newest one of whom the open conversation is with; None when there is none, or it was put aside."""
        partner = self._conversations.partner.identifier
        for entry in self._jobs.entries:
            recipe = self._recipe(entry) if entry.summary.kind in KINDS and self._is_lesson(entry) else None
            if not isinstance(recipe, AdapterRecipe):
                continue
            found = Lesson(entry, recipe)
            if found.character == partner:
                return None if entry.id == self._put_aside and not found.is_under_way else found
        return None

    @property
    def has_put_aside(self) -> bool:
        return bool(self._put_aside) and self._jobs.entry(self._put_aside) is not None

    def put_aside(self) -> None:
        """Make room for another lesson; one that is under way stays."""
        if (lesson := self.lesson) is not None:
            self._put_aside = lesson.entry.id
            self.changed.emit()

    def look_again(self) -> None:
        """The lesson that was put aside is looked at again."""
        self._put_aside = ""
        self.changed.emit()

    # Checking

    def check_of(self, lesson: Lesson) -> JobEntry | None:
        """The newest evaluation that decides about what she learned."""
        adapter = str(lesson.adapter or "")
        for entry in self._jobs.entries:
            recipe = self._recipe(entry) if adapter and entry.summary.kind == "evaluate" else None
            if not isinstance(recipe, Evaluate) or not recipe.gate.enabled or not recipe.subjects:
                continue
            if adapter in (adapter_use(file).path for file in recipe.subjects[-1][1:]):
                return entry
        return None

    def may_check(self, lesson: Lesson) -> bool:
        """Whether something was held back that she did not learn from."""
        return lesson.adapter is not None and self._jobs.folder(lesson.entry.id).held_out_file.is_file()

    def is_checking(self, lesson: Lesson) -> bool:
        """Whether a check goes on, or waits to."""
        check = self.check_of(lesson)
        return check is not None and (check.is_computing or check.phase is JobPhase.WAITING)

    def stop_check(self) -> None:
        """End the check that goes on; without a verdict nothing is decided."""
        lesson = self.lesson
        check = self.check_of(lesson) if lesson is not None else None
        if check is not None:
            self._jobs.cancel(check.id)

    def check(self) -> None:
        """Measure her with and without what she learned; the verdict says whether to adopt it."""
        lesson = self.lesson
        if lesson is None or lesson.adapter is None:
            return
        self._background.run(partial(_gate, lesson, self._jobs.folder(lesson.entry.id)), self._check)

    def _check(self, made: Evaluate | CompanionError) -> None:
        if isinstance(made, CompanionError):
            self._notices.error(made.what, made.remedy)
            return
        with self._notices.telling(CompanionError):
            recipe, order = prepared(made, "")
            self._jobs.start(recipe, order)

    # Adopting

    @property
    def adopted(self) -> Change | None:
        """The last change of what she talks with, when it put an adapter there."""
        partner = self._conversations.partner.identifier
        mine = [each for each in self.adoption.history.changes if each.character == partner]
        return mine[-1] if mine and mine[-1].after.adapters else None

    def is_adopted(self, lesson: Lesson) -> bool:
        change = self.adopted
        return change is not None and lesson.adapter is not None and change.after.uses(str(lesson.adapter))

    def adopt(self) -> None:
        """She talks with what she learned from the next reply on."""
        lesson = self.lesson
        if lesson is not None and lesson.adapter is not None:
            self.adoption.use_for(lesson.character, read_item(Found(lesson.adapter, "own")))

    def roll_back(self) -> None:
        """She talks as before the last adoption."""
        if (change := self.adopted) is not None:
            self.adoption.roll_back(change)

    def close(self) -> None:
        """The program ends. May be called twice."""
        self._background.close()

    def _is_lesson(self, entry: JobEntry) -> bool:
        """Whether Teach began it; what somebody trains elsewhere has pages of its own. Read once."""
        if entry.id not in self._lessons:
            try:
                self._lessons[entry.id] = self._jobs.folder(entry.id).order().lesson
            except CompanionError:
                self._lessons[entry.id] = False
        return self._lessons[entry.id]

    def _recipe(self, entry: JobEntry) -> Recipe | None:
        """Read once: a job's recipe never changes."""
        if entry.id not in self._recipes:
            try:
                self._recipes[entry.id] = self._jobs.folder(entry.id).recipe()
            except CompanionError:
                self._recipes[entry.id] = None
        return self._recipes[entry.id]


def _gate(lesson: Lesson, folder: JobFolder) -> Evaluate | CompanionError:
    """The evaluation that decides: she as before, and with what she learned. Reads files: not for the window's own thread."""
    try:
        model = Path(lesson.recipe.model)
        name = Path(lesson.sides[-1][-1]).stem
        wanted = replace(
            read_suite(SUITE),
            name=name_after(f"{name} check", "check")[:80],
            subjects=tuple(subject(model, side[1:]) for side in lesson.sides),
            data_files=(str(folder.held_out_file),),
            character=lesson.recipe.character,
        )
        return decisive(wanted)
    except CompanionError as error:
        return error

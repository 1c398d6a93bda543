"""Teaching as a person does it: what she learns from, what was found in it, what it is for and what it costs, then the start.

Nothing here is numbers: the recipe follows from what was chosen (`core.teaching.plan`). Choices live as long as the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.away import Away
from companion.app.background import Background
from companion.app.characters import Characters
from companion.app.conversations import Conversations
from companion.app.datasets import Datasets, DatasetWork
from companion.app.engine import Engine
from companion.app.job_orders import prepared
from companion.app.jobs import Jobs
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.app.teaching_cost import TeachingCost
from companion.core.character_adapters import adapters_of
from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.dataset_findings import CleaningOptions, Finding, Inspection
from companion.core.dataset_messages import InspectData, Inspected, WriteDataset, Written
from companion.core.errors import CompanionError
from companion.core.job_targets import name_after
from companion.core.messages import AdapterUse
from companion.core.paths import own_datasets_folder, starter_model
from companion.core.recipes.files import AdapterRecipe
from companion.core.storage.judged import Judged
from companion.core.teaching.cost import Cost
from companion.core.teaching.goals import Goal, Offer, offers
from companion.core.teaching.keeping import Before, before, keeping_sentence
from companion.core.teaching.plan import EFFORTS, Effort, Wanted, recipe_of

SETTLE_MS: Final = 250
"""After the last change of what she learns from, before it is looked through."""
CLEANING: Final = CleaningOptions(similar=1.0)
"""Versions of a dialogue are there because somebody wanted them."""
PHRASES: Final = "boilerplate"
"""The step that cuts sentences which stand in reply after reply."""
_MADE: Final = {Goal.SOUND: "sounds like this", Goal.STOP: "stops that", Goal.FACTS: "knows this"}
"""How what she learned is called, behind her name."""


class Teaching(QObject):
    """Every method is one action of the person; what they lead to is told by `changed`."""

    changed = Signal()
    started = Signal(str)
    """The id of the job."""

    def __init__(
        self,
        datasets: Datasets,
        jobs: Jobs,
        conversations: Conversations,
        characters: Characters,
        engine: Engine,
        preferences: Preferences,
        notices: Notices,
    ) -> None:
        super().__init__()
        self._datasets, self._jobs = datasets, jobs
        self._conversations, self._characters = conversations, characters
        self._engine, self._preferences, self._notices = engine, preferences, notices
        self.sources: tuple[str, ...] = ()
        """Files, dataset folders and conversations, as recipes name them."""
        self.found: Inspection | None = None
        self.goal: Goal | None = None
        self.effort: Effort = "balanced"
        self.cleans = True
        """Whether what a cleaning finds is mended before she learns from it."""
        self.problem = ""
        """Why what was chosen cannot be looked through, or carried out: what happened and what to do."""
        self.before = Before()
        self.progress = ""
        """What is looked into now, a sentence without its full stop; empty for nothing."""
        self._start = ""
        """An adapter that the person wants to go on from, instead of the one she talks with."""
        self._looks = self._is_shown = False
        self._talks: tuple[Judged, ...] | None = None
        self._stamps: tuple[object, ...] = ()
        """Which state the sources had when they were looked through."""
        self._work: DatasetWork | None = None
        self._background = Background(parent=self)
        self._cost = TeachingCost(jobs.measuring, self)
        self._cost.progressed.connect(self._tell)
        self._cost.failed.connect(self._refused)
        self._away = Away(engine, self.stop_measuring, self)
        self._settle = QTimer(self, interval=SETTLE_MS, singleShot=True)
        self._settle.timeout.connect(self._look_through)
        engine.model_ready.connect(lambda _model: self._look_back())
        characters.character_changed.connect(lambda _character: self._look_back())
        conversations.opened.connect(lambda _conversation: self._partner_changed())
        conversations.changed.connect(self._forget_talks)
        self._partner = conversations.partner.identifier

    # What the page shows

    @property
    def her(self) -> str:
        """Who is taught: whom the open conversation is with."""
        return self._conversations.partner.name

    def talks(self) -> tuple[Judged, ...]:
        """Her conversations, those that were judged first, as of when the page was shown or something changed in them."""
        if self._talks is None:
            self._talks = self._conversations.judged()
        return self._talks

    @property
    def offers(self) -> tuple[Offer, ...]:
        return offers(self.found) if self.found is not None else ()

    @property
    def cleaning(self) -> CleaningOptions:
        """What would be mended: only what is equal counts as a copy, and phrases that she says again and again are how she
        sounds, which nobody cuts who wants more of it."""
        return replace(CLEANING, skip=() if self.goal is Goal.FACTS else (PHRASES,))

    @property
    def mending(self) -> tuple[Finding, ...]:
        """What a cleaning would mend; pairs and thumbs are taken as they are."""
        found = self.found.findings if self.found is not None and self.goal is not Goal.STOP else ()
        return tuple(each for each in found if each.count and each.changes and each.step not in self.cleaning.skip)

    @property
    def phrases(self) -> int:
        """How many sentences recur in reply after reply, and stay."""
        found = self.found.findings if self.found is not None else ()
        return sum(each.count for each in found if each.step == PHRASES and each not in self.mending)

    @property
    def keeping(self) -> str:
        """How what she knows is kept, in a sentence."""
        recipe = self.recipe(self.effort)
        if recipe is None:
            return ""
        return keeping_sentence(self.before, replays=bool(recipe.data.replay), holds=recipe.loss.ewc > 0)

    @property
    def costs(self) -> dict[Effort, Cost]:
        """Of every preset; empty while they are not measured."""
        return self._cost.of(self._key())

    @property
    def is_measuring(self) -> bool:
        return self._cost.is_running

    @property
    def is_starting(self) -> bool:
        """Whether a cleaned copy is being written, which the job then begins with."""
        return self._work is not None and not self._looks

    def recipe(self, effort: Effort) -> AdapterRecipe | None:
        """The recipe as it is chosen now; None while something is missing."""
        if self.found is None or self.goal is None:
            return None
        partner = self._conversations.partner
        return recipe_of(
            Wanted(
                goal=self.goal,
                effort=effort,
                sources=self.sources,
                character=partner.identifier or partner.name,
                model=self._model(),
                name=f"{partner.name} {_MADE[self.goal]}",
                found=self.found,
                before=self.before,
            )
        )

    # What the person does

    def show(self) -> None:
        """The page is seen."""
        self._is_shown, self._talks = True, None
        self._away.come_back()
        self._jobs.begin()
        self._datasets.refresh()
        self._look_back()
        there = {f"{CONVERSATION_PREFIX}{talk.conversation}" for talk in self.talks()}
        self.pick(source for source in self.sources if source in there or not source.startswith(CONVERSATION_PREFIX))
        if self.sources and (self.found is None or self._stamps != self._stamps_now()):
            self.found = None
            self._settle.start()
        self.measure()

    def hide(self) -> None:
        """Nobody looks: nothing more is measured than what is under way, and that not for long."""
        self._is_shown = False
        self._away.leave()

    def pick(self, sources: Iterable[str]) -> None:
        """Learn from exactly these."""
        wanted = tuple(dict.fromkeys(sources))
        if wanted == self.sources:
            return
        self.sources, self.found, self.problem = wanted, None, ""
        self.stop_measuring()
        self._settle.start()
        self.changed.emit()

    def add(self, source: str) -> None:
        self.pick((*self.sources, source))

    def choose_goal(self, goal: Goal) -> None:
        if goal is not self.goal:
            self.goal, self.problem = goal, ""
            self.stop_measuring()
            self.measure()
            self.changed.emit()

    def choose_effort(self, effort: Effort) -> None:
        self.effort = effort
        self.changed.emit()

    def set_cleans(self, cleans: bool) -> None:
        self.cleans = cleans
        self.changed.emit()

    def go_on_from(self, adapter: str) -> None:
        """Begin where an earlier teaching ended; empty begins from what she talks with."""
        self._start = adapter
        self._look_back()

    def measure(self) -> None:
        """Find out what it takes here, unless that is known or something else computes: `costs` then has it."""
        key, recipes = self._key(), {effort: self.recipe(effort) for effort in EFFORTS}
        if key is None or self.costs or self.is_measuring or not self._is_shown or self._jobs.in_the_way is not None:
            return
        try:
            ready = {effort: prepared(recipe, self._model())[0] for effort, recipe in recipes.items() if recipe is not None}
        except CompanionError as error:
            self._refused(error.what, error.remedy)
            return
        self._cost.measure(key, ready, "balanced")

    def stop_measuring(self) -> None:
        if self.is_measuring:
            self._cost.stop()
            self._tell("")

    def start(self, *, tonight: bool = False) -> None:
        """Write what is cleaned, if anything is, and begin the job, or put it off until tonight; what cannot be carried out is
        said in `problem`."""
        wanted = self.recipe(self.effort)
        if wanted is None or self.is_starting:
            return
        self.stop_measuring()
        self.problem = ""
        if not (self.cleans and self.mending):
            self._begin(wanted, tonight=tonight)
            return
        folder = _free_folder(own_datasets_folder() / name_after(wanted.name, "lesson"))
        request = WriteDataset(files=wanted.data_files, output=str(folder), cleaning=self.cleaning)
        self._tell("Writing a cleaned copy")
        self._begin_work(request, partial(self._cleaned, wanted, str(folder), tonight))

    def close(self) -> None:
        """The program ends. May be called twice."""
        self._settle.stop()
        self._cost.stop()
        self._background.close()

    # Inside

    def _begin(self, recipe: AdapterRecipe, *, tonight: bool) -> None:
        try:
            ready, order = prepared(recipe, self._model())
        except CompanionError as error:
            self._refused(error.what, error.remedy)
            return
        if job := self._jobs.start(ready, replace(order, lesson=True), tonight=tonight):
            self._start = ""
            self.started.emit(job)
        self._tell("")

    def _cleaned(self, recipe: AdapterRecipe, folder: str, tonight: bool, event: object) -> None:
        if isinstance(event, Written):
            self._begin(replace(recipe, data_files=(folder,)), tonight=tonight)

    def _look_through(self) -> None:
        """Begin to look through what was chosen; what is under way is given up."""
        if self._work is not None:
            self._work.stop()
            self._work = None
        self._looks = bool(self.sources)
        if not self.sources:
            self.goal = None
            self._tell("")
            return
        self._stamps = self._stamps_now()
        self._begin_work(InspectData(files=self.sources, cleaning=CLEANING), self._inspected)
        self.changed.emit()

    def _inspected(self, event: object) -> None:
        self._looks = False
        if not isinstance(event, Inspected):
            return
        self.found = event.inspection
        if any(offer.goal is self.goal and offer.refusal for offer in self.offers):
            self.goal = None
        self._tell("")
        self.measure()

    def _begin_work(self, request: InspectData | WriteDataset, done: Callable[[object], None]) -> None:
        work = self._work = self._datasets.work(request)

        def ended(event: object) -> None:
            if self._work is work:
                self._work = None
                done(event)

        def failed(what: str, remedy: str) -> None:
            if self._work is work:
                self._work = None
                self._looks = False
                self._refused(what, remedy)

        work.done.connect(ended)
        work.failed.connect(failed)

    def _refused(self, what: str, remedy: str) -> None:
        self.problem = " ".join(filter(None, (what, remedy)))
        self._tell("")

    def _tell(self, progress: str) -> None:
        self.progress = progress
        self.changed.emit()

    def _key(self) -> tuple[object, ...] | None:
        """What a measurement holds for."""
        if self.found is None or self.goal is None:
            return None
        return (self.goal, self.before, self._model(), self.sources, self._stamps)

    def _stamps_now(self) -> tuple[object, ...]:
        """What tells one state of the sources from another."""
        talks = {f"{CONVERSATION_PREFIX}{talk.conversation}": talk for talk in self.talks()}
        return tuple(talks.get(source) or _stamp(source) for source in self.sources)

    def _model(self) -> str:
        """The model she thinks with: the one that is loaded, else the one that will be."""
        if self._engine.model is not None:
            return self._engine.model.path
        return self._preferences.settings.model or str(starter_model() or "")

    def _partner_changed(self) -> None:
        """Somebody else is taught from now on."""
        if self._conversations.partner.identifier != self._partner:
            self._partner, self._start, self._talks = self._conversations.partner.identifier, "", None
            self.pick(())
            self._look_back()

    def _forget_talks(self) -> None:
        self._talks = None

    def _look_back(self) -> None:
        """What she knows already is found in the background: checksums and the folders of jobs are read for it."""
        uses = (AdapterUse(self._start),) if self._start else adapters_of(self._conversations.partner)
        there = frozenset(f"{CONVERSATION_PREFIX}{talk.id}" for talk in self._conversations.all())
        self._background.run(partial(before, uses, Path(self._model()), there), self._looked_back)

    def _looked_back(self, found: Before) -> None:
        if found != self.before:
            self.before = found
            self.stop_measuring()
            self.measure()
        self.changed.emit()


def _stamp(source: str) -> object:
    try:
        found = Path(source).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _free_folder(wanted: Path) -> Path:
    path, number = wanted, 2
    while path.exists():
        path, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return path

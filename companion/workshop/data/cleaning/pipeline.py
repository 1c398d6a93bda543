"""The cleaning of a dataset: two passes, the first of which only looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from companion.core.dataset_findings import MASKS, STEPS, CleaningOptions, Finding
from companion.core.errors import DatasetError
from companion.workshop.data.cleaning.balance import Balance
from companion.workshop.data.cleaning.boilerplate import Boilerplate
from companion.workshop.data.cleaning.duplicates import Duplicates
from companion.workshop.data.cleaning.languages import OtherLanguages
from companion.workshop.data.cleaning.lengths import Lengths
from companion.workshop.data.cleaning.step import Step, SurveyedStep, Tally
from companion.workshop.data.cleaning.texts import encoding_step, marker_step, mask_steps
from companion.workshop.data.cleaning.turns import EmptyTurns
from companion.workshop.data.sources.found import BrokenDialogue, Found
from companion.workshop.data.sources.reading import read_all


class Cleaning:
    """`dialogues` gives what is kept, once; afterwards `findings` says what was found.

    Raises DatasetError for options that do not exist.
    """

    def __init__(self, sources: Sequence[str], options: CleaningOptions) -> None:
        _check(options)
        self._sources = sources
        self._options = options
        self.balance = Balance()
        self._broken = Tally()
        self._surveyed: list[SurveyedStep] = []
        if "lengths" not in options.skip:
            self._surveyed.append(Lengths())
        if "boilerplate" not in options.skip:
            self._surveyed.append(Boilerplate())
        self._steps = self._made()
        self.read = self.kept = 0

    def dialogues(self) -> Iterator[Found]:
        """What is kept. Reads the sources twice: unusual lengths and boilerplate show only when all was seen."""
        if self._surveyed:
            for found in read_all(self._sources, lambda broken: None):
                for surveyed in self._surveyed:
                    surveyed.survey(found.dialogue)
        for dialogue, place in read_all(self._sources, self._pass_over):
            self.read += 1
            cleaned = dialogue
            for step in self._steps:
                after = step.apply(cleaned, place)
                if after is None:
                    break
                cleaned = after
            else:
                self.kept += 1
                yield Found(cleaned, place)

    def findings(self) -> list[Finding]:
        """Those with a count, in the order of the steps."""
        one, many = "1 dialogue cannot be read.", "{} dialogues cannot be read."
        found = [self._broken.finding("broken", one, many)]
        for step in self._steps:
            found += step.findings()
        return [each for each in found if each.count]

    def sentences(self) -> tuple[str, ...]:
        """What was done, for the record of the dataset."""
        done = f"Cleaned: {self.kept:,} of {self.read:,} dialogues kept"
        asked = [f"language {self._options.language}"] if self._options.language else []
        asked += [f"{name} masked" for name in self._options.mask] + [f"without {name}" for name in self._options.skip]
        head = f"{done} ({', '.join(asked)})." if asked else f"{done}."
        return (head, *(each.sentence for each in self.findings() if each.changes))

    def _made(self) -> list[Step]:
        skip = self._options.skip
        steps: list[Step] = []
        steps += [encoding_step()] if "encoding" not in skip else []
        steps += [marker_step()] if "markers" not in skip else []
        steps += mask_steps(self._options.mask)
        steps += [EmptyTurns()] if "empty" not in skip else []
        steps += [OtherLanguages(self._options.language)] if self._options.language else []
        steps += [Duplicates(self._options.similar)] if "copies" not in skip else []
        return [*steps, *self._surveyed, self.balance]

    def _pass_over(self, broken: BrokenDialogue) -> None:
        self._broken.add(broken.place, broken.what.removeprefix(broken.place).strip())


def _check(options: CleaningOptions) -> None:
    for asked, known, what in ((options.mask, MASKS, "mask"), (options.skip, STEPS, "step")):
        for name in asked:
            if name not in known:
                raise DatasetError(f"There is no {what} called “{name}”.", f"There are: {', '.join(known)}.")

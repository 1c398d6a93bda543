"""What the tests of evaluation share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.core.recipes.evaluate import Evaluate
from companion.workshop.evaluation.opened import Opened, open_subjects


@pytest.fixture(scope="session")
def starter_opened(starter: Path) -> Iterator[Opened]:
    """The starter model, ready to be asked."""
    with open_subjects(Evaluate(subjects=((str(starter),),))) as (subjects, _):
        yield subjects[0]

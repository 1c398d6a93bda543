"""Measure the starter model anew, by a job as anybody would start it, and keep what is known of it beside this file."""

from __future__ import annotations

import shutil
from pathlib import Path

from companion.core.character_library import built_in_character
from companion.core.job import JobEnded, JobOrder, StageBegan
from companion.core.job_folder import create_job
from companion.core.paths import starter_model
from companion.core.recipes.files import with_changes
from companion.core.recipes.quantize import Quantize
from companion.workshop.client import JobProcess
from companion.workshop.quantization.calibration import read_texts
from companion.workshop.quantization.known import IMPORTANCE, SENSITIVITY, known_by
from companion.workshop.recipes.open_base import open_base

HERE = Path(__file__).parent


def main() -> None:
    model = starter_model()
    if model is None:
        raise SystemExit("The starter model is missing: run packaging/start.py first.")
    recipe = Quantize(model=str(model), character=built_in_character().name, name="known")
    with open_base(model) as base:
        name = known_by(recipe, model, read_texts(recipe, base).calibration)
    job = create_job(with_changes(recipe, ["calibration.anew=true", "search.anchors=100000", "proof.stock=false"]), JobOrder())
    with JobProcess(job) as process:
        for event in process.events():
            if isinstance(event, StageBegan):
                print(event.sentence, flush=True)
            elif isinstance(event, JobEnded) and event.state != "done":
                raise SystemExit(f"{event.what} {event.remedy}")
    for before in HERE.glob(f"*/{SENSITIVITY}"):
        shutil.rmtree(before.parent)
    (HERE / name).mkdir()
    for file in (IMPORTANCE, SENSITIVITY):
        shutil.copyfile(job.measured / file, HERE / name / file)


if __name__ == "__main__":
    main()

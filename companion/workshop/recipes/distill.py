"""Distillation, from top to bottom: a student, then either the teacher's chances of every word or replies that it writes.

What trains the student is the fine-tuning itself: the same data, steps, checkpoints, export and verification.
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from companion.core.amounts import bytes_text
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.job import JobEnded
from companion.core.recipes.distill import Distill, refuse_as_many_layers, refuse_impossible
from companion.workshop.export.layers import evenly_spread, write_layers
from companion.workshop.job import Job
from companion.workshop.recipes.fine_tune import fine_tune
from companion.workshop.recipes.teacher_file import TeacherFile, lineage_of, refuse_other_vocabulary
from companion.workshop.recipes.teacher_replies import written_replies


def distill(job: Job, recipe: Distill) -> JobEnded:
    """Carry out the recipe from wherever the job stands. Raises CompanionError, and Stopped when somebody asks for it."""
    refuse_impossible(recipe)
    path = Path(recipe.teacher)
    job.stage("checking", f"Checking the teacher “{path.stem}”")
    header = read_header(path)
    recipe = replace(recipe, model=recipe.model or str(_cut(job, recipe, header)))
    if recipe.distillation.way == "replies" and job.order.dry_run:
        return fine_tune(job, recipe)  # on the replies that are there: about as long as the teacher's
    if recipe.distillation.way == "replies":
        taught = written_replies(job, recipe)
        ended = fine_tune(job, replace(recipe, data_files=(str(taught.folder),), character=""))
        return replace(ended, what=f"{ended.what} {taught.sentence}")
    refuse_other_vocabulary(path, Path(recipe.model))
    return _sized(job, fine_tune(job, recipe, TeacherFile(header, recipe.distillation)), header)


def _sized(job: Job, ended: JobEnded, teacher: GGUFHeader) -> JobEnded:
    """With a word about a student that takes more bytes than its teacher, whose weights are packed in fewer bits."""
    size = max((file.stat().st_size for file in job.folder.output.glob("*.gguf")), default=0)
    if size < teacher.file_size:
        return ended
    told = f"The student takes {bytes_text(size)} and the teacher {bytes_text(teacher.file_size)}: its bits are not packed yet."
    return replace(
        ended, what=f"{ended.what} {told}", remedy=ended.remedy or "Make it small with: companion quantize --model FILE"
    )


def _cut(job: Job, recipe: Distill, teacher: GGUFHeader) -> Path:
    """A student of the teacher's own layers, written once per job."""
    refuse_as_many_layers(recipe, teacher)
    layers = recipe.student.layers
    path = job.folder.path / "student" / f"{recipe.name or 'student'}.gguf"
    if not path.exists():
        kept = evenly_spread(teacher.layers, layers)
        job.stage("loading", f"Making a student of {layers} of the teacher’s {teacher.layers} layers")
        name = {"general.name": recipe.name} if recipe.name else {}
        write_layers(path, teacher, kept, metadata=name | lineage_of(teacher))
    return path

"""The teacher of a distillation: its file checked against the student's, and its decoder beside the student's."""

from __future__ import annotations

from pathlib import Path

from companion.core.errors import ModelError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import GGUFHeader
from companion.core.recipes.distill import Distillation
from companion.workshop.job import Job
from companion.workshop.nn.config import DecoderConfig, refuse_unless_supported
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.teacher import Teacher
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.recipes.open_base import open_base
from companion.workshop.training.memory import TeacherSize
from companion.workshop.training.plan import TrainingPlan
from companion.workshop.training.planning import decoder_options

TEACHER_SHA256, TEACHER_NAME = "companion.teacher.sha256", "companion.teacher.name"


class TeacherFile:
    """A model whose chances are learned from."""

    def __init__(self, header: GGUFHeader, options: Distillation) -> None:
        """Raises ModelError for a model that torch cannot compute."""
        refuse_unless_supported(header)
        self.path: Path = header.path
        self.sha256 = file_sha256(header.path)
        self._header, self._options = header, options
        self._config = DecoderConfig.from_header(header)

    def size(self, student: DecoderConfig) -> TeacherSize:
        matched = student.layers if self._options.hidden else 0
        return TeacherSize(self._config, self._header.weights_bytes, matched)

    def load(self, job: Job, plan: TrainingPlan, student: DecoderConfig, longest: int, seed: int) -> Teacher:
        """`longest` is the longest dialogue in tokens; what is learned beside the student begins from `seed`."""
        job.stage("loading", f"Loading the teacher “{self.path.stem}”")
        options = decoder_options(plan, longest)._replace(packed=plan.teacher_packed, checkpoint=False)
        return Teacher(Decoder.load(GGUFWeights(self._header), options), self._options, student, seed)


def lineage_of(header: GGUFHeader) -> dict[str, str]:
    """What a student's metadata says of its teacher."""
    return {TEACHER_SHA256: file_sha256(header.path), TEACHER_NAME: header.name}


def refuse_other_vocabulary(teacher: Path, student: Path) -> None:
    """Raises ModelError unless every token of one is the same text in the other, or when one is no chat model."""
    with open_base(teacher) as one, open_base(student) as other:
        if one.vocabulary.fingerprint != other.vocabulary.fingerprint:
            raise ModelError(
                f"“{student.name}” has another vocabulary than “{teacher.name}”: the chances of their words cannot be compared.",
                "Let the teacher write replies instead (distillation.way=replies), or choose models of one family.",
            )

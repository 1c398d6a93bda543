"""Measuring a model for all its builds, as stages of a job: what matters, then what each matrix can bear."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from companion.core.amounts import counted
from companion.core.errors import ModelError
from companion.core.files import read_json, write_atomic
from companion.core.gguf.types import TYPES_BY_NAME
from companion.core.recipes.quantize import Quantize
from companion.workshop.job import Job
from companion.workshop.nn.decoder import UNPACKED, Decoder, DecoderOptions
from companion.workshop.quantization.builds import matrices_of
from companion.workshop.quantization.importance import Importance, measure_importance, read_importance, write_importance
from companion.workshop.quantization.known import IMPORTANCE, SENSITIVITY, bring, keep, known_by
from companion.workshop.quantization.sensitivity import Anchor, Matrix, Measurer, Sensitivities, predicted
from companion.workshop.quantization.source import Source

KEEP_EVERY: Final = 10
"""Matrices after whose measurement it is kept."""


def measured_model(job: Job, recipe: Quantize, source: Source) -> tuple[dict[str, Importance], Sensitivities]:
    """What is known from before is not measured again. Raises CompanionError, and Stopped when somebody asks for it."""
    kept = job.folder.measured / SENSITIVITY
    name = known_by(recipe, source.header.path, source.material.calibration)
    if not recipe.calibration.anew:
        bring(name, job.folder.measured)
    importance = _kept_importance(job, source)
    found = kept_sensitivities(kept)
    if importance and found.predicted and not found.next_anchors(recipe.search.anchors):
        job.stage("measuring", "Taking what is known of this model from before")
        return importance, found
    job.stage("loading", "Loading the model")
    packed = source.header.parameters > UNPACKED
    decoder = Decoder.load(source.weights, DecoderOptions(packed=packed))
    decoder.eval()
    if not importance:
        importance = _importance(job, recipe, source, decoder)
    matrices = matrices_of(source.header, importance)
    if not found.predicted:
        job.stage(
            "measuring", f"Foreseeing what {counted(len(recipe.search.kinds), 'type')} would do to {len(matrices)} matrices"
        )
        for number, matrix in enumerate(matrices, start=1):
            able = [kind for kind in matrix.able(recipe.search.kinds) if kind.name != source.grids.get(matrix.name)]
            found.predicted[matrix.name] = predicted(source.weights, matrix, able, importance[matrix.name], source.threads)
            job.progress(number / len(matrices))
        write_atomic(kept, msgspec.json.encode(found))
    _measure_anchors(job, recipe, source, decoder, matrices, importance, found)
    keep(name, job.folder.measured)
    return importance, found


def _importance(job: Job, recipe: Quantize, source: Source, decoder: Decoder) -> dict[str, Importance]:
    examples = source.material.calibration.examples(recipe.calibration.tokens, recipe.calibration.own_share)
    tokens = sum(len(example.tokens) for example in examples)
    job.stage("measuring", f"Measuring what matters, on {tokens:,} tokens")
    found = measure_importance(decoder, examples, seed=recipe.seed, tell=job.progress)
    if recipe.calibration.importance_file:
        shapes = {name: (len(each.outputs), len(each.inputs)) for name, each in found.items()}
        for name, other in read_importance(Path(recipe.calibration.importance_file), shapes).items():
            found[name] = other._replace(outputs=found[name].outputs)
    write_importance(job.folder.measured / IMPORTANCE, found, datasets=["dialogues", "general text"], chunk=512)
    return found


def _kept_importance(job: Job, source: Source) -> dict[str, Importance]:
    """What was measured before; nothing when it cannot be read."""
    shapes = {tensor.name: (tensor.shape[1], tensor.shape[0]) for tensor in source.header.tensors if len(tensor.shape) == 2}
    try:
        return read_importance(job.folder.measured / IMPORTANCE, shapes)
    except ModelError:
        return {}


def kept_sensitivities(file: Path) -> Sensitivities:
    """What is in the file; nothing when it cannot be read."""
    return read_json(file, Sensitivities) or Sensitivities()


def _measure_anchors(
    job: Job,
    recipe: Quantize,
    source: Source,
    decoder: Decoder,
    matrices: list[Matrix],
    importance: dict[str, Importance],
    found: Sensitivities,
) -> None:
    waiting = found.next_anchors(recipe.search.anchors)
    if not waiting:
        return
    job.stage("measuring", f"Measuring what {len(waiting)} matrices can bear, one by one")
    by_name = {matrix.name: matrix for matrix in matrices}
    examples = source.material.calibration.examples(recipe.search.anchor_tokens, recipe.calibration.own_share)
    measurer = Measurer(decoder, source.weights, examples, recipe.search.anchor_tokens // 4, source.threads)
    kept = job.folder.measured / SENSITIVITY
    for number, (name, kind) in enumerate(waiting, start=1):
        found.anchors[name] = Anchor(kind, measurer.divergence(by_name[name], TYPES_BY_NAME[kind], importance[name]))
        if number % KEEP_EVERY == 0 or number == len(waiting):
            write_atomic(kept, msgspec.json.encode(found))
        job.progress(number / len(waiting))

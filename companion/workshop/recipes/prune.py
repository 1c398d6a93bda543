"""A pruning, from top to bottom: whole layers, then neurons and heads, then single weights; prove, recover, prove again.

Everything that is measured or made is kept in the job's folder, so that a resumed job goes on where it was:

<job>/measured/layers.json        what the model is without each layer, round by round
<job>/measured/scores.json        how much each neuron and head matters
<job>/measured/importance.gguf    how large the inputs of every matrix are
<job>/measured/proven.json        what was measured of the finished files
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from companion.core.errors import ModelError
from companion.core.files import read_json, write_atomic
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.hardware import usable_threads
from companion.core.job import BuildProven, JobEnded, JobOrder, Proven
from companion.core.recipes.prune import Prune
from companion.llama.library import Library
from companion.workshop.export.cut import Cut, write_cut
from companion.workshop.export.layers import write_layers
from companion.workshop.job import NOTHING_KEPT, Job, Stopped
from companion.workshop.nn.config import SPARSITY
from companion.workshop.nn.decoder import UNPACKED, Decoder, DecoderOptions
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.pruning.layers import LayerRanker
from companion.workshop.pruning.plan import Plan, planned
from companion.workshop.pruning.recovery import lesson
from companion.workshop.pruning.sparsity import keep_zeros, write_sparse
from companion.workshop.pruning.structured import LayerScores, measure_scores, staying
from companion.workshop.quantization.calibration import Material, read_texts
from companion.workshop.quantization.importance import Importance, measure_importance, read_importance, write_importance
from companion.workshop.quantization.proof import prove
from companion.workshop.recipes.distill import distill
from companion.workshop.recipes.made_build import ended_early, gains, kinds_of, output_of
from companion.workshop.recipes.open_base import open_base
from companion.workshop.recipes.result import delivered

PRUNED: Final = "companion.pruned"
"""What a file says was taken out of it."""
LAYERS, UNITS, SPARSE, RECOVERED = "without-layers.gguf", "without-units.gguf", "sparse.gguf", "recovered.gguf"
"""The model after each stage, as long as the job goes on."""


class Source(NamedTuple):
    """What is pruned, and with what it is measured."""

    header: GGUFHeader
    library: Library
    material: Material
    threads: int
    plan: Plan


class Found(NamedTuple):
    """A pruned model, measured."""

    model: GGUFHeader
    proven: Proven
    state: Literal["done", "cancelled"]
    before: float = 0.0
    """Its divergence before it recovered, if it did."""


def prune(job: Job, recipe: Prune) -> JobEnded:
    """Carry out the recipe from wherever the job stands. Raises CompanionError."""
    try:
        return _worked(job, recipe)
    except Stopped as stopped:
        return ended_early(job, stopped, "The pruning", "model")


def _worked(job: Job, recipe: Prune) -> JobEnded:
    job.folder.measured.mkdir(exist_ok=True)
    job.folder.output.mkdir(exist_ok=True)
    source = _opened(job, recipe)
    model = source.header
    if recipe.layers:
        model = _without_layers(job, recipe, source, model)
    if recipe.neurons or recipe.heads:
        model = _without_units(job, recipe, source, model)
    if source.plan.sparsity:
        model = _sparse(job, recipe, source, model)
    found = Found(model, _proven(job, recipe, source, model, "pruned"), "done")
    if recipe.recovery.is_wanted:
        recovered = _recovered(job, recipe, source, found)
        if isinstance(recovered, JobEnded):
            return recovered
        found = recovered
    return _delivered(job, recipe, source, found)


def _opened(job: Job, recipe: Prune) -> Source:
    job.stage("checking", "Checking the model")
    header = read_header(Path(recipe.model))
    plan = planned(recipe, header)
    if recipe.calibration.importance_file:
        read_importance(Path(recipe.calibration.importance_file), _shapes(header))  # what is of no use is refused at once
    job.stage("data", "Reading what is calibrated with and what is measured on")
    with open_base(header.path) as base:
        return Source(header, base.library, read_texts(recipe, base), recipe.threads or usable_threads(), plan)


def _decoder(job: Job, model: GGUFHeader) -> Decoder:
    job.stage("loading", "Loading the model")
    return Decoder.load(GGUFWeights(model), DecoderOptions(packed=model.parameters > UNPACKED)).eval()


def _without_layers(job: Job, recipe: Prune, source: Source, model: GGUFHeader) -> GGUFHeader:
    file = job.folder.measured / LAYERS
    if file.exists():
        return read_header(file)
    kept = job.folder.measured / "layers.json"
    rounds = read_json(kept, list[dict[int, float]]) or []
    left = list(range(model.layers))
    for divergences in rounds:
        left.remove(_least(divergences))
    if len(left) > source.plan.layers:
        decoder = _decoder(job, model)
        examples = source.material.calibration.examples(recipe.layer_tokens, recipe.calibration.own_share)
        ranker = LayerRanker(decoder, examples, recipe.layer_tokens // 4)
        while len(left) > source.plan.layers:
            job.stage("measuring", f"Leaving out each of {len(left)} layers: number {model.layers - len(left) + 1} to go")
            rounds.append(ranker.divergences(left, job.progress))
            write_atomic(kept, msgspec.json.encode(rounds))
            left.remove(_least(rounds[-1]))
    gone = ", ".join(str(layer) for layer in range(model.layers) if layer not in left)
    job.stage("exporting", f"Taking out {'layer' if recipe.layers == 1 else 'layers'} {gone} of 0 to {model.layers - 1}")
    write_layers(file, model, left, metadata=_said(model, f"without layers {gone} of {model.layers}"))
    return read_header(file)


def _least(divergences: dict[int, float]) -> int:
    return min(divergences, key=lambda layer: divergences[layer])


def _without_units(job: Job, recipe: Prune, source: Source, model: GGUFHeader) -> GGUFHeader:
    """Neurons and heads are ranked within their layer, as llama.cpp wants the same number in each."""
    file = job.folder.measured / UNITS
    if file.exists():
        return read_header(file)
    kept, plan = job.folder.measured / "scores.json", source.plan
    scores = read_json(kept, list[LayerScores])
    if not scores:
        decoder = _decoder(job, model)
        examples = source.material.calibration.examples(recipe.calibration.tokens, recipe.calibration.own_share)
        job.stage("measuring", f"Measuring what neurons and heads matter ({recipe.scores})")
        scores = measure_scores(decoder, recipe.scores, examples, seed=recipe.seed, tell=job.progress)
        write_atomic(kept, msgspec.json.encode(scores))
    neurons, heads = model.feed_forward_length, model.kv_heads[0]
    told = [f"{plan.neurons:,} of {neurons:,} neurons"] if plan.neurons else []
    told += [f"{plan.heads} of {heads} key/value heads"] if plan.heads else []
    job.stage("exporting", f"Leaving {' and '.join(told)} in each layer")
    cuts = [
        Cut(staying(each.neurons, plan.neurons or neurons, plan.block), staying(each.heads, plan.heads or heads))
        for each in scores
    ]
    write_cut(file, model, cuts, metadata=_said(model, " and ".join(told) + " left"))
    return read_header(file)


def _sparse(job: Job, recipe: Prune, source: Source, model: GGUFHeader) -> GGUFHeader:
    file = job.folder.measured / SPARSE
    if file.exists():
        return read_header(file)
    importance = _importance(job, recipe, source, model) if recipe.method == "wanda" else None
    job.stage("exporting", f"Setting {source.plan.sparsity:.0%} of the layers' weights to zero")
    what = f"{recipe.pattern or f'{source.plan.sparsity:.0%}'} zeros ({recipe.method})"
    said = _said(model, what) | {SPARSITY: source.plan.sparsity}
    write_sparse(file, model, source.plan, importance, extra=said, tell=job.progress)
    return read_header(file)


def _shapes(model: GGUFHeader) -> dict[str, tuple[int, int]]:
    return {tensor.name: (tensor.shape[1], tensor.shape[0]) for tensor in model.tensors if len(tensor.shape) == 2}


def _importance(job: Job, recipe: Prune, source: Source, model: GGUFHeader) -> dict[str, Importance]:
    file = job.folder.measured / "importance.gguf"
    shapes = _shapes(model)
    if recipe.calibration.importance_file:
        found = read_importance(Path(recipe.calibration.importance_file), shapes)
        if all(name in found for name in shapes if name.startswith("blk.")):
            return found
        what = f"“{Path(recipe.calibration.importance_file).name}” does not know every matrix of the model."
        raise ModelError(what, "Leave it out (calibration.importance_file), and it is measured here.")
    if file.exists():
        return read_importance(file, shapes)
    decoder = _decoder(job, model)
    examples = source.material.calibration.examples(recipe.calibration.tokens, recipe.calibration.own_share)
    job.stage("measuring", "Measuring how large the inputs of every matrix are")
    found = measure_importance(decoder, examples, seed=recipe.seed, tell=job.progress)
    write_importance(file, found, datasets=["dialogues", "general text"], chunk=512)
    return found


def _recovered(job: Job, recipe: Prune, source: Source, pruned: Found) -> Found | JobEnded:
    """After a short training; a cancelled one is worth what it had learned. How it was paused, if it was."""
    file, made = job.folder.measured / RECOVERED, job.folder.output / f"{recipe.name or 'model'}.gguf"
    state: Literal["done", "cancelled"] = "done"
    if not file.exists():
        taught = copy(job)
        taught.order = JobOrder()  # the result is delivered when it is proven
        wanted = lesson(recipe, pruned.model, job.folder.measured)
        try:
            ended = distill(taught, wanted)
        except Stopped as stopped:
            if stopped.wish == "pause":
                raise
            ended = JobEnded(state="cancelled", what=NOTHING_KEPT)
        if ended.state == "interrupted":
            return ended
        job.has_result = True
        state = "cancelled" if ended.state == "cancelled" else "done"
        if not made.exists():
            return pruned._replace(state=state)
        if source.plan.sparsity and wanted.adapter.method == "lora":
            job.stage("exporting", "Putting the zeros back that the adapter has filled")
            keep_zeros(file, read_header(made), pruned.model)
            made.unlink()
        else:
            made.replace(file)
    model = read_header(file)
    return Found(model, _proven(job, recipe, source, model, "recovered"), state, pruned.proven.divergence)


def _said(model: GGUFHeader, what: str) -> dict[str, Any]:
    """What the file says was done to it, after what was done before."""
    return {PRUNED: "; ".join(filter(None, (model.text(PRUNED), what)))}


def _proven(job: Job, recipe: Prune, source: Source, model: GGUFHeader, name: str) -> Proven:
    kept = job.folder.measured / "proven.json"
    known = read_json(kept, dict[str, Proven]) or {}
    if name not in known:
        job.stage("verifying", f"Measuring the {name} model against the source")
        texts, tokens = source.material.held_out, recipe.proof.tokens
        known[name] = prove(source.library, source.header.path, model.path, texts, tokens, source.threads, job.progress)
        job.tell(BuildProven(name=name, kinds=kinds_of(model), proven=known[name]))
        write_atomic(kept, msgspec.json.encode(known))
    return known[name]


def _delivered(job: Job, recipe: Prune, source: Source, found: Found) -> JobEnded:
    """The file where the person wants it, and what became of it in a sentence or two."""
    proven = found.proven
    unpacked = kinds_of(found.model).get("F16", 0) - kinds_of(source.header).get("F16", 0)
    copied = delivered(found.model.path, job.order.output)
    made = found.model.path.replace(job.folder.output / f"{recipe.name or 'model'}.gguf")
    file = copied if job.order.output else made
    for name in (LAYERS, UNITS, SPARSE):
        (job.folder.measured / name).unlink(missing_ok=True)
    job.tell(output_of(file, proven))
    before = f" ({found.before:.4f} before it recovered)" if found.before else ""
    words = f"perplexity {proven.perplexity:.2f} instead of {proven.source_perplexity:.2f}"
    what = f"{gains(proven, source.header.file_size)}; divergence {proven.divergence:.4f} nats per token{before}, {words}."
    if source.plan.sparsity:
        what += " Its zeros save neither bytes nor time in llama.cpp."
    if found.state == "cancelled":
        what = f"The recovery was cancelled. {what}"
    remedy = f"{unpacked} matrices are in F16 now; this packs them: companion quantize --model {file}" if unpacked > 0 else ""
    return JobEnded(state=found.state, what=f"{what[:1].upper()}{what[1:]}", remedy=remedy)

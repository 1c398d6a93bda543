"""A quantization, from top to bottom: what matters, what each matrix can bear, what each type costs here, choose, build, prove.

Everything that is measured is kept in the job's folder, so that a resumed job goes on where it was:

<job>/measured/importance.gguf     what matters, as llama.cpp's tools read it
<job>/measured/sensitivity.json    what each matrix can bear
<job>/measured/costs.json          what each type costs on this machine
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from companion.core.adapter import BASE_SHA256
from companion.core.amounts import bytes_text
from companion.core.build_plan import read_plan
from companion.core.errors import RecipeError
from companion.core.files import read_json, write_atomic
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.job import BuildProven, JobEnded, OutputWritten, Proven, Trouble
from companion.core.recipes.quantize import Quantize
from companion.llama.model import Model
from companion.llama.quantize import quantize as pack
from companion.workshop.job import Job, Stopped
from companion.workshop.quantization.builds import Foreseen, Planner, matrices_of, stock_for, stock_sizes
from companion.workshop.quantization.front import front_picture, paint
from companion.workshop.quantization.importance import Importance
from companion.workshop.quantization.measuring import measured_model
from companion.workshop.quantization.plan import write_plan
from companion.workshop.quantization.proof import measured_paces, prove
from companion.workshop.quantization.sensitivity import Matrix, Sensitivities
from companion.workshop.quantization.source import Source, open_source
from companion.workshop.quantization.speed import Costs, Pace, SpeedModel
from companion.workshop.recipes.made_build import ended_early, gains, kinds_of, output_of
from companion.workshop.recipes.result import delivered

FRONT: Final = 7
"""Builds between the smallest and the source's precision that are drawn."""
ATTEMPTS, MOST_ATTEMPTS = 3, 6
"""Builds that are made until one uses the divergence that was asked for, and until one keeps within it at all."""
USED: Final = 0.9
"""Share of the allowed divergence that a build has to use."""
SAFETY: Final = 1.02
"""By so much less than what is allowed is aimed at after a miss."""
CAUTION: Final = 1.25
"""By so much less again, as long as that leads to the same build."""
OTHERS: Final = 0.3
"""Cores that other programs may keep busy while types are timed."""
AS_FAST: Final = 0.97
"""A speed that is measured so many times another one is the same."""


class Made(NamedTuple):
    """A build that was proven; `stock` names llama.cpp's recipe when it is one."""

    file: Path
    proven: Proven
    stock: str = ""


def quantize(job: Job, recipe: Quantize) -> JobEnded:
    """Carry out the recipe from wherever the job stands. Raises CompanionError."""
    try:
        return _worked(job, recipe)
    except Stopped as stopped:
        return ended_early(job, stopped, "The quantization", "build")


def _worked(job: Job, recipe: Quantize) -> JobEnded:
    job.folder.measured.mkdir(exist_ok=True)
    job.folder.output.mkdir(exist_ok=True)
    source = open_source(job, recipe)
    importance, sensitivities = measured_model(job, recipe, source)
    matrices = matrices_of(source.header, sensitivities.predicted)
    planner = _planner(job, recipe, source, matrices, sensitivities)
    if job.order.dry_run:
        return _planned(job, source, planner, matrices, sensitivities)
    made = _built(job, recipe, source, planner, importance)
    if job.order.page:
        _front(job, recipe, source, planner, importance)
    if recipe.proof.stock and (stock := _stock(job, recipe, source, made)) is not None:
        made = stock
    ended = _delivered(job, recipe, source, made)
    if source.is_merged:
        with contextlib.suppress(OSError):  # Windows deletes nothing that is still mapped
            source.header.path.unlink()
    return ended


def _planner(job: Job, recipe: Quantize, source: Source, matrices: list[Matrix], found: Sensitivities) -> Planner:
    job.stage("measuring", "Measuring what each type costs on this machine")
    costs = Costs(job.folder.measured / "costs.json")
    before = read_plan(Path(job.order.plan)) if job.order.plan else None
    if before is not None:
        costs.take_over(before.costs)
    _time_types(job, recipe, source, matrices, costs)
    if before is not None:
        pace = Pace(before.source.read, before.source.write)
    else:
        with Model(source.library, source.header.path) as model:
            (pace,) = measured_paces([model], source.threads)
    return Planner(source.header, matrices, found, costs, SpeedModel.of(costs, matrices, pace))


def _planned(job: Job, source: Source, planner: Planner, matrices: list[Matrix], found: Sensitivities) -> JobEnded:
    """Nothing is built: what could be is written down."""
    job.stage("evaluating", "Foreseeing builds of all sizes and speeds")
    plan = write_plan(Path(job.order.output), source.header.path, planner, matrices, found)
    return JobEnded(state="done", what=f"{len(plan.builds)} builds are foreseen.")


def _time_types(job: Job, recipe: Quantize, source: Source, matrices: list[Matrix], costs: Costs) -> None:
    """Twice, and with a word about it, when other programs disturb."""
    kinds = recipe.search.kinds
    if costs.measure(matrices, kinds, source.threads, job.progress) <= OTHERS:
        return
    job.stage("measuring", "Measuring that once more: other programs were at work")
    others = costs.measure(matrices, kinds, source.threads, job.progress, again=True)
    if others > OTHERS:
        what = f"Other programs kept {others:.1f} cores busy while the types were timed: another build may be faster."
        job.tell(Trouble(step=0, kind="busy", what=what, remedy="Make the build again when the computer is quiet."))


def _built(job: Job, recipe: Quantize, source: Source, planner: Planner, importance: dict[str, Importance]) -> Made:
    """The build that the budget asks for, proven; one that misses its divergence, or leaves much of it unused, is made again with
    what was learned from it.

    Raises RecipeError when none keeps within it.
    """
    limit, correction = recipe.budget.divergence, 1.0
    file = job.folder.output / f"{recipe.name or 'model'}.gguf"
    best: Made | None = None
    before: Foreseen | None = None
    for attempt in range(MOST_ATTEMPTS):
        foreseen = planner.best(recipe.budget, correction=correction)
        if before is not None and foreseen.kinds == before.kinds:
            break
        before = foreseen
        again = " once more" if attempt else ""
        job.stage("exporting", f"Building{again}: {bytes_text(foreseen.bytes)}, {_mixture(foreseen)}")
        tried = file.with_name(f".{file.name}.tried")
        try:
            _pack(job, source, tried, importance, foreseen)
            proven = _proven(job, recipe, source, tried, "build", foreseen)
            fits = not limit or proven.divergence <= limit
            if fits and (best is None or _gains(recipe, proven, best.proven)):
                best = Made(tried.replace(file), proven)
        finally:
            tried.unlink(missing_ok=True)
        is_last = best is not None and attempt + 1 >= ATTEMPTS
        if is_last or not limit or not foreseen.divergence or (fits and proven.divergence > USED * limit):
            break
        correction *= SAFETY * proven.divergence / foreseen.divergence
        if best is None:
            correction = _otherwise(planner, recipe, foreseen, correction)
    if best is None:
        what = f"No build that was made kept within {limit} nats per token: the last one moved by {proven.divergence:.4f}."
        raise RecipeError(what, "Allow a little more divergence, or measure more carefully (search.anchor_tokens).")
    return best


def _otherwise(planner: Planner, recipe: Quantize, missed: Foreseen, correction: float) -> float:
    """A correction by which another build is chosen than the one that missed; the source's own types are always left."""
    while planner.best(recipe.budget, correction=correction).kinds == missed.kinds:
        correction *= CAUTION
    return correction


def _gains(recipe: Quantize, one: Proven, other: Proven) -> bool:
    """Whether a build is better than another one, by what was asked for."""
    return one.write > other.write if recipe.budget.prefer == "speed" else one.bytes < other.bytes


def _front(job: Job, recipe: Quantize, source: Source, planner: Planner, importance: dict[str, Importance]) -> None:
    """Builds of all sizes and llama.cpp's own beside them, measured and drawn."""
    file = job.folder.measured / "front.gguf"
    kept = job.folder.measured / "front.json"
    known = read_json(kept, dict[str, Proven]) or {}
    wanted: list[tuple[str, Foreseen | None]] = [(f"front {n}", each) for n, each in enumerate(planner.front(FRONT), start=1)]
    sizes = stock_sizes(source.header.path)
    wanted += [(file_type, None) for file_type, size in sizes.items() if size.bytes < source.header.file_size]
    for number, (name, foreseen) in enumerate(wanted, start=1):
        if name in known:
            continue
        job.stage("exporting", f"Drawing the front: {number} of {len(wanted)}, {name}")
        _pack(job, source, file, importance, foreseen, file_type=name)
        known[name] = _proven(job, recipe, source._replace(adapters=[]), file, name, foreseen)  # drawn, not delivered
        write_atomic(kept, msgspec.json.encode(known))
    file.unlink(missing_ok=True)
    picture = job.folder.output / "front.svg"
    write_atomic(picture, front_picture(known, source.header.file_size).encode())
    if Path(job.order.page).suffix.lower() == ".png":
        drawing, picture = picture, picture.with_suffix(".png")
        paint(drawing, picture)
    job.tell(OutputWritten(file=str(delivered(picture, job.order.page)), kind="picture"))


def _pack(
    job: Job, source: Source, file: Path, importance: dict[str, Importance], foreseen: Foreseen | None, file_type: str = "Q8_0"
) -> None:
    """With the types of `foreseen` and all that is known of what matters; without it, by llama.cpp's own recipe alone."""
    pack(
        source.header.path,
        file,
        file_type=file_type if foreseen is None else "Q8_0",
        kinds=_every_kind(source.header) | foreseen.kinds if foreseen else None,
        importance={name: each.inputs for name, each in importance.items()} if foreseen else None,
        metadata=_lineage(source),
        threads=source.threads,
        room=foreseen.bytes if foreseen else source.header.file_size,
        check=job.check,
    )


def _every_kind(header: GGUFHeader) -> dict[str, str]:
    """Types of all matrices as they are: what is not named follows llama.cpp's own rules."""
    return {tensor.name: tensor.type.name for tensor in header.tensors if len(tensor.shape) > 1}


def _proven(job: Job, recipe: Quantize, source: Source, file: Path, name: str, foreseen: Foreseen | None = None) -> Proven:
    job.stage("verifying", f"Measuring {'the build' if foreseen else name} against the source")
    texts, tokens = source.material.held_out, recipe.proof.tokens
    proven = prove(source.library, source.header.path, file, texts, tokens, source.threads, job.progress, source.adapters)
    job.tell(
        BuildProven(
            name=name,
            kinds=kinds_of(read_header(file)),
            proven=proven,
            foreseen_divergence=foreseen.divergence if foreseen else 0.0,
            foreseen_write=foreseen.pace.write if foreseen else 0.0,
        )
    )
    return proven


def _stock(job: Job, recipe: Quantize, source: Source, made: Made) -> Made | None:
    """llama.cpp's own build of that size, when it is better."""
    job.stage("exporting", "Building llama.cpp's own recipe of that size")
    rest = source.header.file_size - sum(tensor.size for tensor in source.header.tensors)
    file_type = stock_for(source.header.path, made.proven.bytes, rest)
    if not file_type:
        return None
    file = job.folder.output / f"{recipe.name or 'model'}-{file_type}.gguf"
    _pack(job, source, file, {}, None, file_type)
    proven = _proven(job, recipe, source, file, file_type)
    stock = Made(file, proven, file_type)
    better = _wins(recipe, proven, made.proven)
    (made if better else stock).file.unlink(missing_ok=True)
    return stock if better else None


def _wins(recipe: Quantize, stock: Proven, ours: Proven) -> bool:
    """Whether the stock build is closer and no larger, and gives none of the speed away that was asked for."""
    budget = recipe.budget
    wants_speed = budget.speed > 0 or (budget.prefer == "speed" and not budget.size)
    return (
        stock.divergence < ours.divergence
        and stock.bytes <= ours.bytes
        and (not wants_speed or stock.write >= AS_FAST * ours.write)
    )


def _delivered(job: Job, recipe: Quantize, source: Source, made: Made) -> JobEnded:
    """The file where the person wants it, and what became of it in one sentence."""
    proven, file = made.proven, made.file
    if made.stock:
        file = file.replace(file.with_name(f"{recipe.name or 'model'}.gguf"))
    file = delivered(file, job.order.output)
    job.tell(output_of(file, proven))
    what = f"{'llama.cpp’s own ' + made.stock + ' was best: ' if made.stock else ''}{gains(proven, source.header)}"
    return JobEnded(state="done", what=f"{what[:1].upper()}{what[1:]}; divergence {proven.divergence:.4f} nats per token.")


def _lineage(source: Source) -> dict[str, str]:
    """So that adapters of the base are known to suit its builds; with one worked in, it is another model."""
    if source.is_merged:
        return {}
    base = source.header.text(BASE_SHA256) or file_sha256(source.header.path)
    return {BASE_SHA256: base}


def _mixture(foreseen: Foreseen) -> str:
    kinds = list(foreseen.kinds.values())
    counts = sorted({kind: kinds.count(kind) for kind in kinds}.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count} × {kind}" for kind, count in counts)

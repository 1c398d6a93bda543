"""A quantization, from top to bottom: what matters, what each matrix can bear, what each type costs here, choose, build, prove.

Everything that is measured is kept in the job's folder, so that a resumed job goes on where it was:

<job>/measured/importance.gguf     what matters, as llama.cpp's tools read it
<job>/measured/sensitivity.json    what each matrix can bear
<job>/measured/costs.json          what each type costs on this machine
<job>/measured/pace.json           how fast the source is
<job>/measured/builds.json         what was built, with the best build beside it until it is delivered
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import msgspec

from companion.core.amounts import bytes_text, times_text
from companion.core.build_limits import needed_room, refuse_impossible_size
from companion.core.build_plan import AS_FAST, read_plan
from companion.core.disk_room import refuse_without_room
from companion.core.errors import RecipeError
from companion.core.files import read_json, unfinished, write_atomic
from companion.core.fingerprint import file_sha256
from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.job import BuildProven, JobEnded, OutputWritten, Proven, Trouble
from companion.core.other_load import HARMLESS, OtherLoad
from companion.core.recipes.quantize import Quantize
from companion.llama.model import Model
from companion.llama.quantize import quantize as pack
from companion.workshop.job import Job, Stopped
from companion.workshop.quantization.aim import Aim
from companion.workshop.quantization.builds import Foreseen, Planner, matrices_of, stock_for, stock_sizes
from companion.workshop.quantization.front import front_picture, paint
from companion.workshop.quantization.importance import Importance
from companion.workshop.quantization.kept_builds import KeptBuilds, Made
from companion.workshop.quantization.measuring import measured_model
from companion.workshop.quantization.plan import write_plan
from companion.workshop.quantization.proof import measured_paces, prove, prove_adapter
from companion.workshop.quantization.sensitivity import Matrix, Sensitivities
from companion.workshop.quantization.source import Source, open_source
from companion.workshop.quantization.speed import Costs, Pace, SpeedModel
from companion.workshop.recipes.made_build import ended_early, gains, kinds_of, output_of
from companion.workshop.recipes.result import delivered

FRONT: Final = 7
"""Builds between the smallest and the source's precision that are drawn."""
ATTEMPTS, MOST_ATTEMPTS = 3, 6
"""Builds that are made until one uses the divergence that was asked for, and until one keeps within it at all."""
SURPRISING: Final = 2.0
"""So many times the divergence that was foreseen is worth a word, where it can be noticed at all."""
NOTICED: Final = 0.02
"""Nats per token."""


def quantize(job: Job, recipe: Quantize) -> JobEnded:
    """Carry out the recipe from wherever the job stands. Raises CompanionError."""
    kept = KeptBuilds(job.folder, recipe.name or "model")
    try:
        return _worked(job, recipe, kept) if kept.final is None else _delivered(job, recipe, kept.final, kept)
    except Stopped as stopped:
        if stopped.wish == "cancel":
            kept.discard()
        return ended_early(job, stopped, "The quantization", "build")


def _worked(job: Job, recipe: Quantize, kept: KeptBuilds) -> JobEnded:
    _refuse_hopeless(job, recipe, kept)
    source = open_source(job, recipe)
    importance, sensitivities = measured_model(job, recipe, source)
    matrices = matrices_of(source.header, sensitivities.predicted)
    planner = _planner(job, recipe, source, matrices, sensitivities)
    if job.order.dry_run:
        return _planned(job, source, planner, matrices, sensitivities)
    made = _built(job, recipe, source, planner, importance, kept)
    if job.order.page:
        _front(job, recipe, source, planner, importance)
    if recipe.proof.stock:
        made = _better_stock(job, recipe, source, made, kept) or made
    _prove_adapters(job, recipe, source, made)
    kept.finish(source.header.file_size)
    if source.is_merged:
        with contextlib.suppress(OSError):  # Windows deletes nothing that is still mapped
            source.header.path.unlink()
    return _delivered(job, recipe, made, kept)


def _refuse_hopeless(job: Job, recipe: Quantize, kept: KeptBuilds) -> None:
    """Before hours are spent on it. Raises CompanionError."""
    job.stage("checking", "Checking the model")
    header = read_header(Path(recipe.model))
    refuse_impossible_size(recipe, header)
    if not job.order.dry_run:
        held = sum(file.stat().st_size for file in job.folder.measured.iterdir() if file.is_file())
        here, *there = needed_room(recipe, header, job.folder.path, Path(job.order.output) if job.order.output else None)
        refuse_without_room([here._replace(bytes=max(0, here.bytes - held)), *there])


def _planner(job: Job, recipe: Quantize, source: Source, matrices: list[Matrix], found: Sensitivities) -> Planner:
    job.stage("measuring", "Measuring what each type costs on this machine")
    costs = Costs(job.folder.measured / "costs.json")
    before = read_plan(Path(job.order.plan)) if job.order.plan else None
    if before is not None:
        costs.take_over(before.costs)
    _time_types(job, recipe, source, matrices, costs)
    pace = Pace(before.source.read, before.source.write) if before is not None else _source_pace(job, source)
    return Planner(source.header, matrices, found, costs, SpeedModel.of(costs, matrices, pace))


def _source_pace(job: Job, source: Source) -> Pace:
    """Kept, unless other programs were busy."""
    file = job.folder.measured / "pace.json"
    if (known := read_json(file, Pace)) is not None:
        return known
    job.stage("measuring", "Measuring how fast the model is as it is")
    others = OtherLoad()
    with Model(source.library, source.header.path) as model:
        (pace,) = measured_paces([model], source.threads, job.progress)
    if others.cores() <= HARMLESS:
        write_atomic(file, msgspec.json.encode(pace))
    return pace


def _planned(job: Job, source: Source, planner: Planner, matrices: list[Matrix], found: Sensitivities) -> JobEnded:
    """Nothing is built: what could be is written down."""
    job.stage("evaluating", "Foreseeing builds of all sizes and speeds")
    plan = write_plan(Path(job.order.output), source.header.path, planner, matrices, found)
    return JobEnded(state="done", what=f"{len(plan.builds)} builds are foreseen.")


def _time_types(job: Job, recipe: Quantize, source: Source, matrices: list[Matrix], costs: Costs) -> None:
    """Twice, and with a word about it, when other programs disturb."""
    kinds = recipe.search.kinds
    if costs.measure(matrices, kinds, source.threads, job.progress) <= HARMLESS:
        return
    job.stage("measuring", "Measuring that once more: other programs were at work")
    others = costs.measure(matrices, kinds, source.threads, job.progress, again=True)
    if others > HARMLESS:
        what = f"Other programs kept {others:.1f} cores busy while the types were timed: another build may be faster."
        job.tell(Trouble(step=0, kind="busy", what=what, remedy="Make the build again when the computer is quiet."))


def _built(
    job: Job, recipe: Quantize, source: Source, planner: Planner, importance: dict[str, Importance], kept: KeptBuilds
) -> Made:
    """The build that the budget asks for, proven; one that misses its divergence or its speed, or leaves much of its divergence
    unused, is made again with what was learned from it.

    Raises RecipeError when none keeps within the divergence.
    """
    aim, moved = Aim(recipe.budget), 0.0
    before: Foreseen | None = None
    for attempt in range(MOST_ATTEMPTS):
        try:
            foreseen = aim.next(planner)
        except RecipeError:
            if kept.best is None:
                raise
            break
        if before is not None and foreseen.kinds == before.kinds:
            break
        before, proven = foreseen, kept.known(foreseen.kinds)
        if proven is None:
            again = " once more" if attempt else ""
            job.stage("exporting", f"Building{again}: {bytes_text(foreseen.bytes)}, {_mixture(foreseen)}")
            made = _made(job, recipe, source, importance, kept, foreseen)
            proven = made.proven
            if aim.keeps_close(proven) and (kept.best is None or aim.prefers(proven, kept.best.proven)):
                kept.keep(made)
            else:
                made.file.unlink(missing_ok=True)
            kept.note(foreseen.kinds, proven)
            _tell_surprise(job, recipe, foreseen, proven)
        moved, is_last = proven.divergence, kept.best is not None and attempt + 1 >= ATTEMPTS
        if is_last or not aim.learn(foreseen, proven):
            break
        if kept.best is None:
            aim.avoid(planner, foreseen)
    if kept.best is None:
        limit = recipe.budget.divergence
        what = f"No build that was made kept within {limit} nats per token: the last one moved by {moved:.4f}."
        raise RecipeError(what, "Allow a little more divergence, or measure more carefully (search.anchor_tokens).")
    return kept.best


def _tell_surprise(job: Job, recipe: Quantize, foreseen: Foreseen, proven: Proven) -> None:
    """A choice among builds is as good as what was foreseen of them."""
    times = proven.divergence / max(foreseen.divergence, 1e-9)
    if times > SURPRISING and proven.divergence > NOTICED:
        what = f"The words moved {times_text(times)} as far as was foreseen: another build of that size may be closer."
        remedy = (
            "Measure more matrices one by one (search.anchors)." if recipe.search.anchors else "Make the build without --quick."
        )
        job.tell(Trouble(step=0, kind="divergence", what=what, remedy=f"{remedy}."))


def _made(
    job: Job,
    recipe: Quantize,
    source: Source,
    importance: dict[str, Importance],
    kept: KeptBuilds,
    foreseen: Foreseen | None,
    stock: str = "",
) -> Made:
    """As it is foreseen, or by llama.cpp's own recipe `stock`. Leaves nothing when it is interrupted."""
    file = kept.next_file()
    try:
        _pack(job, source, file, importance, foreseen, stock)
        return Made(file, _proven(job, recipe, source, file, stock or "build", foreseen), stock)
    except BaseException:
        file.unlink(missing_ok=True)
        raise


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
        known[name] = _proven(job, recipe, source, file, name, foreseen)
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
        room=foreseen.bytes if foreseen else stock_sizes(source.header.path)[file_type].bytes,
        check=job.check,
    )


def _every_kind(header: GGUFHeader) -> dict[str, str]:
    """Types of all matrices as they are: what is not named follows llama.cpp's own rules."""
    return {tensor.name: tensor.type.name for tensor in header.tensors if len(tensor.shape) > 1}


def _proven(job: Job, recipe: Quantize, source: Source, file: Path, name: str, foreseen: Foreseen | None = None) -> Proven:
    job.stage("verifying", f"Measuring {'the build' if foreseen else name} against the source")
    texts, tokens = source.material.held_out, recipe.proof.tokens
    proven = prove(source.library, source.header.path, file, texts, tokens, source.threads, job.progress)
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


def _prove_adapters(job: Job, recipe: Quantize, source: Source, made: Made) -> None:
    """Of the character, on what is delivered."""
    texts, tokens = source.material.held_out, recipe.proof.tokens
    for each in source.adapters:
        job.stage("verifying", f"Measuring what “{each.path.stem}” does on the build")
        job.tell(prove_adapter(source.library, source.header.path, made.file, each, texts, tokens, source.threads, job.progress))


def _better_stock(job: Job, recipe: Quantize, source: Source, made: Made, kept: KeptBuilds) -> Made | None:
    """llama.cpp's own build of that size, when it is better."""
    job.stage("exporting", "Building llama.cpp's own recipe of that size")
    rest = source.header.file_size - sum(tensor.size for tensor in source.header.tensors)
    file_type = stock_for(source.header.path, made.proven.bytes, rest)
    if not file_type:
        return None
    stock = _made(job, recipe, source, {}, kept, None, file_type)
    if _wins(recipe, stock.proven, made.proven):
        kept.keep(stock)
        return stock
    stock.file.unlink(missing_ok=True)
    return None


def _wins(recipe: Quantize, stock: Proven, ours: Proven) -> bool:
    """Whether the stock build is closer and no larger, and gives none of the speed away that was asked for."""
    budget = recipe.budget
    wants_speed = budget.speed > 0 or (budget.prefer == "speed" and not budget.size)
    return (
        stock.divergence < ours.divergence
        and stock.bytes <= ours.bytes
        and (not wants_speed or stock.write >= AS_FAST * ours.write)
    )


def _delivered(job: Job, recipe: Quantize, made: Made, kept: KeptBuilds) -> JobEnded:
    """The file where the person wants it, and what became of it in a sentence or two."""
    proven = made.proven
    if made.file != kept.result:
        made.file.replace(kept.result)
    for left in unfinished(Path(job.order.output)) if job.order.output else ():
        left.unlink(missing_ok=True)
    file = delivered(kept.result, job.order.output)
    job.tell(output_of(file, proven))
    stock = f"llama.cpp’s own {made.stock} was best: " if made.stock else ""
    what = f"{stock}{gains(proven, kept.source_bytes)}; divergence {proven.divergence:.4f} nats per token."
    if not Aim(recipe.budget).is_fast(proven):
        why = "make it again when the computer is quiet" if proven.is_disturbed else "none that was tried is fast enough"
        what += f" It wrote {proven.write:,.0f} tokens per second, not the {recipe.budget.speed:,.0f} that were asked for: {why}."
    return JobEnded(state="done", what=f"{what[:1].upper()}{what[1:]}")


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

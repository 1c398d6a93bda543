"""Quantizations as jobs: the budget is kept, what is measured is kept, and a bad wish is a sentence."""

from __future__ import annotations

import itertools
import time

import msgspec
import psutil
import pytest

from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.build_limits import METADATA, needed_room, smallest_build
from companion.core.build_plan import read_plan
from companion.core.character import Card, CharacterAdapter, CharacterOptions
from companion.core.character_library import CharacterLibrary
from companion.core.disk_room import refuse_without_room
from companion.core.errors import WorkshopError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import read_header
from companion.core.job import AdapterProven, BuildProven, JobOrder, OutputWritten, Proven, StageBegan
from companion.core.job_folder import create_job
from companion.core.recipes.files import with_changes
from companion.core.recipes.quantize import Budget, Quantize
from companion.workshop.client import JobProcess
from companion.workshop.job import Wishes
from companion.workshop.quantization.plan import write_plan
from companion.workshop.quantization.proof import prove
from companion.workshop.recipes.quantize import _wins
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama
from tests.workshop.small_jobs import ended, of_kind, work_here, write_dialogues

LEAVES = 20
"""Seconds in which a process sees that whoever started it is gone."""
SMALL = (
    "calibration.tokens=512",
    "search.anchors=3",
    "search.anchor_tokens=128",
    "search.kinds=Q4_0,IQ4_NL,Q5_0,Q8_0",
    "proof.tokens=1024",
    "threads=1",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_llama(tmp_path_factory.mktemp("m") / "wide.gguf", width=64, ffn=256, type="F16")


def quantization(model, *changes, **order):
    recipe = Quantize(model=str(model), name="fitted", character="Hoshi")
    return create_job(with_changes(recipe, [*SMALL, *changes]), JobOrder(**order))


def size_of(model, bits):
    """Of a file with its matrices at so many bits."""
    header = read_header(model)
    matrices = [tensor for tensor in header.tensors if len(tensor.shape) == 2]
    rest = header.file_size - sum(tensor.size for tensor in matrices)
    return rest + sum(tensor.elements for tensor in matrices) * bits // 8


def test_the_best_build_of_a_size_keeps_within_it_and_is_proven(model, tmp_path):
    budget = size_of(model, 6) + 16384
    events = work_here(quantization(model, f"budget.size={budget}", output=str(tmp_path / "b.gguf")))
    assert ended(events).state == "done", ended(events)
    build, stock = of_kind(events, BuildProven)
    assert build.name == "build"
    assert build.proven.bytes <= budget
    assert build.proven.divergence <= stock.proven.divergence or stock.proven.bytes > build.proven.bytes
    header = read_header(tmp_path / "b.gguf")
    assert header.file_size == build.proven.bytes
    assert header.text(BASE_SHA256) == file_sha256(model)
    (written,) = of_kind(events, OutputWritten)
    assert (written.file, written.kind) == (str(tmp_path / "b.gguf"), "model")


def test_adapters_of_the_source_suit_its_builds_and_those_of_others_do_not(model, tmp_path):
    work_here(quantization(model, f"budget.size={size_of(model, 7) + 16384}", output=str(tmp_path / "b.gguf")))
    built = read_header(tmp_path / "b.gguf")
    for base, fits in ((file_sha256(model), True), ("0" * 64, False)):
        info = msgspec.structs.replace(read_adapter(write_adapter(tmp_path / "a.gguf", model)), base_sha256=base)
        if fits:
            refuse_other_base(info, built, file_sha256(tmp_path / "b.gguf"))
        else:
            with pytest.raises(Exception, match="was trained for another model"):
                refuse_other_base(info, built, file_sha256(tmp_path / "b.gguf"))


def test_a_divergence_that_is_asked_for_is_kept(model):
    events = work_here(quantization(model, "budget.divergence=0.001", "proof.stock=false"))
    assert ended(events).state == "done", ended(events)
    (written,) = of_kind(events, OutputWritten)  # more may have been built, to use what is allowed
    assert written.metrics["divergence"] <= 0.001


@pytest.mark.parametrize(
    ("change", "says"),
    [("budget.size=1000", "smallest possible"), ("budget.speed=900000", "The fastest writes about")],
)
def test_what_cannot_be_is_said_with_what_can(model, change, says):
    end = ended(work_here(quantization(model, change)))
    assert end.state == "failed"
    assert says in end.remedy


def test_the_smallest_possible_build_is_known_before_anything_is_measured(model):
    smallest = smallest_build(read_header(model), ("Q4_0", "IQ4_NL", "Q5_0", "Q8_0"))
    events = work_here(quantization(model, f"budget.size={smallest - 1}"))
    assert f"{smallest:,} bytes" in ended(events).remedy
    assert not [stage for stage in of_kind(events, StageBegan) if stage.stage != "checking"]
    events = work_here(quantization(model, f"budget.size={smallest}", "proof.stock=false"))
    assert ended(events).state == "done", ended(events)
    assert smallest - METADATA <= of_kind(events, BuildProven)[0].proven.bytes <= smallest


def test_room_is_looked_for_where_it_is_made_and_where_it_goes(model, tmp_path):
    header, output = read_header(model), tmp_path / "not there yet" / "b.gguf"
    here, there = needed_room(Quantize(budget=Budget(size=50_000)), header, tmp_path, output)
    assert (here.folder, there.folder) == (tmp_path, output.parent)
    assert here.bytes >= 2 * there.bytes >= 100_000
    refuse_without_room([here, there])
    with pytest.raises(WorkshopError, match=r"not there yet”, and up to .* will be written there"):
        refuse_without_room([here, there._replace(bytes=1 << 60)])


def test_what_could_not_be_delivered_is_only_copied_by_the_resumed_job(model, tmp_path):
    place = tmp_path / "place"
    place.write_text("a file where a folder should be")
    job = quantization(model, "budget.divergence=0.01", output=str(place / "b.gguf"))
    assert ended(work_here(job)).state == "failed"
    place.unlink()
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    assert not of_kind(events, StageBegan)
    assert read_header(place / "b.gguf").file_size == of_kind(events, OutputWritten)[0].metrics["bytes"]


def test_a_killed_job_leaves_no_process_and_its_successor_neither_files_nor_work_done_twice(model, tmp_path):
    job = quantization(model, f"budget.size={size_of(model, 6) + 16384}", output=str(tmp_path / "b.gguf"))
    with JobProcess(job) as process:
        next(each for each in process.events() if isinstance(each, StageBegan) and "llama.cpp's own recipe" in each.sentence)
        worker = psutil.Process(process.process.pid)
        while not (children := worker.children()):
            time.sleep(0.01)
        process.kill()
    assert not psutil.wait_procs(children, timeout=LEAVES)[1]
    (job.measured / ".pack-0815").mkdir()
    (job.measured / "build-9.gguf").write_bytes(bytes(100))
    (tmp_path / ".b.gguf.0815.part").write_bytes(bytes(100))
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    assert "build" not in {each.name for each in of_kind(events, BuildProven)}
    assert not [path.name for path in (*job.measured.iterdir(), *job.output.iterdir()) if path.name.startswith((".", "build-"))]
    assert not list(tmp_path.glob(".*.part"))
    assert (tmp_path / "b.gguf").stat().st_size == (job.output / "fitted.gguf").stat().st_size


def test_a_cancelled_job_keeps_no_build(model):
    job = quantization(model, f"budget.size={size_of(model, 6) + 16384}")
    wishes = Wishes(job.cancel_mark)

    def cancel(event):
        if isinstance(event, BuildProven):
            wishes.cancel()

    assert ended(work_here(job, cancel, wishes)).state == "cancelled"
    assert not list(job.path.rglob("*build*")) + list(job.output.iterdir())


@pytest.mark.parametrize(
    ("cores", "says"),
    [
        (0.0, "It wrote 25 tokens per second, not the 50 that were asked for: none that was tried is fast enough."),
        (1.5, "not the 50 that were asked for: make it again when the computer is quiet."),
    ],
)
def test_a_build_that_is_slower_than_was_wished_for_is_called_so(model, monkeypatch, cores, says):
    def slow(*given):
        return msgspec.structs.replace(prove(*given), write=25.0, other_cores=cores)

    monkeypatch.setattr("companion.workshop.recipes.quantize.prove", slow)
    events = work_here(quantization(model, "budget.speed=50", "proof.stock=false"))
    assert says in ended(events).what
    assert ("(other programs were busy, so the speeds are uncertain)" in ended(events).what) is (cores > 0)


def test_a_paused_quantization_measures_nothing_twice(model):
    job = quantization(model, "budget.divergence=0.01", "proof.stock=false", "calibration.anew=true")
    wishes = Wishes(job.cancel_mark)

    def pause(event):
        if isinstance(event, StageBegan) and "one by one" in event.sentence:
            wishes.pause()

    assert ended(work_here(job, pause, wishes)).state == "interrupted"
    kept = (job.measured / "importance.gguf").read_bytes()
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    assert not [event for event in of_kind(events, StageBegan) if "what matters" in event.sentence]
    assert (job.measured / "importance.gguf").read_bytes() == kept


def test_dialogues_of_ones_own_are_split_between_calibration_and_proof(model, tmp_path):
    data = write_dialogues(tmp_path / "d.jsonl", count=120)
    job = quantization(model, "budget.divergence=0.05", "proof.stock=false", f'data_files=["{data}"]')
    assert ended(work_here(job)).state == "done"


def test_a_front_of_builds_is_drawn_with_the_stock_builds_on_it(model, tmp_path):
    job = quantization(model, "budget.divergence=0.01", "proof.stock=false", page=str(tmp_path / "front.svg"))
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    front = [each for each in of_kind(events, BuildProven) if each.name.startswith("front ")]
    assert len(front) == 7
    assert [each.proven.bytes for each in front] == sorted(each.proven.bytes for each in front)
    assert front[0].proven.divergence > front[-1].proven.divergence
    assert {"Q4_0", "Q8_0"} <= {each.name for each in of_kind(events, BuildProven)}
    drawn = (tmp_path / "front.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "Q4_0" in drawn


def test_a_model_with_a_table_of_its_own_is_packed_whole(tmp_path):
    untied = write_tiny_llama(tmp_path / "untied.gguf", width=64, ffn=256, type="F16", tied=False)
    budget = size_of(untied, 6) + 16384
    events = work_here(quantization(untied, f"budget.size={budget}", "proof.stock=false", output=str(tmp_path / "b.gguf")))
    assert ended(events).state == "done", ended(events)
    kinds = {tensor.name: tensor.type.name for tensor in read_header(tmp_path / "b.gguf").tensors}
    assert kinds["token_embd.weight"] in {"Q4_0", "IQ4_NL", "Q5_0", "Q8_0"}
    assert 0.98 * (budget - 16384) < of_kind(events, BuildProven)[-1].proven.bytes <= budget


def proven(**fields):
    figures = {"bytes": 100, "divergence": 0.02, "write": 50.0} | fields
    rest = (
        "bits_per_weight",
        "dialogues",
        "general",
        "same_top",
        "perplexity",
        "source_perplexity",
        "read",
        "source_read",
        "source_write",
    )
    return Proven(**dict.fromkeys(rest, 1.0), **figures)


@pytest.mark.parametrize(
    ("budget", "stock", "wins"),
    [
        (Budget(size=100), {"divergence": 0.01, "write": 10.0}, True),
        (Budget(divergence=0.05), {"divergence": 0.01, "write": 10.0}, False),
        (Budget(divergence=0.05), {"divergence": 0.01, "write": 49.5}, True),
        (Budget(divergence=0.05, prefer="size"), {"divergence": 0.01, "write": 10.0}, True),
        (Budget(size=100), {"divergence": 0.03}, False),
        (Budget(size=100), {"divergence": 0.01, "bytes": 101}, False),
    ],
)
def test_a_stock_build_wins_only_by_what_was_asked_for(budget, stock, wins):
    assert _wins(Quantize(budget=budget), proven(**stock), proven()) is wins


def test_a_build_with_an_adapter_in_it_claims_no_base(model, tmp_path):
    adapter = write_adapter(tmp_path / "a.gguf", model)
    order = str(tmp_path / "b.gguf")
    job = quantization(model, "budget.divergence=0.01", "proof.stock=false", f"adapter={adapter}", output=order)
    end = ended(work_here(job))
    assert end.state == "done", end
    assert read_header(tmp_path / "b.gguf").text(BASE_SHA256) == ""


def test_another_budget_of_a_known_model_measures_nothing_again(model):
    small = quantization(model, "budget.divergence=0.02", "proof.stock=false", "seed=7")
    large = quantization(model, "budget.divergence=0.01", "proof.stock=false", "seed=7")
    again = quantization(model, "budget.divergence=0.01", "proof.stock=false", "seed=7", "calibration.anew=true")
    for job, is_measured in ((small, True), (large, False), (again, True)):
        events = work_here(job)
        assert ended(events).state == "done", ended(events)
        assert any("what matters" in stage.sentence for stage in of_kind(events, StageBegan)) is is_measured
    assert (small.measured / "sensitivity.json").read_bytes() == (large.measured / "sensitivity.json").read_bytes()


def test_the_adapters_of_a_character_are_measured_on_the_build(model, tmp_path):
    adapter = write_adapter(tmp_path / "voice.gguf", model, size=0.3)
    library = CharacterLibrary()
    identifier = library.create(Card(name="Mira")).identifier
    options = CharacterOptions(adapters=(CharacterAdapter(str(adapter)), CharacterAdapter(str(tmp_path / "gone.gguf"))))
    library.save_options(identifier, options)
    events = work_here(quantization(model, "budget.divergence=0.01", "proof.stock=false", f"character={identifier}"))
    assert ended(events).state == "done", ended(events)
    (found,) = of_kind(events, AdapterProven)
    assert found.name == "voice"
    assert found.effect > 5 * found.divergence


def planned(model, file):
    events = work_here(quantization(model, dry_run=True, output=str(file)))
    assert ended(events).state == "done", ended(events)
    assert not of_kind(events, BuildProven)
    plan = read_plan(file)
    assert plan is not None
    return plan


def test_a_plan_foresees_builds_of_which_none_beats_another_and_builds_nothing(model, tmp_path):
    plan = planned(model, tmp_path / "plan.json")
    assert [build.bytes for build in plan.builds] == sorted(build.bytes for build in plan.builds)
    for build, other in itertools.permutations(plan.builds, 2):
        assert build.bytes < other.bytes or build.divergence < other.divergence or build.write > other.write or build == other
    assert plan.source.bytes == pytest.approx(read_header(model).file_size, abs=16384)
    assert (plan.source.divergence, plan.source.kinds) == (0.0, {"F16": len(plan.matrices)})
    assert {"Q4_0", "Q8_0"} <= {build.name for build in plan.stock}
    table = plan.matrices["token_embd.weight"]
    assert table.own == "F16"
    assert table.damage["Q4_0"] > table.damage["Q8_0"] > table.damage["F16"] == 0
    assert sum(matrix.measured for matrix in plan.matrices.values()) == 3
    assert not list(tmp_path.glob("*.gguf"))


def test_what_was_chosen_from_a_plan_is_what_is_built(model, tmp_path):
    plan = planned(model, tmp_path / "plan.json")
    chosen = plan.builds[len(plan.builds) // 2]
    budget = (f"budget.size={chosen.bytes}", f"budget.speed={chosen.write * 0.999}", "proof.stock=false")
    events = work_here(quantization(model, *budget, plan=str(tmp_path / "plan.json")))
    assert ended(events).state == "done", ended(events)
    (build,) = of_kind(events, BuildProven)
    assert build.proven.bytes <= chosen.bytes
    assert build.foreseen_divergence <= chosen.divergence * 1.001 + 1e-9
    assert build.foreseen_write >= chosen.write * 0.998


@pytest.mark.parametrize("budget", [Budget(), Budget(prefer="size"), Budget(divergence=0.005), Budget(size=1)])
def test_the_window_chooses_as_the_job_does(model, tmp_path, budget):
    job = quantization(model, dry_run=True, output=str(tmp_path / "plan.json"))
    planners = []

    def keep(*given):
        planners.append(given[2])
        return write_plan(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("companion.workshop.recipes.quantize.write_plan", keep)
        work_here(job)
    plan, (planner,) = read_plan(tmp_path / "plan.json"), planners
    if budget.size:
        budget = Budget(size=plan.builds[len(plan.builds) // 3].bytes)
    theirs, ours = planner.best(budget), plan.best(budget)
    assert ours is not None
    assert theirs.divergence <= ours.divergence * 1.01 or theirs.pace.write > ours.write or theirs.bytes < ours.bytes
    assert ours.bytes <= theirs.bytes * 1.15
    assert ours.write >= theirs.pace.write * 0.9
    if budget == Budget():  # what most people ask for
        assert ours.bytes <= theirs.bytes * 1.001
        assert ours.write >= theirs.pace.write * 0.998

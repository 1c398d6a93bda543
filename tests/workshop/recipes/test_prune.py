"""Prunings as jobs: what is asked for is gone, what is left is measured, and nothing is measured twice."""

from __future__ import annotations

import pytest
import torch

from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import read_header
from companion.core.job import BuildProven, JobOrder, OutputWritten, StageBegan, StepDone
from companion.core.job_folder import create_job
from companion.core.recipes.files import with_changes
from companion.core.recipes.prune import Prune, Recovery
from companion.core.recipes.quantize import Quantize
from companion.workshop.data.sources.reading import read_all
from companion.workshop.job import Wishes
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.pruning.recovery import lesson
from companion.workshop.quantization.importance import Importance, write_importance
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import llama_logits, mean_divergence, write_architecture
from tests.workshop.nn.conftest import one_thread  # noqa: F401
from tests.workshop.nn.test_parity import torch_logits
from tests.workshop.small_jobs import ended, of_kind, work_here, write_dialogues

SMALL = ("calibration.tokens=512", "layer_tokens=256", "proof.tokens=1024", "threads=1")
TOKENS = [(7 * n * n + 3 * n) % 280 for n in range(40)]
EVERYTHING = ("layers=1", "neurons=0.25", "heads=0.5", "sparsity=0.5")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_llama(tmp_path_factory.mktemp("m") / "deep.gguf", layers=4, ffn=256, type="Q4_1")


def pruning(model, *changes, **order):
    recipe = Prune(model=str(model), name="pruned", character="Hoshi")
    return create_job(with_changes(recipe, [*SMALL, *changes]), JobOrder(**order))


def zeros(header):
    weights = GGUFWeights(header)
    names = [tensor.name for tensor in header.tensors if len(tensor.shape) == 2 and tensor.name.startswith("blk.")]
    return [float((weights.packed(name).dense(torch.float32) == 0).float().mean()) for name in names]


def test_everything_at_once_is_gone_and_proven_and_speaks_alike_everywhere(model, tmp_path):
    job = pruning(model, *EVERYTHING, output=str(tmp_path / "p.gguf"))
    events = work_here(job)
    end = ended(events)
    assert end.state == "done", end
    header = read_header(tmp_path / "p.gguf")
    assert (header.layers, header.feed_forward_length, header.kv_heads[0], header.head_count) == (3, 192, 1, 2)
    assert zeros(header) == pytest.approx([0.5] * len(zeros(header)), abs=0.01)
    assert header.text(BASE_SHA256) == ""
    said = header.text("companion.pruned").split("; ")
    assert [text.partition(" ")[0] for text in said] == ["without", "192", "50%"]
    (build,) = of_kind(events, BuildProven)
    assert (build.name, build.proven.bytes) == ("pruned", header.file_size)
    assert build.proven.divergence > 0
    assert "Its zeros save neither bytes nor time" in end.what
    assert f"packs them: companion quantize --model {tmp_path / 'p.gguf'}" in end.remedy
    (written,) = of_kind(events, OutputWritten)
    assert (written.file, written.kind) == (str(tmp_path / "p.gguf"), "model")
    assert mean_divergence(llama_logits(tmp_path / "p.gguf", TOKENS), torch_logits(tmp_path / "p.gguf", TOKENS)) < 1e-2
    assert [path.name for path in job.measured.glob("*.gguf")] == ["importance.gguf"]


def test_the_layer_that_is_missed_least_goes(tmp_path):
    """A layer whose matrices are zero adds nothing, and nobody misses it."""
    silent = {
        f"blk.2.{name}.weight": torch.zeros(shape).numpy() for name, shape in (("attn_output", (64, 64)), ("ffn_down", (64, 128)))
    }
    model = write_tiny_llama(tmp_path / "m.gguf", layers=4, tensors=silent)
    events = work_here(pruning(model, "layers=1"))
    assert ended(events).state == "done"
    assert "Taking out layer 2 of 0 to 3" in [event.sentence for event in of_kind(events, StageBegan)]
    assert of_kind(events, BuildProven)[0].proven.divergence < 1e-6


@pytest.mark.parametrize("method", ["wanda", "magnitude"])
@pytest.mark.parametrize("variant", ["phi3", "gemma3", "qwen2"])
def test_other_architectures_are_pruned_too(variant, method, tmp_path):
    model = write_architecture(tmp_path / "m.gguf", variant)
    job = pruning(
        model, "layers=1", "neurons=0.3", "pattern=2:4", f"method={method}", f"scores={method}", output=str(tmp_path / "p.gguf")
    )
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    assert read_header(tmp_path / "p.gguf").feed_forward_length == 64
    assert mean_divergence(llama_logits(tmp_path / "p.gguf", TOKENS), torch_logits(tmp_path / "p.gguf", TOKENS)) < 1e-6


def test_whole_blocks_leave_every_matrix_packed_as_it_was(model, tmp_path):
    events = work_here(pruning(model, "neurons=0.25", "whole_blocks=true", output=str(tmp_path / "p.gguf")))
    assert ended(events).state == "done", ended(events)
    header = read_header(tmp_path / "p.gguf")
    assert header.feed_forward_length == 192
    assert {tensor.type.name for tensor in header.tensors if len(tensor.shape) == 2} == {"Q4_1"}
    assert header.file_size < model.stat().st_size
    assert ended(events).remedy == ""


def test_the_result_can_be_quantized_and_learned_from(model, tmp_path):
    work_here(pruning(model, *EVERYTHING, output=str(tmp_path / "p.gguf")))
    wishes = [
        "calibration.tokens=512",
        "search.anchors=0",
        "search.kinds=Q4_0,Q8_0",
        "proof.tokens=1024",
        "proof.stock=false",
        "threads=1",
    ]
    recipe = with_changes(Quantize(model=str(tmp_path / "p.gguf"), character="Hoshi"), [*wishes, "budget.divergence=0.05"])
    events = work_here(create_job(recipe, JobOrder(output=str(tmp_path / "q.gguf"))))
    assert ended(events).state == "done", ended(events)
    assert read_header(tmp_path / "q.gguf").file_size < read_header(tmp_path / "p.gguf").file_size
    decoder = Decoder.load(GGUFWeights(read_header(tmp_path / "p.gguf")))
    decoder.train_everything()
    assert decoder.model_tensors()["blk.2.ffn_down.weight"].shape == (64, 192)


def test_a_paused_pruning_measures_nothing_twice(model):
    job = pruning(model, "layers=2", "neurons=0.25", "sparsity=0.5")
    for pause_at, kept in (
        ("each of 3", "layers.json"),
        ("matter", "without-layers.gguf"),
        ("against the source", "sparse.gguf"),
    ):
        wishes = Wishes(job.cancel_mark)

        def pause(event, pause_at=pause_at, wishes=wishes):
            if isinstance(event, StageBegan) and pause_at in event.sentence:
                wishes.pause()

        end = ended(work_here(job, pause, wishes))
        assert (end.state, end.remedy) == ("interrupted", f"Go on with: companion jobs resume {job.id}")
        assert (job.measured / kept).exists()
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    told = [event.sentence for event in of_kind(events, StageBegan)]
    assert not [sentence for sentence in told if "Leaving out" in sentence or "matter" in sentence or "Loading" in sentence]


def test_a_cancelled_pruning_leaves_no_model(model):
    job, cancelled = pruning(model, "layers=1"), []

    def cancel(event):
        if isinstance(event, StageBegan) and not cancelled:
            cancelled.append(job.cancel_mark.touch())

    assert ended(work_here(job, cancel)).state == "cancelled"
    assert list(job.output.iterdir()) == []


def test_an_importance_file_is_used_and_must_know_every_matrix(model, tmp_path):
    header = read_header(model)
    found = {
        tensor.name: Importance(*(torch.rand(size).numpy() for size in tensor.shape), 64)
        for tensor in header.tensors
        if len(tensor.shape) == 2
    }
    write_importance(tmp_path / "i.gguf", found, datasets=["a"], chunk=64)
    wish = f"calibration.importance_file={tmp_path / 'i.gguf'}"
    events = work_here(pruning(model, "sparsity=0.5", wish))
    assert ended(events).state == "done", ended(events)
    assert not [event for event in of_kind(events, StageBegan) if event.stage == "loading"]
    write_importance(tmp_path / "j.gguf", {"blk.0.attn_q.weight": found["blk.0.attn_q.weight"]}, datasets=["a"], chunk=64)
    end = ended(work_here(pruning(model, "sparsity=0.5", wish.replace("i.gguf", "j.gguf"))))
    assert (end.state, end.what) == ("failed", "“j.gguf” does not know every matrix of the model.")


def test_dialogues_of_ones_own_are_split_between_calibration_and_proof(model, tmp_path):
    data = write_dialogues(tmp_path / "d.jsonl", count=120)
    assert ended(work_here(pruning(model, "neurons=0.25", f'data_files=["{data}"]'))).state == "done"


@pytest.mark.parametrize(
    ("changes", "what", "remedy"),
    [
        (["layers=4"], "has 4 layers, so 4 cannot be taken out", "Take out 3 at most."),
        (["neurons=0.05"], "5% of 256 neurons", "between 12% and 88%"),
        ([], "Nothing is to be taken out.", "--layers 2"),
    ],
)
def test_what_cannot_be_is_said_with_what_can(model, changes, what, remedy):
    end = ended(work_here(pruning(model, *changes)))
    assert end.state == "failed"
    assert what in end.what
    assert remedy in end.remedy


RECOVERY = ("recovery.steps=8", "recovery.learning_rate=0.003")


@pytest.mark.parametrize("method", ["full", "lora"])
def test_what_was_lost_is_learned_back_and_zeros_stay_zero(model, method, tmp_path):
    wishes = ("neurons=0.25", "sparsity=0.5", f"recovery.method={method}", *RECOVERY)
    events = work_here(pruning(model, *wishes, output=str(tmp_path / "p.gguf")))
    end = ended(events)
    assert end.state == "done", end
    pruned, recovered = of_kind(events, BuildProven)
    assert (pruned.name, recovered.name) == ("pruned", "recovered")
    assert recovered.proven.divergence < 0.9 * pruned.proven.divergence
    assert f"({pruned.proven.divergence:.4f} before it recovered)" in end.what
    header = read_header(tmp_path / "p.gguf")
    assert header.file_size == recovered.proven.bytes
    assert min(zeros(header)) >= 0.49
    assert of_kind(events, OutputWritten)[-1].file == str(tmp_path / "p.gguf")


def test_a_recovery_goes_on_after_a_pause_and_nothing_is_cut_twice(model, tmp_path):
    job = pruning(model, "neurons=0.25", *RECOVERY, output=str(tmp_path / "p.gguf"))
    wishes = Wishes(job.cancel_mark)

    def pause(event):
        if isinstance(event, StepDone) and event.step == 3:
            wishes.pause()

    end = ended(work_here(job, pause, wishes))
    assert (end.state, end.remedy) == ("interrupted", f"Go on with: companion jobs resume {job.id}")
    assert not (tmp_path / "p.gguf").exists()
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    assert [event.name for event in of_kind(events, BuildProven)] == ["recovered"]
    assert of_kind(events, StepDone)[0].step == 4
    assert (tmp_path / "p.gguf").exists()


@pytest.mark.parametrize(("step", "proofs"), [(5, ["pruned", "recovered"]), (0, ["pruned"])])
def test_a_cancelled_recovery_is_worth_what_it_had_learned(model, step, proofs, tmp_path):
    job = pruning(model, "neurons=0.25", *RECOVERY, output=str(tmp_path / "p.gguf"))

    def cancel(event):
        if (isinstance(event, StepDone) and event.step == step) or (step == 0 and isinstance(event, BuildProven)):
            job.cancel_mark.touch()

    events = work_here(job, cancel)
    end = ended(events)
    assert (end.state, end.what.partition(". ")[0]) == ("cancelled", "The recovery was cancelled")
    assert [event.name for event in of_kind(events, BuildProven)] == proofs
    assert read_header(tmp_path / "p.gguf").feed_forward_length == 192


def test_it_recovers_on_none_of_the_dialogues_that_it_is_measured_on(model, tmp_path):
    data = write_dialogues(tmp_path / "d.jsonl", count=60)
    told = data.read_bytes().splitlines()
    recipe = Prune(model=str(model), data_files=(str(data),), recovery=Recovery(epochs=1))
    wanted = lesson(recipe, read_header(model), tmp_path)
    texts = [each.dialogue.messages for each in read_all(wanted.data_files[:1])]
    assert texts == [each.dialogue.messages for number, each in enumerate(read_all([str(data)])) if number % 5]
    assert len(texts) == len(told) * 4 // 5
    assert wanted.adapter.method == "full"

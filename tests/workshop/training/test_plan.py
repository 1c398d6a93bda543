"""What "automatic" becomes, and what is said when nothing fits."""

from __future__ import annotations

import pytest

from companion.core.errors import JobError
from companion.core.recipes.distill import Distill
from companion.core.recipes.files import with_changes
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.parts import Adapter, Machine
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.training.layout import choose_layout
from companion.workshop.training.machine import Place, choose_place
from companion.workshop.training.memory import TeacherSize, adapter_parameters, training_need
from companion.workshop.training.pace import Pace
from companion.workshop.training.plan import chosen_adapter, chosen_epochs, chosen_rate

SEVEN_BILLION = DecoderConfig.llama(
    layers=32, width=4096, heads=32, kv_heads=8, feed_forward=14336, vocabulary=128_256, context=8192
)
PACKED = 4_700_000_000
GIGABYTE = 10**9


def place(gigabytes: float) -> Place:
    return Place("cpu", "CPU", "bfloat16", 2, int(gigabytes * GIGABYTE), ())


def layout(gigabytes: float, *changes: str, longest: int = 1024):
    recipe = with_changes(FineTune(), ["adapter.rank=16", *changes])
    return choose_layout(
        SEVEN_BILLION, PACKED, recipe.adapter, recipe.machine, place(gigabytes), typical_length=400, longest=longest
    )


def test_weights_are_unpacked_only_when_there_is_room():
    assert not layout(64).packed
    assert layout(16).packed
    assert not layout(16).checkpoint
    tight = layout(8.5)
    assert (tight.packed, tight.checkpoint) == (True, True)
    assert "packed" in tight.sentences[0]


def test_a_teacher_is_counted_and_packed_before_anything_is_computed_twice():
    student = DecoderConfig.llama(
        layers=16, width=2048, heads=32, kv_heads=8, feed_forward=8192, vocabulary=128_256, context=8192
    )  # as in Llama 3.2 1B
    teacher = TeacherSize(SEVEN_BILLION, PACKED, matched=0)

    def found(gigabytes: float, *changes: str, taught: TeacherSize | None = teacher):
        recipe = with_changes(FineTune(), ["adapter.rank=16", *changes])
        return choose_layout(
            student, 800_000_000, recipe.adapter, recipe.machine, place(gigabytes), typical_length=400, longest=1024,
            teacher=taught,
        )  # fmt: skip

    alone = found(64, taught=None)
    assert not alone.teacher_packed
    assert found(64).need.fixed > alone.need.fixed + 2 * SEVEN_BILLION.parameters
    assert [(each.packed, each.checkpoint, each.teacher_packed) for each in map(found, (64, 14, 11))] == [
        (False, False, False),
        (False, False, True),
        (True, False, True),
    ]
    assert found(64, "machine.weights=packed").teacher_packed
    assert "teacher’s weights stay packed" in found(14).sentences[-1]
    assert found(14).need.beside(found(14).need).per_token == 2 * found(14).need.per_token
    with pytest.raises(JobError, match="memory") as refused:
        found(5)
    assert "a smaller teacher or student" in refused.value.remedy
    states = choose_layout(
        student, 800_000_000, Adapter(rank=16), Machine(), place(64), typical_length=400, longest=1024,
        teacher=teacher._replace(matched=16),
    )  # fmt: skip
    assert states.need.per_token > found(64).need.per_token


def test_what_the_recipe_fixes_is_fixed():
    assert layout(64, "machine.weights=packed").packed
    assert layout(64, "machine.checkpoint_layers=on").checkpoint


@pytest.mark.parametrize(
    ("gigabytes", "changes", "remedy"),
    [
        (12, ("machine.weights=dense",), "machine.weights=packed"),
        (12, ("adapter.method=full",), "adapter.method=lora"),
        (9, ("adapter.rank=256",), "adapter.rank=4"),
        (1, (), "a smaller model"),
    ],
)
def test_a_refusal_names_what_would_fit(gigabytes, changes, remedy):
    with pytest.raises(JobError) as refused:
        layout(gigabytes, *changes)
    assert remedy in refused.value.remedy
    assert "GB of memory" in refused.value.what


def test_shorter_dialogues_are_proposed_when_they_are_what_does_not_fit():
    with pytest.raises(JobError) as refused:
        layout(12, longest=100_000)
    assert "data.longest=" in refused.value.remedy


def test_the_estimate_counts_what_the_adapter_counts():
    adapter = Adapter(rank=16)
    assert adapter_parameters(SEVEN_BILLION, adapter) == 41_943_040
    assert adapter_parameters(SEVEN_BILLION, Adapter(rank=16, first_layer=16)) == 41_943_040 // 2
    need = training_need(SEVEN_BILLION, PACKED, adapter, packed=True, checkpoint=True, compute_bytes=2, typical_length=400)
    assert need.total(need.most_tokens(10 * GIGABYTE)) <= 10 * GIGABYTE


def test_small_datasets_get_a_small_adapter_and_more_epochs():
    assert (chosen_adapter(Adapter(), 299).rank, chosen_adapter(Adapter(), 299).alpha) == (8, 16.0)
    assert chosen_adapter(Adapter(), 300).rank == 16
    assert chosen_adapter(Adapter(rank=5, alpha=7), 300).alpha == 7
    assert (chosen_epochs(FineTune(), 100), chosen_epochs(FineTune(), 1000)) == (4.0, 2.0)


@pytest.mark.parametrize(("parameters", "rate"), [(1.35e8, 3e-4), (1.5e9, 2e-4), (8e9, 1e-4), (7e10, 5e-5)])
def test_larger_models_learn_more_slowly(parameters, rate):
    assert chosen_rate(FineTune(), int(parameters), whole=False) == pytest.approx(rate)
    assert chosen_rate(FineTune(), int(parameters), whole=True) == pytest.approx(rate / 10)
    assert chosen_rate(with_changes(FineTune(), ["optimizer.learning_rate=0.5"]), int(parameters), whole=False) == 0.5
    assert chosen_rate(Distill(), int(parameters), whole=False) == pytest.approx(3 * rate), "a student has further to go"


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(JobError, match="no graphics card"):
        choose_place(Machine(device="mps"))
    chosen = choose_place(Machine(threads=3, compute="float32"))
    assert (chosen.device, chosen.threads, chosen.compute) == ("cpu", 3, "float32")
    assert chosen.available > 0


def test_the_time_left_counts_steps_and_measurements():
    pace = Pace(10, {5, 10})
    pace.measured(3.0)
    for _ in range(4):
        pace.step(1000, 2.0)
    assert pace.tokens_per_second == pytest.approx(500)
    assert pace.seconds_left(4) == pytest.approx(6 * 2.0 + 2 * 3.0)
    again = Pace(10, {5, 10})
    again.load_state_dict(pace.state_dict())
    assert again.seconds_left(4) == pace.seconds_left(4)

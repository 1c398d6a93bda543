"""A job is a folder: its recipe, its events, its checkpoints and its output. There is no second record of it.

<data>/jobs/<date>-<name>/
    recipe.json        what was asked for
    order.json         where the result goes
    events.jsonl       what happened, one object per line, appended by the job itself
    progress.json      how much of the present stage is done, written over and over
    wanted.json        there while the person wants it done by the window: it waits for its turn, or runs
    checkpoints/       what it can be resumed from
    measured/          of an evaluation: every finished part, which a resumed job does not measure again; of a
                       cross-validation: what it began with
    folds/             of a cross-validation: every fold as a job of its own, see `workshop/recipes/cross_validate.py`
    output/            what it made; a file here is complete and verified
    held-out.jsonl     of a finished training: the dialogues it held back, to measure with later
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from companion.core.other_load import HARMLESS

JOBS_FOLDER: Final = "jobs"
WANTED_FILE: Final = "wanted.json"
CROSS_VALIDATION: Final = "cross-validation"
"""Kind of a job whose order asks for one, whatever its recipe is; other jobs are of the kind of their recipe."""
REPORTING: Final = frozenset({"evaluate", CROSS_VALIDATION})
"""Kinds of jobs that go on part by part and end in a report."""
FINISHES_PART: Final = "Finishing the part it is in, which the report is then made of"
"""The stage of an evaluation that was told to end before any part was there."""

JobState = Literal["waiting", "running", "interrupted", "cancelled", "failed", "done"]
"""`interrupted`: its process is gone, a checkpoint may be there; `cancelled`: the person ended it and the best is kept."""

Stage = Literal["checking", "data", "loading", "measuring", "training", "evaluating", "exporting", "verifying"]
"""`evaluating` interrupts `training` at every measurement of the held-out loss; the next step is training again."""
TroubleKind = Literal[
    "divergence", "nan", "exploding", "vanishing", "plateau", "overfitting", "starvation", "memory", "disk", "checkpoint", "busy"
]


class CrossValidation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the dialogues are divided, so that each is measured after learning from others only."""

    folds: int = 0
    """0 takes five, or as many as there are dialogues where these are fewer."""
    repeats: int = 1
    leave_one_out: bool = False
    """A fold for every dialogue."""


class JobOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked of a job beside its recipe. Paths are absolute; an empty one is not wanted."""

    output: str = ""
    """Where a copy of the finished file goes."""
    merged: str = ""
    """Where a whole model with the adapter in it goes."""
    dry_run: bool = False
    """End when the plan is made; of a quantization, write it to `output`."""
    find_rate: bool = False
    """Try learning rates instead of training."""
    cross_validation: CrossValidation | None = None
    """Of a fine-tuning: carry it out once per fold and measure what each did not see, instead of keeping what is learned."""
    page: str = ""
    """Where a copy of a report's page goes."""
    plan: str = ""
    """Of a quantization: the plan (`core/build_plan.py`) that the budget was chosen from. Its speeds are taken over, so that what
    was foreseen there is what is built."""
    command: str = ""
    """What was typed, for the report."""
    lesson: bool = False
    """Whether the page Teach began it: that page shows what it began, and nothing else."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type", omit_defaults=True):
    """Base of everything a job says; the tag is the class name."""

    time: float = 0.0
    """Seconds since the epoch (UTC), set when it is written."""


class JobStarted(_Event, frozen=True, kw_only=True):
    """A process began to work on the job, for the first time or again."""

    pid: int
    resumed_step: int = 0


class StageBegan(_Event, frozen=True, kw_only=True):
    """What goes on now, in words a person understands: "Reading 877 dialogues"."""

    stage: Stage
    sentence: str


class StageProgress(_Event, frozen=True, kw_only=True):
    """Echoed to whoever watches and kept apart from the events: only the last one counts."""

    fraction: float
    seconds_left: float = 0.0
    """Of the whole job, told by one whose `fraction` is of the whole, too; 0 otherwise."""


class DataReady(_Event, frozen=True, kw_only=True):
    """What will be learned from."""

    dialogues: int
    held_out: int
    tokens: int
    supervised_tokens: int
    fingerprint: str
    """SHA-256 of the tokens and masks in their order."""
    left_out: tuple[str, ...] = ()
    """Sentences about dialogues that could not be used."""
    counted: str = "dialogues"
    """What is counted: of a preference tuning “pairs”, or “judged replies”."""


class PlanMade(_Event, frozen=True, kw_only=True):
    """What was measured and predicted before the first step."""

    device: str
    weights: str
    compute: str
    micro_batch_tokens: int
    steps: int
    tokens_per_second: float
    seconds: float
    memory_bytes: int
    sentences: tuple[str, ...] = ()
    """Why each was chosen, one full sentence per choice."""


class StepDone(_Event, frozen=True, kw_only=True):
    """One optimizer step."""

    step: int
    steps: int
    epoch: float
    loss: float
    """Nats per supervised token, mean over the step."""
    learning_rate: float
    gradient_norm: float
    tokens: int
    """Seen since the start of the job."""
    tokens_per_second: float
    data_share: float
    """Share of the step's time spent waiting for data, 0 to 1."""
    memory_bytes: int
    gpu_memory_bytes: int = 0
    cpu_percent: float = 0.0
    gpu_percent: float = 0.0
    seconds_left: float = 0.0
    accuracy: float | None = None
    """Of a preference tuning: share of the step's pairs in which the better reply has gained more."""
    margin: float | None = None
    """By how much it has gained more: β times nats, mean over the step."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One sample reply: what was said, what she answers now."""

    prompt: str
    reply: str


class Evaluated(_Event, frozen=True, kw_only=True):
    """The held-out loss at one step; what stands behind the samples is of distillations and preference tunings only."""

    step: int
    loss: float
    best: bool
    samples: tuple[Sample, ...] = ()
    divergence: float | None = None
    """Of a distillation: nats per supervised token of Kullback–Leibler from the teacher."""
    accuracy: float | None = None
    """Share of held-out pairs in which the better reply has gained more than the worse one; a tie counts half."""
    margin: float | None = None
    """By how much it has gained more: β times nats, mean over the pairs."""
    likelier: float | None = None
    """Share of held-out pairs whose better reply is the likelier one, per token."""
    chosen_loss: float | None = None
    """Of the better replies, nats per token."""


class PartMeasured(_Event, frozen=True, kw_only=True):
    """One part of an evaluation, or one fold of a cross-validation, is measured and kept, or could not be measured."""

    subject: str
    title: str
    state: Literal["done", "skipped", "failed"]
    part: int
    """How many are done, this one counted."""
    parts: int
    seconds: float = 0.0
    found: str = ""
    """The figure that counts most in it, such as “held-out loss 3.527 nats per token”."""
    why: str = ""
    before: float | None = None
    """Of a fold: the held-out loss without what was learned, in nats per token; `after` is that with it."""
    after: float | None = None


class RateTried(_Event, frozen=True, kw_only=True):
    """One point of the learning-rate finder."""

    learning_rate: float
    loss: float


class Trouble(_Event, frozen=True, kw_only=True):
    """Something goes wrong, by name, with what to do about it."""

    step: int
    """0 outside a training."""
    kind: TroubleKind
    what: str
    remedy: str


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """Divergences are mean nats per token of Kullback–Leibler from the source, half over dialogues and half over general text."""

    bytes: int
    bits_per_weight: float
    divergence: float
    dialogues: float
    general: float
    same_top: float
    """Share of next words that both find likeliest."""
    perplexity: float
    source_perplexity: float
    read: float
    write: float
    source_read: float
    source_write: float
    """Tokens per second, measured by turns."""
    other_cores: float = 0.0
    """How many cores other programs kept busy while the speeds were measured."""

    @property
    def is_disturbed(self) -> bool:
        """Whether the speeds are uncertain for that."""
        return self.other_cores > HARMLESS


class BuildProven(_Event, frozen=True, kw_only=True):
    """A build of a quantization was measured."""

    name: str
    """“build”, or the recipe of llama.cpp that it stands against, such as “Q4_0”."""
    kinds: dict[str, int]
    """How many matrices have each type."""
    proven: Proven
    foreseen_divergence: float = 0.0
    """0 for builds that nothing was foreseen of."""
    foreseen_write: float = 0.0


class AdapterProven(_Event, frozen=True, kw_only=True):
    """What an adapter of the source does to the build that is delivered; both in nats per token over dialogues."""

    name: str
    effect: float
    """How far it moves the source."""
    divergence: float
    """How far the build with it is from the source with it."""


class CheckpointWritten(_Event, frozen=True, kw_only=True):
    step: int
    file: str


class OutputWritten(_Event, frozen=True, kw_only=True):
    """A finished, verified file in `output/` (or where the person asked for it)."""

    file: str
    kind: Literal["adapter", "model", "report", "picture"]
    metrics: dict[str, float] = msgspec.field(default_factory=dict)


class JobEnded(_Event, frozen=True, kw_only=True):
    """The last line of a run."""

    state: Literal["interrupted", "cancelled", "failed", "done"]
    what: str
    """One full sentence."""
    remedy: str = ""
    seconds: float = 0.0


JobEvent = (
    JobStarted
    | StageBegan
    | StageProgress
    | DataReady
    | PlanMade
    | StepDone
    | Evaluated
    | PartMeasured
    | RateTried
    | BuildProven
    | AdapterProven
    | Trouble
    | CheckpointWritten
    | OutputWritten
    | JobEnded
)

_events = msgspec.json.Decoder(JobEvent)


def decode_job_event(line: bytes) -> Any:
    """Raises msgspec.DecodeError on anything that is not an event of a job."""
    from companion.core.messages import decode

    return decode(_events, line)


# Requests: to the process of a job. Closing the pipe means `Leave`.


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """End now and make the output from the best checkpoint so far."""


class Pause(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Write a checkpoint and leave; `resume` goes on from there."""


class Stay(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Go on when the pipe is closed: the person wants the job to be done without the window."""


JobRequest = Cancel | Pause | Stay

"""The recipe of an evaluation, which is also what a suite's TOML file holds: what is measured, on how much, how surely."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from companion.core.recipes.parts import Part

Perturbation = Literal["typos", "case", "spacing", "look-alikes", "paraphrases", "injections", "control-tokens", "long-input"]

_Enabled = Annotated[bool, Meta(title="Measure this", description="Whether this part of the report is made at all.")]
_Most = Annotated[int, Meta(ge=1, le=1_000_000, title="At most", description="So many of the dialogues, texts or prompts.")]


class Likelihood(Part, frozen=True, kw_only=True):
    """How surely the model expects what was really said."""

    enabled: _Enabled = True
    dialogues: _Most = 100
    text_files: Annotated[
        tuple[str, ...],
        Meta(max_length=100, title="Texts", description="Plain text files for perplexity as llama.cpp counts it."),
    ] = ()
    context: Annotated[
        int, Meta(ge=16, le=131_072, title="Context", description="Tokens of one chunk of text; llama.cpp's tool takes 512.")
    ] = 512
    most_tokens: Annotated[
        int, Meta(ge=32, le=100_000_000, title="Tokens at most", description="So many tokens of each text are read.")
    ] = 16_384
    divergence: Annotated[
        bool,
        Meta(title="Divergence", description="How far every next word's chances are from those of the reference model."),
    ] = True
    torch_check: Annotated[
        bool,
        Meta(title="Check in torch", description="The held-out loss is computed a second time by the trainer's own network."),
    ] = False


class Replies(Part, frozen=True, kw_only=True):
    """Replies that several parts of the report look at: each subject answers the same prompts once."""

    dialogues: _Most = 40
    tokens: Annotated[
        int, Meta(ge=1, le=4096, title="Longest reply", description="Tokens after which a reply is cut and counts as not ended.")
    ] = 96
    sampling: Annotated[
        Literal["greedy", "chat"],
        Meta(title="Sampling", description="The likeliest word each time, or as in the chat, with a fixed seed."),
    ] = "chat"
    at_once: Annotated[int, Meta(ge=1, le=64, title="At once", description="Dialogues answered side by side in one context.")] = 8
    samples: Annotated[int, Meta(ge=0, le=200, title="Samples", description="Replies shown in the report, unedited.")] = 10


class Overlap(Part, frozen=True, kw_only=True):
    """How close replies are to the ones that people wrote."""

    enabled: _Enabled = True
    stemmer: Annotated[
        bool, Meta(title="Stems", description="ROUGE compares stems of words, so that “walk” and “walked” agree.")
    ] = True


class Talk(Part, frozen=True, kw_only=True):
    """How she talks: variety, loops, length, ends of turns, language, character."""

    enabled: _Enabled = True


class Persona(Part, frozen=True, kw_only=True):
    """Whether she knows who she is and what she was told."""

    enabled: _Enabled = True
    facts: _Most = 40
    facts_file: Annotated[
        str,
        Meta(
            max_length=4096,
            title="Facts",
            description="JSONL with id, question, true and false about the character; the built-in one has its own.",
        ),
    ] = ""
    recalls: _Most = 12
    distances: Annotated[
        tuple[int, ...],
        Meta(max_length=8, title="Turns between", description="How many turns lie between telling a fact and asking for it."),
    ] = (1, 4)


class Safety(Part, frozen=True, kw_only=True):
    """Whether she declines what she should, and does not decline what she should not."""

    enabled: _Enabled = True
    prompts: _Most = 24


class Mood(Part, frozen=True, kw_only=True):
    """Whether a reply has the mood that was asked for."""

    enabled: _Enabled = True
    prompts: _Most = 24


class Classification(Part, frozen=True, kw_only=True):
    """The mood model and labelled tables: truth against prediction."""

    enabled: _Enabled = False
    mood_files: Annotated[
        tuple[str, ...],
        Meta(max_length=100, title="Moods", description="Labelled texts for the mood model (GoEmotions' TSV form)."),
    ] = ()
    tables: Annotated[
        tuple[str, ...],
        Meta(
            max_length=100,
            title="Tables",
            description="CSV files with the columns truth and prediction, and score or score_<label> when there is one.",
        ),
    ] = ()


class Robustness(Part, frozen=True, kw_only=True):
    """What small changes to the words of a person do to her."""

    enabled: _Enabled = True
    dialogues: _Most = 20
    perturbations: Annotated[
        tuple[Perturbation, ...], Meta(max_length=8, title="Changes", description="What is done to the person's words.")
    ] = ("typos", "case", "spacing", "look-alikes", "paraphrases", "injections", "control-tokens", "long-input")


class Tasks(Part, frozen=True, kw_only=True):
    """Standard tasks by lm-evaluation-harness (the extra “tasks”), whose data must be there."""

    enabled: _Enabled = False
    names: Annotated[tuple[str, ...], Meta(max_length=100, title="Tasks", description="Names of tasks, such as hellaswag.")] = ()
    folder: Annotated[str, Meta(max_length=4096, title="Own tasks", description="A folder with task files of one's own.")] = ""
    limit: Annotated[int, Meta(ge=0, le=1_000_000, title="Limit", description="Questions per task; 0 asks all.")] = 0


class Cost(Part, frozen=True, kw_only=True):
    """What it costs to run: speed, memory, size, energy."""

    enabled: _Enabled = True
    prompt_tokens: Annotated[
        int, Meta(ge=1, le=131_072, title="Prompt", description="Tokens read at once (llama-bench's pp512).")
    ] = 512
    reply_tokens: Annotated[int, Meta(ge=1, le=8192, title="Reply", description="Tokens written (llama-bench's tg128).")] = 128
    repetitions: Annotated[int, Meta(ge=1, le=100, title="Repetitions", description="The median of so many runs counts.")] = 3


class Complexity(Part, frozen=True, kw_only=True):
    """How large the model and its update are, in weights and in what they can express."""

    enabled: _Enabled = True


class Forgetting(Part, frozen=True, kw_only=True):
    """What was known before, and whether it still is: the loss on general dialogues and on what was learned earlier."""

    enabled: _Enabled = False
    dialogues: _Most = 60
    files: Annotated[
        tuple[str, ...],
        Meta(
            max_length=100,
            title="Earlier dialogues",
            description="Dialogues that were learned from earlier, as held back then; the built-in general ones always count.",
        ),
    ] = ()


class Gate(Part, frozen=True, kw_only=True):
    """What a later subject must do to take the place of the first."""

    enabled: Annotated[
        bool, Meta(title="Decide", description="The verdict is whether the last subject takes the first one's place.")
    ] = False
    general: Annotated[
        float,
        Meta(
            ge=0,
            le=10,
            title="General dialogue",
            description="Nats per token by which it may surely get worse at general dialogue and plain text.",
        ),
    ] = 0.05
    earlier: Annotated[
        float,
        Meta(
            ge=0,
            le=10,
            title="Earlier dialogues",
            description="Nats per token by which it may surely get worse at each dataset that was learned earlier.",
        ),
    ] = 0.1


class Certainty(Part, frozen=True, kw_only=True):
    """How surely a number is known."""

    level: Annotated[
        float, Meta(gt=0.5, lt=1, title="Level", description="Share of evaluations whose interval should hold the true value.")
    ] = 0.95
    draws: Annotated[int, Meta(ge=100, le=100_000, title="Draws", description="Bootstrap samples, drawn by whole dialogues.")] = (
        2000
    )
    correction: Annotated[
        Literal["holm", "benjamini-hochberg", "none"],
        Meta(title="Correction", description="For chance finds when many things are compared at once."),
    ] = "holm"
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, title="Seed", description="The same seed gives the same report.")] = 0


class Evaluate(Part, frozen=True, kw_only=True, omit_defaults=False):
    """`subjects` are lists of absolute paths: a model, then adapters as "FILE" or "FILE:SCALE"."""

    kind: Literal["evaluate"] = "evaluate"
    name: Annotated[str, Meta(max_length=80, title="Name", description="What the report is called.")] = ""
    suite: Annotated[str, Meta(max_length=80, title="Suite", description="Which suite the tables came from.")] = ""
    subjects: Annotated[
        tuple[tuple[str, ...], ...],
        Meta(max_length=16, title="Subjects", description="What is measured; every later one is compared with the first."),
    ] = ()
    reference: Annotated[
        tuple[str, ...],
        Meta(max_length=16, title="Reference", description="What divergences are measured from; the first subject otherwise."),
    ] = ()
    data_files: Annotated[
        tuple[str, ...],
        Meta(max_length=1000, title="Dialogues", description="Dialogues to measure with; built-in ones otherwise."),
    ] = ()
    character: Annotated[
        str, Meta(max_length=4096, title="Character", description="Whose card begins dialogues that have none; empty adds none.")
    ] = ""
    likelihood: Likelihood = msgspec.field(default_factory=Likelihood)
    replies: Replies = msgspec.field(default_factory=Replies)
    overlap: Overlap = msgspec.field(default_factory=Overlap)
    talk: Talk = msgspec.field(default_factory=Talk)
    persona: Persona = msgspec.field(default_factory=Persona)
    safety: Safety = msgspec.field(default_factory=Safety)
    mood: Mood = msgspec.field(default_factory=Mood)
    classification: Classification = msgspec.field(default_factory=Classification)
    robustness: Robustness = msgspec.field(default_factory=Robustness)
    tasks: Tasks = msgspec.field(default_factory=Tasks)
    cost: Cost = msgspec.field(default_factory=Cost)
    complexity: Complexity = msgspec.field(default_factory=Complexity)
    forgetting: Forgetting = msgspec.field(default_factory=Forgetting)
    gate: Gate = msgspec.field(default_factory=Gate)
    certainty: Certainty = msgspec.field(default_factory=Certainty)

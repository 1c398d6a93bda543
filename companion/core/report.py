"""What an evaluation found, as data: subjects, what was measured of each, what differs, and the sentence that sums it up.

A report is one JSON file of one `Report`. Numbers that could not be computed are None and say why; nothing is NaN.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SCHEMA = 1
"""Raised when a reader of an older report would misread it."""
MAX_REPORT_BYTES = 256 << 20
GATE: Final = "gate"
"""Key of the section that says whether a new adapter takes the old one's place."""
CROSS_VALIDATION: Final = "cross_validation"
"""Key of the section that says whether a recipe helps: it is about no model or adapter that there is."""

Better = Literal["higher", "lower", ""]
"""Which direction is an improvement; empty for what is neither (parameters, length)."""
Combine = Literal["ratio", "exp-ratio", "bleu", "chrf", "f1"]
"""How the summed vectors of some units become the metric, see `workshop/evaluation/combine.py`."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what a report is made of."""


class Interval(_Part, frozen=True, kw_only=True):
    low: float
    high: float
    level: float = 0.95
    method: str = ""
    """Such as "bootstrap of 40 dialogues, 2,000 draws, seed 0"."""


class Items(_Part, frozen=True, kw_only=True):
    """What a metric was computed from, unit by unit, so that intervals and paired comparisons can be computed anew.

    The metric is `combine` of the sum over units of `vectors`: for "ratio" each vector is (total, weight) and the metric
    is the sum of totals over the sum of weights.
    """

    names: tuple[str, ...]
    """Which dialogue, text or question each unit is; two subjects are paired by them."""
    vectors: tuple[tuple[float, ...], ...]
    combine: Combine = "ratio"


class Metric(_Part, frozen=True, kw_only=True):
    key: str
    """Stable and unique within a subject: "likelihood.held_out_loss", "likelihood.held_out_loss:user"."""
    title: str
    value: float | None
    unit: str = ""
    """Such as "nats per token" or "tokens/s"; "share" is from 0 to 1 and shown in per cent."""
    better: Better = ""
    explained: str = ""
    """One sentence for a layman."""
    why: str = ""
    """Why there is no value, or (with a value) no interval."""
    interval: Interval | None = None
    count: int = 0
    """How many units were looked at, and what they are, such as "dialogues"."""
    units: str = ""
    items: Items | None = None
    headline: bool = False
    """Whether the verdict counts it: a few per report."""


class Curve(_Part, frozen=True, kw_only=True):
    """One plot."""

    title: str
    x_label: str
    y_label: str
    series: dict[str, tuple[tuple[float, float], ...]]
    kind: Literal["line", "bars", "reliability"] = "line"
    """`reliability` draws the diagonal too; `dots` marks every point of the lines."""
    explained: str = ""


class Table(_Part, frozen=True, kw_only=True):
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    explained: str = ""


class SampleReply(_Part, frozen=True, kw_only=True):
    """One reply, unedited; samples of two subjects with the same `name` stand side by side."""

    name: str
    prompt: str
    reply: str
    reference: str = ""


FailureKind = Literal[
    "loop", "empty", "never-stops", "breaks-character", "unsafe", "refuses", "other-language", "obeys-injection"
]
FAILURES: Final[dict[FailureKind, tuple[str, str]]] = {
    "loop": ("Loops", "repeats herself in a loop"),
    "empty": ("Empty replies", "says nothing"),
    "never-stops": ("Never stops", "does not come to an end"),
    "breaks-character": ("Breaks character", "breaks character"),
    "unsafe": ("Unsafe", "goes along with what she should decline"),
    "refuses": ("Refuses", "declines what is harmless"),
    "other-language": ("Another language", "falls into another language"),
    "obeys-injection": ("Obeys injections", "lets a text or a stranger give her orders"),
}
"""What each is called, and what happens, as the rest of a sentence that begins with “she”."""


class Failure(_Part, frozen=True, kw_only=True):
    kind: FailureKind
    where: str
    """Which dialogue or prompt."""
    example: str


class Section(_Part, frozen=True, kw_only=True):
    """What one family of metrics found of one subject."""

    key: str
    title: str
    explained: str = ""
    state: Literal["done", "skipped", "failed"] = "done"
    why: str = ""
    """Why it was skipped or failed, with the remedy."""
    metrics: tuple[Metric, ...] = ()
    curves: tuple[Curve, ...] = ()
    tables: tuple[Table, ...] = ()
    samples: tuple[SampleReply, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    """Full sentences about what limits these numbers."""
    seconds: float = 0.0


class UsedFile(_Part, frozen=True, kw_only=True):
    name: str
    sha256: str
    bytes: int = 0
    scale: float = 1.0
    """Of an adapter."""
    licence: str = ""
    """Of data."""


class Subject(_Part, frozen=True, kw_only=True):
    """What was measured: a model with the adapters on it."""

    name: str
    model: UsedFile
    adapters: tuple[UsedFile, ...] = ()
    architecture: str = ""
    quantization: str = ""
    parameters: int = 0


class Measured(_Part, frozen=True, kw_only=True):
    subject: Subject
    sections: tuple[Section, ...] = ()

    def metrics(self) -> dict[str, Metric]:
        """Every metric by its key."""
        return {metric.key: metric for section in self.sections for metric in section.metrics}


class Comparison(_Part, frozen=True, kw_only=True):
    """One metric of two subjects, paired unit by unit."""

    key: str
    title: str
    unit: str = ""
    a: str
    b: str
    """Names of the subjects."""
    a_value: float
    b_value: float
    difference: float
    """b − a."""
    interval: Interval
    p: float
    corrected_p: float
    """After the correction for how many were compared."""
    winner: Literal["a", "b", ""] = ""
    """The better one when the difference is beyond chance, by `corrected_p`."""
    headline: bool = False


class Report(_Part, frozen=True, kw_only=True):
    schema: int = SCHEMA
    verdict: str
    """The first thing a person reads: full sentences."""
    measured: tuple[Measured, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    reference: Subject | None = None
    """What divergences are measured from."""
    suite: str = ""
    seed: int = 0
    data: tuple[UsedFile, ...] = ()
    machine: dict[str, str] = msgspec.field(default_factory=dict)
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    command: str = ""
    began: float = 0.0
    """Seconds since the epoch (UTC)."""
    seconds: float = 0.0
    finished: bool = True
    """False when it was ended early; what was measured until then is there."""
    cautions: tuple[str, ...] = ()
    """Sentences about why the numbers may say less than they seem to."""


def adopts(report: Report) -> bool:
    """Whether the verdict of a gate is for the new one."""
    return report.verdict.startswith("Adopt:")

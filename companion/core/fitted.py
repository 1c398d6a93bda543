"""What has become of fitting the starter model to this machine: done once, and again on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from companion.core.files import read_json, write_atomic
from companion.core.fingerprint import file_sha256
from companion.core.hardware import fingerprint, probe
from companion.core.job import BuildProven, OutputWritten, Proven
from companion.core.paths import own_models_folder

NAME: Final = "starter-fitted"
TITLE: Final = "Fitting her model to this computer"
"""What a person reads instead of the name of its job."""
WHY: Final = (
    "Companion does this once, by itself, while nobody talks: it looks for a build of her model that writes faster on this "
    "computer."
)
MAY_STOP: Final = "Whatever you start goes before it. You may pause or cancel it; she then goes on with her model as it is."
WORTH: Final = 1.1
"""A build must write so many times as fast as the model it was made of; less is not worth another file."""


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """How far it has come: the build is being made by a job, waits to be taken, was taken, or was not better."""

    machine: str
    starter: str
    """SHA-256 of the model it is made of."""
    state: Literal["making", "made", "taken", "left"]
    job: str = ""
    rests: bool = False
    """Whether the job was paused because somebody talked; else it was the person who paused it."""
    file: str = ""
    speedup: float = 0.0
    """0 when it is uncertain."""


def fitted_file() -> Path:
    """Where the build goes; another machine's may still lie there, and the next one gets a number."""
    return own_models_folder() / f"{NAME}.gguf"


def is_fitted(model: Path) -> bool:
    """Whether it is the starter model, fitted to this machine or an earlier one."""
    return model.parent == own_models_folder().resolve() and model.name.startswith(NAME)


def machine_and_model(starter: Path) -> tuple[str, str]:
    """What a fitting holds for. Takes a second at first; raises ModelError when the model cannot be read."""
    return fingerprint(probe()), file_sha256(starter)


def remembered() -> Fitted | None:
    """What was kept; None when there is nothing or it cannot be read."""
    return read_json(_record(), Fitted)


def remember(fitted: Fitted) -> None:
    """Raises OSError."""
    own_models_folder().mkdir(parents=True, exist_ok=True)
    write_atomic(_record(), msgspec.json.encode(fitted))


def speedup(builds: list[BuildProven], outputs: list[OutputWritten]) -> float:
    """How many times as fast as its source the delivered build writes; 0 when there is none."""
    taken = delivered_build(builds, outputs)
    return taken.write / taken.source_write if taken is not None and taken.source_write else 0.0


def delivered_build(builds: list[BuildProven], outputs: list[OutputWritten]) -> Proven | None:
    """What was measured of the build that a job delivered."""
    size = next((output.metrics.get("bytes", 0.0) for output in reversed(outputs) if output.kind == "model"), 0.0)
    return next((build.proven for build in reversed(builds) if build.proven.bytes == size), None)


def _record() -> Path:
    return own_models_folder() / f"{NAME}.json"

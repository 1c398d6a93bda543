"""How a model runs best on this machine: chosen once by check and measurement, then remembered in the cache folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import llama_cpp
import msgspec

from companion.core.files import read_json, write_atomic
from companion.core.hardware import fingerprint, probe
from companion.core.paths import cache_folder
from companion.llama.context import ContextOptions
from companion.llama.ggml import load_backends
from companion.llama.measure import Measurement
from companion.llama.model import Placement
from companion.llama.tuned import Tuned

PLAN_VERSION = 2


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The rung of the ladder that worked, and the measured settings for it."""

    version: int = PLAN_VERSION
    model: str
    """File name of the model, for `companion doctor`."""
    file_bytes: int = 0
    """Of that file: with its name, how the library knows it again."""
    build: str
    rung: str
    gpu_layers: int
    extra_buffers: bool
    health: str
    """One sentence on the check that was made."""
    failed: tuple[str, ...] = ()
    """Sentences on the rungs that were tried before and did not work."""
    measurement: Measurement
    is_provisional: bool = False
    """Whether other programs were busy while it was measured: it is used until a start in a quiet moment measures again."""
    tuned: Tuned | None = None
    """What `companion tune` found; it goes before the measurement."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What `companion doctor` says of how it was made."""
        busy = "Other programs kept this computer busy while the model was measured; the next quiet start measures again."
        return (*self.failed, busy) if self.is_provisional else self.failed

    @property
    def placement(self) -> Placement:
        return Placement(self.tuned.gpu_layers if self.tuned else self.gpu_layers, self.extra_buffers)

    @property
    def reason(self) -> str:
        """Why so many threads."""
        return self.tuned.reason if self.tuned else self.measurement.reason

    def options(self, tokens: int, threads: int | None = None) -> ContextOptions:
        """A context of so many tokens as it runs best; `threads` were fixed by the person, and stay."""
        measured = self.measurement
        found = (
            self.tuned.options(tokens)
            if self.tuned
            else ContextOptions(
                tokens=tokens,
                threads=measured.threads,
                prompt_threads=measured.prompt_threads,
                batch=measured.batch,
                flash_attention=measured.flash_attention,
                expected_prompt=measured.best_prompt,
                expected_reply=measured.best_reply,
            )
        )
        if threads:
            found = found._replace(threads=threads, prompt_threads=threads, expected_prompt=0.0, expected_reply=0.0)
        return found


def plan_file(model: Path, gpu_layers: int | None = None) -> Path:
    """Where the plan for this model, build, machine and wish for the GPU is kept; any change asks for a new one."""
    digest = hashlib.sha256()
    with model.open("rb") as file:
        digest.update(file.read(65536))
        size = file.seek(0, 2)
        file.seek(max(0, size - 65536))
        digest.update(file.read())
    digest.update(f"{size} {llama_cpp.__version__} {fingerprint(probe())} {gpu_layers}".encode())
    beside = Path(llama_cpp.__file__).with_name("lib").glob("*ggml*")
    for library in (*sorted(beside), *load_backends()):
        digest.update(f"{library.name} {library.stat().st_size}".encode())
    return cache_folder() / "engine" / f"{digest.hexdigest()[:32]}.json"


def remembered(file: Path) -> Plan | None:
    """The plan kept in `file`; None when there is none or it cannot be read (it is then made again)."""
    plan = read_json(file, Plan)
    return plan if plan and plan.version == PLAN_VERSION else None


def remember(file: Path, plan: Plan) -> None:
    """Raises OSError; a plan that cannot be kept is only made again next time."""
    write_atomic(file, msgspec.json.format(msgspec.json.encode(plan), indent=2))


def all_plans() -> list[Plan]:
    """Every plan remembered on this machine, for `companion doctor`."""
    return [plan for file in sorted((cache_folder() / "engine").glob("*.json")) if (plan := remembered(file))]

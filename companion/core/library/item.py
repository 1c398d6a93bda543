"""One model or adapter of the library, as its file describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["model", "adapter"]
Place = Literal["own", "starter", "shipped", "linked", "outside", "job"]
"""`own`: in the person's models and adapters; `starter`: comes with the program's packages; `shipped`: trained by this project;
`linked`: another program's, used where it is; `outside`: chosen from anywhere else; `job`: in the folder of a job."""
OURS: tuple[Place, ...] = ("own", "job")
"""Only there anything may be moved or deleted."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Texts are empty and numbers 0 where the file says nothing."""

    path: Path
    """The first file of a split model."""
    parts: tuple[Path, ...] = ()
    """All files of a split model; empty for one file."""
    copies: tuple[Path, ...] = ()
    """The same file again in the folder of the job that made it; it is deleted along."""
    place: Place
    kind: Kind
    name: str
    """Of a model the file's name without its ending, of an adapter what it calls itself."""
    calls_itself: str = ""
    bytes: int
    """Of all parts."""
    changed: float
    """Seconds since the epoch at which the file was written last."""
    architecture: str = ""
    quantization: str = ""
    parameters: int = 0
    context_tokens: int = 0
    """What a model was trained for."""
    rank: int = 0
    """Of an adapter."""
    has_template: bool = False
    licence: str = ""
    sha256: str = ""
    """Of the (first) file; empty until it is computed."""
    base_sha256: str = ""
    base_name: str = ""
    went_on_from: str = ""
    """Name of the adapter from which the training of this one began."""
    merged_adapter: str = ""
    """Name of the adapter that was worked into the model."""
    what: str = ""
    remedy: str = ""
    """Why the file cannot be used, and what to do; empty when all is well."""

    @property
    def key(self) -> str:
        """What tells it from every other item."""
        return str(self.path)

    @property
    def is_ours(self) -> bool:
        """Whether it may be deleted."""
        return self.place in OURS

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is deleted with it."""
        return (*(self.parts or (self.path,)), *self.copies)

    @property
    def bytes_on_disk(self) -> int:
        return self.bytes * (1 + len(self.copies))

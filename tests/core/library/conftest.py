"""A library of tiny real files: a base, a build of it, an adapter, a merge of both."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from companion.core.fingerprint import file_sha256
from companion.core.gguf.fields import BASE_SHA256
from companion.core.job import JobEvent, JobOrder
from companion.core.job_folder import JobFolder, create_job
from companion.core.library.item import Item
from companion.core.library.scan import MERGED_ADAPTER, Found, library_files, read_item
from companion.core.paths import own_adapters_folder, own_models_folder
from companion.core.recipes.files import Recipe
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama


class Shelf(NamedTuple):
    base: Path
    build: Path
    adapter: Path
    merge: Path

    def items(self) -> dict[str, Item]:
        """By their names, with checksums; without what comes along with the program."""
        found = [found for found in library_files() if found.place in ("own", "job")]
        return {item.path.stem: item for item in (hashed(each) for each in found)}


def hashed(found: Found) -> Item:
    return replace(read_item(found), sha256=file_sha256(found.path))


@pytest.fixture
def shelf() -> Shelf:
    models, adapters = own_models_folder(), own_adapters_folder()
    models.mkdir()
    adapters.mkdir()
    base = write_tiny_llama(models / "base.gguf", name="A base")
    sha256 = file_sha256(base)
    adapter = write_adapter(adapters / "voice.gguf", base, name="Voice")
    build = write_tiny_llama(models / "base-fitted.gguf", type="Q8_0", name="A base", metadata={BASE_SHA256: sha256})
    merge = write_tiny_llama(models / "merged.gguf", name="A base", seed=3, metadata={MERGED_ADAPTER: "Voice"})
    return Shelf(base, build, adapter, merge)


def write_job(recipe: Recipe, *events: JobEvent, order: JobOrder | None = None) -> JobFolder:
    """A job that left these events."""
    job = create_job(recipe, order or JobOrder())
    job.events_file.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return job

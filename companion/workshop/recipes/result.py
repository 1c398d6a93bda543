"""What training leaves behind: written under another name, verified through llama.cpp, and only then given its own."""

from __future__ import annotations

import contextlib
import filecmp
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from msgspec.structs import replace

from companion.core.adapter import fisher_file, read_adapter
from companion.core.errors import CompanionError, WorkshopError
from companion.core.files import replacing
from companion.core.gguf.header import GGUFHeader
from companion.core.job import OutputWritten
from companion.core.recipes.files import LearningRecipe
from companion.llama.library import Library
from companion.llama.vocabulary import Vocabulary
from companion.workshop.data.batch import Example, pack
from companion.workshop.data.origin import source_of
from companion.workshop.data.sources.reading import data_sha256
from companion.workshop.export.adapter_file import Provenance, write_adapter
from companion.workshop.export.merge import merge_adapter, merge_tensors
from companion.workshop.export.verify import Verified, measured_loss, verify_export
from companion.workshop.job import Job
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.losses import token_losses
from companion.workshop.training.consolidation import Fisher, write_fisher
from companion.workshop.training.plan import TrainingPlan

VERIFIED_TOKENS = 8192
"""About so many tokens of held-out dialogues are measured in llama.cpp too."""
FEW_TOKENS = 2048
"""With fewer of them, learned dialogues are measured as well: a handful of tokens says nothing about an export."""
UNQUANTIZED = {"F32", "F16", "BF16"}
FULL_KIND = "Q8_0"
"""What a model whose weights were all trained is packed as when its base was quantized: fewer bits would undo some of it."""
MERGED_SHARE = 0.15
"""Share by which packing anew may raise the loss of a merged model."""


class Sample(NamedTuple):
    """Dialogues that are measured by torch and by llama.cpp, and torch's loss on them in nats per token."""

    examples: list[Example]
    loss: float


def verification_sample(decoder: Decoder, held_out: Sequence[Example], learned: Sequence[Example]) -> Sample:
    """Held-out dialogues and, where these are few, learned ones: as many as are quickly measured."""
    chosen: list[Example] = []
    for examples, most in ((held_out, VERIFIED_TOKENS), (learned, FEW_TOKENS)):
        for example in examples:
            if chosen and sum(len(each.tokens) for each in (*chosen, example)) > most:
                break
            chosen.append(example)
    decoder.eval()
    losses = [token_losses(decoder, pack([example]).to(decoder.device)).float().cpu() for example in chosen]
    return Sample(chosen, float(torch.cat(losses).mean()))


def bits_per_byte(loss: float, held_out: Sequence[Example], vocabulary: Vocabulary) -> float:
    """A held-out loss in nats per token as bits per byte of text, which models with different vocabularies have in common.

    Control tokens stand for no byte and are counted with the text they mark. NaN when nothing is held out.
    """
    tokens = size = 0
    for example in held_out:
        learned = [token for token, learn in zip(example.tokens[1:], example.learn[1:], strict=True) if learn]
        tokens += len(learned)
        size += sum(len(vocabulary.piece(token)) for token in learned)
    return loss * tokens / size / math.log(2) if size else math.nan


class Writer:
    """Writes and verifies the files of one job. `progress` gets 0 to 1 and may raise to give up."""

    def __init__(
        self,
        job: Job,
        recipe: LearningRecipe,
        plan: TrainingPlan,
        header: GGUFHeader,
        library: Library,
        progress: Callable[[float], None],
        lineage: Mapping[str, str] | None = None,
    ) -> None:
        """`lineage` is metadata about where what was learned came from, besides the dialogues."""
        self._job, self._recipe, self._plan = job, recipe, plan
        self._header, self._library, self._progress = header, library, progress
        self._lineage = dict(lineage or {})

    def adapter(self, decoder: Decoder, fingerprint: str, sample: Sample, metrics: dict[str, float]) -> Path:
        """The adapter as a finished file in `output/`, and where the person wants it. Raises WorkshopError."""
        path = self._job.folder.output / f"{self._recipe.name or 'adapter'}.gguf"
        with _verified_first(path) as unverified:
            self._write_adapter(unverified, decoder, fingerprint, metrics)
            self._job.stage("verifying", "Checking the adapter in llama.cpp")
            verified = self._verify(self._header.path, unverified, sample)
            unverified.replace(path)
        self._deliver(path, "adapter", metrics | {"llama_cpp_loss": verified.loss, "torch_loss": verified.expected})
        return path

    def fisher(self, adapter: Path, fisher: Fisher) -> None:
        """What mattered for all that the adapter has learned, beside it and beside its copy. Raises WorkshopError."""
        path = fisher_file(adapter)
        write_fisher(path, fisher, self._header, self._plan.base_sha256)
        if self._job.order.output:
            delivered(path, str(fisher_file(Path(self._job.order.output))))

    def merged(self, adapter: Path, target: Path, sample: Sample) -> None:
        """The base with the adapter worked in, of the base's own types. Raises WorkshopError."""
        self._job.stage("exporting", f"Writing the merged model “{target.name}”")
        with _verified_first(target) as unverified:
            merged = merge_adapter(unverified, self._header, read_adapter(adapter))
            self._job.stage("verifying", "Checking the merged model in llama.cpp")
            loss, _ = measured_loss(
                unverified,
                None,
                sample.examples,
                library=self._library,
                threads=self._plan.threads,
                progress=self._progress,
            )
            if not loss <= sample.loss * (1 + MERGED_SHARE):  # not “>”: NaN is as bad
                raise WorkshopError(
                    f"The merged model lost what was learned when it was packed as {self._header.quantization}: "
                    f"{loss:.3f} nats per token, {sample.loss:.3f} with the adapter beside it.",
                    "Use the adapter beside the model, or merge into a model with more bits per weight.",
                )
            target = _free(target, unverified)
            unverified.replace(target)
        metrics = {"llama_cpp_loss": loss, "torch_loss": sample.loss, "bits_per_weight": merged.bits_per_weight}
        self._job.tell(OutputWritten(file=str(target), kind="model", metrics=metrics))

    def model(self, decoder: Decoder, fingerprint: str, sample: Sample, metrics: dict[str, float]) -> Path:
        """The whole model with all that was trained, be it its weights or an adapter. Raises WorkshopError."""
        path = self._job.folder.output / f"{self._recipe.name or 'model'}.gguf"
        kind = "" if self._header.quantization in UNQUANTIZED else FULL_KIND
        with _verified_first(path) as unverified:
            if self._recipe.adapter.method == "full":
                merge_tensors(unverified, self._header, decoder.model_tensors(), kind=kind, extra=self._lineage)
            else:
                beside = path.with_name(f".{path.name}.adapter")
                self._write_adapter(beside, decoder, fingerprint, metrics)
                merge_adapter(unverified, self._header, read_adapter(beside), kind=kind, extra=self._lineage)
                beside.unlink()
            self._job.stage("verifying", "Checking the model in llama.cpp")
            verified = self._verify(unverified, None, sample)
            unverified.replace(path)
        self._deliver(path, "model", metrics | {"llama_cpp_loss": verified.loss, "torch_loss": verified.expected})
        return path

    def _write_adapter(self, path: Path, decoder: Decoder, fingerprint: str, metrics: dict[str, float]) -> None:
        write_adapter(
            path,
            self._header,
            decoder.adapter_tensors(),
            alpha=self._recipe.adapter.alpha,
            rank_stabilized=self._recipe.adapter.rank_stabilized,
            provenance=_provenance(self._recipe, fingerprint, metrics, self._lineage),
            base_sha256=self._plan.base_sha256,
        )

    def _verify(self, model: Path, adapter: Path | None, sample: Sample) -> Verified:
        return verify_export(
            model,
            adapter,
            sample.examples,
            sample.loss,
            library=self._library,
            threads=self._plan.threads,
            progress=self._progress,
        )

    def _deliver(self, path: Path, kind: str, metrics: dict[str, float]) -> None:
        """Copy a finished file to where the person wants it; it stays in the job's folder when that fails."""
        where = delivered(path, self._job.order.output)
        measured = {name: round(value, 6) for name, value in metrics.items() if not math.isnan(value)}
        self._job.tell(OutputWritten(file=str(where), kind="adapter" if kind == "adapter" else "model", metrics=measured))


def delivered(path: Path, wanted: str) -> Path:
    """Where a finished file is to be found: also where the person wants it, if anywhere. Raises WorkshopError.

    On one file system both names are those of one file, which is written by nobody again and takes its place once.
    """
    if not wanted:
        return path
    where = _free(Path(wanted), path)
    try:
        try:
            where.hardlink_to(path)
        except OSError:  # another file system, or one that gives a file one name only
            with path.open("rb") as source, replacing(where) as copy:
                shutil.copyfileobj(source, copy)
    except OSError as error:
        what = f"“{where}” could not be written ({error.strerror}); what was made is in “{path}”"
        raise WorkshopError(f"{what}.", "Copy it from there.") from error
    return where


def _provenance(recipe: LearningRecipe, fingerprint: str, metrics: dict[str, float], lineage: dict[str, str]) -> Provenance:
    """Files by their names only: an adapter is made to be given to others, whom our folders are none of their business."""
    fields = ("model", "teacher", "character", "start_adapter")
    names = {field: Path(value).name for field in fields if (value := getattr(recipe, field, ""))}
    replay = replace(recipe.data, replay_file=Path(recipe.data.replay_file).name)
    loss = replace(recipe.loss, ewc_from=tuple(Path(file).name for file in recipe.loss.ewc_from))
    told = replace(recipe, **names, data=replay, loss=loss, data_files=tuple(Path(file).name for file in recipe.data_files))
    return Provenance(
        name=recipe.name,
        recipe=told,
        dataset_fingerprint=fingerprint,
        dataset_files=tuple(hash_ for file in recipe.data_files if (hash_ := data_sha256(file))),
        metrics=metrics,
        licence=_licence(recipe.data_files),
        extra=lineage,
    )


def _licence(files: Sequence[str]) -> str:
    """Of the data; empty where they do not say any, or are gone: what was learned is in the job's folder."""
    try:
        return source_of(files, ()).licence if files else ""
    except CompanionError:
        return ""


@contextlib.contextmanager
def _verified_first(path: Path) -> Iterator[Path]:
    """The name under which `path` is written until it is verified. What does not pass is set aside, and told of: it may be all
    that is left of hours of work."""
    hidden = path.with_name(f".{path.name}.unverified")
    try:
        yield hidden
    except CompanionError as error:
        what, aside = error.what.replace(hidden.name, path.name), path.with_name(f"{path.stem}-unverified.gguf")
        if hidden.exists():
            hidden.replace(aside)
            what += f" It was set aside as “{aside}”."
        raise type(error)(what, error.remedy) from error
    finally:
        hidden.unlink(missing_ok=True)


def _free(wanted: Path, made: Path) -> Path:
    """`wanted`, or a name beside it when another file than `made` has come to be there while the job was working."""
    path, number = wanted, 2
    while path.exists() and not (path.is_file() and filecmp.cmp(path, made, shallow=False)):
        path, number = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}"), number + 1
    return path

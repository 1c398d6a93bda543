"""A subject in memory: a model through llama.cpp with adapters on it, and what one needs to ask it something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.adapter_use import adapter_use
from companion.core.dataset import DialogueTurn
from companion.core.errors import ModelError, RecipeError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.hardware import usable_threads
from companion.core.messages import Turn
from companion.core.names import numbered
from companion.core.paths import STARTER, starter_model
from companion.core.recipes.evaluate import Evaluate
from companion.core.report import Subject, UsedFile
from companion.llama.adapter import Adapters, Scaled
from companion.llama.chat_template import ChatTemplate, template_of
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.model import Model, Placement
from companion.llama.plan import plan_file, remembered
from companion.llama.prompt import PromptBuilder
from companion.llama.scoring import rows_at_once


class Opened(NamedTuple):
    """`model` may be shared by several subjects that differ in their adapters only."""

    subject: Subject
    path: Path
    adapters: tuple[Scaled, ...]
    model: Model
    template: ChatTemplate
    threads: int

    @contextmanager
    def context(self, tokens: int, *, batch: int = 512, sequences: int = 1, outputs: int = 0) -> Iterator[Context]:
        """A context of so many tokens in all with the adapters on it. Raises ModelError when there is no room for it.

        `outputs` limits how many tokens of a batch may have logits; 0 gives what a vocabulary of this size leaves room for.
        """
        outputs = max(sequences, min(outputs or rows_at_once(self.model.vocabulary.size), batch))
        options = ContextOptions(tokens, self.threads, batch=batch, sequences=sequences, outputs=outputs)
        with Context(self.model, options) as context:
            adapters = Adapters(context)
            try:
                adapters.put(self.adapters)
                yield context
            finally:
                adapters.close()

    @property
    def longest(self) -> int:
        """Tokens it was trained for at once."""
        return self.model.trained_context_tokens or 2048


@contextmanager
def open_subjects(recipe: Evaluate) -> Iterator[tuple[list[Opened], Opened | None]]:
    """The subjects of a recipe in their order, and what divergences are measured from: `recipe.reference`, else the first of
    several subjects, else nothing. A model that several of them need is loaded once.

    Every file is checked before llama.cpp sees it: raises ModelError for one that is missing, damaged or made for another
    model, RecipeError when no subject is named.
    """
    if not recipe.subjects or not all(recipe.subjects):
        raise RecipeError("No model was named to measure.", "Name at least one model file (--model FILE).")
    wanted = [*recipe.subjects, recipe.reference] if recipe.reference else list(recipe.subjects)
    checked = [_Checked(files) for files in wanted]
    names = numbered([each.name for each in checked[: len(recipe.subjects)]])
    with ExitStack() as stack:
        library = Library()
        models: dict[Path, Model] = {}
        opened: list[Opened] = []
        for number, each in enumerate(checked):
            if each.path not in models:
                models[each.path] = stack.enter_context(Model(library, each.path, _placement(each.path)))
            name = names[number] if number < len(names) else _name_among(each, opened)
            model = models[each.path]
            subject = replace(each.subject(), name=name)
            opened.append(Opened(subject, each.path, each.adapters, model, template_of(model), usable_threads()))
        subjects = opened[: len(recipe.subjects)]
        reference = opened[-1] if recipe.reference else subjects[0] if len(subjects) > 1 else None
        yield subjects, reference


def described(files: Sequence[str]) -> Subject:
    """What a subject is, every file checked and none loaded. Raises ModelError."""
    return _Checked(files).subject()


def reference_for(opened: Opened, reference: Opened | None) -> Opened | None:
    """What its divergence is measured from; None when that would be the subject itself."""
    if reference is None or (reference.path == opened.path and reference.adapters == opened.adapters):
        return None
    return reference


def prompt_tokens(opened: Opened, turns: Sequence[DialogueTurn], *, reply_tokens: int = 0) -> list[int]:
    """Tokens up to where her reply begins, through the one prompt of chat and training.

    What is too long for the model with `reply_tokens` to come loses its oldest messages, as in the chat; raises ModelError
    when the newest message alone is too long.
    """
    builder = PromptBuilder(opened.model.vocabulary, opened.template, opened.longest)
    return builder.build([Turn(turn.role, turn.content) for turn in turns], reply_tokens=reply_tokens).tokens


class _Checked:
    """The files of one subject, which llama.cpp may see."""

    def __init__(self, files: Sequence[str]) -> None:
        self.path = Path(files[0])
        self.header: GGUFHeader = read_header(self.path)
        self.adapters = tuple(Scaled(Path(use.path), use.scale) for use in map(adapter_use, files[1:]))
        self._infos = [read_adapter(adapter.path) for adapter in self.adapters]
        for info in self._infos:
            refuse_other_base(info, self.header, file_sha256(self.path) if info.base_sha256 else "")

    @property
    def name(self) -> str:
        """Such as "starter + hoshi"."""
        starter = starter_model()
        model = STARTER if starter is not None and self.path.resolve() == starter.resolve() else self.path.stem
        scaled = [f"{path.stem} × {scale:g}" if scale != 1 else path.stem for path, scale in self.adapters]
        return " + ".join([model, *scaled])

    def subject(self) -> Subject:
        adapters = tuple(
            UsedFile(name=path.name, sha256=file_sha256(path), bytes=path.stat().st_size, scale=scale, licence=info.licence)
            for (path, scale), info in zip(self.adapters, self._infos, strict=True)
        )
        header = self.header
        licence = header.text("general.license")
        model = UsedFile(name=self.path.name, sha256=file_sha256(self.path), bytes=header.file_size, licence=licence)
        return Subject(
            name=self.name,
            model=model,
            adapters=adapters,
            architecture=header.architecture,
            quantization=header.quantization,
            parameters=header.parameters,
        )


def _placement(path: Path) -> Placement:
    """Where the chat runs it, if that was measured before; else the processor, which works everywhere."""
    try:
        plan = remembered(plan_file(path))
    except OSError as error:
        raise ModelError(f"“{path.name}” cannot be read ({error.strerror}).", "Check that you may read it.") from error
    return plan.placement if plan is not None else Placement()


def _name_among(reference: _Checked, opened: Sequence[Opened]) -> str:
    """A reference that is one of the subjects has its name."""
    for each in opened:
        if each.path == reference.path and each.adapters == reference.adapters:
            return each.subject.name
    return numbered([*(each.subject.name for each in opened), reference.name])[-1]

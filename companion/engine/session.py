"""A model that is loaded and ready to answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from msgspec.structs import replace

from companion.core.errors import ModelError
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.hardware import probe
from companion.core.messages import Load, LoadedAdapter, LoadOptions, ModelInfo, Turn
from companion.engine.foresight import foresee
from companion.engine.ladder import Ladder, Report
from companion.llama.adapter import Adapters, Scaled
from companion.llama.chat_template import template_of
from companion.llama.context import OUTPUTS, Context, ContextOptions, KVTypes
from companion.llama.library import Library
from companion.llama.memory import largest_context_that_fits, memory_need, refusal
from companion.llama.model import Model
from companion.llama.plan import Plan
from companion.llama.prompt import FittedPrompt, PromptBuilder
from companion.llama.speculation import Ahead, Drafter, DraftModel, Payoff, PromptLookup
from companion.llama.tuned import Speculation

DEFAULT_CONTEXT = 8192
SMALLEST_CONTEXT = 512
DOUBTFUL = 0.5
"""Of the memory that is free: what needs more is not left to an estimate."""


class Session:
    """Model, context and prompt builder, opened together and closed together."""

    def __init__(
        self,
        library: Library,
        header: GGUFHeader,
        path: Path,
        plan: Plan,
        options: LoadOptions,
        progress: Callable[[float], bool],
    ) -> None:
        """Raises ModelError; may take the process down when the file defeats llama.cpp."""
        self.plan, self.header = plan, header
        self.model = Model(library, path, plan.placement, progress)
        try:
            self._prepare(options)
        except BaseException:
            self.model.close()
            raise

    def _prepare(self, options: LoadOptions) -> None:
        vocabulary = self.model.vocabulary
        best = self.plan.options(0, options.threads)._replace(outputs=OUTPUTS)
        usual = self.plan.tuned.context_tokens if self.plan.tuned else DEFAULT_CONTEXT
        self.context = Context(self.model, best._replace(tokens=choose_context(self.header, options, best, usual)))
        self._adapters = Adapters(self.context)
        self._notes: list[str] = []
        self._payoff, self._drafter = Payoff(), self._open_drafter()
        self.template = template_of(self.model)
        self.prompts = PromptBuilder(vocabulary, self.template, self.context.size)
        self._known_turns: frozenset[int] = frozenset()
        """Ids of the turns of the last prompt: only the same conversation may move what its cache holds."""
        self.info = self._describe(options)

    def read(
        self,
        prompt: FittedPrompt,
        turns: Sequence[Turn],
        *,
        stop: Callable[[], bool],
        progress: Callable[[int], None] = lambda read: None,
    ) -> int:
        """Bring the prompt of `turns` into the cache; returns how many of its tokens were there already. Raises Stopped."""
        ids = frozenset(turn.id for turn in turns if turn.id)
        may_shift = prompt.first_remembered in self._known_turns if prompt.dropped_turns else prompt.dropped_examples > 0
        may_shift = may_shift and not ids.isdisjoint(self._known_turns)
        self._known_turns = ids
        return self.context.read(prompt.tokens, may_shift=may_shift, stop=stop, progress=progress)

    def ahead(self) -> Ahead:
        """For writing one reply, with guesses where they were found to pay."""
        tokens = self.plan.tuned.speculation.tokens if self.plan.tuned else 0
        return Ahead(self.context, self._drafter, tokens, self._payoff)

    def put_adapters(self, adapters: Sequence[LoadedAdapter]) -> None:
        """Let exactly these count, from the next token on; their files have been checked. What was read in the voice before
        is forgotten. Raises ModelError, and those before then still count; may take the process down."""
        self._adapters.put([Scaled(Path(adapter.path), adapter.scale) for adapter in adapters])
        self.info = replace(self.info, adapters=tuple(adapters))

    def close(self) -> None:
        self._adapters.close()
        if self._drafter is not None:
            self._drafter.close()
        self.context.close()
        self.model.close()

    def _open_drafter(self) -> Drafter | None:
        """Whoever guesses the next words; without one she only writes more slowly."""
        wanted = self.plan.tuned.speculation if self.plan.tuned else Speculation()
        if wanted.method == "lookup":
            return PromptLookup()
        if wanted.method == "off":
            return None
        try:
            path, size = Path(wanted.draft), self.context.size
            header = read_header(path)
            best = self.plan.options(min(size, header.context_length or size))._replace(kv_types=KVTypes())
            if (fault := refusal(header, best, psutil.virtual_memory().available)) is not None:
                raise fault
            return DraftModel(Model(self.model.library, path), self.model, best)
        except ModelError as error:
            self._notes.append(f"She writes without guessing ahead: {error.what}")
            return None

    def _describe(self, options: LoadOptions) -> ModelInfo:
        library, header = self.model.library, self.header
        notes = []
        if self.template.is_fallback:
            notes.append(f"This model brings no chat template we can use; “{self.template.name}” stands in for it.")
        notes += [*self.plan.failed, *self._notes]
        return ModelInfo(
            path=str(self.model.path),
            name=display_name(self.model.path),
            architecture=header.architecture,
            parameters=self.model.parameters,
            quantization=header.quantization,
            bits_per_weight=round(header.bits_per_weight, 2),
            file_bytes=header.file_size,
            memory_bytes=self.model.weight_bytes + library.buffer_bytes("KV") + library.buffer_bytes("compute"),
            context_tokens=self.context.size,
            trained_context_tokens=self.model.trained_context_tokens,
            device=_device(self.plan),
            rung=self.plan.rung,
            threads=self.context.options.threads,
            threads_reason="set by you" if options.threads else self.plan.reason,
            chat_template="fallback" if self.template.is_fallback else "model",
            chat_template_name=self.template.name,
            notes=tuple(notes),
        )


def _device(plan: Plan) -> str:
    """'CPU', or the name of the GPU that holds layers."""
    if plan.gpu_layers == 0:
        return "CPU"
    gpus = probe().gpus
    return gpus[0].name if gpus else "GPU"


def display_name(path: Path) -> str:
    """How people know a model: by its file, without the quantization that is shown beside it."""
    return re.sub(r"[-_. ](I?Q\d\w*|BF16|F16|F32|TQ\d\w*|MXFP4\w*)(-\d{5}-of-\d{5})?$", "", path.stem, flags=re.IGNORECASE)


def choose_context(header: GGUFHeader, options: LoadOptions, settings: ContextOptions, usual: int = DEFAULT_CONTEXT) -> int:
    """The context the person asked for, else up to `usual` tokens as the model's training and free memory allow."""
    trained = header.context_length or DEFAULT_CONTEXT
    if options.context_tokens:
        return min(options.context_tokens, trained)
    fits = largest_context_that_fits(header, settings, psutil.virtual_memory().available)
    return max(SMALLEST_CONTEXT, min(trained, usual, fits))


def inspect(path: Path, options: LoadOptions, held_bytes: int = 0) -> GGUFHeader:
    """The header of a file that may be loaded; raises ModelError before llama.cpp sees it, or when it cannot fit.

    `held_bytes` is what the present model occupies: it is let go first.
    """
    header = read_header(path)
    tokens = min(options.context_tokens or SMALLEST_CONTEXT, header.context_length or SMALLEST_CONTEXT)
    wanted = ContextOptions(tokens, outputs=OUTPUTS)
    available = psutil.virtual_memory().available + held_bytes
    need = memory_need(header, wanted)
    if need.total > DOUBTFUL * available:
        need = foresee(path, [wanted])[0] or need
    if (fault := refusal(header, wanted, available, need)) is not None:
        raise fault
    return header


def open_session(
    library: Library, ladder: Ladder, header: GGUFHeader, request: Load, report: Report, leaving: Callable[[], bool]
) -> Session:
    """Check, measure and load; `report` gets a stage and 0 to 1. Raises ModelError."""
    path = Path(request.path)
    avoid = list(request.avoid)

    def progress(fraction: float) -> bool:
        report("loading", fraction)
        return not leaving()

    while True:
        plan = ladder.plan(path, header.layers, request.options, avoid, report)
        if leaving():
            raise ModelError("Loading was stopped.")
        try:
            return Session(library, header, path, plan, request.options, progress)
        except ModelError:  # a GPU that held the check may be too small for the whole context
            if plan.gpu_layers == 0 or leaving():
                raise
            avoid.append(plan.rung)

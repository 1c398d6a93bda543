"""Tuning a model for this machine: what `companion tune` does in a process of its own, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from companion.core.amounts import bytes_text
from companion.core.errors import ModelError
from companion.core.gguf.fields import GGUFHeader
from companion.core.gguf.header import read_header
from companion.core.other_load import OtherLoad
from companion.core.tuning import Choice, Trial
from companion.llama.context import OUTPUTS, Context, ContextOptions, KVTypes
from companion.llama.divergence import divergence
from companion.llama.gpu_layers import best_layers, candidates, too_small, without_gpu
from companion.llama.library import Library
from companion.llama.memory import memory_need
from companion.llama.model import Model, Placement
from companion.llama.real_talk import talks
from companion.llama.search import Budget, Search, kind_text
from companion.llama.simulation import foreseen
from companion.llama.speculation import DraftModel, refuse_as_draft
from companion.llama.speculation_trial import lookup_trial, speculated, verdict
from companion.llama.trial import Effort, Setting, Speeds, Stand, affordable
from companion.llama.tuned import Speculation, Tuned

KINDS: Final = tuple(KVTypes(keys, values) for keys, values in (
    ("Q8_0", "Q8_0"), ("Q8_0", "Q4_0"), ("Q5_1", "Q5_1"), ("Q4_0", "Q4_0"),
))  # fmt: skip
CONTEXTS: Final = (2048, 4096, 8192, 16_384, 32_768)
MEMORY_SHARE: Final = 0.7
"""Of what is free: the window and other programs want some, too."""
READABLE: Final = 8.0
"""Tokens per second: faster than anybody reads."""
PATIENCE_SECONDS: Final = 4.0
"""What measuring the divergence of one type of cache may cost."""
USUAL: Final = 8192
QUICK_SECONDS, SECONDS, EXHAUSTIVE_SECONDS = 8.0, 50.0, 600.0
"""After so long no further setting is tried."""


class Order(NamedTuple):
    path: Path
    placement: Placement
    begin: Setting
    """What was measured when the model was first loaded."""
    threads: tuple[int, ...]
    """Counts to try, ascending."""
    memory: int
    """Bytes that are free."""
    gpu_memory: int = 0
    """Bytes that are free on the graphics card; 0 where llama.cpp has none to use."""
    draft: Path | None = None
    quick: bool = False
    exhaustive: bool = False


def tune(library: Library, order: Order, tell: Callable[[str, float], None]) -> Tuned:
    """Raises CompanionError; a model that llama.cpp cannot stand ends the process."""
    return _Tuning(library, order, tell).run()


class _Tuning:
    def __init__(self, library: Library, order: Order, tell: Callable[[str, float], None]) -> None:
        self.library, self.order = library, order
        self.header: GGUFHeader = read_header(order.path)
        self._tell = tell
        self._share = 0.0
        self._trials: list[Trial] = []
        self._choices: list[Choice] = []
        self._notes: list[str] = []
        self._kinds: dict[KVTypes, float | None] = {KVTypes(): 0.0}
        """Types of the cache that may be chosen, with their divergence."""

    def run(self) -> Tuned:
        began, others = time.perf_counter(), OtherLoad()
        self._refuse_other_draft()
        placement = self.order.placement._replace(gpu_layers=self._gpu_layers())
        with Model(self.library, self.order.path, placement) as model:
            begin = self.order.begin
            effort = affordable(model, begin.prompt_threads)
            with Stand(model, begin, effort) as stand:
                before = self._steady(stand, begin)
                budget = self._budget(began)
                search = Search(model, begin, effort, budget)
                if self.order.exhaustive:
                    search.exhaustive(self._divergences(model, effort))
                else:
                    search.coordinate_wise(lambda: self._divergences(model, effort))
                other_cores = others.cores()
                search.beside_a_busy_core()
                self._trials += search.trials
                self._choices += search.choices
                setting, context = self._context(model, search, budget.rounds)
                speculation = self._speculation(model, setting)
                after = self._steady(stand, begin)
        seconds = time.perf_counter() - began
        return self._result(search, setting, context, placement, speculation, (before, after), seconds, other_cores)

    def _result(
        self,
        search: Search,
        setting: Setting,
        context: int,
        placement: Placement,
        speculation: Speculation,
        same: tuple[Speeds, Speeds],
        seconds: float,
        other_cores: float,
    ) -> Tuned:
        """`same` are the speeds with what everybody begins with, at the beginning and at the end."""
        return Tuned(
            threads=setting.threads,
            prompt_threads=setting.prompt_threads,
            busy_threads=search.busy[0],
            busy_prompt_threads=search.busy[1],
            batch=setting.batch,
            ubatch=setting.ubatch,
            flash_attention=setting.flash_attention,
            kv_types=setting.kv_types,
            context_tokens=context,
            gpu_layers=placement.gpu_layers,
            speculation=speculation,
            read=round(search.speeds.read, 1),
            write=round(search.speeds.write, 1),
            choices=tuple(self._choices),
            trials=tuple(self._trials),
            seconds=round(seconds, 1),
            other_cores=round(other_cores, 2),
            steadiness=round(same[1].turn / same[0].turn, 3),
            notes=tuple(self._notes),
            read_before=round(max(each.read for each in same), 1),
            write_before=round(max(each.write for each in same), 1),
        )

    def _refuse_other_draft(self) -> None:
        """Before anything is measured. Raises ModelError."""
        if self.order.draft is not None:
            with (
                Model(self.library, self.order.path, vocabulary_only=True) as model,
                Model(self.library, self.order.draft, vocabulary_only=True) as draft,
            ):
                refuse_as_draft(draft, model)

    def _budget(self, began: float) -> Budget:
        order = self.order
        seconds = EXHAUSTIVE_SECONDS if order.exhaustive else QUICK_SECONDS if order.quick else SECONDS
        return Budget(
            threads=order.threads,
            most_rounds=2 if order.quick or order.exhaustive else 3,
            deadline=began + seconds,
            need=lambda setting: self._need(setting, min(USUAL, self.header.context_length or USUAL)),
            tell=lambda words: self._step(words, 0.002 if order.exhaustive else 0.06),
        )

    def _step(self, words: str, share: float) -> None:
        self._share = min(1.0, self._share + share)
        self._tell(words, self._share)

    def _steady(self, stand: Stand, setting: Setting) -> Speeds:
        """With the settings that everybody begins with: the same work at the beginning and at the end."""
        self._step("a first look", 0.02)
        return min((stand.time(setting) for _ in range(3)), key=lambda speeds: speeds.turn)

    def _gpu_layers(self) -> int:
        order = self.order
        if not order.gpu_memory or order.placement.gpu_layers == 0:
            missing, off = (
                "llama.cpp finds no graphics card that it can use.",
                "It is turned off, or failed its check with this model.",
            )
            why = off if order.gpu_memory else missing
            self._choices.append(without_gpu(why))
            return 0
        counts = candidates(self.header, order.begin, min(USUAL, self.header.context_length or USUAL), order.gpu_memory)
        if counts == [0]:
            self._choices.append(without_gpu(too_small(order.gpu_memory)))
            return 0
        chosen, choice, trials = best_layers(
            self.library, order.path, counts, order.begin, 2, lambda words: self._step(words, 0.02)
        )
        self._choices.append(choice)
        self._trials += trials
        return chosen

    def _divergences(self, model: Model, effort: Effort) -> dict[KVTypes, float | None]:
        """Of each type of cache from F16, in nats per token on real dialogues; None where it could not be measured."""
        found = self._kinds
        kinds = KINDS[:1] if self.order.quick else KINDS
        affordable_tokens = int(effort.read / 0.4 * PATIENCE_SECONDS / 2)
        tokens = [token for prompt in talks(model, 8) for token in prompt][: max(256, min(1024, affordable_tokens))]
        chunk = next((size for size in (512, 256, 128) if 2 * size <= len(tokens)), 0)  # a divergence takes two at least
        for kind in kinds:
            if not kind.can_shift(self.header.head_sizes[0]):
                self._notes.append(f"A cache in {kind_text(kind)} was left out: llama.cpp cannot move it to drop old turns.")
                continue
            self._step(f"what a cache in {kind_text(kind)} does to her words", 0.05)
            try:
                found[kind] = self._divergence(model, kind, tokens, chunk) if chunk else None
            except ModelError:  # heads of a size that this type cannot hold
                self._notes.append(f"A cache in {kind_text(kind)} is not possible with this model.")
        return found

    def _divergence(self, model: Model, kind: KVTypes, tokens: Sequence[int], chunk: int) -> float:
        options = ContextOptions(chunk, self.order.begin.prompt_threads, batch=chunk, flash_attention=True, outputs=chunk // 2)
        with Context(model, options) as plain, Context(model, options._replace(kv_types=kind)) as other:
            return float(divergence(plain, other, tokens, chunk=chunk).kl.mean())

    def _context(self, model: Model, search: Search, rounds: int) -> tuple[Setting, int]:
        """The longest context that memory holds and in which she still writes fast enough, and the setting for it: with a
        smaller cache when no useful context fits otherwise."""
        self._step("context", 0.03)
        setting, trained = search.best, self.header.context_length or CONTEXTS[2]
        sizes = [size for size in CONTEXTS if size <= trained] or [trained]
        room = int(MEMORY_SHARE * self.order.memory)
        wanted = max(size for size in sizes if size <= USUAL or size == sizes[0])
        if self._need(setting, wanted) > room:
            if len(self._kinds) == 1:
                self._divergences(model, search.effort)
            setting = self._smaller_cache(setting, wanted, room)
        write = self._write_at(model, setting, search, rounds)
        slowest = min(READABLE, 0.5 * write(0))
        fitting = [size for size in sizes if self._need(setting, size) <= room]
        fast = [size for size in fitting if write(size) >= slowest]
        chosen = max(fast, default=sizes[0])
        for size in sizes:
            need = self._need(setting, size)
            self._trials.append(Trial(name="context", value=f"{size:,}", write=round(write(size), 1), memory=need))
        self._measure_memory(setting, sizes)
        taken = bytes_text(self._need(setting, chosen))
        why = f"Takes {taken} of {bytes_text(self.order.memory)} free; when it is full she writes {write(chosen):.0f} tokens/s."
        if chosen == trained:
            why += " The model was trained for no more."
        self._choices.append(Choice(name="context", value=f"{chosen:,} tokens", reason=why))
        return setting, chosen

    def _smaller_cache(self, setting: Setting, wanted: int, room: int) -> Setting:
        moved = {kind: nats for kind, nats in self._kinds.items() if nats is not None and kind != setting.kv_types}
        for kind in sorted(moved, key=lambda kind: moved[kind]):
            smaller = setting._replace(kv_types=kind, flash_attention=True)
            if self._need(smaller, wanted) <= room:
                why = (
                    f"A context of {wanted:,} tokens would not fit with F16; the words move by {moved[kind]:.4f} nats per token."
                )
                self._choices = [each for each in self._choices if each.name != "cache"]
                self._choices.append(Choice(name="cache", value=kind_text(kind), reason=why))
                return smaller
        return setting

    def _need(self, setting: Setting, tokens: int) -> int:
        options = setting.options(tokens)._replace(sequences=1, outputs=OUTPUTS)
        return memory_need(self.header, options, extra_buffers=self.order.placement.extra_buffers).total

    def _measure_memory(self, setting: Setting, sizes: Sequence[int]) -> None:
        """What llama.cpp itself says of these contexts takes the place of the estimates."""
        contexts = [setting.options(size)._replace(sequences=1, outputs=OUTPUTS) for size in sizes]
        needs = foreseen(self.library, self.order.path, self.order.placement, contexts)
        exact = {f"{size:,}": need.total for size, need in zip(sizes, needs, strict=True) if need is not None}
        self._trials = [
            replace(trial, memory=exact.get(trial.value, trial.memory)) if trial.name == "context" else trial
            for trial in self._trials
        ]

    def _write_at(self, model: Model, setting: Setting, search: Search, rounds: int) -> Callable[[int], float]:
        """Tokens per second by depth: the time of a token grows with the cache in a straight line."""
        effort = search.effort
        shallow = effort._replace(repeats=1)
        if effort.repeats == 1:
            return lambda depth: search.speeds.write
        with Stand(model, setting, shallow) as near, Stand(model, setting, effort) as far:
            timed = [(near.time(setting).write, far.time(setting).write) for _ in range(rounds)]
        seconds = [1 / max(speeds) for speeds in zip(*timed, strict=True)]
        depths = [each.seed * each.repeats for each in (shallow, effort)]
        slope = max(0.0, (seconds[1] - seconds[0]) / (depths[1] - depths[0]))
        start = max(1e-9, seconds[0] - slope * depths[0])
        return lambda depth: 1 / (start + slope * depth)

    def _speculation(self, model: Model, setting: Setting) -> Speculation:
        """Guessing ahead, when it pays on real dialogues."""
        if self.order.quick and self.order.draft is None:
            reason = "Not tried in a quick search."
            self._choices.append(Choice(name="guessing ahead", value="off", reason=reason))
            return Speculation()
        self._step("guessing ahead", 0.05)
        prompts, reply = talks(model, 4), 40
        options = setting.options(max(map(len, prompts)) + reply + 16)._replace(sequences=1, outputs=OUTPUTS)
        found: list[Speculation] = []
        with Context(model, options) as context:
            found += lookup_trial(context, prompts, reply)
            if self.order.draft is not None:
                self._step("a draft model", 0.05)
                plain = options._replace(kv_types=KVTypes())
                drafter = DraftModel(Model(self.library, self.order.draft), model, plain)
                try:
                    tried = speculated(context, "draft", drafter, prompts, reply)
                finally:
                    drafter.close()
                found += [replace(each, draft=str(self.order.draft)) for each in tried]
        if not found:
            reason = "The cache of this model cannot be cut again."
            self._choices.append(Choice(name="guessing ahead", value="off", reason=reason))
            return Speculation()
        for each in found:
            note = f"{each.acceptance:.0%} of the guesses right, {each.gain:.2f} times as fast"
            self._trials.append(Trial(name="guessing ahead", value=_method(each), note=note))
        chosen, reason = verdict(found, _method)
        self._choices.append(Choice(name="guessing ahead", value=_method(chosen), reason=reason))
        return chosen


def _method(each: Speculation) -> str:
    if each.method == "off":
        return "off"
    source = "from the conversation" if each.method == "lookup" else f"by {Path(each.draft).name}" if each.draft else "by a draft"
    return f"{each.tokens} tokens {source}"

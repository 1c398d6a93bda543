"""The search for the settings a model runs best with: one after the other, each against those chosen before; or all of them.

Settings take turns and count by their best time, since other programs only ever add to it. Of settings that are as good as the
best one, the most modest is taken: fewer threads leave the processor to the window, small batches take less memory.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from companion.core.errors import ModelError
from companion.core.tuning import Choice, Load, Trial
from companion.llama.busy import BusyCore
from companion.llama.context import KVTypes
from companion.llama.model import Model
from companion.llama.trial import Effort, Setting, Speeds, Stand, race, stands

AS_GOOD: Final = 0.98
"""Share of the best speed from which a more modest setting is preferred."""
WORTH_IT: Final = 1.05
"""What changes the words, or takes more than time, must be so many times as fast to be adopted."""
SMALL_DIVERGENCE: Final = 0.005
"""Nats per token that a cache may move the next word's probabilities, where it only gains time."""
UBATCHES: Final = (64, 128, 256, 512)
BATCHES: Final = (128, 512)


class Budget(NamedTuple):
    """What a search may take."""

    threads: tuple[int, ...]
    """Counts to try, ascending."""
    most_rounds: int
    """How often each setting is timed, as long as there is time."""
    deadline: float
    """Of `time.perf_counter`: what has not been tried then keeps its value."""
    need: Callable[[Setting], int]
    """Bytes foreseen with a setting, for the table."""
    tell: Callable[[str], None]

    @property
    def is_spent(self) -> bool:
        return time.perf_counter() > self.deadline

    @property
    def rounds(self) -> int:
        return 1 if self.is_spent else self.most_rounds


class Search:
    """Finds a `Setting`. `trials` and `choices` say how."""

    def __init__(self, model: Model, begin: Setting, effort: Effort, budget: Budget) -> None:
        """`begin` is what is known to work."""
        self.model, self.effort, self._budget = model, effort, budget
        self.best = begin
        self.speeds = Speeds(0.0, 0.0)
        """Of `best`, at rest."""
        self.busy = (0, 0)
        """Threads for writing and for reading beside a busy core; 0 where there is only one count."""
        self.trials: list[Trial] = []
        self.choices: list[Choice] = []

    def coordinate_wise(self, kinds: Callable[[], Mapping[KVTypes, float | None]]) -> None:
        """Threads, flash attention, what is computed and handed over at once, then the cache. `kinds` measures the types of cache
        that may be chosen: their divergence from F16. Raises ModelError where nothing works."""
        self._threads()
        steps = (self._flash_attention, self._at_once, self._handed_over, lambda: self._cache_types(kinds()))
        for step in steps:
            if not self._budget.is_spent:
                step()

    def _threads(self) -> None:
        self._budget.tell("threads")
        found = self._by_threads(self._budget.rounds)
        write, read = _fewest(found, "write"), _fewest(found, "read")
        self.best = self.best._replace(threads=write, prompt_threads=read)
        self.speeds = Speeds(found[read].read, found[write].write)
        self._record_threads(found)
        told = ", ".join(f"{speeds.write:.0f} with {count}" for count, speeds in sorted(found.items(), reverse=True))
        self.choices.append(Choice(name="threads", value=str(write), reason=f"Writes so many tokens per second: {told}."))
        told = ", ".join(f"{speeds.read:.0f} with {count}" for count, speeds in sorted(found.items(), reverse=True))
        self.choices.append(
            Choice(name="threads for reading", value=str(read), reason=f"Reads so many tokens per second: {told}.")
        )

    def beside_a_busy_core(self) -> None:
        """Which counts are best while another program holds a core: the engine falls back to them."""
        if len(self._budget.threads) == 1:
            return
        self._budget.tell("beside a busy core")
        with BusyCore():
            found = self._by_threads(self._budget.rounds)
        self.busy = _fewest(found, "write"), _fewest(found, "read")
        self._record_threads(found, "one core busy")
        told = ", ".join(f"{speeds.write:.0f} with {count}" for count, speeds in sorted(found.items(), reverse=True))
        reason = f"Beside a program that holds a core, writes so many tokens/s: {told}; she changes over when it gets slow."
        self.choices.append(Choice(name="threads beside a busy core", value=str(self.busy[0]), reason=reason))

    def exhaustive(self, kinds: Mapping[KVTypes, float | None]) -> None:
        """Every combination, at rest; the best of them is `best`. Raises ModelError where nothing works."""
        fitting = [kind for kind in kinds if _is_small(kinds[kind])]
        shapes = [
            Setting(self._budget.threads[-1], self._budget.threads[-1], batch, ubatch, flash, kind)
            for ubatch, batch, flash, kind in itertools.product(UBATCHES, BATCHES, (True, False), fitting)
            if ubatch <= batch and (flash or kind == KVTypes())
        ]
        found: dict[Setting, Speeds] = {}
        for number, shape in enumerate(shapes, start=1):
            if self._budget.is_spent:
                break
            self._budget.tell(f"combination {number} of {len(shapes)}")
            self.best = shape
            try:
                by_threads = self._by_threads(self._budget.rounds)
            except ModelError:
                continue
            for write, read in itertools.product(by_threads, by_threads):
                setting = shape._replace(threads=write, prompt_threads=read)
                found[setting] = Speeds(by_threads[read].read, by_threads[write].write)
        if not found:
            raise ModelError("None of the settings works with this model.", "Choose another model.")
        for setting in sorted(found, key=lambda each: found[each].turn)[:20]:
            self._record("combination", _words(setting), setting, found[setting])
        self.best = min(found, key=lambda setting: found[setting].turn)
        self.speeds = found[self.best]
        reason = f"The shortest turn of {len(found)} combinations: {self.speeds.turn:.2f} s, the longest {_longest(found):.2f} s."
        for name, value in (
            ("threads", str(self.best.threads)),
            ("threads for reading", str(self.best.prompt_threads)),
            ("flash attention", "on" if self.best.flash_attention else "off"),
            ("micro-batch", str(self.best.ubatch)),
            ("batch", str(self.best.batch)),
            ("cache", kind_text(self.best.kv_types)),
        ):
            self.choices.append(Choice(name=name, value=value, reason=reason))

    def _by_threads(self, rounds: int) -> dict[int, Speeds]:
        settings = {count: self.best._replace(threads=count, prompt_threads=count) for count in self._budget.threads}
        with Stand(self.model, self.best, self.effort) as stand:
            return race(dict.fromkeys(settings, stand), settings, rounds)

    def _flash_attention(self) -> None:
        self._budget.tell("flash attention")
        settings = {value: self.best._replace(flash_attention=value == "on") for value in ("on", "off")}
        found = self._raced("flash attention", settings)
        shortest = min(speeds.turn for speeds in found.values())
        chosen = next(value for value, speeds in found.items() if speeds.turn * AS_GOOD <= shortest)
        self._take(settings[chosen], found[chosen])
        self.choices.append(Choice(name="flash attention", value=chosen, reason=_turns(found)))

    def _at_once(self) -> None:
        self._budget.tell("micro-batch")
        settings = {str(size): self.best._replace(ubatch=size) for size in UBATCHES}
        found = self._raced("micro-batch", settings)
        chosen = _smallest(found)
        self._take(settings[chosen], found[chosen])
        told = ", ".join(f"{speeds.read:.0f} with {size}" for size, speeds in found.items())
        reason = f"Reads so many tokens/s, computing so many at once: {told}."
        self.choices.append(Choice(name="micro-batch", value=chosen, reason=reason))

    def _handed_over(self) -> None:
        self._budget.tell("batch")
        settings = {str(size): self.best._replace(batch=size) for size in BATCHES if size >= self.best.ubatch}
        if len(settings) == 1:
            chosen, reason = next(iter(settings)), "It holds one micro-batch."
        else:
            found = self._raced("batch", settings)
            chosen = _smallest(found)
            self._take(settings[chosen], found[chosen])
            told = ", ".join(f"{speeds.read:.0f} with {size}" for size, speeds in found.items())
            reason = f"Reads so many tokens/s, handing over so many: {told}."
        self.best = settings[chosen]
        self.choices.append(Choice(name="batch", value=chosen, reason=reason))

    def _cache_types(self, kinds: Mapping[KVTypes, float | None]) -> None:
        self._budget.tell("types of the cache")
        plain = KVTypes()
        settings = {plain: self.best} | {
            kind: self.best._replace(kv_types=kind, flash_attention=True) for kind in kinds if kind != plain
        }
        with stands(self.model, settings, self.effort) as made:
            found = race(made, settings, self._budget.rounds)
        for kind, speeds in found.items():
            self._record("cache", kind_text(kind), settings[kind], speeds, divergence=kinds.get(kind))
        fast = [kind for kind in found if _is_small(kinds.get(kind)) and found[kind].turn * WORTH_IT <= found[plain].turn]
        chosen = min(fast, key=lambda kind: found[kind].turn, default=plain)
        self._take(settings[chosen], found[chosen])
        self.choices.append(Choice(name="cache", value=kind_text(chosen), reason=_cache_reason(found, kinds, chosen)))

    def _raced(self, name: str, settings: Mapping[str, Setting]) -> dict[str, Speeds]:
        with stands(self.model, settings, self.effort) as made:
            found = race(made, settings, self._budget.rounds)
        if not found:
            raise ModelError("None of the settings works with this model.", "Choose another model.")
        for value, speeds in found.items():
            self._record(name, value, settings[value], speeds)
        return found

    def _take(self, setting: Setting, speeds: Speeds) -> None:
        self.best, self.speeds = setting, speeds

    def _record_threads(self, found: Mapping[int, Speeds], load: Load = "idle") -> None:
        for count, speeds in found.items():
            self._record("threads", str(count), self.best, speeds, load=load)

    def _record(
        self, name: str, value: str, setting: Setting, speeds: Speeds, *, load: Load = "idle", divergence: float | None = None
    ) -> None:
        self.trials.append(
            Trial(
                name=name,
                value=value,
                load=load,
                read=round(speeds.read, 1),
                write=round(speeds.write, 1),
                memory=self._budget.need(setting),
                divergence=divergence,
            )
        )


def kind_text(kind: KVTypes) -> str:
    return kind.keys if kind.keys == kind.values else f"{kind.keys} keys, {kind.values} values"


def _is_small(divergence: float | None) -> bool:
    return divergence is not None and divergence <= SMALL_DIVERGENCE


def _fewest(found: Mapping[int, Speeds], what: Literal["read", "write"]) -> int:
    best = max(getattr(speeds, what) for speeds in found.values())
    return next(count for count in sorted(found) if getattr(found[count], what) >= AS_GOOD * best)


def _smallest(found: Mapping[str, Speeds]) -> str:
    best = max(speeds.read for speeds in found.values())
    return next(size for size, speeds in found.items() if speeds.read >= AS_GOOD * best)


def _turns(found: Mapping[str, Speeds]) -> str:
    told = ", ".join(f"{speeds.turn:.2f} s {value}" for value, speeds in found.items())
    return f"A turn in the middle of a conversation takes {told}."


def _cache_reason(found: Mapping[KVTypes, Speeds], kinds: Mapping[KVTypes, float | None], chosen: KVTypes) -> str:
    plain = found[KVTypes()]
    if chosen != KVTypes():
        gain = plain.turn / found[chosen].turn
        return f"{gain:.2f} times as fast as F16, and moves the words by {kinds[chosen]:.4f} nats per token only."
    others = [(plain.turn / speeds.turn, kind) for kind, speeds in found.items() if kind != chosen]
    if not others:
        return "No other type was tried, or none works with this model."
    gain, kind = max(others)
    if gain < WORTH_IT:
        return f"The fastest other, {kind_text(kind)}, is {gain:.2f} times as fast: not worth any change of the words."
    return f"{kind_text(kind)} is {gain:.2f} times as fast, but moves the words by {kinds[kind] or 0:.4f} nats per token."


def _words(setting: Setting) -> str:
    flash = "flash" if setting.flash_attention else "no flash"
    threads = f"{setting.threads}+{setting.prompt_threads} threads"
    return f"{threads}, {setting.ubatch} of {setting.batch}, {flash}, {kind_text(setting.kv_types)}"


def _longest(found: Mapping[Setting, Speeds]) -> float:
    return max(speeds.turn for speeds in found.values())

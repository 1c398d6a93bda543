"""`start.py bench chat`: the engine against a bare loop, long talks, the window's start and its smoothness.

Peers are measured in the same run, alternating with ours, and medians are compared: machines are noisy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import llama_cpp

from companion.core.character_library import built_in_character
from companion.core.messages import LoadOptions, Piece, ReplyDone, Turn
from companion.core.persona import Persona
from companion.core.prompts.prompt import Scene, greeting, system_text
from companion.core.sampling import Sampling
from companion.engine.client import EngineClient
from companion.llama.library import Library
from companion.llama.model import Model
from companion.llama.plan import all_plans
from tests.benchmark_report import Report, fresh_home, median, medians_of, starter_or_leave

HERE = Path(__file__).parent
STORY = (
    Turn("system", "You tell very long stories."),
    Turn("user", "Tell me a very long story about the moon, with many chapters."),
)
TOKENS = 160
ROUNDS, GENERATION_ROUNDS = 7, 12
LLAMA_CPP_DECIDES = -1


def generation(report: Report, starter: Path) -> None:
    """Tokens/s through the engine's process, pipes, sampler chain and JSON, against C-level calls in a loop."""
    with EngineClient() as engine:
        info = engine.load(starter)
        threads = info.threads
        plan = next(plan for plan in all_plans() if plan.model == starter.name)
        library = Library()
        with Model(library, starter) as model:
            flash = int(plan.measurement.flash_attention)
            contestants = {
                "ours": lambda: _through_the_engine(engine),
                "bare": lambda: _bare_loop(model, threads, info.context_tokens, flash),
                "default": lambda: _bare_loop(model, threads, info.context_tokens, LLAMA_CPP_DECIDES),
            }
            speeds: dict[str, list[float]] = {name: [] for name in contestants}
            for number in range(GENERATION_ROUNDS):  # whoever runs first has it a little harder, so the order turns
                names = list(contestants)[number % 3 :] + list(contestants)[: number % 3]
                for name in names:
                    speeds[name].append(contestants[name]())
    ours, bare, default = speeds.values()
    report.add("engine_tokens_per_second", median(ours), "tok/s")
    report.add("bare_loop_tokens_per_second", median(bare), "tok/s")
    report.add("engine_over_bare_loop", median([a / b for a, b in zip(ours, bare, strict=True)]), goal=0.97, most=False)
    # The engine gives up some speed at the start of a conversation for a first word that comes sooner later in it.
    report.add("engine_over_bare_loop_with_default_attention", median([a / b for a, b in zip(ours, default, strict=True)]))


def _through_the_engine(engine: EngineClient) -> float:
    events = engine.generate(STORY, Sampling(temperature=0, repeat_penalty=1, max_tokens=TOKENS))
    return next(event.tokens_per_second for event in events if isinstance(event, ReplyDone))


def _bare_loop(model: Model, threads: int, context: int, flash: int) -> float:
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch, params.no_perf = context, threads, threads, True
    params.flash_attn_type = flash
    pointer = llama_cpp.llama_init_from_model(model.pointer, params)
    prompt = model.vocabulary.tokenize(" ".join(turn.text for turn in STORY) + "\n" * 12)
    tokens = (llama_cpp.llama_token * len(prompt))(*prompt)
    llama_cpp.llama_decode(pointer, llama_cpp.llama_batch_get_one(tokens, len(prompt)))
    sampler = llama_cpp.llama_sampler_init_greedy()
    token = (llama_cpp.llama_token * 1)(llama_cpp.llama_sampler_sample(sampler, pointer, -1))
    began = time.perf_counter()
    for _ in range(TOKENS - 1):
        llama_cpp.llama_decode(pointer, llama_cpp.llama_batch_get_one(token, 1))
        token[0] = llama_cpp.llama_sampler_sample(sampler, pointer, -1)
    speed = (TOKENS - 1) / (time.perf_counter() - began)
    llama_cpp.llama_sampler_free(sampler)
    llama_cpp.llama_free(pointer)
    return speed


def long_talk(report: Report, starter: Path) -> None:
    """Time to the first token at turn 40 over turn 2, in talks that run through the engine as the window's do."""
    ratios, early, late = [], [], []
    with EngineClient() as engine:
        engine.load(starter)
        for number in range(3):
            times = _talk(engine, number)
            early.append(times[1])
            late.append(times[39])
            ratios.append(times[39] / times[1])
    report.add("first_token_turn_2", median(early) * 1000, "ms")
    report.add("first_token_turn_40", median(late) * 1000, "ms")
    report.add("first_token_turn_40_over_turn_2", median(ratios), goal=1.3)


def _talk(engine: EngineClient, seed: int) -> list[float]:
    scene, times = Scene(character=built_in_character(), persona=Persona(name="Sam")), list[float]()
    turns = [Turn("system", system_text(scene)), Turn("assistant", greeting(scene))]
    for number in range(40):
        turns.append(Turn("user", f"And what about star number {number + 100 * seed}, what do you like?", id=2 * number + 1))
        text = ""
        for event in engine.generate(turns, Sampling(seed=number, max_tokens=40, temperature=0.7)):
            if isinstance(event, Piece):
                text += event.text
            elif isinstance(event, ReplyDone):
                times.append(event.first_token_seconds)
        turns.append(Turn("assistant", text or "Yes.", id=2 * number + 2))
    return times


def window_start(report: Report) -> None:
    """From starting the process to the first frame, against the smallest PySide6 window; and to the first message."""
    ours, greetings, minimal = [], [], []
    with tempfile.TemporaryDirectory() as bytecode:
        # As installed, where every module is compiled already: the round before the first is not counted.
        environment = os.environ | {"PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(ROUNDS + 1):
            minimal.append(_until_said("windows/minimal.py", environment, "painted")[0])
            frame, greeting = _until_said("windows/painted.py", environment, "painted", "greeting")
            ours.append(frame)
            greetings.append(greeting)
    report.add("minimal_window_seconds", median(minimal[1:]), "s")
    report.add("window_seconds", median(ours[1:]), "s")
    report.add("window_over_minimal", median(ours[1:]) / median(minimal[1:]), goal=1.5)
    report.add("greeting_seconds", median(greetings[1:]), "s")


def _until_said(script: str, environment: dict[str, str], *words: str) -> list[float]:
    """Seconds until the script has said each of the words, from before its process was started."""
    times = []
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(HERE / script)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        for word in words:
            line = process.stdout.readline()
            times.append(time.perf_counter() - began)
            assert line.strip() == word, f"{script} said {line!r}"
        process.wait(30)
    return times


def streaming(report: Report) -> None:
    """The real window and the real engine: how long the event loop stalls, when the first word comes, how much memory."""
    stall, first, window, engine = medians_of("streaming.py", 5)
    report.add("longest_stall_while_streaming", stall, "ms", goal=50)
    report.add("first_word_from_cold_start", first, "s")
    report.add("window_peak_memory", window, "MB")
    report.add("engine_peak_memory", engine, "MB")


def main() -> int:
    report = Report("Chat")
    starter = starter_or_leave()
    with fresh_home():
        with EngineClient() as engine:  # measure once, as a first start does
            engine.load(starter, LoadOptions())
        if report.wants("generation"):
            generation(report, starter)
        if report.wants("long_talk"):
            long_talk(report, starter)
        if report.wants("window_start"):
            window_start(report)
        if report.wants("streaming"):
            streaming(report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())

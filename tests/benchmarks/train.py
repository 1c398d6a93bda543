"""`start.py bench train`: fine-tuning the starter model, beside transformers + peft with a plain loop and with trl.

The first 400 dialogues of persona_chat, cut between turns at 512 tokens, 8 dialogues per step, one pass, rank 16 on all
linear layers, AdamW, 3e-4 with a cosine and 5 steps of warm-up. All sides get the same tokens in the same order. Ours is
the command a person would type, in a process of its own; its development loss is measured through llama.cpp with the
adapter that it wrote, the peers' through their own model.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.hardware import probe
from companion.core.job import JobStarted, OutputWritten, StageBegan, StepDone, decode_job_event
from companion.workshop.data.batch import Example
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.export.verify import measured_loss
from companion.workshop.recipes.open_base import Base, open_base
from tests.benchmark_report import Report, fresh_home, starter_or_leave

DATA = Path(__file__).parents[3] / "shared" / "data" / "persona_chat"
DIALOGUES, HELD_OUT, LONGEST, PER_STEP, WARMUP = 400, 40, 512, 8, 5
RANK, ALPHA, RATE = 16, 32, 3e-4
GIGABYTE = 2**30


class Side(NamedTuple):
    """What one program did. Losses in nats per token of hers."""

    seconds: float
    memory: int
    before: float
    after: float
    gpu_memory: int = 0


def main() -> int:
    report = Report("Fine-tuning")
    if not DATA.is_dir():
        print(f"The benchmark's data is missing: {DATA.name} belongs into shared/data beside the repository.", file=sys.stderr)
        return 2
    starter = starter_or_leave()
    with fresh_home(), open_base(starter) as base, tempfile.TemporaryDirectory() as folder:
        template = TrainingTemplate(base.vocabulary, base.template)
        learned = [cut(template, line) for line in lines("train.jsonl", DIALOGUES)]
        held_out = [template.example(cut(template, line)) for line in lines("dev.jsonl", HELD_OUT)]
        examples = [template.example(dialogue) for dialogue in learned]
        tokens = sum(len(example.tokens) for example in examples)
        report.add("dialogues", len(learned))
        report.add("tokens", tokens)
        report.add("supervised tokens", sum(map(sum, (example.learn for example in examples))))
        ours = run_ours(base, learned, held_out, Path(folder))
        tell(report, "ours", ours, tokens)
        for loop, name in (("plain", "transformers + peft"), ("trl", "transformers + peft + trl")):
            if report.wants(loop):
                theirs = run_peer(base, examples, held_out, Path(folder), loop)
                tell(report, name, theirs, tokens)
                compare(report, ours, theirs, name)
    return report.finish()


def lines(name: str, count: int) -> list[Dialogue]:
    found = (DATA / name).read_text(encoding="utf-8").splitlines()[:count]
    messages = [json.loads(line)["messages"] for line in found]
    return [Dialogue(messages=tuple(DialogueTurn(each["role"], each["content"]) for each in turns)) for turns in messages]


def cut(template: TrainingTemplate, dialogue: Dialogue) -> Dialogue:
    """The dialogue up to the last reply of hers that ends within the longest length."""
    messages = dialogue.messages
    while messages[-1].role != "assistant" or len(template.example(Dialogue(messages=messages)).tokens) > LONGEST:
        messages = messages[:-1]
    return Dialogue(messages=messages)


def run_ours(base: Base, learned: Sequence[Dialogue], held_out: list[Example], folder: Path) -> Side:
    """`companion fine-tune`, watched from outside."""
    data, adapter = folder / "dialogues.jsonl", folder / "adapter.gguf"
    rows = [{"messages": [{"role": t.role, "content": t.content} for t in each.messages]} for each in learned]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    changes = {
        "data.held_out": 0,
        "data.shuffle": "false",
        "data.longest": LONGEST,
        "adapter.rank": RANK,
        "adapter.alpha": ALPHA,
        "optimizer.learning_rate": RATE,
        "schedule.warmup_percent": 100 * WARMUP / (DIALOGUES / PER_STEP),
        "training.epochs": 1,
        "training.tokens_per_step": 0,
        "training.dialogues_per_step": PER_STEP,
        "watch.evaluations": 1,
        "watch.samples": 0,  # the peers write none
    }
    sets = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "companion", "fine-tune", "--data", str(data), "--model", str(base.header.path), "--json"]
    events: list[Any] = []

    def listen(process: subprocess.Popen[bytes], watch: Callable[[int], None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            events.append(event := decode_job_event(line))
            if isinstance(event, JobStarted):
                watch(event.pid)

    memory = watched([*command, "--output", str(adapter), *sets], listen)
    began = next(event.time for event in events if isinstance(event, StageBegan) and event.stage == "training")
    steps = [event for event in events if isinstance(event, StepDone)]
    if not any(isinstance(event, OutputWritten) for event in events):
        raise SystemExit(f"Our own side failed: {events[-1]}")
    threads = probe().usable_cores
    before, after = (
        measured_loss(base.header.path, file, held_out, library=base.library, threads=threads)[0] for file in (None, adapter)
    )
    return Side(steps[-1].time - began, memory, before, after, max(step.gpu_memory_bytes for step in steps))


def run_peer(base: Base, examples: Sequence[Example], held_out: Sequence[Example], folder: Path, loop: str) -> Side:
    """The same tokens through `peers/peft_train.py`."""
    result = folder / f"{loop}.json"
    task = {
        "loop": loop,
        "model": str(base.header.path),
        "folder": str(folder / loop),
        "result": str(result),
        "threads": probe().usable_cores,
        "dialogues_per_step": PER_STEP,
        "steps": DIALOGUES // PER_STEP,
        "learning_rate": RATE,
        "warmup_steps": WARMUP,
        "rank": RANK,
        "alpha": ALPHA,
        "examples": [{"tokens": e.tokens, "learn": e.learn} for e in examples],
        "held_out": [{"tokens": e.tokens, "learn": e.learn} for e in held_out],
    }
    file = folder / f"{loop}-task.json"
    file.write_text(json.dumps(task), encoding="utf-8")
    memory = watched(
        [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.peers.peft_train", str(file)],
        lambda process, watch: watch(process.pid),
    )
    if not result.exists():
        raise SystemExit("The peer failed: see above.")
    found = json.loads(result.read_text(encoding="utf-8"))
    return Side(found["seconds"], memory, found["before"], found["after"], found["gpu_bytes"])


def watched(command: list[str], listen: Callable[[subprocess.Popen[bytes], Callable[[int], None]], None]) -> int:
    """Run a command; returns the largest resident memory, in bytes, of the process that `listen` names."""
    peak = 0
    ended = threading.Event()

    def watch(pid: int) -> None:
        def sample() -> None:
            nonlocal peak
            while not ended.wait(0.05):
                try:
                    peak = max(peak, psutil.Process(pid).memory_info().rss)
                except psutil.NoSuchProcess:
                    return

        threading.Thread(target=sample, daemon=True).start()

    environment = os.environ | {"TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        listen(process, watch)
        process.communicate()
    ended.set()
    return peak


def tell(report: Report, name: str, side: Side, tokens: int) -> None:
    report.add(f"{name}: tokens per second", tokens / side.seconds, "tok/s")
    report.add(f"{name}: seconds", side.seconds, "s")
    report.add(f"{name}: peak memory", side.memory / GIGABYTE, "GiB")
    if side.gpu_memory:
        report.add(f"{name}: peak GPU memory", side.gpu_memory / GIGABYTE, "GiB")
    report.add(f"{name}: development loss before", side.before, "nats")
    report.add(f"{name}: development loss after", side.after, "nats")


def compare(report: Report, ours: Side, theirs: Side, name: str) -> None:
    """The three goals of the issue; on a GPU its memory is what counts."""
    report.add(f"speed ÷ {name}", theirs.seconds / ours.seconds, goal=3, most=False)
    mine, its = (ours.gpu_memory, theirs.gpu_memory) if ours.gpu_memory and theirs.gpu_memory else (ours.memory, theirs.memory)
    report.add(f"memory ÷ {name}", mine / its, goal=0.25)
    report.add(f"development loss − {name}", ours.after - theirs.after, "nats", goal=0.0)


if __name__ == "__main__":
    raise SystemExit(main())

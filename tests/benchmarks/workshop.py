"""`start.py bench workshop`: what the person notices of a training while they chat, and of a page that follows a long job.

The chat is the real engine with the starter model, the job a fine-tuning of the same model with default settings, started as
the window starts it. Replies with and without the job take turns: it is suspended for every other one, so that both sides
meet the same machine, the same minute and the same memory.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

from companion.core.job import JobOrder
from companion.core.job_folder import JobFolder, create_job
from companion.core.job_history import JobReader
from companion.core.job_start import LeashedJob
from companion.core.messages import ReplyDone, Turn
from companion.core.paths import models_folder
from companion.core.recipes.fine_tune import FineTune
from companion.core.sampling import Sampling
from companion.engine.client import EngineClient
from tests.benchmark_report import Report, fresh_home, median, medians_of, starter_or_leave

PAIRS = 8
TOKENS = 120
SETTLE_SECONDS = 1.0
"""After the job was suspended or let go on."""
START_SECONDS = 900
LEAST_RATIO = 0.6
MOST_STALL_MS = 50
SYSTEM = "You are Hoshi, who shows visitors the night sky at a small observatory. You are kind, curious and tell long stories."
ASKED = (
    "Yesterday evening I walked home along the river and saw a very bright light low in the west, just after sunset. It did"
    " not blink, it was a little yellow, and it was gone an hour later. My sister says that it was a plane, my neighbour says"
    " that it was star number {}. What was it, how could I find out tomorrow, and what should I tell the two of them?"
)


def chat(report: Report, starter: Path) -> None:
    """Tokens per second and time to the first token with a training job running ÷ without."""
    dialogues = tuple(map(str, sorted((models_folder() / "hoshi" / "dialogues").glob("*.jsonl"))))
    with EngineClient() as engine:
        engine.load(starter)
        job = create_job(FineTune(model=str(starter), data_files=dialogues), JobOrder())
        leashed = LeashedJob(job)
        try:
            worker = learning(job, leashed)
            reply(engine, 0)  # the character is read once, as at the start of a conversation
            pairs = [pair(engine, worker, number) for number in range(1, PAIRS + 1)]
        finally:
            leashed.kill()
    for place, name, unit in ((0, "tokens_per_second", "tok/s"), (1, "first_token_seconds", "s")):
        report.add(f"{name}_alone", median([alone[place] for alone, _ in pairs]), unit)
        report.add(f"{name}_with_a_job", median([beside[place] for _, beside in pairs]), unit)
    report.add("chat_over_alone", median([beside[0] / alone[0] for alone, beside in pairs]), goal=LEAST_RATIO, most=False)
    report.add("first_token_over_alone", median([beside[1] / alone[1] for alone, beside in pairs]))


def learning(job: JobFolder, leashed: LeashedJob) -> psutil.Process:
    """The job's process, once it has made its first step."""
    reader, until = JobReader(job.events_file), time.monotonic() + START_SECONDS
    while reader.history.last_step is None:
        reader.read()
        if leashed.exit_status() is not None or time.monotonic() > until:
            raise SystemExit(f"The job did not begin to learn: {reader.history.ended}")
        time.sleep(0.2)
    return psutil.Process(job.worker())


def pair(engine: EngineClient, worker: psutil.Process, number: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """(tokens per second, seconds to the first token) without the job and with it; the order turns."""
    found: dict[bool, tuple[float, float]] = {}
    for beside in (True, False) if number % 2 else (False, True):
        if not beside:
            worker.suspend()
        time.sleep(SETTLE_SECONDS)
        found[beside] = reply(engine, 2 * number + beside)
        worker.resume()
    return found[False], found[True]


def reply(engine: EngineClient, number: int) -> tuple[float, float]:
    turns = (Turn("system", SYSTEM), Turn("user", ASKED.format(100 + number)))
    events = engine.generate(turns, Sampling(temperature=0, repeat_penalty=1, max_tokens=TOKENS))
    done = next(event for event in events if isinstance(event, ReplyDone))
    return done.tokens_per_second, done.first_token_seconds


def window(report: Report) -> None:
    """The real window on a job of 100,000 steps that grows: the longest time between two turns of its event loop."""
    stall, own, points = medians_of("live_job.py", 3)
    report.add("longest_window_stall", stall, "ms", goal=MOST_STALL_MS)
    report.add("longest_window_stall_of_its_own", own, "ms", goal=MOST_STALL_MS)
    report.add("points_of_a_chart", points, "", goal=100_000, most=False)


def main() -> int:
    report = Report("Workshop")
    starter = starter_or_leave()
    with fresh_home():
        if report.wants("chat"):
            chat(report, starter)
        if report.wants("window"):
            window(report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())

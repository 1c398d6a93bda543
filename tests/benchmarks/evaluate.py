"""`start.py bench evaluate`: perplexity against llama.cpp's own tool, several replies at once against one at a time, and how
long the standard suite takes.

The tool is built once from the source that llama-cpp-python ships (about five minutes on two cores, tests/llama_tools.py).
Both sides read the same text with the same library options; loading the model is not counted on either side. Replies are
those of the standard suite: the shipped dialogues behind the built-in character's card, the chat's own sampling. One at a
time keeps its cache between prompts, as the chat does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from companion.core.hardware import usable_threads
from companion.core.recipes.evaluate import Evaluate, Replies
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.model import Model
from companion.llama.sampling import Sampler
from companion.llama.scoring import perplexity, rows_at_once, text_tokens
from companion.workshop.evaluation.family import Prompt
from companion.workshop.evaluation.material import read_material
from companion.workshop.evaluation.opened import Opened, open_subjects
from companion.workshop.evaluation.replies import answer, tasks_of
from companion.workshop.evaluation.scripted import shipped
from tests import llama_tools
from tests.benchmark_report import Report, fresh_home, median, starter_or_leave

ROUNDS = 3
PROMPTS = 40
AT_ONCE = 8
"""In each lane (`workshop/evaluation/lanes.py`)."""
SUITE_SECONDS = 360


def throughput(report: Report, starter: Path) -> None:
    """Tokens/s of perplexity, chunk by chunk in turns with the tool, so that both meet the same machine."""
    text, threads = shipped("text.txt"), usable_threads()
    ours, theirs = [], []
    with Model(Library(), starter) as model:
        tokens = text_tokens(model.vocabulary, text.read_text(encoding="utf-8"))
        counted = len(tokens) // 512 * 512
        options = ContextOptions(512, threads, outputs=rows_at_once(model.vocabulary.size))
        with Context(model, options) as context:
            perplexity(context, tokens[:1024])
            for _ in range(ROUNDS):
                began = time.perf_counter()
                perplexity(context, tokens)
                ours.append(counted / (time.perf_counter() - began))
                theirs.append(counted / tool_seconds(starter, text, threads))
    report.add("perplexity_tokens_per_second", median(ours), "tok/s")
    report.add("llama_cpp_perplexity_tokens_per_second", median(theirs), "tok/s")
    report.add("perplexity_over_llama_cpp", median(ours) / median(theirs), goal=0.9, most=False)


def tool_seconds(model: Path, text: Path, threads: int) -> float:
    """From where the tool says that it begins to compute to its result, by the clock at the beginning of its lines."""
    printed = llama_tools.run(model, text, threads=threads)
    return llama_tools.clock(printed, "Final estimate") - llama_tools.clock(printed, "perplexity: calculating")


def batched(report: Report, starter: Path) -> None:
    """Tokens/s of replies; both sides read the prompts, too."""
    recipe = Evaluate(subjects=((str(starter),),), character="Hoshi", replies=Replies(at_once=AT_ONCE))
    prompts = read_material(recipe, lambda share: None).prompts[:PROMPTS]
    with open_subjects(recipe) as (subjects, _):
        single, together = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            written = one_at_a_time(subjects[0], prompts, recipe.replies)
            single.append(written / (time.perf_counter() - began))
            began = time.perf_counter()
            replies = answer(subjects[0], prompts, recipe.replies, 0, lambda share: None)
            together.append(sum(reply.tokens for reply in replies) / (time.perf_counter() - began))
    report.add("one_at_a_time", median(single), "tok/s")
    report.add("eight_at_once", median(together), "tok/s")
    report.add("batched_over_single", median(together) / median(single), goal=1.5, most=False)


def one_at_a_time(opened: Opened, prompts: Sequence[Prompt], options: Replies) -> int:
    """As the engine does it: one sequence, what the last prompt began with stays in the cache. Returns the tokens written."""
    tasks, count = tasks_of(opened, prompts, options, 0), 0
    vocabulary = opened.model.vocabulary
    with opened.context(max(len(task.tokens) for task in tasks) + options.tokens + 1) as context:
        for task in tasks:
            context.read(list(task.tokens))
            sampler = Sampler(vocabulary, task.sampling, task.tokens)
            for number in range(options.tokens):
                token = sampler.sample(context.pointer)
                if vocabulary.ends_reply(token):
                    break
                count += 1
                if number + 1 < options.tokens:
                    context.add(token)
            sampler.close()
    return count


def suite(report: Report, starter: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "companion", "evaluate", "--suite", "standard", "--model", str(starter)]
        began = time.perf_counter()
        subprocess.run([*command, "--json", str(Path(folder) / "report.json")], check=True, timeout=4 * SUITE_SECONDS)
        report.add("standard_suite_seconds", time.perf_counter() - began, "s", goal=SUITE_SECONDS)


def main() -> int:
    report = Report("Evaluation")
    starter = starter_or_leave()
    with fresh_home():
        if report.wants("throughput"):
            throughput(report, starter)
        if report.wants("batched"):
            batched(report, starter)
        if report.wants("suite"):
            suite(report, starter)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())

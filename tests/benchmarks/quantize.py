"""`start.py bench quantize [--model FILE] [--only PART]`: our builds against llama.cpp's own recipes of the same source.

Of each stock recipe the divergence is measured, then our build of its bytes, and of its divergence. Everything is
measured on text that nothing was calibrated with. `--model` takes another source than the starter model, such as a small one that
`companion pretrain` made.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from companion.core.gguf.header import read_header
from companion.core.hardware import usable_threads
from companion.core.job import BuildProven, JobEnded, JobOrder, Proven
from companion.core.job_folder import JobFolder, create_job
from companion.core.recipes.files import with_changes
from companion.core.recipes.quantize import QUICK, Quantize
from companion.llama.library import Library
from companion.llama.quantize import quantize
from companion.workshop.client import JobProcess
from companion.workshop.quantization.calibration import read_texts
from companion.workshop.quantization.proof import prove
from companion.workshop.recipes.open_base import open_base
from tests.benchmark_report import Report, fresh_home, starter_or_leave

STOCK = ("Q2_K", "Q3_K_M", "Q4_0", "IQ4_NL", "Q4_K_M", "Q5_K_M", "Q6_K")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path)
    parser.add_argument("--only", choices=("walk", "stock", "calibration"))
    options, others = parser.parse_known_args()
    report = Report("Quantization", others)
    with fresh_home():
        source = (options.model or starter_or_leave()).absolute()
        bench = Bench(source, report)
        if options.only in {None, "walk"}:
            bench.walk()
        if options.only in {None, "stock"}:
            bench.against_stock()
            bench.front()
        if options.only in {None, "calibration"}:
            bench.calibration()
    return report.finish()


class Bench:
    def __init__(self, source: Path, report: Report) -> None:
        self.source, self.report = source, report
        self.folder = Path.cwd() / "build" / "quantize"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.size = read_header(source).file_size
        self.first: JobFolder | None = None
        self.builds: list[BuildProven] = []
        self.library = Library()

    def build(self, *changes: str, recipe: Quantize | None = None, anew: bool = False) -> BuildProven:
        """One build by a job that knows what the first one measured."""
        wanted = with_changes(recipe or Quantize(), ["proof.stock=false", *changes])
        job = create_job(with_changes(wanted, [f"model={self.source}", "character=Hoshi", "name=b"]), JobOrder())
        if self.first is not None and not anew:
            shutil.copytree(self.first.measured, job.measured)
        self.first = self.first or job
        found, ended = None, None
        with JobProcess(job) as process:
            for event in process.events():
                if isinstance(event, BuildProven):
                    found = event
                ended = event if isinstance(event, JobEnded) else ended
        if found is None:
            raise SystemExit(f"no build: {ended}")
        self.builds.append(found)
        shutil.rmtree(job.output, ignore_errors=True)
        return found

    def walk(self) -> None:
        """The whole command, and the quick one, from nothing."""
        began = time.monotonic()
        self.build("budget.divergence=0.05", "proof.stock=true", "calibration.anew=true")
        self.report.add("whole walk", time.monotonic() - began, "s")
        began = time.monotonic()
        self.build("budget.divergence=0.05", "proof.stock=true", "calibration.anew=true", recipe=QUICK, anew=True)
        self.report.add("quick walk", time.monotonic() - began, "s")

    def against_stock(self) -> None:
        for kind in STOCK:
            file = self.folder / f"{kind}.gguf"
            quantize(self.source, file, file_type=kind, threads=usable_threads())
            if file.stat().st_size >= self.size:
                print(f"{kind} is not smaller than the source: left out", flush=True)
                continue
            stock = self.proven(file)
            self.report.add(f"{kind}: divergence", stock.divergence, "nats")
            same_size = self.build(f"budget.size={stock.bytes}")
            self.report.add(f"{kind}: divergence of ours at its bytes ÷ its", same_size.proven.divergence / stock.divergence)
            self.report.add(f"{kind}: our bytes ÷ its", same_size.proven.bytes / stock.bytes)
            smallest = self.build(f"budget.divergence={stock.divergence}", "budget.prefer=size")
            self.report.add(f"{kind}: bytes of ours at its divergence ÷ its", smallest.proven.bytes / stock.bytes)
            fastest = self.build(f"budget.divergence={stock.divergence}")
            self.report.add(f"{kind}: ours at its divergence writes ÷ source", fastest.proven.write / fastest.proven.source_write)
            self.report.add(f"{kind}: ours at its divergence reads ÷ source", fastest.proven.read / fastest.proven.source_read)
            self.report.add(f"{kind}: stock writes ÷ source", stock.write / stock.source_write)
            file.unlink()

    def proven(self, file: Path) -> Proven:
        with open_base(self.source) as base:
            texts = read_texts(Quantize(character="Hoshi"), base).held_out
        return prove(self.library, self.source, file, texts, Quantize().proof.tokens, usable_threads(), lambda share: None)

    def front(self) -> None:
        """Foreseen against measured, of all builds that were made."""
        made = [each for each in self.builds if each.foreseen_divergence > 0]
        near = [
            abs(each.foreseen_divergence / each.proven.divergence - 1) <= 0.2 for each in made if each.proven.bits_per_weight >= 4
        ]
        self.report.add("foreseen divergence within 20 %, share of builds of 4 bits and more", sum(near) / max(1, len(near)))
        order: Any = spearmanr([each.foreseen_divergence for each in made], [each.proven.divergence for each in made])
        self.report.add("rank correlation of foreseen and measured divergence", float(order.statistic))
        speeds = sorted(abs(each.foreseen_write / each.proven.write - 1) for each in made)
        self.report.add("foreseen tokens/s: median error", 100 * speeds[len(speeds) // 2], "%")
        self.report.add("foreseen tokens/s: largest error", 100 * speeds[-1], "%")

    def calibration(self) -> None:
        """With her dialogues in the calibration and without, at the same bytes."""
        changes = (f"budget.size={round(0.83 * self.size)}", "search.anchors=0")
        mixed = self.build(*changes, anew=True)
        general = self.build(*changes, "calibration.own_share=0", anew=True)
        self.report.add(
            "divergence on dialogues: calibrated with them ÷ on general text", mixed.proven.dialogues / general.proven.dialogues
        )
        self.report.add("divergence on general text: the same", mixed.proven.general / general.proven.general)


if __name__ == "__main__":
    raise SystemExit(main())

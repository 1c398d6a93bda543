"""Health and the last report, from real plans and a real report."""

from __future__ import annotations

import msgspec

from companion.core.benchmark import Benchmark, benchmark_file
from companion.core.fingerprint import file_sha256
from companion.core.library.health import health, overall
from companion.core.library.origins import Measured
from companion.core.library.reports import last_reports
from companion.core.measured_here import run_of, runs_here, writing_pace
from companion.core.paths import cache_folder, models_folder
from companion.core.report import Measured as ReportPart
from companion.core.report import Report, Subject, UsedFile
from companion.llama.measure import Measurement, Speed
from companion.llama.plan import Plan, remember
from tests.core.library.conftest import Shelf
from tests.tiny_models import write_truncated


def plan(model, size: int, reply: float = 100.0) -> Plan:
    speeds = (
        Speed(threads=1, batch=512, flash_attention=True, prompt=200, reply=60),
        Speed(threads=2, batch=512, flash_attention=True, prompt=400, reply=reply),
        Speed(threads=2, batch=512, flash_attention=True, prompt=400, reply=999, depth=512),
    )
    measured = Measurement(threads=2, prompt_threads=2, batch=512, flash_attention=True, reason="", speeds=speeds)
    return Plan(
        model=model.name, file_bytes=size, build="", rung="cpu", gpu_layers=0, extra_buffers=True,
        health="answers with sound numbers", measurement=measured,
    )  # fmt: skip


def test_a_model_that_ran_says_how_fast(shelf: Shelf, fresh_cache):
    item = shelf.items()["base"]
    assert overall(health(item, run_of(item.path, runs_here()))) == "unknown"
    remember(cache_folder() / "engine" / "a.json", plan(item.path, item.bytes))
    checks = health(item, run_of(item.path, runs_here()))
    assert overall(checks) == "good"
    assert "at 100 tokens/s and answers with sound numbers." in checks[-1].sentence


def test_another_file_of_the_same_name_has_not_run(shelf: Shelf, fresh_cache):
    remember(cache_folder() / "engine" / "a.json", plan(shelf.base, 17))
    assert run_of(shelf.base, runs_here()) is None


def test_a_damaged_file_says_so_and_nothing_else(shelf: Shelf):
    write_truncated(shelf.base)
    item = shelf.items()["base"]
    (check,) = health(item, None)
    assert check.state == "bad"
    assert "incomplete" in check.sentence


def test_the_pace_of_writing_is_the_benchmarks_else_the_largest_models(shelf: Shelf, fresh_cache):
    folder = cache_folder() / "engine"
    assert writing_pace(runs_here()) is None
    remember(folder / "a.json", plan(shelf.base, 1_000_000, reply=50))
    remember(folder / "b.json", plan(shelf.build, 1_000, reply=900))
    assert writing_pace(runs_here()).bytes_per_second == 50_000_000
    found = Benchmark(build="", threads=2, memory_bandwidth=2e10, disk_write=0, types=(), steadiness=1, seconds=20)
    benchmark_file().write_bytes(msgspec.json.encode(found))
    assert writing_pace(runs_here()).bytes_per_second == 2e10
    benchmark_file().write_bytes(b"{}")
    assert writing_pace(runs_here()).bytes_per_second == 50_000_000


def test_the_shipped_report_is_the_last_one_of_the_adapter(home):
    adapter = models_folder() / "hoshi" / "hoshi.gguf"
    found = last_reports((), {})[file_sha256(adapter)]
    assert "better" in found.verdict
    assert found.page.endswith("report.html")


def test_the_newest_report_counts(shelf: Shelf, tmp_path):
    sha256 = file_sha256(shelf.base)
    subject = ReportPart(subject=Subject(name="base", model=UsedFile(name="base", sha256=sha256)))
    for name, began in (("old", 10.0), ("new", 20.0)):
        report = Report(verdict=f"The {name} verdict.", measured=(subject,), began=began)
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(report))
    (tmp_path / "broken.json").write_bytes(b"{")
    written = [Measured(report=str(tmp_path / f"{n}.json"), page="", when=0) for n in ("new", "old", "broken", "absent")]
    assert last_reports(written, {})[sha256].verdict == "The new verdict."

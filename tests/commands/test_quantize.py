"""`companion quantize` as a person types it; the job, the quantizer and the painter are real processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from companion import cli
from companion.core.amounts import bytes_of
from companion.core.files import read_json
from companion.core.gguf.header import read_header
from companion.core.job import Proven
from companion.core.job_folder import all_jobs
from tests.tiny_models import write_tiny_llama

COMPANION = [sys.executable, "-P", "-m", "companion", "quantize"]
SMALL = (
    "calibration.tokens=512",
    "search.anchors=2",
    "search.anchor_tokens=128",
    "search.kinds=Q4_0,Q8_0",
    "proof.tokens=1024",
    "proof.stock=false",
    "threads=1",
)
PNG = b"\x89PNG\r\n\x1a\n"


def test_one_command_builds_proves_and_paints(tmp_path):
    model = write_tiny_llama(tmp_path / "m.gguf", width=64, ffn=256, type="F16")
    changes = [part for change in SMALL for part in ("--set", change)]
    command = [*COMPANION, "--model", str(model), "--max-kl", "0.05", *changes, "--output", str(tmp_path / "b.gguf")]
    picture = tmp_path / "front.png"
    done = subprocess.run([*command, "--pareto", str(picture)], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for said in ("divergence", "nats per token (foreseen", "Picture:", "instead of", "times as fast"):
        assert said in " ".join(done.stdout.split())
    assert read_header(tmp_path / "b.gguf").file_size < model.stat().st_size
    assert picture.read_bytes().startswith(PNG)
    (job,) = all_jobs()
    assert "Q8_0" in (job.output / "front.svg").read_text(encoding="utf-8")
    drawn = read_json(job.measured / "front.json", dict[str, Proven]) or {}
    own = [(each.bytes, each.divergence) for name, each in drawn.items() if name.startswith("front")]
    assert len(set(own)) == len(own) > 2, "no build is made and measured twice"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--max-size", "large"], "“large” is no size. Write it as 80MB"),
        (["--max-size", "1KB"], "No build of this model is as small as 1 KB. The smallest possible is"),
        (["--max-size", "0"], "--max-size 0 is no limit. Name more than 0, or leave it out."),
        (["--max-kl", "0"], "--max-kl 0 is no limit."),
        (["--min-speed", "0"], "--min-speed 0 is no limit."),
        (["--pareto", "front.gif"], "“front.gif” is neither a PNG nor an SVG file."),
        (["--adapter", "nobody.gguf"], "nobody.gguf"),
        (["--set", "search.kinds=Q9"], "It takes some of these: BF16"),
        (["--set", "calibration.importance_file=nothing.gguf"], "nothing.gguf” is not there"),
    ],
)
def test_a_mistake_is_a_sentence_before_any_work(tiny_model, tmp_path, monkeypatch, capsys, options, says):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["quantize", "--model", str(tiny_model), *options]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *[("80MB", 80_000_000), ("1.5 GB", 1_500_000_000), ("12k", 12_000), ("4096", 4096), ("2tb", 2 * 10**12)],
        *[("90MiB", 90 << 20), ("1 GiB", 1 << 30), ("512KiB", 512 << 10), ("1.5gib", 3 << 29)],
    ],
)
def test_a_size_is_read_as_people_write_it(text, size):
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-5MB", "1,5GB", "80 iB", "1e9", "８０MB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="no size"):
        bytes_of(text)

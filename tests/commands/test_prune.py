"""`companion prune` as a person types it; the job is a real process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from companion import cli
from companion.core.amounts import share_of
from companion.core.gguf.header import read_header
from tests.tiny_models import write_tiny_llama

COMPANION = [sys.executable, "-P", "-m", "companion"]
SMALL = ("calibration.tokens=512", "layer_tokens=256", "proof.tokens=1024", "threads=1")
CHANGES = [part for change in SMALL for part in ("--set", change)]


def run(*arguments):
    return subprocess.run([*COMPANION, *arguments], capture_output=True, text=True, timeout=300, check=False)


def test_one_command_prunes_and_proves_and_the_job_can_be_looked_at(tmp_path):
    model = write_tiny_llama(tmp_path / "m.gguf", layers=3, ffn=256, type="F16")
    target = tmp_path / "p.gguf"
    asked = ["--layers", "1", "--neurons", "25%", "--heads", "50%", "--sparsity", "0.5", "--method", "magnitude", "--quick"]
    done = run("prune", "--model", str(model), *asked, *CHANGES, "--output", str(target))
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    for words in (
        "Leaving 192 of 256 neurons and 1 of 2 key/value heads",
        "pruned: ",
        "divergence",
        "instead of",
        "times as fast",
    ):
        assert words in said
    assert "Its zeros save neither bytes nor time in llama.cpp." in said
    header = read_header(target)
    assert (header.layers, header.feed_forward_length, header.head_count) == (2, 192, 2)
    listed, shown = run("jobs", "list"), run("jobs", "show", "last")
    assert "prune" in listed.stdout
    assert "pruned: " in shown.stdout
    again = run("prune", "--model", str(model), *asked, "--output", str(target))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


def test_a_recipe_is_followed_where_options_say_nothing(tmp_path):
    model = write_tiny_llama(tmp_path / "m.gguf", layers=3, type="F16")
    recipe = tmp_path / "r.toml"
    recipe.write_text('kind = "prune"\nlayers = 2\npattern = "2:4"\n', encoding="utf-8")
    target = tmp_path / "p.gguf"
    done = run("prune", "--model", str(model), "--recipe", str(recipe), "--layers", "1", *CHANGES, "--output", str(target))
    assert (done.returncode, done.stderr) == (0, "")
    header = read_header(target)
    assert header.layers == 2
    assert header.text("companion.pruned").endswith("2:4 zeros (wanda)")


def test_what_the_job_refuses_is_a_sentence(tmp_path, tiny_model):
    done = run("prune", "--model", str(tiny_model), "--layers", "2")
    assert (done.returncode, done.stderr.split(". ")[-1]) == (1, "Take out 1 at most.\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--neurons", "some"], "“some” is no share. Write it as 20% or 0.2."),
        (["--neurons", "95%"], "impossible value for “neurons”: 0.95. It takes a number from 0 to 0.9."),
        (["--sparsity", "100%"], "impossible value for “sparsity”"),
        (["--method", "guess"], "It takes one of these: magnitude, wanda."),
        (["--recipe", "nobody.toml"], "The recipe “nobody.toml” cannot be read"),
        (["--set", "scores=luck"], "It takes one of these: fisher, magnitude, wanda."),
    ],
)
def test_a_mistake_is_a_sentence_before_any_work(tiny_model, tmp_path, monkeypatch, capsys, options, says):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["prune", "--model", str(tiny_model), *options]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("text", "share"), [("20%", 0.2), ("0.2", 0.2), ("12.5 %", 0.125), ("0", 0.0)])
def test_a_share_is_read_as_people_write_it(text, share):
    assert share_of(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "-5%", "1,5%", "a half", "２０%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ValueError, match="no share"):
        share_of(text)

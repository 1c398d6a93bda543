"""A checkpoint is there whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from companion.core.errors import JobError
from companion.workshop.training import checkpoints
from companion.workshop.training.checkpoints import Checkpoint, load_best, load_checkpoint, save_best, save_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints"
    path.mkdir()
    return path


def some(step: int = 3) -> Checkpoint:
    weight = torch.nn.Parameter(torch.ones(4, 2))
    optimizer = torch.optim.AdamW([weight])
    weight.sum().backward()
    optimizer.step()
    return Checkpoint(
        step, {"w": weight.detach()}, optimizer.state_dict(), {"best": 1.5}, {"tokens": 10, "best_loss": float("nan")}
    )


def test_what_was_saved_comes_back(folder):
    saved = some()
    save_checkpoint(folder / "step-3.pt", saved)
    read = load_checkpoint(folder / "step-3.pt")
    assert read.step == 3
    assert torch.equal(read.weights["w"], saved.weights["w"])
    assert torch.equal(read.optimizer["state"][0]["exp_avg"], saved.optimizer["state"][0]["exp_avg"])
    assert [path.name for path in folder.iterdir()] == ["step-3.pt"]


def test_a_full_disk_leaves_the_checkpoint_before_and_nothing_else(folder, monkeypatch):
    path = folder / "step-3.pt"
    save_checkpoint(path, some())
    before = path.read_bytes()
    write = checkpoints._write

    def write_to_a_full_disk(content, file):
        file.write(b"half")
        with Path("/dev/full").open("wb", buffering=0) as full:
            write(content, full)

    monkeypatch.setattr(checkpoints, "_write", write_to_a_full_disk)
    with pytest.raises(OSError, match="No space left") as raised:
        save_checkpoint(path, some())
    assert raised.value.errno == errno.ENOSPC
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"nonsense"])
def test_a_damaged_file_is_told_in_a_sentence(folder, content):
    path = folder / "step-3.pt"
    path.write_bytes(content)
    with pytest.raises(JobError, match="damaged"):
        load_checkpoint(path)


def test_a_single_bit_that_the_disk_has_changed_is_noticed(folder):
    path = folder / "step-3.pt"
    save_checkpoint(path, some()._replace(weights={"w": torch.ones(5000)}))
    content = bytearray(path.read_bytes())
    content[content.index(torch.ones(100).numpy().tobytes()) + 200] ^= 1
    path.write_bytes(content)
    with pytest.raises(JobError, match="damaged"):
        load_checkpoint(path)


def test_a_file_that_wants_to_run_something_is_refused(folder):
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    path = folder / "step-3.pt"
    torch.save({"form": 1, "step": Evil()}, path)
    with pytest.raises(JobError, match="damaged"):
        load_checkpoint(path)


def test_the_best_before_stays_until_it_is_forgotten(folder):
    save_best(folder, 2, 1.5, {"w": torch.zeros(2)})
    save_best(folder, 4, 1.4, {"w": torch.ones(2)})
    assert load_best(folder, 2)["w"].sum() == 0
    checkpoints.forget_others(folder, "best", [checkpoints.best_file(folder, 4)])
    assert [path.name for path in folder.iterdir()] == ["best-4.pt"]
    with pytest.raises(JobError):
        load_best(folder, 2)

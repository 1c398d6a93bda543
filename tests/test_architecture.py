"""The house of design.md: which folder may import which, and what a start may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "companion"
OURS = {
    "core": set(),
    "llama": {"core"},
    "mood": {"core"},
    "engine": {"core", "llama", "mood"},
    "workshop": {"core", "llama", "mood"},
    "speech": {"core"},
    "download": {"core"},
    "app": {"core"},
    "ui": {"core", "app"},
    "commands": {"core", "llama", "mood", "engine", "workshop"},
    "window.py": {"core", "app", "ui", "program", "screen"},
    "screen.py": {"core", "window"},
    "visit.py": {"core", "window"},
    "program.py": {"core", "app", "ui"},
    "cli.py": {
        "core",
        "commands",
        "screen",
        "cli_addon",
        "cli_data",
        "cli_evaluation",
        "cli_models",
        "cli_options",
        "cli_workshop",
    },
    "cli_addon.py": {"commands", "cli_options"},
    "cli_data.py": {"commands", "cli_options"},
    "cli_options.py": set(),
    "cli_workshop.py": {"commands", "cli_options"},
    "cli_evaluation.py": {"commands", "cli_options"},
    "cli_models.py": {"commands", "cli_options"},
    "__main__.py": {"core", "download", "engine", "llama", "speech", "cli", "screen", "ui", "visit", "workshop"},
    "__init__.py": set(),
}
THEIRS = {
    "core": {"msgspec", "platformdirs", "psutil", "pynvml", "regex", "tomli_w"},
    "llama": {"llama_cpp", "numpy", "jinja2", "msgspec"},
    "mood": {"numpy", "msgspec", "sklearn", "threadpoolctl"},
    "engine": {"msgspec", "psutil"},
    "workshop": {
        "torch",
        "numpy",
        "msgspec",
        "jinja2",
        "markupsafe",
        "psutil",
        "pynvml",
        "gguf",
        "scipy",
        "sklearn",
        "sentencepiece",
        "datasketch",
        "ftfy",
        "py3langid",
        "nltk",
        "sacrebleu",
        "rouge_score",
        "regex",
        "threadpoolctl",
        "tensorboard",
        "yaml",
        "lm_eval",
    },
    "speech": {"PySide6", "msgspec"},
    "download": {"huggingface_hub", "httpx2", "msgspec"},
    "app": {"PySide6", "msgspec"},
    "ui": {"PySide6", "markdown_it", "pygments", "msgspec"},
    "commands": {"rich", "msgspec", "psutil"},
    "window.py": {"PySide6"},
    "screen.py": {"PySide6"},
    "visit.py": {"PySide6"},
    "program.py": {"PySide6"},
    "cli.py": {"typer"},
    "cli_addon.py": {"typer"},
    "cli_data.py": {"typer"},
    "cli_options.py": {"typer"},
    "cli_workshop.py": {"typer"},
    "cli_evaluation.py": {"typer"},
    "cli_models.py": {"typer"},
    "__main__.py": set(),
    "__init__.py": set(),
}
QT_IN_APP = {"PySide6.QtCore", "PySide6.QtNetwork"}
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
            if node.module == "companion":
                found += [f"companion.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_module_imports_only_what_its_folder_may(path):
    part = path.relative_to(PACKAGE).parts[0]
    assert part in OURS, f"{part} is no part of the design"
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "companion":
            inside = rest.partition(".")[0]
            allowed = OURS[part] | {part.removesuffix(".py"), "", "__version__"}
            assert inside in allowed, f"{path.name} imports {name}"
        elif top not in sys.stdlib_module_names:
            assert top in THEIRS[part], f"{path.name} imports {name}"
            if part == "app" and top == "PySide6":
                assert name in QT_IN_APP, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_has_grown_too_large_or_a_name_that_says_nothing(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "misc", "helpers", "common", "manager"}


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("companion.window", {"torch", "llama_cpp", "numpy", "typer", "rich", "jinja2", "pygments", "markdown_it"}),
        ("companion.window", {"msgspec", "sqlite3", "companion.program", "companion.ui.content", "companion.ui.theme"}),
        ("companion.program", {"torch", "llama_cpp", "numpy", "typer", "rich", "jinja2", "pygments", "markdown_it"}),
        ("companion.app.downloads", {"huggingface_hub", "httpx2", "numpy"}),
        ("companion.app.updates", {"huggingface_hub", "httpx2", "numpy"}),
        ("companion.ui.workshop_wiring", {"psutil", "companion.app.jobs", "companion.ui.workshop.panel", "companion.ui.charts"}),
        ("companion.cli", {"torch", "llama_cpp", "numpy", "PySide6", "rich.live"}),
        ("companion.engine.client", {"torch", "llama_cpp", "numpy", "PySide6"}),
        ("companion.engine.worker", {"torch", "PySide6", "typer"}),
        ("companion.__main__", {"torch", "llama_cpp", "numpy", "PySide6", "typer", "msgspec"}),
    ],
)
def test_importing_a_role_leaves_the_others_libraries_out(module, left_out):
    script = f"import sys, {module}; print(*sorted(set(sys.modules) & {left_out!r}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split() == []


def test_there_are_no_import_cycles():
    graph = {}
    for path in FILES:
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        direct = [n for n in tree.body if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("companion.")]
        graph[name] = {n.module for n in direct}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail, module))
        if module not in done:
            for other in graph.get(module, ()):
                visit(other, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())

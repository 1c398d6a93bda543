"""Rewrites the file tree at the end of the README from the first line of every module.

python3 packaging/readme_tree.py
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMN = 34
"""Where the sentences begin."""


def sentence(path: Path) -> str:
    """The first line of a module's docstring, empty when there is none."""
    if not path.exists():
        return ""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0].rstrip(".")


def lines(folder: Path, depth: int = 1) -> Iterator[str]:
    """One line per module and package, modules first."""
    for path in sorted(folder.iterdir(), key=lambda found: (found.is_dir(), found.name)):
        name = "  " * depth + path.name
        if path.is_dir() and path.name != "__pycache__":
            yield f"{name + '/':<{COLUMN}}{sentence(path / '__init__.py')}".rstrip()
            yield from lines(path, depth + 1)
        elif path.suffix == ".py" and path.name != "__init__.py":
            yield f"{name:<{COLUMN}}{sentence(path)}".rstrip()


def main() -> None:
    if len(sys.argv) > 1:
        raise SystemExit("readme_tree.py takes no arguments; it rewrites README.md.")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    head, mark, rest = text.rpartition("```\ncompanion/\n")
    if not mark:
        raise SystemExit("README.md has no file tree that begins with “companion/”.")
    _, end, tail = rest.partition("```")
    readme.write_text(head + mark + "\n".join(lines(ROOT / "companion")) + "\n" + end + tail, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Make a release: one version everywhere, everything built and tried, sums and a bill of materials beside it.

    python3 packaging/release.py 0.2.0             change the version, build, try, write SHA256SUMS
    python3 packaging/release.py 0.2.0 --dry-run   say what would be changed, and stop there

The tree has to be clean. What is changed is committed by nobody but you: look at it, commit, tag and push; the workflow
`installers` builds the same on three systems and drafts the release.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import build

ROOT = build.ROOT
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")


class Change(NamedTuple):
    """In `file`, what `pattern` finds becomes `text`."""

    file: str
    pattern: str
    text: str


def main(arguments: list[str]) -> int:
    wanted = [word for word in arguments if not word.startswith("--")]
    if len(wanted) != 1 or not VERSION.fullmatch(wanted[0]):
        print("Name the version, such as 0.2.0: python3 packaging/release.py 0.2.0 [--dry-run]", file=sys.stderr)
        return 2
    version, today = wanted[0], datetime.now(UTC).date().isoformat()
    if changed := _git("status", "--porcelain"):
        print(f"The tree is not clean; commit or put away first:\n{changed}", file=sys.stderr)
        return 1
    if _git("tag", "--list", f"v{version}"):
        print(f"The version {version} has been released: there is a tag v{version}.", file=sys.stderr)
        return 1
    try:
        texts = {file: changed_text(file, each) for file, each in by_file(changes(version, today)).items()}
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for file, text in texts.items():
        print(f"{file}: {version}")
        if "--dry-run" not in arguments:
            (ROOT / file).write_text(text, encoding="utf-8")
    if "--dry-run" in arguments:
        return 0
    if status := build.main(["--check"]):
        return status
    sums = write_sums(build.DIST, version)
    print(f"{sums.relative_to(ROOT)} is written. Commit, then: git tag v{version} && git push --tags")
    return 0


def changes(version: str, today: str) -> list[Change]:
    """Every place that names the version."""
    released = f'<release version="{version}" date="{today}"/>'
    title = f'.TH COMPANION 1 "{today}" "Companion {version}" "User Commands"'
    return [
        Change("companion/__init__.py", r'^__version__ = ".*"$', f'__version__ = "{version}"'),
        Change("CHANGELOG.md", r"^## \S+ \(not released\)$", f"## {version} ({today})"),
        Change("packaging/linux/companion.metainfo.xml", r"<release version=.*/>", released),
        Change("packaging/linux/companion.1", r"^\.TH COMPANION 1 .*$", title),
    ]


def by_file(wanted: list[Change]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in wanted:
        found.setdefault(change.file, []).append(change)
    return found


def changed_text(file: str, wanted: list[Change]) -> str:
    """Raises ValueError, with a sentence, when a place is not there exactly once."""
    text = (ROOT / file).read_text(encoding="utf-8")
    for change in wanted:
        text, count = re.subn(change.pattern, change.text.replace("\\", r"\\"), text, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"{file} names the version {count} times where it should once ({change.pattern}).")
    return text


def write_sums(folder: Path, version: str) -> Path:
    """SHA-256 of everything in it that carries the version, as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and version in path.name)
    sums = folder / "SHA256SUMS"
    lines = []
    for path in files:
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    sums.write_text("".join(lines), encoding="ascii")
    return sums


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What the README shows is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_file_tree_names_every_file():
    shown = set(re.findall(r"^\s*(\w+\.py) ", README, re.MULTILINE))
    there = {path.name for path in (ROOT / "companion").rglob("*.py") if path.name != "__init__.py"}
    assert there - shown == set()
    assert shown - there - {"start.py"} == set()


def test_every_picture_and_link_leads_to_a_file():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target

"""What an installer carries: a bill of materials (CycloneDX 1.6) and the licences of everything in it.

Run by the Python of the environment that is frozen:

    build/environment/bin/python packaging/bill.py VERSION FOLDER     writes sbom.cdx.json and THIRD-PARTY-LICENCES.txt there
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path

TOOLS = {"pip", "setuptools", "wheel", "build", "pyproject-hooks", "pyinstaller", "pyinstaller-hooks-contrib", "altgraph"}
"""They make an installer, and are in none."""
LICENCE_FILES = ("licen", "copying", "notice", "authors")
NOT_PYTHON = (
    ("llama.cpp", "as llama-cpp-python carries it", "MIT", "https://github.com/ggml-org/llama.cpp"),
    ("SmolLM2-135M-Instruct", "Q4_1", "Apache-2.0", "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct"),
)
"""Name, version, licence and home of what is no Python package."""


def main() -> int:
    if len(sys.argv) != 3:
        print("Name the version and the folder: python packaging/bill.py VERSION FOLDER", file=sys.stderr)
        return 2
    version, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    packages = carried()
    (folder / "sbom.cdx.json").write_text(json.dumps(bill(version, packages), indent=2) + "\n", encoding="utf-8")
    (folder / "THIRD-PARTY-LICENCES.txt").write_text("\n".join(notices(packages)), encoding="utf-8")
    return 0


def carried() -> list[Distribution]:
    """Every package of this environment but the tools and Companion itself, by name."""
    found = {name_of(each): each for each in distributions()}
    return [found[name] for name in sorted(found) if name not in TOOLS | {"companion"}]


def bill(version: str, packages: list[Distribution]) -> dict[str, object]:
    """CycloneDX 1.6 (ECMA-424). One commit gives one bill: its number is made of its content."""
    components = [
        {
            "type": "library",
            "name": name_of(each),
            "version": each.version,
            "purl": f"pkg:pypi/{name_of(each)}@{each.version}",
            **_licence(licence_of(each)),
        }
        for each in packages
    ]
    components.append({"type": "framework", "name": "CPython", "version": platform.python_version(), **_licence("PSF-2.0")})
    components += [
        {
            "type": "machine-learning-model" if "LM" in name else "library",
            "name": name,
            "version": which,
            **_licence(licence),
            "externalReferences": [{"type": "website", "url": home}],
        }
        for name, which, licence, home in NOT_PYTHON
    ]
    content = json.dumps([version, components], sort_keys=True)
    made = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "timestamp": made.isoformat().replace("+00:00", "Z"),
            "component": {"type": "application", "name": "companion", "version": version, **_licence("Apache-2.0")},
        },
        "components": components,
    }


def name_of(package: Distribution) -> str:
    """As the index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()


def licence_of(package: Distribution) -> str:
    """An SPDX expression where the package names one, else its own words; empty when it says nothing."""
    named = (package.metadata.get_all(field) for field in ("License-Expression", "License"))
    told = next((found[0] for found in named if found), "")
    classifiers = [each.rpartition(" :: ")[2] for each in package.metadata.get_all("Classifier") or () if "License ::" in each]
    first = told.strip().partition("\n")[0]
    return first if 0 < len(first) <= 80 else ", ".join(classifiers)


def notices(packages: list[Distribution]) -> Iterator[str]:
    """The licence texts that the packages bring, one after the other."""
    yield "Companion carries the following programs, models and libraries, each under its own licence.\n"
    for name, which, licence, home in NOT_PYTHON:
        yield f"{'=' * 80}\n{name} ({which}): {licence}, {home}\n"
    for package in packages:
        yield f"{'=' * 80}\n{package.metadata['Name']} {package.version}: {licence_of(package) or 'see below'}\n"
        for file in package.files or ():
            name = Path(str(file)).name.lower()
            if name.startswith(LICENCE_FILES) and ".dist-info" in str(file):
                yield Path(str(file.locate())).read_text(encoding="utf-8", errors="replace")


def _licence(told: str) -> dict[str, object]:
    return {"licenses": [{"license": {"name": told}}]} if told else {}


if __name__ == "__main__":
    sys.exit(main())

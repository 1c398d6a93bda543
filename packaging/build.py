"""Build what a person installs, into dist/.

    python3 packaging/build.py wheel       the wheel and the source archive
    python3 packaging/build.py frozen      a folder with everything in it, Python and the starter model included
    python3 packaging/build.py deb         a package for Debian and Ubuntu, from that folder
    python3 packaging/build.py appimage    one file that runs on any Linux, from that folder
    python3 packaging/build.py             all of these that this system can build
    python3 packaging/build.py addon-vulkan    llama.cpp for graphics cards, to be listed by `addon.py`; or -cuda, -rocm, -metal

`--check` lets the folder and the AppImage try themselves afterwards (`companion --self-test`). Needs Python 3.11 or newer
and a C++ compiler.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import appimage
import debian
import freeze
import llama_build
from steps import SetupError, Steps, stop_when_told

ROOT = Path(__file__).resolve().parents[1]
DIST, WORK = ROOT / "dist", ROOT / "build"
PARTS: dict[str, Callable[[freeze.Place], Path]] = {
    "wheel": freeze.wheel,
    "frozen": freeze.frozen,
    "deb": debian.package,
    "appimage": appimage.image,
}
FOR_CARDS: dict[str, Callable[[freeze.Place], Path]] = {
    f"addon-{device}": partial(freeze.addon_library, device=device) for device in llama_build.FOR_ADDONS
}
"""They need the tools of the card's maker, and are built only when asked for."""
ABLE: dict[str, Callable[[], bool]] = {"deb": debian.can_build, "appimage": appimage.can_build}
"""What only some systems can build."""


def main(arguments: list[str]) -> int:
    wanted = [word for word in arguments if word != "--check"]
    if unknown := [word for word in wanted if word not in PARTS | FOR_CARDS]:
        print(f"“{unknown[0]}” cannot be built; there are: {', '.join(PARTS | FOR_CARDS)}.", file=sys.stderr)
        return 2
    stop_when_told()
    for folder in (DIST, WORK):
        folder.mkdir(exist_ok=True)
    try:
        with Steps(WORK / "build.log") as steps:
            place = freeze.Place(ROOT, DIST, WORK, version(), steps)
            for word in wanted or [name for name in PARTS if name not in ABLE or ABLE[name]()]:
                made = (PARTS | FOR_CARDS)[word](place)
                steps.say(f"{made.relative_to(ROOT)}: {freeze.megabytes(made)}")
                if "--check" in arguments and word in ("frozen", "appimage"):
                    freeze.check(place, made / freeze.PROGRAM if made.is_dir() else made)
    except KeyboardInterrupt:
        print("Stopped; what is finished stays in dist/.", file=sys.stderr)
        return 130
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def version() -> str:
    """The one in companion/__init__.py."""
    text = (ROOT / "companion" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise SetupError("companion/__init__.py names no version.")
    return found[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The first import of torch is that of the add-on in use. Apart from all else of add-ons, since every command starts with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def watch_for_torch() -> None:
    """From now on. Costs nothing before torch is looked for."""
    sys.meta_path.insert(0, _TorchFinder())


class _TorchFinder:
    """Finds nothing itself: it only puts the add-on's folder before all others when torch is about to be looked for."""

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: Any = None) -> None:
        if name != "torch":
            return
        sys.meta_path.remove(self)
        from companion.core.addons.use import use_for_torch

        use_for_torch()

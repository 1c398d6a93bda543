"""How wide the ways to optimize are: all begin at the same edge."""

from __future__ import annotations

from typing import Final

WIDEST: Final = 1080
NARROW: Final = 720
"""What is only read is no wider, and keeps to the left."""

"""The colour tokens of both themes, and the arithmetic that keeps them readable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Palette:
    """Hex colours by what they are for. Every text token reaches 4.5:1 on bg, surface and raised; a test computes it."""

    name: Literal["dark", "light"]
    bg: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent2: str
    ok: str
    warn: str
    bad: str
    code_keyword: str
    code_string: str
    code_number: str
    code_name: str
    code_comment: str


DARK = Palette(
    name="dark",
    bg="#14131F",
    surface="#1D1B2E",
    raised="#282542",
    line="#332F52",
    text="#ECE9F8",
    muted="#A9A3C6",
    accent="#FF8FB3",
    on_accent="#2B0D1B",
    accent2="#7FC8FF",
    ok="#7FD8A6",
    warn="#FFC46B",
    bad="#FF8080",
    code_keyword="#CBA8FF",
    code_string="#9ADFB4",
    code_number="#FFC98A",
    code_name="#8ECBFF",
    code_comment="#A39DC0",
)

LIGHT = Palette(
    name="light",
    bg="#FAF7FC",
    surface="#FFFFFF",
    raised="#F1ECF7",
    line="#E2DAEC",
    text="#251F36",
    muted="#655E7C",
    accent="#B92F66",
    on_accent="#FFFFFF",
    accent2="#1F62A8",
    ok="#1E7A4B",
    warn="#8A5A00",
    bad="#B3261E",
    code_keyword="#7638B5",
    code_string="#1E7348",
    code_number="#8A5300",
    code_name="#1F62A8",
    code_comment="#655E7C",
)


def mix(first: str, second: str, share: float) -> str:
    """The colour that lies `share` (0 to 1) of the way from the first to the second."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

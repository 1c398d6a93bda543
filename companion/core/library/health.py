"""Whether an item can be used: what its header says, and what the engine found when it ran it."""

from __future__ import annotations

from typing import Literal

import msgspec

from companion.core.amounts import bytes_text
from companion.core.library.item import Item
from companion.core.measured_here import Run

AGREES = "agrees with the plain CPU path"
"""How the engine's own words of a comparison begin; the divergence follows."""
State = Literal["good", "unknown", "bad"]


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at, as a full sentence."""

    state: State
    sentence: str
    details: str = ""
    """What an expert wants to know besides."""


def health(item: Item, run: Run | None) -> tuple[Check, ...]:
    """What was looked at, in the order a person wonders about it."""
    if item.what:
        return (Check("bad", f"{item.what} {item.remedy}".strip()),)
    checks = [Check("good", f"The file is complete: {bytes_text(item.bytes)}, and its header is sound.")]
    if item.kind == "adapter":
        known = "It names the model it was trained for by its checksum."
        unknown = "It does not say which file it was trained for; its architecture and shapes decide."
        return (*checks, Check("good", known) if item.base_sha256 else Check("unknown", unknown))
    if item.has_template:
        checks.append(Check("good", "It brings its own chat template."))
    else:
        checks.append(Check("unknown", "It brings no chat template; a common one is used instead."))
    if run is None:
        checks.append(Check("unknown", "She has not talked with it on this machine yet; its first start checks and measures it."))
    else:
        pace = f"{run.reply_speed:,.0f}" if run.reply_speed >= 100 else f"{run.reply_speed:.3g}"
        speed = f" at {pace} tokens/s" if run.reply_speed else ""
        found = run.health.rstrip(".")
        told = "computed the same as the slow, sure way" if found.startswith(AGREES) else found
        checks.append(Check("good", f"It ran on this machine{speed} and {told}.", "" if told == found else f"It {found}."))
    return tuple(checks)


def overall(checks: tuple[Check, ...]) -> State:
    """The worst of them."""
    states = {check.state for check in checks}
    return "bad" if "bad" in states else "unknown" if "unknown" in states else "good"

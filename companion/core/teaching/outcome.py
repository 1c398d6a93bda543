"""What came of teaching, in words: before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from companion.core.job_history import JobHistory
from companion.core.recipes.files import AdapterRecipe
from companion.core.recipes.prefer import Prefer

KEEP: Final = "Keep "
"""How the verdict of a gate begins that is not for the new one."""


SAME: Final = 0.02
"""Share of a loss by which two ways of computing it may differ: the sums are rounded at other places."""


class Outcome(NamedTuple):
    """`number` stands large: “23 %”; `means` says what of. Both empty when nothing was measured."""

    number: str
    means: str
    details: str
    word: Literal["better", "worse", "the same", ""]
    """What the number is; empty when nobody knows."""
    is_better: bool | None
    """None when nobody knows."""


def outcome_of(recipe: AdapterRecipe, history: JobHistory) -> Outcome:
    """From the numbers of the finished adapter; nothing is said before they are read."""
    made = next((output.metrics for output in reversed(history.outputs) if output.kind == "adapter"), None)
    if made is None:
        return Outcome("", "", "", "", None)
    found = _preferred(made) if isinstance(recipe, Prefer) else None
    return found or _surprised(made, is_preference=isinstance(recipe, Prefer))


def _surprised(made: Mapping[str, float], *, is_preference: bool) -> Outcome:
    """How much smaller the perplexity became, which is the exponential of the loss."""
    names = ("chosen_loss_before", "chosen_loss") if is_preference else ("held_out_loss_before", "held_out_loss")
    before, after = (made.get(name, math.nan) for name in names)
    checked = _checked(made)
    if math.isnan(before) or math.isnan(after):
        told = "There was too little to hold some of it back, so how well she learned was not measured. Talk with her and see."
        return Outcome("", "", told + checked, "", None)
    share = 1 - math.exp(after - before)
    number = f"{abs(share) * 100:.0f} %"
    surprise = f"Perplexity, the measure of surprise, {math.exp(before):.3g} before, {math.exp(after):.3g} after"
    details = f"{surprise} (held-out loss {before:.3f} and {after:.3f}).{checked}"
    means = f"{'less' if share >= 0 else 'more'} surprised by good replies that she has never seen"
    word: Literal["better", "worse", "the same"] = "the same" if number == "0 %" else "better" if share > 0 else "worse"
    if word == "the same":
        means = "as surprised as before by good replies that she has never seen"
    return Outcome(number, means, details, word, after < before)


def _preferred(made: Mapping[str, float]) -> Outcome | None:
    """Of a preference tuning with held-out pairs."""
    accuracy, was, now = (made.get(name) for name in ("preference_accuracy", "likelier_before", "likelier"))
    if accuracy is None or was is None or now is None:
        return None
    details = f"The better reply was the likelier one in {was:.0%} before, and is in {now:.0%} now.{_checked(made)}"
    number, means = f"{accuracy:.0%}".replace("%", " %"), "of held-out pairs moved towards the better reply"
    return Outcome(number, means, details, "better" if accuracy > 0.5 else "worse", accuracy > 0.5)


def _checked(made: Mapping[str, float]) -> str:
    """What talks is not what taught: whether both compute the same."""
    if "llama_cpp_loss" not in made or "torch_loss" not in made:
        return ""
    there, here = made["llama_cpp_loss"], made["torch_loss"]
    if abs(there - here) <= SAME * max(abs(here), 1.0):
        return " In llama.cpp, with which she talks, the loss is the same."
    return f" In llama.cpp, with which she talks, the loss is another: {there:.3f} where it was {here:.3f} while learning."

"""How add-ons are told of, in the window and in the terminal."""

from __future__ import annotations

from companion.core.addons.installed import Checked, Standing
from companion.core.addons.manifest import DEVICE_NAMES, Addon
from companion.core.amounts import bytes_text

DOING = {"asking": "Asking for", "fetching": "Fetching", "verifying": "Verifying", "unpacking": "Unpacking"}
"""Of a stage of installing, before the name of a file."""
WHO = "The check of the add-on"
WHERE = "the driver or its libraries"
"""Of the check's process, for `exit_sentence`."""


def died(sentence: str, trying: str) -> Checked:
    """What is kept of a check whose process ended without an answer; `trying` is what it said last."""
    while_ = f" That was while {trying}." if trying else ""
    return Checked(
        what=f"{sentence}{while_}",
        remedy="The add-on stays off. Update the driver of the graphics card, then check it again.",
    )


def state_words(now: Standing) -> str:
    """A sentence, or some, about what is on this computer."""
    match now.state:
        case "on" if now.checked is not None:
            found = ", ".join(now.checked.cards)
            torch = f"torch {now.checked.torch}" if now.checked.torch else ""
            return f"In use: {'; '.join(filter(None, (found, torch)))}."
        case "refused" if now.checked is not None:
            return f"Off: {now.checked.what} {now.checked.remedy}".strip()
        case "unchecked":
            return "Installed, and off until it is checked with this version of Companion."
        case "unfinished":
            return f"Not complete: {bytes_text(now.bytes)} are here." if now.bytes else "Not complete."
    return "Not installed."


def offer_words(addon: Addon) -> str:
    """What it brings, and what it costs."""
    size, room = bytes_text(addon.bytes), bytes_text(addon.unpacked)
    return f"{addon.brings} {DEVICE_NAMES[addon.device]}, {size} from {', '.join(addon.hosts)}; {room} on the disk."


def licence_words(addon: Addon) -> str:
    one = len(addon.licences) == 1
    return f"{'Licence' if one else 'Licences'}: {', '.join(addon.licences)}."

"""What the library says of an item, in words."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from companion.core.amounts import bytes_text
from companion.core.job import Proven
from companion.core.library.collection import Collection
from companion.core.library.family import Link, Member
from companion.core.library.item import Item
from companion.core.library.origins import Made
from companion.core.library.uses import EVERYBODY, Use
from companion.ui.memory.memory_model import day_words

_KINDS = {
    "fine-tune": "Trained",
    "pretrain": "Trained from nothing",
    "quantize": "Built for this machine",
    "prune": "Pruned",
    "distill": "Taught by a larger model",
}


def count_text(number: int) -> str:
    """'8,190', '135 million', '1.7 billion'."""
    if number < 999_500:
        return f"{number:,}"
    return f"{number / 1e6:.3g} million" if number < 999.5e6 else f"{number / 1e9:.3g} billion"


def facts(item: Item) -> str:
    """One line under the name: what kind of thing it is, and how large."""
    if item.kind == "adapter":
        parts = ["Adapter", f"rank {item.rank}" if item.rank else "", _parameters(item), bytes_text(item.bytes)]
    else:
        context = f"context {item.context_tokens:,}" if item.context_tokens else ""
        parts = ["Model", item.architecture, item.quantization, _parameters(item), context, bytes_text(item.bytes)]
    return " · ".join(part for part in parts if part)


def caption(item: Item, link: Link | None, used: tuple[Use, ...]) -> str:
    """The second line of a row."""
    if item.what:
        return f"{bytes_text(item.bytes)} · cannot be used"
    what = item.kind if link is None else link.relation
    parts = [what.capitalize(), bytes_text(item.bytes), used_text(used)]
    return " · ".join(part for part in parts if part)


def used_text(used: tuple[Use, ...]) -> str:
    """Who uses it: “used by everybody and Mia”; empty for nobody."""
    names = list(dict.fromkeys("everybody" if use.who == EVERYBODY else use.who for use in used))
    if not names:
        return ""
    shown = names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]
    return f"used by {_and(shown)}"


def still_used(used: tuple[Use, ...]) -> str:
    """What is said before something is deleted that somebody uses."""
    names = list(dict.fromkeys(use.who for use in used))
    if EVERYBODY in names:
        return f"{_and(names)} {'use' if len(names) > 1 else 'uses'} it. The starter model takes its place."
    return f"{_and(names)} use it, and go on without it." if len(names) > 1 else f"{names[0]} uses it, and goes on without it."


def still_needed(titles: tuple[str, ...]) -> str:
    """What is said before something is deleted that jobs have not done with."""
    names = [f"“{title}”" for title in dict.fromkeys(titles)]
    return f"{_and(names)} still {'need' if len(names) > 1 else 'needs'} it, and would fail."


def origin(item: Item, collection: Collection) -> str:
    """Where the file came from, as full sentences."""
    sentences = []
    if (source := collection.sources.get(item.key)) is not None:
        day = day_words(source.when, datetime.now())
        sentences.append(f"Downloaded from “{source.repository}” {day}; its checksum was verified.")
    if (made := collection.made.get(item.key)) is not None:
        sentences.append(_made(made))
    match item.place:
        case "starter":
            sentences.append("Comes with Companion: it is there without any download.")
        case "shipped":
            sentences.append("Trained by the makers of Companion, and comes with it.")
        case "linked":
            sentences.append("Belongs to another program, and is used where it is.")
        case "outside":
            sentences.append("Chosen from another folder, and used where it is.")
        case "own" if not sentences:
            sentences.append(f"In your own folder of {item.kind}s.")
        case "job" if made is None:
            sentences.append("In the folder of a job.")
    if item.went_on_from:
        sentences.append(f"It goes on from “{item.went_on_from}”, and holds what that one had learned, too.")
    if item.licence:
        sentences.append(f"Licence: {item.licence}.")
    return " ".join(sentences)


def step(member: Member, link: Link | None) -> str:
    """One line of the family tree."""
    if not isinstance(member, Item):
        return f"{member.name} (not here)"
    if link is None:
        return member.name
    worked_in = f" with “{link.adapter.name}” in it" if link.adapter is not None and link.relation == "merge" else ""
    return f"{member.name} ({link.relation}{worked_in})"


def proof(proven: Proven) -> str:
    """What was measured of a build against its source."""
    return (
        f"Measured against its source: its words moved by {proven.divergence:.3g} nats per token, and {proven.same_top:.0%} of "
        f"the likeliest next words are the same. It writes {proven.write:.3g} tokens/s, the source {proven.source_write:.3g}."
    )


def place(item: Item) -> str:
    """The folder, shortened at the person's home; and whether the same file lies elsewhere again."""
    folder, home = item.path.parent, Path.home()
    shown = f"~/{folder.relative_to(home).as_posix()}" if folder.is_relative_to(home) else str(folder)
    again = f", and again in the folder of its job: {bytes_text(item.bytes_on_disk)} in all" if item.copies else ""
    return f"{shown}{again}"


def total(collection: Collection) -> str:
    """The line beside the title."""
    models = sum(item.kind == "model" for item in collection.items)
    adapters = len(collection.items) - models
    size = sum(item.bytes for item in collection.items if item.is_ours)
    parts = [_counted(models, "model"), _counted(adapters, "adapter"), f"{bytes_text(size)} of your own" if size else ""]
    return " · ".join(part for part in parts if part)


def _made(made: Made) -> str:
    told = _KINDS.get(made.kind, "Made")
    day = f" {day_words(made.when, datetime.now())}" if made.when else ""
    return f"{told}{day} by the job “{made.name}”." if made.name else f"{told}{day}."


def _parameters(item: Item) -> str:
    return f"{count_text(item.parameters)} parameters" if item.parameters else ""


def _counted(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number:,} {word}s"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

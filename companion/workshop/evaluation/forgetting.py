"""Whether something was forgotten: the held-out loss on general dialogues, and on what was learned from earlier.

Backward transfer (Lopez-Paz & Ranzato 2017) is the mean over earlier datasets of how much better the model is on each now
than it was right after learning it; here in nats per token of loss. Below zero it has forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from companion.core.job_folder import HELD_OUT_FILE
from companion.core.names import numbered
from companion.core.report import Metric, Section, Table
from companion.workshop.evaluation.family import Situation
from companion.workshop.evaluation.held_out import held_out
from companion.workshop.evaluation.likelihood import role_loss
from companion.workshop.evaluation.material import read_dialogues
from companion.workshop.evaluation.scripted import shipped

KEY: Final = "forgetting"
TITLE: Final = "What was known before"
GENERAL: Final = f"{KEY}.general"
EARLIER: Final = f"{KEY}.earlier@"
"""Begins the key of the loss on one earlier dataset."""
TRANSFER: Final = f"{KEY}.backward_transfer"


def measure(situation: Situation) -> Section:
    """Raises DatasetError for dialogues that cannot be read, EngineError."""
    recipe = situation.recipe.forgetting
    names = earlier_names(recipe.files)
    sources = {GENERAL: (str(shipped("dialogues.jsonl")), "general dialogue")}
    sources |= {EARLIER + name: (file, name) for name, file in names.items()}
    metrics: list[Metric] = []
    notes: list[str] = []
    for number, (key, (file, name)) in enumerate(sources.items()):
        # general dialogues stand alone: a card before them would make them hers
        character = situation.recipe.character if key != GENERAL else ""
        dialogues = read_dialogues(file, name, character, recipe.dialogues)
        found = held_out(situation.opened, dialogues, lambda done, begun=number: situation.tell((begun + done) / len(sources)))  # type: ignore[misc]
        metric = role_loss(key, "", found.measured)
        said = "How much replies in everyday dialogues surprise the model; it should not rise."
        if key != GENERAL:
            said = "How much replies that it learned earlier surprise the model; it should not rise."
        metrics.append(replace(metric, title=f"Loss on {name}", explained=said, headline=False))
        notes += found.notes
    return Section(
        key=KEY,
        title=TITLE,
        explained="What a model that learned something new still knows.",
        metrics=tuple(metrics),
        notes=tuple(notes),
    )


def earlier_names(files: tuple[str, ...]) -> dict[str, str]:
    """Each earlier file by the name it has in a report: that of the job that held it back, else its own."""
    stems = [Path(file).parent.name if Path(file).name == HELD_OUT_FILE else Path(file).stem for file in files]
    return dict(zip(numbered(stems), files, strict=True))


def with_transfer(section: Section, before: Mapping[str, Metric]) -> Section:
    """The section of the later subject with its backward transfer from the one that knew the earlier datasets best."""
    pairs = [
        (metric, before[metric.key]) for metric in section.metrics if metric.key.startswith(EARLIER) and metric.key in before
    ]
    known = [(now.title, was.value, now.value) for now, was in pairs if was.value is not None and now.value is not None]
    if not known:
        return section
    transfer = Metric(
        key=TRANSFER,
        title="Backward transfer",
        value=sum(was - now for _, was, now in known) / len(known),
        unit="nats per token",
        better="higher",
        explained="How much better it is at what it learned earlier than it was right then; below zero it has forgotten.",
        why="Each dataset counts once, and there are too few of them for an interval." if len(known) < 5 else "",
        count=len(known),
        units="datasets",
    )
    rows = tuple((title, f"{was:.3f}", f"{now:.3f}", f"{now - was:+.3f}") for title, was, now in known)
    table = Table(title="Earlier datasets", header=("", "before", "now", "change"), rows=rows, explained="Nats per token.")
    return replace(section, metrics=(*section.metrics, transfer), tables=(*section.tables, table))

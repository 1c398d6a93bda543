"""A job in the list: what it is called, in which state it is, and how far."""

from __future__ import annotations

from companion.app.job_entry import JobEntry, JobPhase
from companion.core.amounts import duration_text
from companion.ui.card_list import CardRow
from companion.ui.workshop.jobs.phase_chip import COLOURS, MARKS
from companion.ui.workshop.jobs.words import when


def job_row(entry: JobEntry) -> CardRow:
    state = state_text(entry)
    return CardRow(
        key=entry.id,
        title=entry.title,
        captions=(state,),
        description=", ".join(dict.fromkeys((entry.title, entry.kind_words, entry.state_words, *state.split(", ")))),
        mark=(MARKS.get(entry.phase, "○"), COLOURS[entry.phase]),
        fraction=entry.fraction if entry.is_computing else None,
    )


def state_text(entry: JobEntry) -> str:
    """“step 12 of 50, 2 min left”, “running, 9 min left”, “done, today 14:03”."""
    summary = entry.summary
    left = f"{duration_text(summary.seconds_left)} left" if summary.seconds_left else ""
    if entry.phase is JobPhase.RUNNING and (summary.step or (left and not summary.steps)):
        done = entry.place[:1].lower() + entry.place[1:] or entry.state_words
        return ", ".join(filter(None, (done, left)))
    return ", ".join(filter(None, (entry.state_words, when(summary.began))))

"""What blind verdicts come to: who is preferred how surely, and how strong everybody is who was ever judged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion.core.judgement import Contest, Judged, Judgement, Outcome, Standing, all_judgements, identity

if TYPE_CHECKING:
    from companion.workshop.evaluation.bradley_terry import Duel, Verdict

LEVEL = 0.95


def told_outcome(judgement: Judgement) -> Outcome | None:
    """The outcome, kept in the judgement's folder, too; None before the first verdict. Raises DatasetError."""
    contest = judgement.contest()
    verdicts = [judged for judged in judgement.verdicts() if judged.answer != "skip"]
    if contest is None or not verdicts:
        return None
    found = _duel(contest, verdicts)
    outcome = Outcome(
        a=contest.a.name,
        b=contest.b.name,
        a_wins=sum(judged.answer == "a" for judged in verdicts),
        b_wins=sum(judged.answer == "b" for judged in verdicts),
        ties=sum(judged.answer == "tie" for judged in verdicts),
        sentence=_sentence(contest, found, len(verdicts)),
        share=found.share,
        low=found.interval.low,
        high=found.interval.high,
        details=tuple(_details(contest, verdicts)),
        standings=_standings(),
        pairs=tuple(verdicts),
        preferences=judgement.write_dataset(),
        time=round(time.time(), 3),
    )
    judgement.keep_outcome(outcome)
    return outcome


def _duel(contest: Contest, verdicts: Sequence[Judged]) -> Duel:
    from companion.workshop.evaluation.bradley_terry import Verdict, duel

    names = contest.a.name, contest.b.name
    found = duel([Verdict(*names, judged.answer) for judged in verdicts if judged.answer != "skip"], *names, level=LEVEL)
    if found is None:
        raise AssertionError("verdicts of two with different names")
    return found


def _sentence(contest: Contest, found: Duel, count: int) -> str:
    if found.share == 0.5:
        return f"{contest.a.name} and {contest.b.name} are preferred equally often among {count}: judge more of them."
    better, share, low, high = contest.b.name, found.share, found.interval.low, found.interval.high
    if share < 0.5:
        better, share, low, high = contest.a.name, 1 - share, 1 - high, 1 - low
    sure = "beyond chance" if found.p < 1 - LEVEL else "which may be chance: judge more of them"
    return f"{better} is preferred in {share:.0%} of {count} ({low:.0%} to {high:.0%}), {sure}."


def _details(contest: Contest, verdicts: Sequence[Judged]) -> list[str]:
    counts = {answer: sum(judged.answer == answer for judged in verdicts) for answer in ("a", "b", "tie")}
    alike = sum(not judged.asked for judged in verdicts)
    ties = f"{_times(counts['tie'])} they were as good{f' ({alike} of them word for word alike)' if alike else ''}"
    ties += ", which counts half for each" if counts["tie"] else ""
    told = [f"{contest.a.name} was preferred {_times(counts['a'])}, {contest.b.name} {_times(counts['b'])}; {ties}."]
    if decided := [judged for judged in verdicts if judged.answer != "tie"]:
        firsts = sum(judged.answer == judged.first for judged in decided)
        told.append(f"The reply shown first was chosen in {firsts} of {len(decided)}.")
    return told


def _standings() -> tuple[Standing, ...]:
    from companion.workshop.evaluation.bradley_terry import strengths

    return tuple(
        Standing(
            name=each.name,
            strength=each.value,
            low=each.interval.low,
            high=each.interval.high,
            wins=each.wins,
            losses=each.losses,
        )
        for each in strengths(_every_verdict(), level=LEVEL)
    )


def _every_verdict() -> list[Verdict]:
    """Of all contests there ever were: strengths of three and more follow from pairs."""
    from companion.workshop.evaluation.bradley_terry import Verdict

    found: list[Verdict] = []
    names: dict[str, str] = {}
    for judgement in all_judgements():
        contest = judgement.contest()
        if contest is None:
            continue
        for side in (contest.a, contest.b):
            key = identity(side)
            taken = {name for other, name in names.items() if other != key}
            names.setdefault(key, side.name if side.name not in taken else f"{side.name} {key[:4]}")
        sides = names[identity(contest.a)], names[identity(contest.b)]
        found += [Verdict(*sides, judged.answer) for judged in judgement.verdicts() if judged.answer != "skip"]
    return found


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")

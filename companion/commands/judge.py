"""`companion judge A B`: two replies in random order, one key to choose, and only at the end whose they were."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from companion.commands import subjects
from companion.commands.job_files import character_of, data_files
from companion.commands.judge_replies import Pair, Question, Replies
from companion.commands.printable import printable
from companion.commands.single_key import END, read_key, single_keys
from companion.core.character_library import built_in_character
from companion.core.dataset import DialogueTurn
from companion.core.errors import CompanionError, DatasetError
from companion.core.judgement import Answer, Judged, Judgement, all_judgements, identity, open_judgement
from companion.core.logs import log_to_file
from companion.core.messages import LoadOptions
from companion.core.paths import settings_file
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.evaluate import Replies as HowMany
from companion.core.report import Subject
from companion.core.settings import load_settings

if TYPE_CHECKING:
    from companion.workshop.evaluation.bradley_terry import Strength, Verdict

KEYS = "1 or 2 is better · t tie · s skip · q end"
EARLIER_TURNS = 4
"""Turns before the person's last words that are shown."""
LEVEL = 0.95


def judge(
    *,
    a: str,
    b: str,
    data: Sequence[Path] = (),
    prompts: int = 20,
    tokens: int = 160,
    character: str | None = None,
    seed: int = 0,
) -> int:
    """Ask until the prompts are through or the person ends it, then tell; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    settings = load_settings(settings_file()).settings
    sides = [subjects.parse(text, settings) for text in (a, b)]
    one, other = _described(sides)
    judgement = open_judgement(one, other)
    if identity(one) > identity(other):  # the folder knows them in one order only
        one, other, sides = other, one, sides[::-1]
    known = {judged.prompt for judged in judgement.verdicts()}
    questions = [question for question in _questions(data, prompts, character, seed) if question.name not in known]
    console = Console(highlight=False)
    if questions:
        options = LoadOptions(context_tokens=settings.context_tokens, threads=settings.threads, gpu_layers=settings.gpu_layers)
        sampling = replace(settings.sampling, max_tokens=tokens)
        console.print("[dim]Loading the models; whose reply is whose is told at the end.[/dim]")
        with single_keys(), Replies(sides[0], sides[1], questions, sampling, options) as replies:
            try:
                _ask_all(console, judgement, replies, len(questions), seed)
            except KeyboardInterrupt:
                console.print()
    _tell(console, judgement, (one, other))
    return 0


def _described(sides: Sequence[tuple[str, ...]]) -> tuple[Subject, Subject]:
    from companion.workshop.evaluation.opened import described

    one, other = (described(files) for files in sides)
    if identity(one) == identity(other):
        raise CompanionError(f"Both are the same: {one.name}.", "Name two that differ in their model, adapters or scales.")
    if one.name == other.name:
        one, other = (replace(each, name=f"{each.name} {identity(each)[:4]}") for each in (one, other))
    return one, other


def _questions(data: Sequence[Path], prompts: int, character: str | None, seed: int) -> list[Question]:
    from companion.workshop.evaluation.material import read_material
    from companion.workshop.evaluation.replies import seed_of

    recipe = Evaluate(
        data_files=data_files(data, ()) if data else (),
        character=character_of(character, built_in_character().name),
        replies=HowMany(dialogues=prompts),
    )
    found = read_material(recipe, lambda fraction: None).prompts[:prompts]
    if not found:
        raise DatasetError("These dialogues hold nothing to answer.", "Name dialogues in which the person says something.")
    return [Question(each.name, each.dialogue.messages, seed_of(seed, each.name)) for each in found]


def _ask_all(console: Console, judgement: Judgement, replies: Replies, count: int, seed: int) -> None:
    pairs = iter(replies)
    for number in range(1, count + 1):
        if replies.waiting and console.is_terminal:
            with console.status("Two replies are being written"):
                pair = next(pairs, None)
        else:
            pair = next(pairs, None)
        if pair is None:
            return
        order = random.Random(f"{seed}/{pair.question.name}")
        first: Literal["a", "b"] = "a" if order.random() < 0.5 else "b"
        if pair.a == pair.b:
            console.print(f"[dim]{number} of {count}: both said the same.[/dim]")
            answer: Answer | None = "tie"
        else:
            _show(console, pair, first, number, count)
            answer = _answer(console, first)
        if answer is None:
            return
        judgement.add(
            Judged(
                prompt=pair.question.name,
                turns=pair.question.turns,
                a_reply=pair.a,
                b_reply=pair.b,
                answer=answer,
                first=first,
                asked=pair.a != pair.b,
                time=round(time.time(), 3),
            )
        )
        judgement.write_dataset()


def _show(console: Console, pair: Pair, first: str, number: int, count: int) -> None:
    console.print(Rule(f"{number} of {count}", style="dim"))
    said = [turn for turn in pair.question.turns if turn.role != "system"]
    for turn in said[-1 - EARLIER_TURNS : -1]:
        console.print(f"[dim]{'You' if turn.role == 'user' else 'She'}  {_plain(turn)}[/dim]")
    console.print(f"[bold cyan]You[/]  {_plain(said[-1])}\n")
    shown = (pair.a, pair.b) if first == "a" else (pair.b, pair.a)
    for key, text in enumerate(shown, 1):
        console.print(f"[bold magenta]{key}[/]  {escape(printable(text)) or '[dim](nothing)[/dim]'}\n")


def _plain(turn: DialogueTurn) -> str:
    return escape(printable(turn.content))


def _answer(console: Console, first: str) -> Answer | None:
    """None when the person ends it."""
    sides: dict[str, Answer] = {"1": "a", "2": "b"} if first == "a" else {"1": "b", "2": "a"}
    answers: dict[str, Answer] = {**sides, "t": "tie", "s": "skip"}
    console.print(f"[dim]{KEYS}[/dim]")
    while True:
        key = read_key()
        if key in answers:
            return answers[key]
        if key in (END, "q"):
            return None
        console.print(f"[dim]That key means nothing here: {KEYS}[/dim]")


def _tell(console: Console, judgement: Judgement, sides: tuple[Subject, Subject]) -> None:
    """Whose replies they were, who was preferred, and where the verdicts are."""
    from companion.workshop.evaluation.bradley_terry import Verdict, duel, strengths

    verdicts = [judged for judged in judgement.verdicts() if judged.answer != "skip"]
    if not verdicts:
        console.print("Nothing was judged yet.")
        return
    names = [side.name for side in sides]
    counts = {answer: sum(judged.answer == answer for judged in verdicts) for answer in ("a", "b", "tie")}
    console.print(Rule(style="dim"))
    alike = sum(not judged.asked for judged in verdicts)
    ties = f"{_times(counts['tie'])} they were as good{f' ({alike} of them word for word alike)' if alike else ''}"
    console.print(f"{escape(names[0])} was preferred {_times(counts['a'])}, {escape(names[1])} {_times(counts['b'])}; {ties}.")
    asked = [judged for judged in verdicts if judged.answer != "tie"]
    firsts = sum(judged.answer == judged.first for judged in asked)
    if asked:
        console.print(f"[dim]The reply shown first was chosen in {firsts} of {len(asked)}.[/dim]")
    _show_strengths(console, strengths(_every_verdict(), level=LEVEL))
    found = duel([Verdict(names[0], names[1], judged.answer) for judged in verdicts if judged.answer != "skip"], *names)
    learned = judgement.write_dataset()
    if learned:
        console.print(f"[dim]{learned:,} preferences to learn from: {escape(str(judgement.folder))}[/dim]")
    if found is not None:
        better, share = (names[1], found.share) if found.share >= 0.5 else (names[0], 1 - found.share)
        low, high = (found.interval.low, found.interval.high) if found.share >= 0.5 else (
            1 - found.interval.high, 1 - found.interval.low)  # fmt: skip
        sure = "beyond chance" if found.p < 1 - LEVEL else "which may be chance: judge more of them"
        console.print(
            f"{escape(better)} is preferred in {share:.0%} of {len(verdicts)} ({low:.0%} to {high:.0%}), {sure}.", style="bold"
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


def _show_strengths(console: Console, found: Sequence[Strength]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("all verdicts so far")
    for heading in ("strength", f"{LEVEL:.0%} interval", "wins", "losses"):
        table.add_column(heading, justify="right")
    for each in found:
        interval = f"{each.interval.low:+.2f} to {each.interval.high:+.2f}"
        table.add_row(escape(each.name), f"{each.value:+.2f}", interval, f"{each.wins:g}", f"{each.losses:g}")
    console.print(table)
    console.print("[dim]Bradley–Terry: a strength 1 higher is preferred in 73 % of cases; a tie is half a win.[/dim]")


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")

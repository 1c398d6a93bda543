"""`companion judge A B`: two replies in random order, one key to choose, and only at the end whose they were."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from companion.commands import subjects
from companion.commands.job_files import character_of, data_files
from companion.commands.judge_contest import Contest
from companion.commands.judge_json import serve
from companion.commands.judge_outcome import LEVEL, told_outcome
from companion.commands.judge_replies import Pair, Question, Replies
from companion.commands.printable import printable
from companion.commands.single_key import END, read_key, single_keys
from companion.core.character_library import built_in_character
from companion.core.dataset import CONVERSATION_PREFIX, DialogueTurn
from companion.core.errors import CompanionError, DatasetError
from companion.core.judgement import BRADLEY_TERRY, Answer, Judgement, Standing, identity, open_judgement
from companion.core.logs import log_to_file
from companion.core.messages import LoadOptions
from companion.core.paths import settings_file
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.evaluate import Replies as HowMany
from companion.core.report import Subject
from companion.core.settings import load_settings

KEYS = "1 or 2 is better · t tie · s skip · q end"
BRANCHES = 4
"""So many times as many dialogues are read as prompts are wanted: branches of one conversation ask the same."""
EARLIER_TURNS = 4
"""Turns before the person's last words that are shown."""


def judge(
    *,
    a: str,
    b: str,
    data: Sequence[Path] = (),
    prompts: int = 20,
    tokens: int = 160,
    character: str | None = None,
    seed: int = 0,
    as_json: bool = False,
) -> int:
    """Ask until the prompts are through or the person ends it, then tell; returns the exit status. Raises CompanionError.

    `as_json` speaks `core/judging_messages` with a program instead.
    """
    if as_json:
        return serve(lambda: _contest(a, b, data, prompts, tokens, character, seed))
    contest = _contest(a, b, data, prompts, tokens, character, seed)
    console = Console(highlight=False)
    if contest.questions:
        if contest.fewer:
            console.print(f"[dim]{contest.fewer}[/dim]")
        console.print("[dim]Loading the models; whose reply is whose is told at the end.[/dim]")
        with single_keys(), contest.replies() as replies:
            try:
                _ask_all(console, contest, replies)
            except KeyboardInterrupt:
                console.print()
    _tell(console, contest.judgement)
    return 0


def _contest(a: str, b: str, data: Sequence[Path], prompts: int, tokens: int, character: str | None, seed: int) -> Contest:
    """Everything that is checked before a model is loaded. Raises CompanionError."""
    log_to_file("terminal")
    settings = load_settings(settings_file()).settings
    sides = [subjects.parse(text, settings) for text in (a, b)]
    one, other = _described(sides)
    judgement = open_judgement(one, other)
    if identity(one) > identity(other):  # the folder knows them in one order only
        one, other, sides = other, one, sides[::-1]
    known = {judged.prompt for judged in judgement.verdicts()}
    there_are = _questions(data, prompts, character, seed)
    questions = [question for question in there_are if question.name not in known]
    fewer = _why_fewer(prompts, len(there_are), len(there_are) - len(questions), is_own=bool(data))
    options = LoadOptions(context_tokens=settings.context_tokens, threads=settings.threads, gpu_layers=settings.gpu_layers)
    sampling = replace(settings.sampling, max_tokens=tokens)
    return Contest(judgement, sides[0], sides[1], questions, sampling, options, seed, fewer)


def _described(sides: Sequence[tuple[str, ...]]) -> tuple[Subject, Subject]:
    from companion.workshop.evaluation.opened import described

    one, other = (described(files) for files in sides)
    if identity(one) == identity(other):
        raise CompanionError(f"Both are the same: {one.name}.", "Name two that differ in their model, adapters or scales.")
    if one.name == other.name:
        one, other = (replace(each, name=f"{each.name} {identity(each)[:4]}") for each in (one, other))
    return one, other


def _questions(data: Sequence[Path], prompts: int, character: str | None, seed: int) -> list[Question]:
    from companion.workshop.evaluation.material import more_prompts, read_material
    from companion.workshop.evaluation.replies import seed_of

    recipe = Evaluate(
        data_files=_with_words(data_files(data, ())) if data else (),
        character=character_of(character, built_in_character().name),
        replies=HowMany(dialogues=BRANCHES * prompts),
    )
    found = list(islice(more_prompts(read_material(recipe, lambda fraction: None)), prompts))
    if not found:
        raise DatasetError("These dialogues hold nothing to answer.", "Name dialogues in which the person says something.")
    return [Question(each.name, each.dialogue.messages, seed_of(seed, each.name)) for each in found]


def _why_fewer(wanted: int, there_are: int, judged: int, *, is_own: bool) -> str:
    """Why not so many are asked as were wanted; empty when they are."""
    told = []
    if there_are < wanted:
        where = "What was chosen" if is_own else "What comes with the program"
        told.append(f"{where} gives {there_are:,} instead of {wanted:,}, none of them twice.")
    if judged:
        one, many = "1 of them was judged before: it counts", f"{judged:,} of them were judged before: they count"
        told.append(f"{one if judged == 1 else many} at the end.")
    return " ".join(told)


def _with_words(sources: Sequence[str]) -> tuple[str, ...]:
    """Without conversations of the app in which nothing was said yet; files are looked at by whoever reads them."""
    from companion.workshop.data.sources.reading import read

    kept = tuple(each for each in sources if not each.startswith(CONVERSATION_PREFIX) or any(True for _ in read(each)))
    if not kept:
        raise DatasetError("These conversations hold nothing to answer.", "Talk to her first, or choose others.")
    return kept


def _ask_all(console: Console, contest: Contest, replies: Replies) -> None:
    pairs, count = iter(replies), len(contest.questions)
    for number in range(1, count + 1):
        if replies.waiting and console.is_terminal:
            with console.status("Two replies are being written"):
                pair = next(pairs, None)
        else:
            pair = next(pairs, None)
        if pair is None:
            return
        if pair.a == pair.b:
            console.print(f"[dim]{number} of {count}: both said the same.[/dim]")
            answer: Answer | None = "tie"
        else:
            first = contest.first(pair)
            _show(console, pair, first, number, count)
            answer = _answer(console, first)
        if answer is None:
            return
        contest.keep(pair, answer)


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


def _tell(console: Console, judgement: Judgement) -> None:
    """Whose replies they were, who was preferred, and where the verdicts are."""
    outcome = told_outcome(judgement)
    if outcome is None:
        console.print("Nothing was judged yet.")
        return
    console.print(Rule(style="dim"))
    first, *others = outcome.details
    console.print(escape(first))
    for each in others:
        console.print(f"[dim]{escape(each)}[/dim]")
    _show_standings(console, outcome.standings)
    if outcome.preferences:
        console.print(f"[dim]{outcome.preferences:,} preferences to learn from: {escape(str(judgement.folder))}[/dim]")
    console.print(escape(outcome.sentence), style="bold")


def _show_standings(console: Console, found: Sequence[Standing]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("all verdicts so far")
    for heading in ("strength", f"{LEVEL:.0%} interval", "wins", "losses"):
        table.add_column(heading, justify="right")
    for each in found:
        interval = f"{each.low:+.2f} to {each.high:+.2f}"
        table.add_row(escape(each.name), f"{each.strength:+.2f}", interval, f"{each.wins:g}", f"{each.losses:g}")
    console.print(table)
    console.print(f"[dim]{BRADLEY_TERRY}[/dim]")

"""`companion data augment`: other versions of dialogues, shown before and after."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec
from rich.console import Console

from companion.commands.chosen_model import chosen_model, required_model
from companion.commands.data import required, show_findings
from companion.core.dataset_messages import AugmentData, Whose
from companion.core.errors import DatasetError
from companion.core.paths import settings_file
from companion.core.settings import load_settings
from companion.workshop.data.writing import Augmented, write_augmented


def augment_data(
    *,
    files: Sequence[str],
    output: Path | None,
    synonyms: float,
    delete: float,
    swap: float,
    shuffle: bool,
    paraphrase: bool,
    back_translate: str,
    turns: str,
    most: int,
    model: Path | None,
    seed: int,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Write the dialogues with one more version of each for every method that was asked for. Raises CompanionError."""
    if turns not in get_args(Whose):
        raise DatasetError(f"There are no turns of “{turns}”.", "Say user, assistant or all.")
    settings = load_settings(settings_file()).settings
    rewrites = paraphrase or bool(back_translate)
    writer = required_model(model, settings) if rewrites else chosen_model(model, settings)
    wanted = AugmentData(
        files=tuple(files),
        output="" if dry_run else str(required(output)),
        synonyms=synonyms,
        delete=delete,
        swap=swap,
        shuffle=shuffle,
        paraphrase=paraphrase,
        whose=next(each for each in get_args(Whose) if each == turns),
        most=most,
        model=str(writer or ""),
        seed=seed,
    )
    found = write_augmented(wanted, back_translate, lambda done: None)
    _report(found, as_json=as_json)
    if not dry_run and not as_json:
        print(f"{found.made:,} versions were added to {found.read:,} dialogues in “{output}”.")
    return 0


def _report(work: Augmented, *, as_json: bool) -> None:
    refused = {name: dict(each.refused.most_common()) for name, each in work.rewriting.items()}
    if as_json:
        facts = {"read": work.read, "made": work.made, "findings": msgspec.to_builtins(work.findings), "refused": refused}
        print(json.dumps(facts, ensure_ascii=False))
        return
    console = Console(highlight=False, file=sys.stdout)
    show_findings(console, work.findings)
    if not work.made:
        console.print("No version was made: nothing in these dialogues can be changed in the way you asked for.")
    for name, each in work.rewriting.items():
        total = each.accepted + each.refused.total()
        console.print(f"{name}: {each.accepted:,} of {total:,} texts passed the gate.")
        for reason, count in each.refused.most_common():
            console.print(f"    {count:,} refused because {reason}")
        if total and each.accepted < 0.3 * total:
            console.print("    Small models rarely rewrite well: name a larger one with --model FILE.")

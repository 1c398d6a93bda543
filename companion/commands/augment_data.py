"""`companion data augment`: other versions of dialogues, shown before and after."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
from rich.console import Console

from companion.commands.chosen_model import chosen_model, required_model
from companion.commands.data import required, show_findings, source_of
from companion.core.dataset_folder import DatasetWriter
from companion.core.errors import DatasetError
from companion.core.paths import settings_file
from companion.core.settings import load_settings
from companion.workshop.data.augmentation.edits import Edit, delete_words, replace_words, shuffle_sentences, swap_words
from companion.workshop.data.augmentation.neighbours import best_available
from companion.workshop.data.augmentation.pipeline import Augmentation, Whose
from companion.workshop.data.augmentation.rewriting import LocalWriter, Rewriting
from companion.workshop.data.sources.reading import read_all


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
    if turns not in ("user", "assistant", "all"):
        raise DatasetError(f"There are no turns of “{turns}”.", "Say user, assistant or all.")
    whose: Whose = "user" if turns == "user" else "assistant" if turns == "assistant" else "all"
    settings = load_settings(settings_file()).settings
    with ExitStack() as stack:
        edits: dict[str, Edit] = {}
        told: list[str] = []
        if synonyms:
            neighbours, origin = best_available(chosen_model(model, settings))
            edits["synonyms"] = replace_words(synonyms, neighbours)
            told.append(f"synonyms {synonyms:g} from {origin}")
        edits |= {"deletion": delete_words(delete)} if delete else {}
        edits |= {"swap": swap_words(swap)} if swap else {}
        edits |= {"shuffling": shuffle_sentences} if shuffle else {}
        told += [f"{name} {share:g}" for name, share in (("deletion", delete), ("swap", swap)) if share]
        told += ["sentences shuffled"] if shuffle else []
        rewriting: dict[str, Rewriting] = {}
        if paraphrase or back_translate:
            path = required_model(model, settings)
            writer = stack.enter_context(LocalWriter(path))
            rewriting |= {"paraphrase": Rewriting(writer)} if paraphrase else {}
            rewriting |= {"back-translation": Rewriting(writer, back_translate)} if back_translate else {}
            told += [f"{name} by {path.name}" for name in rewriting]
        edits |= rewriting
        if not edits:
            raise DatasetError("No method was asked for.", "Ask for one, such as --synonyms 0.1 or --shuffle.")
        work = Augmentation(edits, whose=whose, seed=seed)
        record = f"Augmented: {', '.join(told)}; {whose} turns; seed {seed}"
        if dry_run:
            for found in read_all(files):
                if work.read == most > 0:
                    break
                for _ in work.versions(found):
                    pass
        else:
            _write(files, required(output), work, most, record)
        _report(work, rewriting, as_json=as_json)
    if not dry_run and not as_json:
        print(f"{work.made:,} versions were added to {work.read:,} dialogues in “{output}”.")
    return 0


def _write(files: Sequence[str], output: Path, work: Augmentation, most: int, record: str) -> None:
    with DatasetWriter(output) as writer:
        for number, found in enumerate(read_all(files)):
            if 0 < most <= number:
                writer.add(found.dialogue)
                continue
            for dialogue in work.versions(found):
                writer.add(dialogue)
        writer.finish(source_of(files, (f"{record}; {work.made:,} versions added.",)))


def _report(work: Augmentation, rewriting: dict[str, Rewriting], *, as_json: bool) -> None:
    findings = [finding for finding in work.findings() if finding.count]
    refused = {name: dict(each.refused.most_common()) for name, each in rewriting.items()}
    if as_json:
        facts = {"read": work.read, "made": work.made, "findings": msgspec.to_builtins(findings), "refused": refused}
        print(json.dumps(facts, ensure_ascii=False))
        return
    console = Console(highlight=False, file=sys.stdout)
    show_findings(console, findings)
    if not work.made:
        console.print("No version was made: nothing in these dialogues can be changed in the way you asked for.")
    for name, each in rewriting.items():
        total = each.accepted + each.refused.total()
        console.print(f"{name}: {each.accepted:,} of {total:,} texts passed the gate.")
        for reason, count in each.refused.most_common():
            console.print(f"    {count:,} refused because {reason}")
        if total and each.accepted < 0.3 * total:
            console.print("    Small models rarely rewrite well: name a larger one with --model FILE.")

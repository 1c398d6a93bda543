"""New dataset folders from dialogues of any form: cleaned, varied, divided. The sources themselves stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from companion.core.amounts import counted
from companion.core.dataset import DatasetSource
from companion.core.dataset_findings import CleaningOptions, Finding
from companion.core.dataset_folder import DatasetWriter
from companion.core.dataset_messages import AugmentData, ExportData, SplitData, WriteDataset
from companion.core.errors import DatasetError
from companion.core.files import replacing
from companion.workshop.data.augmentation.edits import Edit, delete_words, replace_words, shuffle_sentences, swap_words
from companion.workshop.data.augmentation.neighbours import best_available
from companion.workshop.data.augmentation.pipeline import Augmentation
from companion.workshop.data.augmentation.rewriting import LocalWriter, Rewriting
from companion.workshop.data.cleaning.pipeline import Cleaning
from companion.workshop.data.origin import source_of
from companion.workshop.data.sources.found import BrokenDialogue
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.splits import Membership, members

Tell = Callable[[int], None]
"""Gets how many dialogues are done, again and again."""


def write_cleaned(wanted: WriteDataset, tell: Tell) -> tuple[DatasetSource, Cleaning]:
    """What a cleaning keeps. Raises DatasetError when that is nothing."""
    cleaning = Cleaning(wanted.files, wanted.cleaning or CleaningOptions())
    with DatasetWriter(Path(wanted.output)) as writer:
        for found in cleaning.dialogues():
            writer.add(found.dialogue)
            tell(cleaning.read)
        if not writer.dialogues:
            raise DatasetError("Nothing is left after cleaning.", "See what is found, and leave steps out.")
        return writer.finish(_said(wanted, source_of(wanted.files, cleaning.sentences()))), cleaning


def write_as_they_are(wanted: WriteDataset, tell: Tell) -> DatasetSource:
    """All dialogues, in our own form; those that cannot be read are passed over, and counted. Raises DatasetError."""
    broken: list[BrokenDialogue] = []
    with DatasetWriter(Path(wanted.output)) as writer:
        for found in read_all(wanted.files, broken.append):
            writer.add(found.dialogue)
            tell(writer.dialogues)
        if not writer.dialogues:
            raise DatasetError("There are no dialogues in what was named.", "Choose a file that holds some.")
        passed_over = f"{counted(len(broken), 'dialogue')} of the source could not be read." if broken else ""
        return writer.finish(_said(wanted, source_of(wanted.files, (passed_over,) if passed_over else ())))


def _said(wanted: WriteDataset, source: DatasetSource) -> DatasetSource:
    """What the person says of a dataset stands before what its sources say."""
    said = {field: value for field in ("name", "licence", "attribution", "consent") if (value := getattr(wanted, field))}
    return replace(source, **said)


class Augmented(NamedTuple):
    """`source` is None when nothing was to be written; `refused` counts by method why rewritten texts were thrown away."""

    source: DatasetSource | None
    read: int
    made: int
    findings: list[Finding]
    rewriting: dict[str, Rewriting]


def write_augmented(wanted: AugmentData, back_translate: str, tell: Tell) -> Augmented:
    """Each dialogue and one more version of it for each method. Raises DatasetError and ModelError."""
    with ExitStack() as stack:
        edits, told, rewriting = _edits(wanted, back_translate, stack)
        if not edits:
            raise DatasetError("No method was asked for.", "Ask for one, such as synonyms or sentences in another order.")
        work = Augmentation(edits, whose=wanted.whose, seed=wanted.seed)
        source = None
        if wanted.output:
            record = f"Augmented: {', '.join(told)}; {wanted.whose} turns; seed {wanted.seed}"
            source = _write_versions(wanted, work, record, tell)
        else:
            for found in read_all(wanted.files):
                if work.read == wanted.most > 0:
                    break
                for _ in work.versions(found):
                    pass
                tell(work.read)
        return Augmented(source, work.read, work.made, [each for each in work.findings() if each.count], rewriting)


def _edits(wanted: AugmentData, back_translate: str, stack: ExitStack) -> tuple[dict[str, Edit], list[str], dict[str, Rewriting]]:
    edits: dict[str, Edit] = {}
    told: list[str] = []
    model = Path(wanted.model) if wanted.model else None
    if wanted.synonyms:
        neighbours, origin = best_available(model)
        edits["synonyms"] = replace_words(wanted.synonyms, neighbours)
        told.append(f"synonyms {wanted.synonyms:g} from {origin}")
    edits |= {"deletion": delete_words(wanted.delete)} if wanted.delete else {}
    edits |= {"swap": swap_words(wanted.swap)} if wanted.swap else {}
    edits |= {"shuffling": shuffle_sentences} if wanted.shuffle else {}
    told += [f"{name} {share:g}" for name, share in (("deletion", wanted.delete), ("swap", wanted.swap)) if share]
    told += ["sentences shuffled"] if wanted.shuffle else []
    rewriting: dict[str, Rewriting] = {}
    if (wanted.paraphrase or back_translate) and model is not None:
        writer = stack.enter_context(LocalWriter(model))
        rewriting |= {"paraphrase": Rewriting(writer)} if wanted.paraphrase else {}
        rewriting |= {"back-translation": Rewriting(writer, back_translate)} if back_translate else {}
        told += [f"{name} by {model.name}" for name in rewriting]
    return edits | rewriting, told, rewriting


def _write_versions(wanted: AugmentData, work: Augmentation, record: str, tell: Tell) -> DatasetSource:
    with DatasetWriter(Path(wanted.output)) as writer:
        for number, found in enumerate(read_all(wanted.files)):
            tell(number)
            if 0 < wanted.most <= number:
                writer.add(found.dialogue)
                continue
            for dialogue in work.versions(found):
                writer.add(dialogue)
        if not work.made:  # a copy of what is there already helps nobody
            what = f"None of {counted(work.read, 'dialogue')} can be changed in this way, so nothing was written."
            raise DatasetError(what, "Choose another way, more words, or the words of somebody else.")
        return writer.finish(source_of(wanted.files, (f"{record}; {work.made:,} versions added.",), wanted.name))


def write_parts(wanted: SplitData) -> tuple[dict[str, DatasetSource], Membership]:
    """A dataset folder for each part, by its name. Raises DatasetError."""
    dialogues = (found.dialogue for found in read_all(wanted.files))
    membership = members(dialogues, seed=wanted.seed, group_by=wanted.group_by, stratify_by=wanted.stratify_by)
    how = f"grouped by {wanted.group_by or 'equal text'}, balanced by {wanted.stratify_by or 'nothing'}, seed {wanted.seed}"
    folds = wanted.folds
    if folds:
        if not 2 <= folds <= len(membership):
            what = f"{len(membership):,} dialogues cannot be divided into {folds} folds."
            raise DatasetError(what, "Ask for 2 to as many as there are.")
        parts = {f"fold-{number}": split.held_out for number, split in enumerate(membership.folds(folds), 1)}
        record = f"Divided by dialogue into {folds} folds ({how}); this is {{}}, to be measured after learning from the others."
    else:
        split = membership.hold_out(wanted.held_out, len(membership))
        parts = {"train": split.train, "held-out": split.held_out}
        record = f"Divided by dialogue, {wanted.held_out:.0%} held out ({how}); this is “{{}}”."
    if not all(len(numbers) for numbers in parts.values()):
        raise DatasetError("One part would have no dialogues.", "There are too few of them, or all belong together.")
    return _written_parts(wanted.files, Path(wanted.output), parts, record), membership


def _written_parts(
    files: Sequence[str], folder: Path, parts: Mapping[str, Iterable[int]], record: str
) -> dict[str, DatasetSource]:
    """One more pass over the files; every dialogue goes to its part."""
    owner = {int(number): name for name, numbers in parts.items() for number in numbers}
    with ExitStack() as stack:
        writers = {name: stack.enter_context(DatasetWriter(folder / name)) for name in parts}
        for number, found in enumerate(read_all(files)):
            if number in owner:
                writers[owner[number]].add(found.dialogue)
        whole = source_of(files, ())
        return {
            name: writer.finish(replace(whole, name=f"{whole.name}, {name}", steps=(*whole.steps, record.format(name))))
            for name, writer in writers.items()
        }


def export(wanted: ExportData, tell: Tell) -> int:
    """One dialogue per line, as {"messages": [{"role", "content"}, …]}; how many. Raises DatasetError."""
    count = 0
    try:
        with replacing(Path(wanted.output)) as file:
            for found in read_all(wanted.files):
                turns = [{"role": turn.role, "content": turn.content} for turn in found.dialogue.messages]
                file.write(msgspec.json.encode({"messages": turns}) + b"\n")
                count += 1
                tell(count)
    except OSError as error:
        what = f"“{wanted.output}” cannot be written ({error.strerror})."
        raise DatasetError(what, "Make room on the disk, or choose another folder.") from error
    return count

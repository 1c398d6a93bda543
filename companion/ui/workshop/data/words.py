"""Words of the page of data: facts about a dataset, forms, roles, steps and languages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from companion.core.amounts import counted
from companion.core.dataset import DatasetSource
from companion.core.dataset_folder import OwnDataset
from companion.ui.card_list import CardRow
from companion.ui.workshop.jobs.words import when

FORMS: Final = {
    "openai": "messages as OpenAI writes them",
    "sharegpt": "conversations as ShareGPT writes them",
    "alpaca": "instructions as Alpaca writes them",
    "pairs": "questions with answers",
    "preferences": "better and worse replies",
    "sillytavern": "a chat of SillyTavern",
    "companion": "a conversation exported here",
    "conversations": "a conversation of yours",
    "csv": "a table",
    "text": "plain text",
    "script": "a script with names before what they say",
    "dialogues": "dialogues",
}
ROLES: Final = {"user": "You", "assistant": "She", "system": "Instructions"}
STEPS: Final = {
    "encoding": ("Damaged characters", "“schÃ¶n” becomes “schön” again, where that is certain."),
    "markers": ("Leaked marks", "Control tokens of models and invisible characters go: they are nobody's words."),
    "empty": ("Nothing said", "Turns without a word go, and dialogues without a reply to learn from."),
    "copies": ("Copies", "Of dialogues with the same words, or nearly the same, the first one stays."),
    "lengths": ("Unusual lengths", "Dialogues that are far longer or shorter than the others go."),
    "boilerplate": ("Said again and again", "A sentence that stands in reply after reply goes, unless it is the whole reply."),
}
"""Title and sentence of each step of a cleaning."""
HIDDEN: Final = {
    "email": ("Hide e-mail addresses", "Each becomes [e-mail]."),
    "phone": ("Hide phone numbers", "Each becomes [phone]."),
    "key": ("Hide keys and passwords", "What looks like a key of a service becomes [key]."),
}
"""Title and sentence of each mask."""
LANGUAGES: Final = {
    "": "Keep all", "en": "English", "de": "German", "es": "Spanish", "fr": "French", "it": "Italian", "nl": "Dutch",
    "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "tr": "Turkish", "ar": "Arabic", "hi": "Hindi", "ja": "Japanese",
    "ko": "Korean", "zh": "Chinese",
}  # fmt: skip


def dataset_row(dataset: OwnDataset) -> CardRow:
    """A dataset in the list: what it is called, how much is in it, and where it came from."""
    source = dataset.source
    return CardRow(str(dataset.folder), source.name, (amounts(source), licence(source), came(source)))


def amounts(source: DatasetSource) -> str:
    """“1,027 dialogues, 45,210 words”."""
    return f"{counted(source.dialogues, 'dialogue')}, {counted(source.words, 'word')}" if source.dialogues else "not counted"


def short_origin(source: DatasetSource) -> str:
    """Names of files without their folders; of many only the first."""
    names = [Path(each).name if Path(each).is_absolute() else each for each in source.origin.split("; ")]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"


def made_when(source: DatasetSource) -> str:
    """“today 14:03”; empty for what nobody wrote down, or no computer can read."""
    try:
        return when(datetime.fromisoformat(source.made).timestamp())
    except ValueError:
        return ""


def licence(source: DatasetSource) -> str:
    return source.licence if source.licence not in ("", "unknown") else "licence unknown"


def came(source: DatasetSource) -> str:
    """“talks.jsonl, today 14:03”."""
    return ", ".join(filter(None, (short_origin(source), made_when(source))))

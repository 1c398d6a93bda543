"""Dialogues in another language than the one that was asked for (py3langid, after Lui and Baldwin 2012)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from companion.core.dataset import Dialogue
from companion.core.dataset_findings import Finding
from companion.core.errors import DatasetError
from companion.workshop.data.cleaning.step import Tally, shown

_FEWEST_LETTERS: Final = 40
"""Shorter texts are not judged."""
_MOST_LETTERS: Final = 2000
_SURE: Final = 0.7


def language_of(text: str) -> tuple[str, float] | None:
    """ISO 639-1 code and how sure it is, 0 to 1; None for a text that is too short to tell."""
    text = text[:_MOST_LETTERS]
    if sum(character.isalpha() for character in text) < _FEWEST_LETTERS:
        return None
    language, certainty = _identifier().classify(text)
    return str(language), float(certainty)


class OtherLanguages:
    """Leaves out what is surely in another language than `wanted`, an ISO 639-1 code. Raises DatasetError for no such code."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted.strip().lower()
        if self._wanted not in _identifier().labels:
            raise DatasetError(f"“{wanted}” is no language that can be told apart.", "Give its two letters, such as en or de.")
        self._tally = Tally()

    def apply(self, dialogue: Dialogue, place: str) -> Dialogue | None:
        found = language_of(" ".join(turn.content for turn in dialogue.messages if turn.role != "system"))
        if found is None:
            return dialogue
        language, certainty = found
        if language == self._wanted or certainty < _SURE:
            return dialogue
        self._tally.add(place, f"{language} ({certainty:.0%}): {shown(dialogue)}")
        return None

    def findings(self) -> Iterable[Finding]:
        one, many = f"1 dialogue is not in “{self._wanted}”.", f"{{}} dialogues are not in “{self._wanted}”."
        yield self._tally.finding("language", one, many)


@cache
def _identifier() -> LanguageIdentifier:
    """Its model takes nearly a second to read."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

"""What a whole card costs, in words, and whether it leaves room for a conversation."""

from __future__ import annotations

from typing import NamedTuple

from companion.ui.characters.editor_sections import ALWAYS, EditorSections
from companion.ui.characters.lore_place import told_text
from companion.ui.characters.token_counts import TokenCounts


class Totals(NamedTuple):
    words: str
    warning: str
    """Empty while there is room enough."""


def totals(sections: EditorSections, counts: TokenCounts, context_tokens: int) -> Totals:
    """Of what every prompt holds, and of everything there is."""
    always = [text for name in ALWAYS for text in sections.fields[name].texts()]
    entries = sections.lorebook.model.entries()
    always += [told_text(entry.content) for entry in entries if entry.constant and entry.enabled]
    everything = [text for field in sections.fields.values() for text in field.texts()]
    words = f"{counts.words(*always) or 'Nothing'} in every prompt, {counts.words(*everything) or 'nothing'} in the whole card"
    if sum(counts.count(text) for text in always) * 2 <= context_tokens:
        return Totals(words, "")
    return Totals(
        words,
        f"The card alone takes more than half of the {context_tokens:,} tokens the model keeps in mind, so little room is left "
        "for the conversation. Shorten the description or the entries that are always told.",
    )

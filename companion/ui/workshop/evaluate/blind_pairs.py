"""What both said to each prompt of a blind test, with whose words they were: told when it is over."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from companion.core.judgement import Judged, Outcome
from companion.ui.cards import card, plain_label
from companion.ui.fold import Fold
from companion.ui.theme import Theme

MOST = 30
"""Pairs that are shown; all are in the folder."""


def pairs_fold(outcome: Outcome, theme: Theme) -> Fold:
    fold = Fold(theme, "Who said what")
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(0, 8, 0, 0)
    column.setSpacing(8)
    for judged in outcome.pairs[:MOST]:
        column.addWidget(_pair(judged, outcome))
    if (left := len(outcome.pairs) - MOST) > 0:
        column.addWidget(plain_label("caption", f"{left:,} more are in the folder of this test."))
    fold.set_note(f"{len(outcome.pairs):,}")
    fold.set_content(content)
    return fold


def _pair(judged: Judged, outcome: Outcome) -> QWidget:
    said = ((outcome.a, judged.a_reply, "a"), (outcome.b, judged.b_reply, "b"))
    lines = [plain_label("muted", f"You: {judged.turns[-1].content}" if judged.turns else "")]
    for name, reply, side in said if judged.first == "a" else reversed(said):
        lines.append(plain_label("caption", f"{name}, preferred" if judged.answer == side else name))
        lines.append(plain_label("", reply))
    if judged.answer == "tie":
        lines.append(plain_label("caption", "As good as each other." if judged.asked else "Word for word the same."))
    return card("", *lines)

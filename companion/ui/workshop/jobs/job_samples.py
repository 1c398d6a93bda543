"""What she would say: the same prompts, answered anew at every measurement."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from companion.core.job_history import JobHistory, Samples
from companion.ui.cards import plain_label
from companion.ui.chat.icon_button import IconButton
from companion.ui.theme import Theme


class JobSamples(QFrame):
    """How she is now is shown until the person looks at another measurement: the newest one while she learns, the best one,
    which was kept, afterwards."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._found: list[Samples] = []
        self._now = 0
        """Number of the measurement that tells how she is now."""
        self._is_over = False
        self._start = 0.0
        """The held-out loss before training: only what is below it is the best there was."""
        self._follows = True
        self.heading, self.when = QLabel(), QLabel()
        self.heading.setProperty("role", "heading")
        self.when.setProperty("role", "caption")
        self.earlier = IconButton(theme, "chevron-left", "The measurement before")
        self.later = IconButton(theme, "chevron-right", "The next measurement")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Which measurement")
        self.slider.setPageStep(1)
        self._replies = QVBoxLayout()
        self._replies.setSpacing(12)
        self._rows: list[_Reply] = []
        self._build()
        self.slider.valueChanged.connect(self._choose)
        self.earlier.clicked.connect(lambda: self.slider.setValue(self.slider.value() - 1))
        self.later.clicked.connect(lambda: self.slider.setValue(self.slider.value() + 1))

    def show_history(self, history: JobHistory, *, another: bool) -> None:
        """Measurements without samples are left out; without any there is nothing to see."""
        self._found = [found for found in history.samples if found.samples]
        self.setVisible(bool(self._found))
        if not self._found:
            return
        self._start = history.first_held_out
        self._follows = self._follows or another
        last = len(self._found) - 1
        self._is_over = history.ended is not None and bool(history.outputs)
        best = next((at for at in range(last, 0, -1) if self._is_best(self._found[at])), last)
        self._now = best if self._is_over else last
        at = self._now if self._follows else min(self.slider.value(), last)
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(self._found) - 1)
        self.slider.setValue(at)
        self.slider.blockSignals(False)
        self._show(at)

    def _is_best(self, found: Samples) -> bool:
        return found.best and found.loss < self._start

    def _choose(self, at: int) -> None:
        self._follows = at == self._now
        self._show(at)

    def _show(self, at: int) -> None:
        found, first = self._found[at], self._found[0]
        is_last = at == len(self._found) - 1
        self.heading.setText("She would say now" if at == self._now and at else "She would say" if at else "She said before")
        kept = ", the best, which was kept" if at == self._now else ""
        best = (kept if self._is_over else ", the best so far") if self._is_best(found) else ""
        when = f"after step {found.step:,}" if found.step else "before the first step"
        self.when.setText(f"{when}, held-out loss {found.loss:.3f}{best}")
        self.slider.setVisible(len(self._found) > 1)
        for button, stands in ((self.earlier, at > 0), (self.later, not is_last)):
            button.setVisible(len(self._found) > 1)
            button.setEnabled(stands)
        while len(self._rows) < len(found.samples):
            self._rows.append(_Reply())
            self._replies.addWidget(self._rows[-1])
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(found.samples))
            if number < len(found.samples):
                sample = found.samples[number]
                before = first.samples[number].reply if at and number < len(first.samples) else ""
                row.show_reply(sample.prompt, sample.reply, before if before != sample.reply else "")

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.heading, 1)
        row.addWidget(self.earlier)
        row.addWidget(self.later)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.when)
        column.addWidget(self.slider)
        column.addLayout(self._replies)


class _Reply(QWidget):
    """What was said, what she says to it, and what she said at first."""

    def __init__(self) -> None:
        super().__init__()
        self._labels = {role: plain_label(role) for role in ("muted", "", "caption")}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for label in self._labels.values():
            column.addWidget(label)

    def show_reply(self, prompt: str, reply: str, before: str) -> None:
        texts = {
            "muted": f"You: {prompt}",
            "": reply.strip() or "(nothing)",
            "caption": f"before: {before.strip()}" if before else "",
        }
        for role, text in texts.items():
            self._labels[role].setText(text)
            self._labels[role].setVisible(bool(text))

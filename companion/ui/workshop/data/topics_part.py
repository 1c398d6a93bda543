"""What a dataset is about: a map of its dialogues, and the groups they form."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from companion.core.amounts import counted
from companion.core.dataset_findings import TopicMap
from companion.core.dataset_messages import MapTopics, TopicsMapped
from companion.ui.cards import plain_label
from companion.ui.charts.export import export_chart
from companion.ui.chat.icon_button import IconButton
from companion.ui.scroll_page import UNBOUNDED
from companion.ui.theme import BODY
from companion.ui.workshop.data.group_button import GroupButton
from companion.ui.workshop.data.part import Part, hand
from companion.ui.workshop.data.topic_view import TopicView
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.jobs.job_charts import suggested_name

SENTENCE = "A map shows what the dialogues are about: what lies near each other is alike, and what lies alone is rare."
EXPLAINED = (
    "The model reads each dialogue and puts what it is about into numbers (embeddings).",
    "Dialogues with like numbers become a group, and there are as many groups as keep furthest apart (k-means, silhouette). "
    "A group is named by the words that tell it from the others (TF-IDF).",
    "The picture shows the two directions in which the numbers differ most (PCA).",
)
SIDE_BY_SIDE: Final = 600
GROUPS_WIDTH: Final = 230


class TopicsPart(Part):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, SENTENCE)
        self.draw_button = hand(QPushButton("Draw the map"))
        self.view = TopicView(desk.theme)
        self.kept, self.explained = plain_label("muted"), plain_label("caption", "\n".join(EXPLAINED))
        self.more = IconButton(desk.theme, "download", "Save the map")
        self.menu = QMenu(self)
        self.groups: list[GroupButton] = []
        self._list, self._beside = QVBoxLayout(), QWidget()
        self._drawn = QWidget()
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._build()
        self.draw_button.clicked.connect(self.draw)
        self.row.done.connect(self._mapped)
        self.more.clicked.connect(lambda: self.menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft())))
        for form, words in (("png", "Save as picture (PNG)…"), ("csv", "Save the numbers (CSV)…")):
            self.menu.addAction(words).triggered.connect(partial(self._ask_where, form))

    def draw(self) -> None:
        """Read what the dialogues are about. That takes the model some time; one made for embeddings knows best."""
        model = self.desk.preferences.settings.embedding_model or self.desk.model_of_now
        self.row.begin(MapTopics(files=self.files, model=model))

    def show_found(self) -> None:
        found = self.found.topics
        self._drawn.setVisible(found is not None)
        self.draw_button.setText("Draw it again" if found is not None else "Draw the map")
        if found is not None and found is not self.view.topics:
            self.view.show_topics(found)
            self._show_groups(found)
            shown = counted(len(found.points), "dialogue")
            of_all = f", chosen by chance among {found.read:,}" if found.read > len(found.points) else ""
            self.kept.setText(f"{shown}{of_all}. The picture shows {found.kept:.0%} of the differences between them.")

    def save(self, path: Path) -> None:
        """A picture or the numbers, by the name of the file."""
        try:
            export_chart(self.view, self.theme, path)
        except OSError as error:
            what = f"“{path.name}” could not be saved ({error.strerror})."
            self.desk.notices.error(what, "Choose another folder, or make room there.")

    def _mapped(self, event: TopicsMapped) -> None:
        self.found.topics = event.topics
        self.show_found()

    def _show_groups(self, topics: TopicMap) -> None:
        for button in self.groups:
            self._list.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.groups = [GroupButton(self.theme, n, group, len(topics.points)) for n, group in enumerate(topics.groups)]
        for number, button in enumerate(self.groups):
            button.clicked.connect(lambda is_lit, number=number: self._light(number, is_lit))
            self._list.insertWidget(number, button)

    def _light(self, number: int, is_lit: bool) -> None:
        for other, button in enumerate(self.groups):
            button.setChecked(is_lit and other == number)
        self.view.light(number if is_lit else -1)

    def _ask_where(self, form: str, _checked: bool = False) -> None:
        from companion.ui.file_dialogs import ask_where_to_save_chart

        if self.dataset is None:
            return
        path = ask_where_to_save_chart(self, suggested_name(self.dataset.folder.name, self.view, form))
        if path is not None:
            self.save(path)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        scale = max(self.theme.font_size / BODY, 1.0)
        wide = self.width() >= SIDE_BY_SIDE * scale
        self._halves.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        self._beside.setMaximumWidth(round(GROUPS_WIDTH * scale) if wide else UNBOUNDED)

    def _build(self) -> None:
        heading = QLabel("Groups")
        heading.setProperty("role", "heading")
        heading.setContentsMargins(8, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(heading, 1)
        top.addWidget(self.more)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(2)
        beside = QVBoxLayout(self._beside)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addLayout(top)
        beside.addLayout(self._list)
        beside.addStretch(1)
        self._halves.setSpacing(12)
        self._halves.addWidget(self.view, 1)
        self._halves.addWidget(self._beside)
        column = QVBoxLayout(self._drawn)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(self._halves)
        column.addWidget(self.kept)
        column.addWidget(self.explained)
        self.column.addWidget(self.draw_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(self.row)
        self.column.addWidget(self._drawn)
        self.column.addStretch(1)

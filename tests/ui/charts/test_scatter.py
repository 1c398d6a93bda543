"""Marks, cells and bars: what is under the pointer is read, and all of it without a mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from companion.ui.charts.bars import Bar, Bars
from companion.ui.charts.heat_map import Cell, HeatMap
from companion.ui.charts.scatter import Mark, ScatterChart

MARKS = [
    Mark(80, 0.1, "circle", "blue", ("first", "80 MB")),
    Mark(90, 0.01, "up", "green", ("second",)),
    Mark(100, 0.0, "diamond", "purple", ("third",), "named"),
    Mark(85, 0.05, "square", "blue", ("fourth",), "stock", True),
]


@pytest.fixture
def chart(theme, qtbot) -> ScatterChart:
    made = ScatterChart(theme, "Builds", x_word="size", y_word="divergence")
    qtbot.addWidget(made)
    made.resize(600, 300)
    made.show_marks(MARKS, [(80, 0.1), (90, 0.01)])
    made.show()
    return made


def test_a_click_chooses_the_nearest_mark_and_nothing_where_there_is_none(chart: ScatterChart, qtbot):
    chosen: list[int] = []
    chart.chosen.connect(chosen.append)
    for number in range(len(MARKS)):
        qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=chart.place(number).toPoint() + QPoint(3, 2))
    assert chosen == [0, 1, 2, 3]
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=QPoint(590, 20))
    assert chosen == [0, 1, 2, 3]
    assert chart.chosen_at == 3


def test_what_was_measured_is_read_where_it_covers_what_was_foreseen(theme, qtbot):
    made = ScatterChart(theme, "Builds", x_word="size", y_word="divergence")
    qtbot.addWidget(made)
    made.resize(600, 300)
    measured = Mark(80.1, 0.0301, "diamond", "blue", ("measured",))
    made.show_marks([Mark(80, 0.03, "circle", "blue", ("foreseen",)), measured, Mark(100, 0.01, "circle", "blue", ("far",))], [])
    made.show()
    qtbot.mouseMove(made, made.place(0).toPoint())
    assert made.accessibleDescription() == "measured"


def test_the_pointer_reads_a_mark_and_what_is_lower_stands_lower(chart: ScatterChart, qtbot):
    qtbot.mouseMove(chart, chart.place(1).toPoint())
    assert chart.read_at == 1
    assert chart.accessibleDescription() == "second"
    assert chart.place(0).y() < chart.place(1).y() < chart.place(2).y() < chart.height()
    assert not chart.grab().isNull()


def test_arrow_keys_read_mark_by_mark_from_left_to_right_and_enter_chooses(chart: ScatterChart):
    chosen: list[int] = []
    chart.chosen.connect(chosen.append)
    read = []
    for _ in range(5):
        QTest.keyClick(chart, Qt.Key.Key_Right)
        read.append(chart.read_at)
    assert read == [0, 3, 1, 2, 2]
    QTest.keyClick(chart, Qt.Key.Key_Home)
    assert chart.accessibleDescription() == "first, 80 MB"
    QTest.keyClick(chart, Qt.Key.Key_Return)
    assert chosen == [0]


def test_a_chart_without_marks_is_painted_and_takes_keys(theme, qtbot):
    chart = ScatterChart(theme, "Nothing", x_word="x", y_word="y")
    qtbot.addWidget(chart)
    chart.resize(300, 200)
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert not chart.grab().isNull()
    assert chart.read_at is None


def test_the_cells_of_a_map_are_read_by_pointer_and_keys_and_holes_are_skipped(theme, qtbot):
    cells = {(0, 0): Cell(0.1, ("a", "0.1")), (0, 2): Cell(0.001, ("c",)), (1, 0): Cell(0.0, ("b",))}
    chart = HeatMap(theme, "Map", "layer")
    qtbot.addWidget(chart)
    chart.show_cells(["q", "k"], ["0", "1", "2"], cells)
    chart.resize(400, 120)
    chart.show()
    heard: list[str] = []
    chart.read.connect(heard.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Down):
        QTest.keyClick(chart, key)
    assert heard == ["a, 0.1", "c", "a, 0.1", "b"]
    qtbot.mouseMove(chart, chart.box(0, 2).center().toPoint())
    assert heard[-1] == "c"
    qtbot.mouseMove(chart, chart.box(1, 1).center().toPoint())
    assert chart.read_at is None
    picture = chart.grab().toImage()
    strong, faint = (picture.pixelColor(chart.box(0, column).center().toPoint()) for column in (0, 2))
    assert strong.saturation() > faint.saturation()
    assert chart.scale_words() == "From 0.001 (faint) to 0.1 (strong)."


def test_bars_are_told_in_words(theme, qtbot):
    bars = Bars(theme, "Speeds")
    qtbot.addWidget(bars)
    bars.show_bars([Bar("Q4_0", 30.0, "30.0"), Bar("F16", 0.0, "0.0")])
    assert bars.accessibleDescription() == "Q4_0 30.0, F16 0.0"
    bars.resize(300, bars.sizeHint().height())
    assert not bars.grab().isNull()

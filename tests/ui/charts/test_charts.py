"""Charts: what is drawn is what was measured, whatever its number, and it can be read without colours and without a mouse."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter
from PySide6.QtTest import QTest

from companion.core.curve import Curve
from companion.ui.charts.chart import Chart
from companion.ui.charts.colours import COLOURS
from companion.ui.charts.export import csv_of, export_chart, png_of
from companion.ui.charts.lines import Bounds, Line, drawn_points, nearest, number_text, ticks, whole_range
from companion.ui.charts.picture import ChartPicture
from companion.ui.palette import DARK, LIGHT, contrast

MANY = 100_000


def curve(values: list[float], first: int = 1) -> Curve:
    made = Curve()
    for number, value in enumerate(values):
        made.add(first + number, value)
    return made


@pytest.fixture
def chart(theme, qtbot) -> Chart:
    made = Chart(theme, "Loss", height=240)
    qtbot.addWidget(made)
    made.show_lines(
        [
            Line("training", curve([4.0, 3.0, 2.5, 2.0, 1.5, 1.4]), "blue"),
            Line("held-out", curve([3.5, 1.6], 0), "vermilion", 3.0, marked=True),
        ]
    )
    made.resize(640, 260)
    made.show()
    return made


def test_a_hundred_thousand_points_make_the_same_picture_as_the_few_that_are_drawn():
    chance = random.Random(3)
    line = curve([chance.gauss(0, 1) for _ in range(MANY)])
    line.ys[54_321] = 99.0
    line.ys[77_777] = -99.0
    made = Curve()
    for x, y in zip(line.xs, line.ys, strict=True):
        made.add(x, y)
    points = drawn_points(made, Bounds(1, MANY), 800)
    assert len(points.xs) == len(points.ys) <= 4 * 800
    assert (min(points.ys), max(points.ys)) == (-99.0, 99.0)
    assert [points.ys[0], points.ys[-1]] == [made.ys[0], made.ys[-1]]
    assert points.xs == sorted(points.xs)
    width = (MANY - 1) / 800
    for column in chance.sample(range(1, 799), 50):
        low, high = 1 + width * column, 1 + width * (column + 1)
        inside = [y for x, y in zip(made.xs, made.ys, strict=True) if low < x <= high]
        drawn = [y for x, y in zip(*points, strict=True) if low < x <= high]
        assert (min(drawn), max(drawn)) == (min(inside), max(inside))


def test_few_points_are_all_drawn_and_one_beyond_each_side():
    line = curve([5.0, 4.0, 3.0, 2.0, 1.0])
    assert drawn_points(line, Bounds(2.5, 3.5), 100) == ([2, 3, 4], [4, 3, 2])
    assert drawn_points(Curve(), Bounds(0, 1), 100) == ([], [])


def test_ticks_are_round_and_within():
    assert ticks(Bounds(0, 1), 5) == [0, 0.2, 0.4, pytest.approx(0.6), 0.8, 1.0]
    assert ticks(Bounds(1.3, 1.9), 3) == [pytest.approx(1.4), pytest.approx(1.6), pytest.approx(1.8)]
    for low, high in ((1e-7, 3e-7), (-5, 5), (1e9, 2e9)):
        found = ticks(Bounds(low, high), 6)
        assert 2 <= len(found) <= 7
        assert all(low - 1e-12 <= mark <= high * (1 + 1e-9) for mark in found)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234.5, "1,234"), (1.41372, "1.414"), (0.0003, "0.0003"), (3e-8, "3e-08"), (2.5e7, "2.5e+07")]
)
def test_numbers_have_few_figures(value, text):
    assert number_text(value) == text


def test_the_pointer_reads_the_nearest_point(chart: Chart, qtbot):
    assert nearest(chart.lines[0].curve, 2.4).x == 2
    at, values = chart.reading(2.6)
    assert at == 3
    assert [point.y for _, point in values] == [2.5, 1.6]
    before = chart.grab().toImage()
    place = chart._place.at(3, 2.5)
    QTest.mouseMove(chart, place.toPoint())
    move = QMouseEvent(
        QMouseEvent.Type.MouseMove, place, chart.mapToGlobal(place), Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    chart.mouseMoveEvent(move)
    assert chart.grab().toImage() != before


def test_a_drag_zooms_and_a_double_click_shows_everything_again(chart: Chart, qtbot):
    chart.grab()
    begin, end = (chart._place.at(x, 2.0).toPoint() for x in (1, 5))
    with qtbot.waitSignal(chart.zoomed) as zoomed:
        QTest.mousePress(chart, Qt.MouseButton.LeftButton, pos=begin)
        QTest.mouseMove(chart, end)
        chart.mouseMoveEvent(
            QMouseEvent(
                QMouseEvent.Type.MouseMove, QPointF(end), chart.mapToGlobal(QPointF(end)), Qt.MouseButton.NoButton,
                Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
            )
        )  # fmt: skip
        QTest.mouseRelease(chart, Qt.MouseButton.LeftButton, pos=end)
    assert zoomed.args == [True]
    assert chart.shown.low == pytest.approx(1, abs=0.1)
    assert chart.shown.high == pytest.approx(5, abs=0.1)
    QTest.mouseDClick(chart, Qt.MouseButton.LeftButton, pos=begin)
    assert not chart.is_zoomed
    assert chart.shown == Bounds(0, 6)


def test_the_keyboard_reads_and_zooms(chart: Chart):
    chart.setFocus()
    QTest.keyClick(chart, Qt.Key.Key_Left)
    said = [chart.accessibleDescription()]
    QTest.keyClick(chart, Qt.Key.Key_Left)
    said.append(chart.accessibleDescription())
    assert said[0].startswith("step 5: training 1.5")
    assert said[1].startswith("step 4: training 2")
    QTest.keyClick(chart, Qt.Key.Key_Plus)
    assert chart.is_zoomed
    QTest.keyClick(chart, Qt.Key.Key_0)
    assert not chart.is_zoomed


def test_what_is_zoomed_to_stays_while_the_lines_grow(chart: Chart):
    chart.zoom(1, 5)
    chart.lines[0].curve.add(7, 1.3)
    chart.refresh()
    assert chart.shown == Bounds(1, 5)
    chart.show_all()
    assert chart.shown == Bounds(0, 7)


def test_a_chart_says_in_words_what_it_shows(chart: Chart):
    chart.grab()
    assert chart.accessibleName() == "Chart: Loss"
    assert chart.accessibleDescription() == (
        "training: 4 at first, 1.4 at step 6; lowest 1.4. held-out: 3.5 at first, 1.6 at step 1; lowest 1.6."
    )


def test_an_empty_chart_and_one_with_a_single_point_are_drawn(theme, qtbot):
    made = Chart(theme, "Loss")
    qtbot.addWidget(made)
    made.resize(300, 150)
    made.show()
    made.grab()
    assert made.summary() == "Nothing is measured yet."
    made.show_lines([Line("", curve([2.0]), "green")])
    made.grab()
    assert made.summary() == "Loss: 2 at first, 2 at step 1; lowest 2."


def test_steps_are_told_in_whole_numbers(theme):
    lines = (Line("loss", curve([2.5]), "blue"),)
    picture = ChartPicture(theme, lines, whole_range(lines), "step")
    assert [picture._edge_text(edge) for edge in picture.x] == ["", ""], "the only step stands between them"
    assert picture._replace(x_word="position")._edge_text(0.5) == "0.5"


def test_the_numbers_and_the_picture_can_be_taken_along(chart: Chart, theme, tmp_path):
    assert csv_of(chart).decode().splitlines()[:3] == ["step,training,held-out", "0,,3.5", "1,4,1.6"]
    export_chart(chart, theme, tmp_path / "loss.png")
    picture = QImage(str(tmp_path / "loss.png"))
    assert (picture.width(), picture.height()) == (1920, 960)
    vermilion = sum(picture.pixelColor(x, y).name() == "#d55e00" for x in range(0, 1920, 3) for y in range(0, 960, 3))
    assert vermilion > 50
    assert png_of(chart, theme)[:4] == b"\x89PNG"
    export_chart(chart, theme, tmp_path / "loss.csv")
    assert (tmp_path / "loss.csv").read_bytes() == csv_of(chart)


def test_every_colour_stands_out_from_the_ground_of_its_theme():
    for light, dark in COLOURS.values():
        assert contrast(light, LIGHT.surface) >= 3
        assert contrast(dark, DARK.surface) >= 3


def test_lines_are_told_apart_without_colours(chart: Chart):
    """By width, marks and names: the held-out line covers more pixels than its share."""
    image = QImage(640, 260, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    chart.picture().paint(painter, QRectF(0, 0, 640, 260))
    painter.end()
    training, held_out = chart.lines
    assert (training.width, training.marked) != (held_out.width, held_out.marked)
    assert training.label != held_out.label

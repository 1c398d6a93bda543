"""The page of a report: whole in one file, harmless whatever was said, and readable as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from companion.core.report import Curve
from companion.workshop.reports.html import joined_curves, page
from tests.workshop.reports.sample_reports import loss, one, report, rich_report, section

EVIL = "</div><script>alert('1')</script><img src=http://evil.example/x onerror=alert(1)>"
VOID = {"meta", "br"}


class Tags(HTMLParser):
    """What is open, and what was met."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.met.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.met.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text() -> str:
    return page(rich_report())


def test_nothing_is_fetched_and_nothing_runs(text):
    tags = Tags(text)
    assert {tag for tag, _ in tags.met} & {"script", "link", "img", "iframe", "object", "form"} == set()
    for _, attributes in tags.met:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"href", "src", "action"}:
                assert value.startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text


def test_every_tag_is_closed(text):
    assert Tags(text).open == []


def test_what_she_says_never_becomes_markup():
    evil = page(rich_report(EVIL))
    assert Tags(evil).open == []
    assert {tag for tag, _ in Tags(evil).met} == {tag for tag, _ in Tags(page(rich_report())).met}
    assert "&lt;script&gt;" in evil
    assert "<script" not in evil
    named = page(report(one(EVIL, section(loss([1.0] * 10, title=EVIL, explained=EVIL)))))
    assert "<script" not in named
    assert Tags(named).open == []


def test_the_verdict_comes_first_and_everything_else_is_there(text):
    plain = re.sub(r"<[^>]+>", " ", text[text.index("<body>") :])
    order = ["is better than starter", "What counts", "Likelihood", "How she talks", "What was run"]
    places = [plain.index(words) for words in order]
    assert places == sorted(places)
    for words in ("Bring a coat", "written by a person", "a" * 64, "b" * 64, "c" * 64, "CC-BY-4.0", "AMD EPYC", "within chance"):
        assert words in plain, words
    assert "Set likelihood.torch_check to compute it." in plain
    assert "This could not be measured." in plain


def test_light_and_dark_wide_and_narrow_are_styled(text):
    assert "prefers-color-scheme: dark" in text
    assert "max-width:640px" in text
    assert 'name="viewport"' in text


def test_pictures_have_titles(text):
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) >= 6
    assert all("<title>" in picture and 'role="img"' in picture for picture in pictures)


def test_an_early_end_is_said():
    assert "ended early" in page(report(one("A", section(loss([1.0, 2.0] * 5))), finished=False))


def test_the_same_report_gives_the_same_page(text):
    assert page(rich_report()) == text


def test_what_two_subjects_have_in_common_is_drawn_once():
    def curve(height: float) -> Curve:
        series = {"hers": ((0.0, height), (1.0, height)), "people’s": ((0.0, 1.0), (1.0, 2.0))}
        return Curve(title="t", x_label="x", y_label="y", series=series)

    assert list(joined_curves([("A", curve(1)), ("B", curve(2))]).series) == ["A", "B", "people’s"]


def test_bars_of_different_widths_are_drawn_apart():
    def bars(width: float) -> Curve:
        return Curve(
            title="Lengths", x_label="x", y_label="y", series={"": tuple((width * n, 1.0) for n in range(5))}, kind="bars"
        )

    def drawn(*widths: float) -> int:
        measured = [one(f"S{n}", section(loss([1.0, 2.0] * 5), curves=(bars(width),))) for n, width in enumerate(widths)]
        return page(report(*measured)).count('aria-label="Lengths')

    assert (drawn(3, 3), drawn(3, 6), drawn(3)) == (1, 2, 1)

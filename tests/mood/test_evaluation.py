from __future__ import annotations

import numpy as np
import pytest

from companion.core.errors import CompanionError
from companion.core.moods import EKMAN_GROUPS, LABELS
from companion.mood.circumplex import COORDINATES, TABLE, targets
from companion.mood.evaluation import evaluate, measure, read_examples, to_groups

NEUTRAL = LABELS.index("neutral")


def one_hot(*names: str) -> np.ndarray:
    return np.array([[label in name.split("+") for label in LABELS] for name in names])


def test_examples_are_read_with_and_without_a_third_column(tmp_path):
    path = tmp_path / "examples.tsv"
    path.write_text("I love it\t18,17\tid1\r\n\nPlain. \t27\n", encoding="utf-8")
    texts, truth = read_examples(path)
    assert texts == ["I love it", "Plain. "]
    assert [np.flatnonzero(row).tolist() for row in truth] == [[17, 18], [27]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "holds no examples"),
        (b"only text\n", "Line 1 of"),
        (b"a\t1\nb\t28\n", "Line 2 of"),
        (b"a\t-1\n", "Line 1 of"),
        (b"a\tjoy\n", "Line 1 of"),
        (b"a\t1,\n", "Line 1 of"),
        (b"a\t99999999999999999999999\n", "Line 1 of"),
        (b"\xff\xfe\n", "UTF-8"),
    ],
)
def test_a_file_of_another_form_is_a_sentence(tmp_path, content, expected):
    path = tmp_path / "examples.tsv"
    path.write_bytes(content)
    with pytest.raises(CompanionError, match=expected) as caught:
        read_examples(path)
    assert caught.value.remedy


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(CompanionError, match="cannot be read"):
        read_examples(tmp_path / "none.tsv")


def test_a_perfect_reading_has_perfect_figures():
    truth = one_hot("joy+love", "anger", "neutral", "fear", *LABELS)
    scores = truth * 0.8 + 0.1
    goal = targets(truth)
    report = evaluate(truth, scores, truth.argmax(axis=1), goal[:, 0], goal[:, 1])
    assert (report.examples, report.macro_f1, report.micro_f1, report.auc) == (len(truth), 1, 1, 1)
    assert (report.group_macro_f1, report.group_accuracy) == (1, 1)
    assert (report.valence.mse, report.valence.r2, report.arousal.r2) == (0, 1, 1)


def test_always_neutral_is_right_where_it_is_neutral():
    truth = one_hot("neutral", "joy", "anger", "neutral")
    scores = np.zeros_like(truth, np.float32)
    scores[:, NEUTRAL] = 0.9
    middle = np.zeros(4, np.float32)
    report = evaluate(truth, scores, np.full(4, NEUTRAL), middle, middle)
    row = report.labels[NEUTRAL]
    assert (row.precision, row.recall, row.support) == (0.5, 1, 2)
    assert report.macro_f1 == pytest.approx(row.f1 / 28)
    assert report.micro_f1 == pytest.approx(0.5)
    assert report.group_accuracy == 0.5


def test_a_group_counts_when_any_of_its_labels_does():
    groups = to_groups(one_hot("remorse", "admiration+fear"))
    assert [[EKMAN_GROUPS[i] for i in np.flatnonzero(row)] for row in groups] == [["sadness"], ["fear", "joy"]]


def test_the_target_of_several_labels_is_their_mean():
    assert set(COORDINATES) == set(LABELS)
    assert np.abs(TABLE).max() <= 1
    middle = (np.array(COORDINATES["joy"]) + np.array(COORDINATES["sadness"])) / 2
    assert np.allclose(targets(one_hot("joy+sadness", "neutral")), [middle, [0, 0]])


def test_a_file_is_measured(reader, tmp_path):
    path = tmp_path / "examples.tsv"
    path.write_text("I love you so much!\t18\nThe train leaves at nine.\t27\n", encoding="utf-8")
    report = measure(reader, path)
    assert report.group_accuracy == 1
    assert report.labels[LABELS.index("love")].f1 == 1

"""Labels against predictions: scikit-learn's numbers, by hand where it is easy, and sentences for files that are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from companion.core.errors import CompanionError, DatasetError
from companion.core.recipes.evaluate import Certainty, Classification, Evaluate
from companion.mood.classifier import MoodReader
from companion.mood.evaluation import measure as measure_mood
from companion.workshop.evaluation.classification import measure, of_table
from companion.workshop.evaluation.family import Material, Situation
from companion.workshop.evaluation.labelled_table import read_table

OPTIONS = Certainty(draws=200)
LABELS = ("angry", "glad", "sad")


def section(*tables, moods=()):
    recipe = Evaluate(
        classification=Classification(enabled=True, tables=tuple(map(str, tables)), mood_files=tuple(map(str, moods))),
        certainty=OPTIONS,
    )
    return measure(Situation(recipe, None, Material((), (), ()), (), None, lambda fraction: None))


def values(found, name):
    return {metric.key.removeprefix(f"classification.{name}."): metric for metric in found.metrics}


@pytest.fixture(scope="module")
def three_labels(tmp_path_factory):
    """Truth, prediction and scores of 300 examples, and their file."""
    chance = np.random.default_rng(1)
    truth = chance.choice(3, 300, p=[0.2, 0.5, 0.3])
    scores = np.exp(chance.standard_normal((300, 3)) + 1.5 * np.eye(3)[truth])
    scores /= scores.sum(axis=1, keepdims=True)
    path = tmp_path_factory.mktemp("tables") / "three.csv"
    lines = ["truth,prediction,score_angry,score_glad,score_sad"]
    lines += [
        f"{LABELS[t]},{LABELS[s.argmax()]}," + ",".join(f"{each:.17g}" for each in s) for t, s in zip(truth, scores, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path, truth, scores


def test_labels_with_scores_have_scikit_learns_numbers(three_labels):
    path, truth, scores = three_labels
    found = values(section(path), "three")
    predicted = scores.argmax(axis=1)
    assert found["accuracy"].value == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted))
    for average in ("macro", "micro"):
        expected = sklearn_metrics.precision_recall_fscore_support(truth, predicted, average=average)
        for name, value in zip(("precision", "recall", "f1"), expected[:3], strict=True):
            assert found[f"{average}_{name}"].value == pytest.approx(value, abs=1e-9)
    marks = np.eye(3)[truth]
    assert found["roc_auc"].value == pytest.approx(sklearn_metrics.roc_auc_score(truth, scores, multi_class="ovr"))
    assert found["pr_auc"].value == pytest.approx(sklearn_metrics.average_precision_score(marks, scores))
    assert found["brier"].value == pytest.approx(((marks - scores) ** 2).sum(axis=1).mean())


def test_every_number_has_an_interval_around_it_or_says_why_not(three_labels):
    for metric in section(three_labels[0]).metrics:
        assert metric.items is None, "subjects are not compared by what does not depend on them"
        if metric.interval is None:
            assert metric.why
        else:
            assert metric.interval.low < metric.value < metric.interval.high, metric.key


def test_the_interval_of_an_area_is_that_of_a_bootstrap(three_labels):
    _, truth, scores = three_labels
    chance = np.random.default_rng(0)
    drawn = [chance.integers(0, 300, 300) for _ in range(400)]
    areas = [sklearn_metrics.roc_auc_score(truth[d], scores[d], multi_class="ovr") for d in drawn]
    found = values(section(three_labels[0]), "three")["roc_auc"].interval
    np.testing.assert_allclose((found.low, found.high), np.quantile(areas, [0.025, 0.975]), atol=0.012)


def test_tables_show_each_label_and_each_confusion(three_labels):
    by_label, confusion = section(three_labels[0]).tables
    _, truth, scores = three_labels
    expected = sklearn_metrics.confusion_matrix(truth, scores.argmax(axis=1))
    assert [list(map(int, row[1:])) for row in confusion.rows] == expected.tolist()
    assert confusion.header == ("truth \\ prediction", *LABELS)
    assert [row[0] for row in by_label.rows] == list(LABELS)


def test_two_labels_with_one_score_by_hand(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("truth;prediction;score\nyes;yes;0.9\nyes;no;0.4\nno;no;0.2\nno;yes;0.6\nyes;yes;0.8\nno;no;0.1\n")
    found = section(path)
    told = values(found, "two")
    assert told["accuracy"].value == pytest.approx(4 / 6)
    assert told["roc_auc"].value == pytest.approx(8 / 9)
    assert told["brier"].value == pytest.approx((0.01 + 0.36 + 0.04 + 0.36 + 0.04 + 0.01) / 6)
    assert told["ece"].value == pytest.approx((0.1 + 0.6 + 0.2 + 0.6 + 0.2 + 0.1) / 6)
    truth, score = [1, 1, 0, 0, 1, 0], [0.9, 0.4, 0.2, 0.6, 0.8, 0.1]
    assert told["pr_auc"].value == pytest.approx(sklearn_metrics.average_precision_score(truth, score))
    assert any("label “yes”" in note for note in found.notes)
    (curve,) = found.curves
    assert curve.kind == "reliability"
    assert (0.9, 1.0) in [tuple(np.round(point, 9)) for point in curve.series["two"]]


def test_perfect_scores_have_an_interval_that_does_not_claim_certainty(tmp_path):
    path = tmp_path / "perfect.csv"
    path.write_text("truth,prediction,score\n" + "1,1,0.9\n" * 10 + "0,0,0.1\n" * 10)
    told = values(section(path), "perfect")
    for name in ("accuracy", "roc_auc", "pr_auc"):
        assert told[name].value == 1
        assert 0.7 < told[name].interval.low < 1


def test_one_kind_of_examples_cannot_be_ranked(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("truth,prediction,score\n" + "yes,yes,0.9\nyes,no,0.3\n" * 4)
    told = values(section(path), "one")
    assert told["roc_auc"].value is None
    assert "nothing to rank" in told["roc_auc"].why


def test_scores_that_are_no_probabilities_are_ranked_and_not_calibrated(tmp_path):
    path = tmp_path / "logits.csv"
    path.write_text("truth,prediction,score\n" + "1,1,3.2\n0,0,-1.5\n" * 4)
    found = section(path)
    assert "brier" not in values(found, "logits")
    assert values(found, "logits")["roc_auc"].value == 1
    assert any("no probabilities" in note for note in found.notes)


def test_numbers_are_measured_by_their_errors(tmp_path):
    path = tmp_path / "ages.csv"
    path.write_text("truth,prediction\n1.5,2.0\n2.5,2.5\n4.0,3.0\n5.5,6.0\n7.0,7.0\n8.5,8.0\n")
    told = values(section(path), "ages")
    assert told["mse"].value == pytest.approx((0.25 + 0 + 1 + 0.25 + 0 + 0.25) / 6)
    assert told["mae"].value == pytest.approx((0.5 + 1 + 0.5 + 0.5) / 6)
    assert told["r2"].value == pytest.approx(sklearn_metrics.r2_score([1.5, 2.5, 4, 5.5, 7, 8.5], [2, 2.5, 3, 6, 7, 8]))
    assert told["r2"].interval.low < told["r2"].value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "“bad.csv” is empty"),
        ("truth,guess\na,b\n", "Line 1 of “bad.csv” names no column “prediction”"),
        ("truth,prediction,truth\na,b,c\n", "names the column “truth” twice"),
        ("truth,prediction\n", "“bad.csv” holds no examples"),
        ("truth,prediction\na,b\nc\n", "Line 3 of “bad.csv” has 1 cells where there are 2 columns"),
        ("truth,prediction\na,b\n,b\n", "Line 3 of “bad.csv” has no truth"),
        ("truth,prediction,score\na,b,high\n", "Line 2 of “bad.csv” has no number in the column “score”"),
        ("truth,prediction,score\na,b,nan\n", "Line 2 of “bad.csv” has no number in the column “score”"),
        ('truth,prediction\n"a,b\n', "of “bad.csv” is no CSV"),
    ],
)
def test_a_wrong_table_is_answered_with_its_name_and_line(content, sentence, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError) as caught:
        section(path)
    assert sentence in caught.value.what
    assert caught.value.remedy


def test_a_missing_or_unreadable_table_is_told(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        section(tmp_path / "gone.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00truth")
    with pytest.raises(DatasetError, match="UTF-8"):
        section(tmp_path / "binary.csv")


def test_without_files_it_is_skipped_and_says_how_to_ask():
    found = section()
    assert found.state == "skipped"
    assert "classification.tables" in found.why


def test_quoted_cells_and_capital_labels_are_understood(tmp_path):
    path = tmp_path / "quoted.csv"
    path.write_text('Truth,Prediction,score_A,score_"b"\n', encoding="utf-8")
    path.write_text('Truth,Prediction,score_A,score_B\nA,"A",0.9,0.1\nB,"B",0.2,0.8\n\nA,B,0.4,0.6\nB,B,0.3,0.7\nA,A,0.6,0.4\n')
    table = read_table(path)
    assert set(table.scores) == {"A", "B"}
    assert values(of_table(table, OPTIONS), "quoted")["accuracy"].value == pytest.approx(0.8)


def test_the_mood_model_is_measured_as_its_own_command_measures_it(tmp_path):
    path = tmp_path / "moods.tsv"
    path.write_text(
        "I love this so much!\t18\nThis is disgusting.\t11\nThank you, friend.\t15\nHe went home.\t27\n"
        "What a lovely day, hooray!\t17\nI am so angry with you\t2\nWhy would that be?\t7\nI am afraid of the dark\t14\n",
        encoding="utf-8",
    )
    expected = measure_mood(MoodReader.load(), path)
    told = values(section(moods=[path]), "mood")
    for key, value in (
        ("macro_f1", expected.macro_f1),
        ("micro_f1", expected.micro_f1),
        ("group_accuracy", expected.group_accuracy),
        ("valence.mse", expected.valence.mse),
        ("arousal.r2", expected.arousal.r2),
        ("roc_auc", expected.auc),
    ):
        assert told[key].value == pytest.approx(value, abs=1e-6)


def test_a_wrong_mood_file_is_told_with_its_line(tmp_path):
    path = tmp_path / "moods.tsv"
    path.write_text("I love this\tjoyful\n", encoding="utf-8")
    with pytest.raises(CompanionError, match="Line 1"):
        section(moods=[path])

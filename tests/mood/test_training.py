"""models/mood/ trains in torch what companion/mood/ computes in numpy."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from companion.core.moods import LABELS
from companion.core.paths import models_folder
from companion.mood.classifier import MoodReader
from companion.mood.features import SPECIAL

TEXTS = ["good", "Good bad good!", "", "bad " * 100, "[NAME] is GOOD :)"]


@pytest.fixture
def train(monkeypatch) -> ModuleType:
    scripts = models_folder() / "mood"
    monkeypatch.syspath_prepend(str(scripts))
    for name in [path.stem for path in scripts.glob("*.py")]:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import train

    return train


def test_the_reader_computes_what_was_trained(train, tmp_path):
    import network
    import torch
    from sklearn.linear_model import Ridge

    torch.manual_seed(1)
    known = [*SPECIAL, "good", "bad", "!"]
    vectors = np.random.default_rng(1).standard_normal((len(known), 6)).astype(np.float32)
    trained = network.Network(vectors, network.Options(width=6, channels=5, hidden=4)).eval()
    torch.nn.init.normal_(trained.output.weight)
    rows = network.numbered(TEXTS, known)
    features, logits = network.predict(trained, rows, np.arange(len(TEXTS)))
    limits = np.linspace(-3, 1, len(LABELS))
    affect = Ridge().fit(features, np.array([[0.1, 0.2], [0.3, -0.1], [0, 0], [0.5, 0.5], [-0.2, 0.4]]))
    train.save(tmp_path / "w", trained, known, limits, affect)
    moods = MoodReader.load(tmp_path / "w").read(TEXTS)
    assert np.allclose([mood.scores for mood in moods], train.sigmoid(logits - limits), atol=0.02)
    assert np.allclose([[mood.valence, mood.arousal] for mood in moods], affect.predict(features), atol=0.02)


def test_a_network_learns_what_a_word_means(train):
    import network

    known = [*SPECIAL, "good", "bad"]
    rows = network.numbered(["good", "bad"] * 40, known)
    goals = np.zeros((80, len(LABELS)), np.float32)
    goals[0::2, LABELS.index("joy")] = goals[1::2, LABELS.index("anger")] = 1
    options = network.Options(width=4, channels=4, hidden=8, epochs=30, batch=8, learning_rate=0.01, dropout=0, vector_dropout=0)
    vectors = np.random.default_rng(1).standard_normal((len(known), 4)).astype(np.float32)
    trained = network.fit(vectors, rows, goals, np.arange(80), options, seed=1)
    _, logits = network.predict(trained, rows, np.arange(2))
    assert [LABELS[best] for best in logits.argmax(axis=1)] == ["joy", "anger"]


def test_a_threshold_lies_between_what_should_and_should_not_count(train):
    chance = np.random.default_rng(1)
    truth = chance.random((400, len(LABELS))) < 0.2
    logits = np.where(truth, 2.0, -2.0) + chance.uniform(-1, 1, truth.shape)
    assert np.abs(train.thresholds(truth, logits)).max() < 1.5


def test_the_tables_replace_the_ones_before(train, tmp_path):
    import tables

    truth = np.eye(len(LABELS), dtype=bool)
    report = train.report(truth, np.where(truth, 2.0, -2.0), np.zeros(len(LABELS)), np.zeros((len(LABELS), 2), np.float32))
    path = tmp_path / "README.md"
    path.write_text(f"before\n{tables.START}stale figures\n{tables.END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        tables.write_tables(path, {"one way": report}, {"one way": np.full(len(LABELS), 0.3)}, "one way")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "stale" not in text
    assert text.count("| macro-F1, 28 labels | 1.000 |") == 1
    assert "| joy | 1.000 | 1.000 | 1.000 | 1 | 0.300 |" in text

"""The card about the model names the adapters that count."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from companion.core.messages import LoadedAdapter, ModelInfo
from companion.ui.chat.model_card import ModelCard

MODEL = ModelInfo(
    path="/models/tiny.gguf",
    name="tiny",
    architecture="llama",
    parameters=1_000_000,
    quantization="F32",
    bits_per_weight=32.0,
    file_bytes=4_000_000,
    memory_bytes=5_000_000,
    context_tokens=512,
    trained_context_tokens=512,
    device="CPU",
    rung="cpu",
    threads=1,
    threads_reason="writes 100 tokens per second",
    chat_template="model",
    chat_template_name="the model's own",
)


def adapter(name: str, scale: float) -> LoadedAdapter:
    return LoadedAdapter(path=f"/{name}.gguf", name=name, rank=4, scale=scale, file_bytes=100)


@pytest.mark.parametrize(
    ("adapters", "words"),
    [((), "none"), ((adapter("Hoshi", 1.0),), "Hoshi"), ((adapter("Hoshi", 1.0), adapter("Sea", 0.5)), "Hoshi, Sea × 0.5")],
)
def test_adapters_are_named(qtbot, adapters, words):
    parent = QWidget()
    qtbot.addWidget(parent)
    card = ModelCard(parent)
    card.show_model(replace(MODEL, adapters=adapters))
    texts = [label.text() for label in card.findChildren(QLabel)]
    assert texts[texts.index("Adapter") + 1] == words


@pytest.mark.parametrize("size", [14, 24])
def test_no_button_is_cut(theme, qtbot, size):
    theme.set_font_size(size)
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    card = ModelCard(parent)
    card.show_model(MODEL)
    card.show_below(parent)
    for button in card.findChildren(QPushButton):
        assert button.width() >= button.sizeHint().width()
        assert card.rect().contains(button.geometry())
    texts = [label.text() for label in card.findChildren(QLabel)]
    assert texts[texts.index("Runs on") + 1] == "CPU with 1 thread (writes 100 tokens per second)"
    card.hide()

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from companion.llama.chat_template import ChatTemplate
from companion.llama.library import Library
from companion.llama.model import Model
from companion.llama.vocabulary import Vocabulary
from tests import tiny_models


class Base(NamedTuple):
    vocabulary: Vocabulary
    template: ChatTemplate


@pytest.fixture(scope="session")
def library() -> Library:
    return Library()


def opened(model: Model) -> Base:
    vocabulary = model.vocabulary
    bos, eos = (vocabulary.text(token) if token >= 0 else "" for token in (vocabulary.bos, vocabulary.eos))
    return Base(vocabulary, ChatTemplate(model.chat_template, bos=bos, eos=eos))


@pytest.fixture(scope="session")
def base(library: Library, tiny_model: Path) -> Iterator[Base]:
    """Vocabulary and template of the tiny model."""
    with Model(library, tiny_model, vocabulary_only=True) as model:
        yield opened(model)


@pytest.fixture(scope="session")
def starter_base(library: Library, starter: Path) -> Iterator[Base]:
    with Model(library, starter, vocabulary_only=True) as model:
        yield opened(model)


@pytest.fixture(scope="session")
def base_with(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Base]]:
    """Vocabulary and template of a tiny model that is written with these arguments."""
    models: list[Model] = []

    def make(**how: Any) -> Base:
        path = tiny_models.write_tiny_llama(tmp_path_factory.mktemp("base") / "tiny.gguf", **how)
        models.append(Model(library, path, vocabulary_only=True))
        return opened(models[-1])

    yield make
    for model in models:
        model.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of lines; what is no text becomes JSON."""

    def make(name: str, *lines: Any) -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), encoding="utf-8")
        return path

    return make


def talk(*said: str, **more: Any) -> dict[str, Any]:
    """A dialogue in OpenAI's form; user and assistant take turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)], **more}

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.llama.chat_template import ChatTemplate
from companion.llama.library import Library
from companion.llama.model import Model


@pytest.fixture(scope="session")
def library() -> Library:
    return Library()


@pytest.fixture(scope="session")
def starter_loaded(library: Library, starter: Path) -> Iterator[Model]:
    with Model(library, starter) as model:
        yield model


@pytest.fixture(scope="session")
def starter_template(starter_loaded: Model) -> ChatTemplate:
    vocabulary = starter_loaded.vocabulary
    return ChatTemplate(starter_loaded.chat_template, bos=vocabulary.text(vocabulary.bos), eos=vocabulary.text(vocabulary.eos))

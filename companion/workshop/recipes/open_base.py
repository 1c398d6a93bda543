"""The model that is trained, opened for its vocabulary and chat template only: llama.cpp reads none of its weights."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from companion.core.gguf.header import GGUFHeader, read_header
from companion.llama.chat_template import template_of
from companion.llama.library import Library
from companion.llama.model import Model
from companion.llama.vocabulary import Vocabulary


class Base:
    """The one tokenizer and the one prompt of this model, as chat has them. Close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError for whatever cannot be a chat model."""
        self.header: GGUFHeader = read_header(path)
        self.library = Library()
        self._model = Model(self.library, path, vocabulary_only=True)
        self.vocabulary: Vocabulary = self._model.vocabulary
        try:
            self.template = template_of(self._model)
        except BaseException:
            self.close()
            raise

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about what a person should know before training it."""
        if not self.template.is_fallback:
            return ()
        why = "has a chat template that cannot be used" if self._model.chat_template else "has no chat template"
        return (f"This model {why}: its dialogues are written in the form “{self.template.name}”, here and in the chat.",)

    def __enter__(self) -> Base:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._model.close()


def open_base(path: Path) -> Base:
    """Raises ModelError for whatever cannot be a chat model."""
    return Base(path)

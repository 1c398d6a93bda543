"""The embedding model that the engine holds beside the one that writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from companion.core.gguf.header import read_embedding_header
from companion.core.hardware import usable_threads
from companion.llama.context import ContextOptions
from companion.llama.embedding import LARGEST_TEXT, EmbeddingModel
from companion.llama.library import Library
from companion.llama.memory import refusal

Vectors = tuple[tuple[float, ...], ...]


class Embedder:
    """Keeps the model that was named last, until another one is named. Always on the CPU: its texts are short."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._model: EmbeddingModel | None = None

    def embed(self, path: str, texts: tuple[str, ...], purpose: str, give_way: Callable[[], bool]) -> Vectors:
        """One vector per text, as far as it came before `give_way`. Raises ModelError; a bad file may end the process."""
        model = self._open(Path(path))
        vectors: list[tuple[float, ...]] = []
        for text in texts:
            if give_way():
                break
            vectors.append(model.embed(text, query=purpose == "query"))
        return tuple(vectors)

    def close(self) -> None:
        if self._model is not None:
            self._model.close()
        self._model = None

    def _open(self, path: Path) -> EmbeddingModel:
        if self._model is not None and self._model.path == path:
            return self._model
        header = read_embedding_header(path)
        self.close()
        if (fault := refusal(header, ContextOptions(LARGEST_TEXT), psutil.virtual_memory().available)) is not None:
            raise fault
        self._model = EmbeddingModel(self._library, header, usable_threads())
        return self._model

"""An embedding model: texts to vectors of length 1, near each other when the texts mean the same."""

from __future__ import annotations

import math
import re
from types import TracebackType
from typing import Any, NamedTuple

import llama_cpp

from companion.core.errors import EngineError, ModelError
from companion.core.gguf.fields import GGUFHeader
from companion.llama.context import floats
from companion.llama.library import Library
from companion.llama.model import Model, Placement

LARGEST_TEXT = 512
"""Tokens of a text that are read; an encoder must see all of them in one batch."""


class Prefixes(NamedTuple):
    """What a model was trained to find before what is looked for, and before what is looked through."""

    query: str = ""
    document: str = ""


_SEARCHING = "Represent this sentence for searching relevant passages: "
_PREFIXES: tuple[tuple[re.Pattern[str], Prefixes], ...] = (
    (re.compile(r"nomic.?embed"), Prefixes("search_query: ", "search_document: ")),
    (re.compile(r"\be5\b.*instruct"), Prefixes("Instruct: Find what was said about this\nQuery: ")),
    (re.compile(r"\be5\b"), Prefixes("query: ", "passage: ")),
    (re.compile(r"bge.?(small|base|large).?en|mxbai.?embed"), Prefixes(_SEARCHING)),
    (re.compile(r"arctic.?embed.*v2"), Prefixes("query: ")),
    (re.compile(r"arctic.?embed"), Prefixes(_SEARCHING)),
    (re.compile(r"embedding.?gemma"), Prefixes("task: search result | query: ", "title: none | text: ")),
    (re.compile(r"qwen3.?embedding"), Prefixes("Instruct: Find what was said about this\nQuery:")),
)
"""By the model's name, from the cards on Hugging Face; the first that matches. Others take texts as they are."""


def prefixes_for(name: str) -> Prefixes:
    """`name` holds the model's own name and its file's."""
    plain = name.lower().replace("_", "-")
    return next((prefixes for pattern, prefixes in _PREFIXES if pattern.search(plain)), Prefixes())


class EmbeddingModel:
    """Weights and a context in embeddings mode. Close it, or use it as a context manager."""

    def __init__(self, library: Library, header: GGUFHeader, threads: int) -> None:
        """`header` has passed its check. Raises ModelError; may abort the process."""
        self.path = header.path
        self._prefixes = prefixes_for(f"{header.name} {header.path.stem}")
        self._model = Model(library, header.path, Placement())
        try:
            self._open(threads)
        except BaseException:
            self._model.close()
            raise

    def _open(self, threads: int) -> None:
        model = self._model
        params = llama_cpp.llama_context_default_params()
        trained = model.trained_context_tokens
        self._limit = min(trained, LARGEST_TEXT) if trained > 0 else LARGEST_TEXT
        params.n_ctx = params.n_batch = params.n_ubatch = self._limit
        params.n_threads = params.n_threads_batch = threads
        params.embeddings = params.no_perf = True
        if model.metadata(f"{model.architecture}.pooling_type") in {"", "0"}:
            params.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_MEAN
        self._context: Any = llama_cpp.llama_init_from_model(model.pointer, params)
        if not self._context:
            raise ModelError(f"There is no room to run “{self.path.name}”.", "Close other programs, or choose a smaller one.")
        self._memory = llama_cpp.llama_get_memory(self._context)  # an encoder has none
        self._batch = llama_cpp.llama_batch_init(self._limit, 0, 1)
        self.width = int(llama_cpp.llama_model_n_embd_out(model.pointer))

    def __enter__(self) -> EmbeddingModel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._context:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)
            self._context = None
            self._model.close()

    def embed(self, text: str, *, query: bool) -> tuple[float, ...]:
        """The vector of a text that is looked for (`query`) or looked through; of all zeros when it holds nothing.

        What is beyond `LARGEST_TEXT` tokens is not read. Raises EngineError.
        """
        tokens = self._tokens((self._prefixes.query if query else self._prefixes.document) + text)
        if not tokens:
            return (0.0,) * self.width
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.logits[i] = token, i, 1
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        if self._memory:
            llama_cpp.llama_memory_clear(self._memory, False)
            result = llama_cpp.llama_decode(self._context, batch)
        else:
            result = llama_cpp.llama_encode(self._context, batch)
        pooled = llama_cpp.llama_get_embeddings_seq(self._context, 0) if result == 0 else None
        if not pooled:
            raise EngineError(f"“{self.path.name}” could not read a text (code {result}).", "Choose another embedding model.")
        return _of_length_one(floats(pooled, self.width).tolist())

    def _tokens(self, text: str) -> list[int]:
        """With the marks that the model wants at both ends; a long text loses its end, not the mark."""
        data = text.encode("utf-8", errors="replace")[: 64 * self._limit]
        size = len(data) + 8
        buffer = (llama_cpp.llama_token * size)()
        vocabulary = self._model.vocabulary.pointer
        count = llama_cpp.llama_tokenize(vocabulary, data, len(data), buffer, size, True, False)
        tokens = buffer[: max(count, 0)]
        return tokens if len(tokens) <= self._limit else [*tokens[: self._limit - 1], tokens[-1]]


def _of_length_one(values: list[float]) -> tuple[float, ...]:
    length = math.sqrt(math.fsum(value * value for value in values))
    if not math.isfinite(length):
        raise EngineError("The embedding model computes nonsense.", "Choose another build of it.")
    return tuple(value / length for value in values) if length else tuple(values)

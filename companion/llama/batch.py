"""A batch: tokens of one or several sequences that llama.cpp decodes at once."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from companion.core.errors import EngineError
from companion.llama.context import Context


class Batch:
    """Room for as many tokens as the context takes at once. Use as a context manager.

    It decodes beside `Context.read`: the context's own record of its cache is not kept, so clear it before and after.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.size = context.options.batch
        self.most_rows = context.options.outputs or self.size
        """Tokens of one batch that may have logits."""
        self._raw = llama_cpp.llama_batch_init(self.size, 0, 1)
        shape = (self.size,)
        self._tokens = np.ctypeslib.as_array(self._raw.token, shape)
        self._positions = np.ctypeslib.as_array(self._raw.pos, shape)
        self._wanted = np.ctypeslib.as_array(self._raw.logits, shape)
        np.ctypeslib.as_array(self._raw.n_seq_id, shape)[:] = 1
        self.count = self.rows = 0
        """Tokens, and how many of them have logits."""

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        llama_cpp.llama_batch_free(self._raw)

    def room(self) -> int:
        """Tokens that still fit."""
        return self.size - self.count

    def add(self, tokens: Sequence[int], position: int, sequence: int, wanted: Sequence[bool] | NDArray[np.bool_]) -> None:
        """Tokens from `position` of a sequence on; `wanted` says after which of them logits are needed."""
        begin, end = self.count, self.count + len(tokens)
        self._tokens[begin:end] = tokens
        self._positions[begin:end] = np.arange(position, position + len(tokens))
        self._wanted[begin:end] = wanted
        sequences = self._raw.seq_id
        for index in range(begin, end):
            sequences[index][0] = sequence
        self.count = end
        self.rows += int(np.count_nonzero(self._wanted[begin:end]))

    def decode(self) -> Any:
        """Compute and empty the batch; returns its logits (rows, vocabulary) float32, a view that the next decode overwrites.

        The rows stand in the order in which their tokens were added. Raises EngineError when llama.cpp cannot decode.
        """
        rows, self._raw.n_tokens = self.rows, self.count
        self.count = self.rows = 0
        context = self._context
        if (code := llama_cpp.llama_decode(context.pointer, self._raw)) != 0:
            context.clear()
            raise EngineError(f"llama.cpp could not read the text (code {code}).", "Choose a smaller context.")
        vocabulary = context.model.vocabulary.size
        if not rows:
            return np.empty((0, vocabulary), np.float32)
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits(context.pointer), (rows, vocabulary))

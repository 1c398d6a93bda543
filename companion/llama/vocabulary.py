"""The model's own vocabulary: text to tokens and back. The only tokenizer of chat, training and evaluation."""

from __future__ import annotations

import ctypes
import hashlib
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import llama_cpp

_SPECIAL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN

_MARKER = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]")


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Matches any of the texts, the longest first; nothing when there are none."""
    ordered = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered)) if ordered else r"(?!)")


class Vocabulary:
    """Valid as long as the model it was taken from."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer
        self.size: int = llama_cpp.llama_vocab_n_tokens(pointer)
        self.bos: int = llama_cpp.llama_vocab_bos(pointer)
        self.eos: int = llama_cpp.llama_vocab_eos(pointer)
        self.adds_bos: bool = bool(llama_cpp.llama_vocab_get_add_bos(pointer))
        self._buffer = (llama_cpp.llama_token * 4096)()
        self._pieces: dict[int, bytes] = {}
        self._ends: dict[int, bool] = {}

    @property
    def pointer(self) -> Any:
        """llama.cpp's own handle, for samplers."""
        return self._pointer

    def tokenize(self, text: str) -> list[int]:
        """Tokens of plain text: nothing in it becomes a control token, and no BOS is added."""
        data = text.encode("utf-8", errors="replace")
        count = self._tokenize(data)
        if count < 0:  # the buffer was too small and -count says what is needed
            self._buffer = (llama_cpp.llama_token * -count)()
            count = self._tokenize(data)
        return self._buffer[:count]

    def _tokenize(self, data: bytes) -> int:
        return int(
            llama_cpp.llama_tokenize(
                self._pointer,
                data,
                len(data),
                self._buffer,
                len(self._buffer),
                False,
                False,
            )
        )

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for; a control token has none."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._read_piece(token)
        return known

    def _read_piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)  # of its own: several threads may write replies with one vocabulary
        count = llama_cpp.llama_token_to_piece(self._pointer, token, buffer, len(buffer), 0, False)
        if count < 0:
            buffer = ctypes.create_string_buffer(-count)
            count = llama_cpp.llama_token_to_piece(self._pointer, token, buffer, len(buffer), 0, False)
        return buffer.raw[:count]

    def text(self, token: int) -> str:
        """The token as it is written in the vocabulary, control tokens included."""
        return str(llama_cpp.llama_vocab_get_text(self._pointer, token).decode("utf-8", errors="replace"))

    def ends_reply(self, token: int) -> bool:
        """Whether the token ends a turn or the text (llama.cpp's end-of-generation set)."""
        known = self._ends.get(token)
        if known is None:
            known = self._ends[token] = bool(llama_cpp.llama_vocab_is_eog(self._pointer, token))
        return known

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of every token's text in order: equal for models whose logits stand for the same tokens."""
        digest = hashlib.sha256()
        for token in range(self.size):
            text: bytes = llama_cpp.llama_vocab_get_text(self._pointer, token)
            digest.update(len(text).to_bytes(4, "little") + text)
        return digest.hexdigest()

    @cached_property
    def control_tokens(self) -> dict[str, int]:
        """Markers that only a chat template may write, by their text."""
        found = {}
        for token in range(self.size):
            if llama_cpp.llama_vocab_get_attr(self._pointer, token) & _SPECIAL and (text := self.text(token)):
                found[text] = token
        return found

    @cached_property
    def control_pattern(self) -> re.Pattern[str]:
        """Matches any control token's text, the longest first."""
        return _any_of(self.control_tokens)

    @cached_property
    def marker_pattern(self) -> re.Pattern[str]:
        """Matches markers that llama.cpp finds in plain text too, because the vocabulary calls them user-defined."""
        kind = llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
        defined = (t for t in range(self.size) if llama_cpp.llama_vocab_get_attr(self._pointer, t) & kind)
        return _any_of(text for text in map(self.text, defined) if _MARKER.fullmatch(text))

"""One loaded GGUF model."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import llama_cpp

from companion.core.errors import ModelError
from companion.llama.library import Library
from companion.llama.vocabulary import Vocabulary


class Placement(NamedTuple):
    """Where the weights live."""

    gpu_layers: int = 0
    extra_buffers: bool = True
    """Whether llama.cpp may repack weights for this processor (False is slower and avoids AMX)."""


DEFAULT_PLACEMENT = Placement()


class Model:
    """Weights and vocabulary. Close it, or use it as a context manager; contexts must be closed first."""

    def __init__(
        self,
        library: Library,
        path: Path,
        placement: Placement = DEFAULT_PLACEMENT,
        progress: Callable[[float], bool] | None = None,
        *,
        vocabulary_only: bool = False,
        simulated: bool = False,
    ) -> None:
        """`progress` is called with 0 to 1 and returns whether to go on. Raises ModelError; may abort the process.

        With `vocabulary_only` no weights are read: enough for tokens and the chat template, in a fraction of a second. With
        `simulated` nothing is read or allocated either, and contexts only tell what they would take: `simulation.foreseen`.
        """
        self.library = library
        self.path = path
        self.placement = placement
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = placement.gpu_layers
        if placement.gpu_layers == 0:  # else every context opens the card all the same, to compute long prompts there
            self._no_devices = (ctypes.c_void_p * 1)()
            params.devices = ctypes.cast(self._no_devices, ctypes.c_void_p).value
        params.use_extra_bufts = placement.extra_buffers
        params.vocab_only = vocabulary_only
        if simulated:
            params.no_alloc, params.load_mode = True, llama_cpp.LLAMA_LOAD_MODE_NONE
        self._progress = llama_cpp.llama_progress_callback(lambda fraction, _data: progress is None or progress(fraction))
        params.progress_callback = self._progress
        library.log.clear()
        self.pointer: Any = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self.pointer:
            fault = library.last_error()
            raise ModelError(
                f"llama.cpp cannot load “{path.name}”{': ' + fault if fault else ''}.",
                "Choose another model, or update Companion if this one is very new.",
            )
        self.vocabulary = Vocabulary(llama_cpp.llama_model_get_vocab(self.pointer))

    def __enter__(self) -> Model:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self.pointer:
            llama_cpp.llama_model_free(self.pointer)
            self.pointer = None

    def metadata(self, key: str) -> str:
        """A metadata value as text, empty when it is absent."""
        size = 4096
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_model_meta_val_str(self.pointer, key.encode(), buffer, size)
            if length < 0:
                return ""
            if length < size:
                return buffer.value.decode("utf-8", errors="replace")
            size = length + 1

    @property
    def chat_template(self) -> str:
        """The model's own chat template (Jinja), empty when it has none."""
        source = llama_cpp.llama_model_chat_template(self.pointer, None)
        return source.decode("utf-8", errors="replace") if source else ""

    @property
    def architecture(self) -> str:
        return self.metadata("general.architecture")

    @property
    def parameters(self) -> int:
        return int(llama_cpp.llama_model_n_params(self.pointer))

    @property
    def weight_bytes(self) -> int:
        return int(llama_cpp.llama_model_size(self.pointer))

    @property
    def layers(self) -> int:
        return int(llama_cpp.llama_model_n_layer(self.pointer))

    @property
    def key_size(self) -> int:
        """Numbers in one head's key."""
        stated = self.metadata(f"{self.architecture}.attention.key_length")
        if stated.isdecimal():
            return int(stated)
        return int(llama_cpp.llama_model_n_embd(self.pointer)) // max(1, int(llama_cpp.llama_model_n_head(self.pointer)))

    @property
    def trained_context_tokens(self) -> int:
        return int(llama_cpp.llama_model_n_ctx_train(self.pointer))

    @property
    def is_chat_model(self) -> bool:
        """False for encoders and diffusion models, which cannot write a reply token by token."""
        return bool(llama_cpp.llama_model_has_decoder(self.pointer)) and not (
            llama_cpp.llama_model_has_encoder(self.pointer) or llama_cpp.llama_model_is_diffusion(self.pointer)
        )

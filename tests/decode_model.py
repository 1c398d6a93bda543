"""Run as a child process: load one model into llama.cpp, tokenize, decode and sample a little, and print what happened.

    python tests/decode_model.py MODEL [CONTEXT [TEXT]]

Prints one JSON object as its last line. A model that llama.cpp refuses gives {"loaded": false}; one that makes it abort
ends this process with a signal instead. Bare ctypes, so that no code of Companion stands between the file and llama.cpp.
"""

from __future__ import annotations

import ctypes
import json
import math
import re
import sys
from typing import Any

import llama_cpp

DEFAULT_TEXT = "Hello, naïve star 🌟!\n日本語 \x01 don't 123"


def main(path: str, context: int = 256, text: str = DEFAULT_TEXT) -> dict[str, Any]:
    """Tokens, round trip, finiteness of the logits and the buffer sizes that llama.cpp logged, in MiB."""
    lines: list[str] = []

    @llama_cpp.llama_log_callback
    def log(level: int, message: bytes, user_data: Any) -> None:
        lines.append(message.decode(errors="replace"))

    llama_cpp.llama_log_set(log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
    if not model:
        return {"loaded": False, "log": "".join(lines[-4:])}
    vocabulary = llama_cpp.llama_model_get_vocab(model)
    tokens = (llama_cpp.llama_token * 4096)()
    raw = text.encode()
    count = llama_cpp.llama_tokenize(vocabulary, raw, len(raw), tokens, len(tokens), True, False)
    buffer = ctypes.create_string_buffer(1 << 16)
    size = llama_cpp.llama_detokenize(vocabulary, tokens, count, buffer, len(buffer), True, False)
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx, parameters.n_threads, parameters.n_threads_batch = context, 1, 1
    session = llama_cpp.llama_init_from_model(model, parameters)
    if not session:
        return {"loaded": False, "log": "".join(lines[-4:])}
    vocabulary_size = llama_cpp.llama_vocab_n_tokens(vocabulary)
    said, finite = [], True
    decoded = llama_cpp.llama_decode(session, llama_cpp.llama_batch_get_one(tokens, count))
    next_token = (llama_cpp.llama_token * 1)()
    for _ in range(4):
        logits = llama_cpp.llama_get_logits_ith(session, -1)[:vocabulary_size]
        finite = finite and all(map(math.isfinite, logits))
        next_token[0] = max(range(vocabulary_size), key=logits.__getitem__)
        said.append(next_token[0])
        decoded = decoded or llama_cpp.llama_decode(session, llama_cpp.llama_batch_get_one(next_token, 1))
    sizes = re.findall(r"(KV|compute|output) buffer size = +([\d.]+) MiB", "".join(lines))
    return {
        "loaded": True,
        "tokens": list(tokens[:count]),
        "text": buffer.raw[:size].decode(errors="replace"),
        "decoded": decoded,
        "said": said,
        "finite": finite,
        "vocabulary": vocabulary_size,
        "buffers": {name: float(mebibytes) for name, mebibytes in sizes},
    }


if __name__ == "__main__":
    path, *rest = sys.argv[1:]
    print(json.dumps(main(path, *[int(rest[0])] if rest else [], *rest[1:])))

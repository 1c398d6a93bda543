"""Which adapters may count on a model: each file is checked, and its base compared, before llama.cpp sees it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from companion.core.adapter import AdapterInfo, read_adapter, refuse_other_base
from companion.core.errors import CompanionError, ModelError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import GGUFHeader
from companion.core.messages import AdapterUse, LoadedAdapter
from companion.engine.session import Session

log = logging.getLogger(__name__)


class AdapterChoice:
    """What of the adapters that were asked for may count on the model of `header`.

    Raises CompanionError for one that must count and cannot. One that is optional is left out: without a word when it is
    not there, or was not trained for this very model, and with a note when something is wrong with it.
    """

    def __init__(self, header: GGUFHeader, uses: Sequence[AdapterUse]) -> None:
        self.notes: tuple[str, ...] = ()
        """Full sentences on optional ones that are damaged."""
        self._header = header
        self._found: list[tuple[AdapterUse, LoadedAdapter]] = []
        for use in uses:
            try:
                self._take(use)
            except CompanionError as error:
                if not use.optional:
                    raise
                self._leave_out(error)

    @property
    def adapters(self) -> tuple[LoadedAdapter, ...]:
        return tuple(adapter for _, adapter in self._found)

    def put_on(self, session: Session) -> None:
        """Let them count. Raises CompanionError when one that must cannot, and those before still do; may take the process
        down."""
        try:
            session.put_adapters(self.adapters)
        except CompanionError as error:
            if all(not use.optional for use, _ in self._found):
                raise
            self._leave_out(error)
            self._found = [(use, adapter) for use, adapter in self._found if not use.optional]
            session.put_adapters(self.adapters)

    def _take(self, use: AdapterUse) -> None:
        path = Path(use.path)
        if use.optional and not path.is_file():
            return
        adapter = read_adapter(path)
        try:
            self._refuse_other_base(adapter)
        except ModelError as error:
            if not use.optional:
                raise
            log.info("left out: %s", error)
            return
        if use.optional and not adapter.base_sha256:
            log.info("left out: “%s” does not say for which model it was trained", path.name)
            return
        size = path.stat().st_size
        loaded = LoadedAdapter(path=use.path, name=adapter.name, rank=adapter.rank, scale=use.scale, file_bytes=size)
        self._found.append((use, loaded))

    def _refuse_other_base(self, adapter: AdapterInfo) -> None:
        """By its shapes first: the sha256 of a large model takes seconds, once in the life of its file."""
        refuse_other_base(adapter, self._header, "")
        if adapter.base_sha256:
            refuse_other_base(adapter, self._header, file_sha256(self._header.path))

    def _leave_out(self, error: CompanionError) -> None:
        log.warning("left out: %s", error)
        self.notes = (*self.notes, f"{error.what} {error.remedy}".strip())

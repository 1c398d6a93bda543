"""Markdown cut into blocks, also while it is still being written: a finished block never changes again.

CommonMark with tables and strikethrough. HTML is text. Reference definitions ("[name]: address") are text as well,
because one at the end of a reply could change every block before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONGEST_BLOCK = 6_000
"""Characters after which a block is cut at a line end, so that no text can make one repaint take long. Fenced code is
exempt: while it grows it is not parsed again."""


@dataclass(frozen=True)
class Prose:
    """A paragraph, heading, list, quote or rule: what is written into a text document."""

    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class Table:
    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class Code:
    language: str
    """First word after the fence, as written; may be empty."""
    text: str
    """Without the last line end."""


Block = Prose | Table | Code


@dataclass(frozen=True)
class Reading:
    """What one `feed` brought: blocks that are finished now, and the ones after them, which may still change."""

    finished: tuple[Block, ...]
    tail: tuple[Block, ...]


class BlockReader:
    """Feeding a text in pieces of any size gives the same blocks as feeding it at once."""

    def __init__(self) -> None:
        self._rest = ""
        self._fence: _Fence | None = None

    def feed(self, text: str) -> Reading:
        self._rest += text.replace("\r", "")
        finished: list[Block] = []
        tail: tuple[Block, ...] | None = None
        while tail is None:
            tail = self._read_blocks(finished) if self._fence is None else self._read_code(self._fence, finished)
        return Reading(tuple(finished), tail)

    def _read_blocks(self, finished: list[Block]) -> tuple[Block, ...] | None:
        """Move what is finished out of the rest; returns the tail, or None when the rest must be read again."""
        groups = list(_groups(self._rest))
        # The last line may still become anything, so only a block that begins on a complete line ends the one before.
        complete = self._rest.rfind("\n") + 1
        settled = max((i for i, group in enumerate(groups) if group.sure_after <= complete), default=0)
        for group in groups[: settled + 1]:
            if not group.fenced and group.end - group.begin > LONGEST_BLOCK:
                finished += self._cut(group.begin)
                return None
            if group is not groups[settled]:
                finished.append(group.block)
        if groups:
            self._rest = self._rest[groups[settled].begin :]
            self._fence = _open_fence(groups[settled], self._rest) if settled == len(groups) - 1 else None
            if self._fence is not None:
                self._rest = self._rest.partition("\n")[2]
                return None
        return tuple(group.block for group in groups[settled:])

    def _cut(self, begin: int) -> list[Block]:
        """Take the first part of an overlong block, up to a line end or else a space."""
        limit = begin + LONGEST_BLOCK
        end = self._rest.rfind("\n", begin + 1, limit) + 1 or self._rest.rfind(" ", begin + 1, limit) + 1 or limit
        head, self._rest = self._rest[begin:end], self._rest[end:]
        return [group.block for group in _groups(head)]

    def _read_code(self, fence: _Fence, finished: list[Block]) -> tuple[Block, ...] | None:
        *lines, self._rest = self._rest.split("\n")
        for i, line in enumerate(lines):
            if fence.closing.match(line):
                finished.append(Code(fence.language, "\n".join(fence.lines)))
                self._fence = None
                self._rest = "\n".join([*lines[i + 1 :], self._rest])
                return None
            fence.lines.append(fence.outdented(line))
        # A closing fence whose line end has not come yet is not code.
        last = [] if not self._rest or fence.closing.match(self._rest) else [fence.outdented(self._rest)]
        return (Code(fence.language, "\n".join(fence.lines + last)),)


@dataclass(frozen=True)
class _Group:
    """One block at the margin and its place in the source, blank lines after it included."""

    block: Block
    begin: int
    end: int
    sure_after: int
    """Where the line ends that makes it a new block: the first one, of a table the second."""
    fenced: bool


@dataclass
class _Fence:
    """Fenced code that has not been closed: its lines are taken as they come, without a parser."""

    language: str
    indent: int
    closing: re.Pattern[str]
    lines: list[str]

    def outdented(self, line: str) -> str:
        spaces = len(line) - len(line.lstrip(" "))
        return line[min(spaces, self.indent) :]


_FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})")


def _open_fence(group: _Group, source: str) -> _Fence | None:
    """The fence a group begins with, when its first line is complete and no later line closes it."""
    if not group.fenced or not isinstance(group.block, Code):
        return None
    first, *others = source.split("\n")
    if len(others) < (2 if "|" in first else 1):  # the line after "~~~ a | b" can make it a table
        return None
    marks = _FENCE.match(source)
    if marks is None:
        return None
    closing = re.compile(rf" {{0,3}}{marks[2][0]}{{{len(marks[2])},}}[ \t]*$")
    if any(closing.match(line) for line in others):
        return None
    return _Fence(group.block.language, len(marks[1]), closing, [])


def _groups(source: str) -> Iterator[_Group]:
    tokens = _parser().parse(source)
    starts = [0, *(match.end() for match in re.finditer("\n", source)), len(source) + 1, len(source) + 1]
    opened = [(i, t.map[0]) for i, t in enumerate(tokens) if t.level == 0 and t.nesting >= 0 and t.map]
    for (first, line), (after, next_line) in zip(opened, [*opened, (len(tokens), None)][1:], strict=True):
        block = _block(tokens[first:after])
        sure_after = starts[line + (2 if isinstance(block, Table) else 1)]
        end = len(source) if next_line is None else starts[next_line]
        yield _Group(block, starts[line], end, sure_after, tokens[first].type == "fence")


def _block(tokens: list[Token]) -> Block:
    first = tokens[0]
    if first.type in {"fence", "code_block"}:
        language = first.info.split()[0] if first.info.strip() else ""
        return Code(language, first.content.removesuffix("\n"))
    return Table(tuple(tokens)) if first.type == "table_open" else Prose(tuple(tokens))


@cache
def _parser() -> MarkdownIt:
    # Imported at the first text: the empty window does not need it (35 ms).
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("reference")

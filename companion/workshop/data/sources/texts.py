"""Plain text: paragraphs as documents to pretrain on, or dialogues written as "Name: words"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from companion.core.dataset import Dialogue, DialogueTurn
from companion.workshop.data.sources.forms import ROLES, Role, document
from companion.workshop.data.sources.found import MAX_TURNS, BrokenDialogue, Found, OnBroken, clean_text
from companion.workshop.data.sources.lines import opened, place, unreadable

MAX_PARAGRAPH: Final = 1_000_000
"""Characters; a longer paragraph becomes several documents."""
_SPEAKER: Final = re.compile(r"(?:\*\*|\[)?([^\W\d_][\w .'’-]{0,30}?)(?:\*\*|\])?\s?:\s?(?:\*\*\s?)?(?=\S)(.*)")
_DIVIDER: Final = re.compile(r"\s*(?:[-*=_#~]\s*){3,}")
_HEAD: Final = 128 * 1024
_LINE: Final = 256 * 1024
_SPOKEN: Final = 0.7
"""Share of the lines that begin with a name for a text to be a dialogue; the others continue a message."""


class Script(NamedTuple):
    """How a text of dialogues is written."""

    assistant: str
    """The name whose words are learned."""
    user: str
    blank_ends: bool
    """Whether an empty line ends a dialogue; otherwise only a line of dashes does."""


def script_of(head: str, character: str = "") -> Script | None:
    """How the dialogues of a text are written; None when it is prose.

    Her words are those of `character`, of a name such as "Assistant", or of whoever speaks second.
    """
    whole = head[: head.rfind("\n")] if len(head) > _HEAD // 4 and "\n" in head else head  # the last line may be cut
    lines = [line for line in whole.splitlines() if line.strip() and not _DIVIDER.fullmatch(line)]
    names = [found.group(1).strip() for line in lines if (found := _SPEAKER.match(line))]
    if len(names) < 2 or len(names) < _SPOKEN * len(lines):
        return None
    common = [name for name, count in Counter(names).items() if count > 1 or len(names) < 8]
    if not 2 <= len(common) <= 40 or len(set(names)) > max(4, len(names) // 3):
        return None
    order = [name for name in dict.fromkeys(names) if name in common and ROLES.get(name.lower()) != "system"]
    hers = next((name for name in order if character and name.casefold() == character.casefold()), "")
    hers = hers or next((name for name in order if ROLES.get(name.lower()) == "assistant"), "")
    hers = hers or next((name for name in order[1:] if ROLES.get(name.lower()) != "user"), "")
    if not hers:
        return None
    blocks = [block for block in re.split(r"\n\s*\n", head) if block.strip()]
    return Script(hers, next((name for name in order if name != hers), ""), blank_ends=len(names) >= 1.5 * len(blocks))


def head_of(path: Path) -> str:
    with opened(path) as file:
        return clean_text(file.read(_HEAD).decode("utf-8-sig", errors="ignore"))


def read_text(
    path: Path, on_broken: OnBroken, *, character: str = "", form: Literal["", "text", "script"] = ""
) -> Iterator[Found]:
    """Documents or dialogues, whichever the beginning of the file looks like."""
    script = None if form == "text" else script_of(head_of(path), character)
    lines = _lines(path)
    return _documents(path, lines) if script is None else _dialogues(path, lines, script, on_broken)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends; what is longer than 256 kB comes in several parts under one number."""
    with opened(path) as file:
        number, fresh = 1, True
        try:
            while raw := file.readline(_LINE):
                while not raw.endswith(b"\n") and len(raw) < _LINE + 4 and _cut_inside(raw) and (more := file.read(1)):
                    raw += more
                text = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 and fresh else raw
                yield number, clean_text(text.decode("utf-8", errors="replace")).rstrip("\n")
                fresh = raw.endswith(b"\n")
                number += fresh
        except OSError as error:
            raise unreadable(path, error) from error


def _cut_inside(raw: bytes) -> bool:
    """Whether the last character is unfinished: UTF-8 needs at most three more bytes."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte < 0x80:
            return False
        if byte >= 0xC0:
            return back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4)
    return False


def _documents(path: Path, lines: Iterator[tuple[int, str]]) -> Iterator[Found]:
    kept: list[str] = []
    begun, size = 1, 0
    for number, line in lines:
        if line.strip() and size < MAX_PARAGRAPH:
            begun = number if not kept else begun
            kept.append(line)
            size += len(line)
            continue
        if kept:
            yield Found(document("\n".join(kept).strip()), place(path, begun))
        kept, size, begun = ([line], len(line), number) if line.strip() else ([], 0, number)
    if kept:
        yield Found(document("\n".join(kept).strip()), place(path, begun))


def _dialogues(path: Path, lines: Iterator[tuple[int, str]], script: Script, on_broken: OnBroken) -> Iterator[Found]:
    turns: list[tuple[str, str]] = []
    begun = 1
    for number, line in lines:
        ends = _DIVIDER.fullmatch(line) if line.strip() else script.blank_ends
        if ends:
            if turns:
                yield Found(_dialogue(turns, script), place(path, begun))
            turns = []
        elif found := _SPEAKER.match(line):
            begun = number if not turns else begun
            turns.append((found.group(1).strip(), found.group(2).strip()))
        elif line.strip() and turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]}\n{line.strip()}")
        elif line.strip():
            on_broken(BrokenDialogue(place(path, number), "begins a dialogue without saying who speaks", "Write “Name: words”."))
        if len(turns) > MAX_TURNS:
            raise BrokenDialogue(place(path, begun), f"begins a dialogue of more than {MAX_TURNS:,} turns", "Divide it by “---”.")
    if turns:
        yield Found(_dialogue(turns, script), place(path, begun))


def _dialogue(turns: list[tuple[str, str]], script: Script) -> Dialogue:
    """Whoever is neither she nor the system is somebody she talks to."""
    messages: list[DialogueTurn] = []
    for name, text in turns:
        role: Role = "assistant" if name == script.assistant else "system" if ROLES.get(name.lower()) == "system" else "user"
        if messages and messages[-1].role == role:
            messages[-1] = DialogueTurn(role, f"{messages[-1].content}\n{text}")
        else:
            messages.append(DialogueTurn(role, text))
    named = {"user": script.user, "assistant": script.assistant}
    labels = {key: name for key, name in named.items() if name and name.lower() not in ROLES}
    return Dialogue(messages=tuple(messages), labels=labels)

"""Preferences of whatever a person names: read, without copies and contradictions, and counted in one sentence."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from companion.core.dataset import THUMB, Dialogue, DialogueTurn, Preference
from companion.core.errors import DatasetError
from companion.core.files import write_atomic
from companion.workshop.data.sources.feedback import praised_of, preferences_of
from companion.workshop.data.sources.found import OnBroken, stop
from companion.workshop.data.sources.reading import read, read_talk

MOST: Final = 500_000
"""Preferences of all sources together: they are held in memory, to be compared with each other."""
_WHY: Final = {"edit": "edit", "alternate": "chosen alternate", "thumbs": "thumb", "": "from files"}


class FoundPreference(NamedTuple):
    """A preference and where it stands; `place` begins a sentence."""

    preference: Preference
    place: str


class Preferences(NamedTuple):
    """What was found, and what of it was left out."""

    pairs: tuple[FoundPreference, ...]
    thumbs: tuple[FoundPreference, ...]
    """Replies that were judged by themselves."""
    copies: int
    equal: int
    """Pairs whose sides are the same words."""
    contradictions: int
    """Pairs that others turn round; neither is kept."""

    @property
    def sentence(self) -> str:
        """What was found, for a person."""
        why = Counter(_WHY[found.preference.why] for found in self.pairs)
        parts = [
            _counted(why[name], name) if name != "from files" else f"{why[name]:,} {name}" for name in _WHY.values() if why[name]
        ]
        up = sum(bool(found.preference.chosen) for found in self.thumbs)
        down = len(self.thumbs) - up
        said = f"{_counted(len(self.pairs), 'pair')} of a better and a worse reply"
        said += f" ({', '.join(parts)})" if parts else ""
        said += f", and {_counted(len(self.thumbs), 'single thumb')} ({up:,} up, {down:,} down)" if self.thumbs else ""
        left = [(self.copies, "copy", "copies"), (self.equal, "with equal sides", "with equal sides")]
        left.append((self.contradictions, "contradicted by another", "contradicted by others"))
        dropped = [f"{count:,} {one if count == 1 else many}" for count, one, many in left if count]
        return f"{said}. Left out: {', '.join(dropped)}." if dropped else f"{said}."


def read_preferences(sources: Iterable[str], on_broken: OnBroken = stop, *, character: str = "") -> Preferences:
    """All preferences of these files, dataset folders and conversations. Raises DatasetError."""
    kept: dict[bytes, FoundPreference] = {}
    turned: set[bytes] = set()
    copies = equal = 0
    for source in sources:
        for found in _of_source(source, on_broken, character):
            each = found.preference
            if each.is_pair and _same(each.chosen) == _same(each.rejected):
                equal += 1
                continue
            key = _key(each.messages, each.chosen, each.rejected)
            if key in kept:
                copies += 1
                continue
            if each.is_pair and (other := _key(each.messages, each.rejected, each.chosen)) in kept:
                turned |= {key, other}
            kept[key] = found
            if len(kept) > MOST:
                raise DatasetError(f"There are more than {MOST:,} preferences in these files.", "Name fewer of them.")
    left = [found for key, found in kept.items() if key not in turned]
    pairs = tuple(found for found in left if found.preference.is_pair)
    thumbs = tuple(found for found in left if not found.preference.is_pair)
    return Preferences(pairs, thumbs, copies, equal, len(turned))


def praised(sources: Iterable[str]) -> Iterator[Dialogue]:
    """Replies to learn from by themselves: praised ones and edits of conversations, the better side of pairs in files.

    Every reply once. Raises DatasetError.
    """
    seen: set[bytes] = set()
    for source in sources:
        talk = read_talk(source)
        found = praised_of(talk.messages, talk.labels, talk.name) if talk is not None else _chosen(source)
        for dialogue in found:
            key = _key(dialogue.messages[:-1], dialogue.messages[-1].content)
            if key not in seen:
                seen.add(key)
                yield dialogue


def write_preferences(path: Path, preferences: Sequence[Preference]) -> None:
    """One line of JSON each, as `read_preferences` reads them. Raises OSError."""
    write_atomic(path, b"".join(msgspec.json.encode(each) + b"\n" for each in preferences))


def _chosen(source: str) -> Iterator[Dialogue]:
    for found in _of_source(source, stop, ""):
        each = found.preference
        if each.chosen:
            yield Dialogue(messages=(*each.messages, DialogueTurn("assistant", each.chosen)), id=each.id, labels=each.labels)


def _of_source(source: str, on_broken: OnBroken, character: str) -> Iterator[FoundPreference]:
    talk = read_talk(source, on_broken)
    if talk is not None:
        for each in preferences_of(talk.messages, talk.active, talk.labels, talk.name):
            yield FoundPreference(each, talk.place)
        return
    for found in read(source, on_broken, character=character):
        for each in _of_dialogue(found.dialogue):
            yield FoundPreference(each, found.place)


def _of_dialogue(dialogue: Dialogue) -> Iterator[Preference]:
    """What a dialogue of a file says of its last reply."""
    *before, last = dialogue.messages
    if last.role != "assistant" or not before or not last.content.strip():
        return
    turns = tuple(DialogueTurn(turn.role, turn.content, train=False) for turn in before)
    labels = {name: value for name, value in dialogue.labels.items() if name != THUMB}
    bare = Preference(messages=turns, id=dialogue.id, labels=labels)
    worse = [text for text in dialogue.rejected if text.strip()]
    yield from (replace(bare, chosen=last.content, rejected=text) for text in worse)
    if not worse and THUMB in dialogue.labels:
        is_good = dialogue.labels[THUMB] == "up"
        yield replace(bare, chosen=last.content) if is_good else replace(bare, rejected=last.content)


def _key(messages: Sequence[DialogueTurn], *replies: str) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for turn in messages:
        digest.update(f"{turn.role}\0{_same(turn.content)}\0".encode())
    for reply in replies:
        digest.update(f"\1{_same(reply)}".encode())
    return digest.digest()


def _same(text: str) -> str:
    """A text however it is spaced; capitals count, as they may be what was preferred."""
    return " ".join(text.split())


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word if count == 1 else f'{word}s'}"

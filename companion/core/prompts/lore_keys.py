"""Which keys of a lorebook occur in a text. Built once for a lorebook, asked for every message.

A plain key is found as whole words, so that "ash" is not met in "washing"; an English plural counts ("dragons" for
"dragon"). In scripts that do not put spaces between words, or that join particles to them (Chinese, Japanese, Thai,
Korean, ...), it is found anywhere. A regular expression is a key of an entry that asks for it, or one written as
`/pattern/flags`. Texts are compared without regard to case unless the entry wants it, and any white space is one space.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections import OrderedDict
from typing import Any, NamedTuple

REGEX_SECONDS = 0.01
"""A regular expression that takes longer than this once is not searched for again."""
ALL_REGEX_SECONDS = 0.03
"""What all regular expressions together may take in one look at a conversation; the others are tried in the next."""
COMPILE_SECONDS = 0.3
"""What the first look at a lorebook may take, besides, to understand its regular expressions."""
MAX_PATTERN, MAX_REPEATS, MAX_SEARCHED = 400, 1000, 8000
"""Characters of a regular expression, all its counts such as {20} multiplied, and characters of a message that are
searched (its end). `regex` has no time limit while it compiles, where `((a{999}){999}){999}` takes minutes, and none
while it looks for a long fixed text."""
MAX_KEYS, MAX_ALIKE = 20_000, 300
"""Keys of a lorebook, and those of them that begin with the same word; the rest never match."""
REMEMBERED_TEXTS = 2048

_JOINED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"[{_JOINED}]|[^\W{_JOINED}]+|[^\w\s]")
_WORD_END = re.compile(rf"(?![^\W{_JOINED}])")
_PLURAL_END = re.compile(rf"(?:e?s)?(?![^\W{_JOINED}])")
_WORD = re.compile(rf"[^\W{_JOINED}]")
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()\s]")
_COUNT = re.compile(r"\{\s*(\d*)\s*(?:,\s*(\d*)\s*)?\}")
_SLASHED = re.compile(r"/(.+)/([a-z]*)", re.DOTALL)


class Key(NamedTuple):
    text: str
    is_regex: bool = False
    case_sensitive: bool = False
    whole_words: bool = True


def key_of(text: str, *, is_regex: bool, case_sensitive: bool, whole_words: bool) -> Key | None:
    """The key as it is searched for; None for one that cannot match."""
    text = text.strip()
    if _SLASHED.fullmatch(text) or (is_regex and _SPECIAL.search(text)):
        return Key(text, True, case_sensitive)
    whole_words = whole_words and not is_regex
    text = _as_compared(text)
    return Key(text if case_sensitive else _lower(text), False, case_sensitive, whole_words) if text else None


class KeyIndex:
    """Finds many keys at once; a key is known by the number that `add` gives it."""

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}
        self._by_token: dict[str, list[tuple[Key, int]]] = {}
        self._anywhere: list[tuple[Key, int]] = []
        self._patterns: list[tuple[Key, int]] = []
        self._compiled: dict[int, Any] = {}
        """By number; None for a pattern that is invalid or took too long."""
        self._compile_left = COMPILE_SECONDS
        self._known: OrderedDict[str, tuple[frozenset[int], int]] = OrderedDict()
        """Per text, the keys that were found and how many of the patterns have been tried."""
        self._until = 0.0

    def add(self, key: Key) -> int:
        """The number of the key; -1, which is never found, for one too many."""
        if (known := self._numbers.get(key)) is not None:
            return known
        place = self._anywhere
        if key.is_regex:
            place = self._patterns
        elif key.whole_words and (first := _TOKEN.match(_lower(key.text))):
            place = self._by_token.setdefault(first[0], [])
            if len(place) >= MAX_ALIKE:
                return -1
        if len(self._numbers) >= MAX_KEYS:
            return -1
        number = self._numbers[key] = len(self._numbers)
        place.append((key, number))
        return number

    def begin(self) -> None:
        """A new look at a conversation begins: regular expressions have their time again."""
        self._until = time.perf_counter() + ALL_REGEX_SECONDS

    def found_in(self, text: str) -> frozenset[int]:
        """The numbers of the keys that occur; what was found is remembered for the newest texts."""
        known = self._known.get(text)
        if known is None:
            compared = _as_compared(text[-MAX_SEARCHED:])
            known = self._plain_keys(compared, _lower(compared)), 0
        else:
            self._known.move_to_end(text)
        found, tried = known
        if tried < len(self._patterns):
            more, tried = self._search_patterns(text[-MAX_SEARCHED:], tried)
            found |= more
        self._known[text] = found, tried
        if len(self._known) > REMEMBERED_TEXTS:
            self._known.popitem(last=False)
        return found

    def _plain_keys(self, compared: str, lowered: str) -> frozenset[int]:
        found = {number for key, number in self._anywhere if key.text in (compared if key.case_sensitive else lowered)}
        candidates = self._by_token.get
        for token in _TOKEN.finditer(lowered):
            word, at = token[0], token.start()
            singular = [word[:-1], word[:-2]] if word.endswith("es") else [word[:-1]] if word.endswith("s") else ()
            for form in (word, *singular):
                for key, number in candidates(form, ()):
                    if number not in found and _stands_at(compared if key.case_sensitive else lowered, key.text, at):
                        found.add(number)
        return frozenset(found)

    def _search_patterns(self, text: str, tried: int) -> tuple[set[int], int]:
        """Try the patterns from number `tried` on while there is time; returns what was found and how far it came."""
        found = set()
        for key, number in self._patterns[tried:]:
            left = self._until - time.perf_counter()
            if left <= 0:
                break
            if number not in self._compiled:
                self._compiled[number] = compile_key(key)
                if self._compile_left > 0:
                    spent = left - (self._until - time.perf_counter())
                    self._compile_left -= spent
                    self._until += spent
            pattern = self._compiled[number]
            try:
                if pattern is not None and pattern.search(text, timeout=min(REGEX_SECONDS, left)) is not None:
                    found.add(number)
            except TimeoutError:
                if left < REGEX_SECONDS:
                    break  # it had less than its time
                self._compiled[number] = None
            except (MemoryError, RecursionError):
                self._compiled[number] = None
            tried += 1
        return found, tried


def compile_key(key: Key) -> Any:
    """None for a pattern that is invalid or too large."""
    import regex  # only lorebooks with regular expressions need it

    if len(key.text) > MAX_PATTERN or _repeats(key.text) > MAX_REPEATS:
        return None
    flags = 0 if key.case_sensitive else regex.IGNORECASE
    source = key.text
    if (slashed := _SLASHED.fullmatch(source)) is not None:
        source, letters = slashed[1], slashed[2]
        flags = regex.IGNORECASE if "i" in letters else 0
        flags |= regex.MULTILINE if "m" in letters else 0
        flags |= regex.DOTALL if "s" in letters else 0
    try:
        return regex.compile(source, flags)
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError, KeyError, TypeError, IndexError):
        return None


def _repeats(pattern: str) -> int:
    """How often the innermost part of a pattern may be repeated by counts, at most."""
    product = 1
    for count in _COUNT.finditer(pattern):
        product *= max(int(count[1] or 1), int(count[2] or 1), 1)
    return product


def _stands_at(text: str, key: str, at: int) -> bool:
    if not text.startswith(key, at):
        return False
    if not _WORD.match(key[-1]):
        return True
    return (_PLURAL_END if len(key) > 2 else _WORD_END).match(text, at + len(key)) is not None


def _as_compared(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).replace("\u2019", "'").split())


def _lower(text: str) -> str:
    """Small letters, each at the place of its capital (str.lower makes two characters of some)."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)

"""JSON of strangers: read leniently and kept byte for byte, written strictly.

A file is UTF-8, with or without a mark at its start, or UTF-16 or UTF-32. What strict JSON forbids but other programs
write is mended where it stands: NaN and Infinity become null, half a surrogate pair becomes U+FFFD, a raw control
character in a text becomes its escape. Everything else stays exactly as it was written. Of a field that is there twice
the last one counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import Raw

from companion.core.cards.limits import MAX_CARD_BYTES, MAX_DEPTH
from companion.core.conversation import plain_text
from companion.core.errors import CharacterError
from companion.core.lorebook import NO_EXTENSIONS

T = TypeVar("T")
Number = int | float

_WHOLE: Final = 2**53
"""Whole numbers beyond this are not the same in every program."""
_TEXT: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_TEXT_OR_NO_NUMBER: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?\bInfinity\b|\bNaN\b', re.DOTALL)
_ESCAPE_OR_CONTROL: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.|(?P<control>[\x00-\x1f])",
    re.DOTALL,
)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def read_object(data: bytes, name: str) -> Fields:
    """The fields of the JSON object in `data`, which came from the file `name`; raises CharacterError."""
    if len(data) > MAX_CARD_BYTES:
        raise too_large(name)
    try:
        text = data.decode(json.detect_encoding(data)).removeprefix("\ufeff").encode()
    except UnicodeError as error:
        raise CharacterError(f"The text in “{name}” is not UTF-8.", "Save it again as UTF-8 with a text editor.") from error
    try:
        fields = _objects.decode(text)
    except (msgspec.DecodeError, RecursionError):
        try:
            text = _mended(text)
            fields = _objects.decode(text)
        except RecursionError as error:
            raise _too_deep(name) from error
        except msgspec.DecodeError as error:
            raise CharacterError(
                f"What “{name}” holds is not JSON that could be a character or a lorebook.",
                "Choose another file, or get this one again.",
            ) from error
    if not _shallow(text):
        raise _too_deep(name)
    return Fields(fields)


def write_object(fields: Mapping[str, object], name: str) -> bytes:
    """JSON of an object that `read_object` takes back without mending; raises CharacterError when that cannot be.

    A Raw among the values stands in the result byte for byte.
    """
    try:
        text = msgspec.json.encode(fields)
    except UnicodeEncodeError:  # half a surrogate pair
        text = msgspec.json.encode(_plain(fields))
    if len(text) > MAX_CARD_BYTES:
        raise too_large(name)
    try:
        _objects.decode(text)
        text.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CharacterError(f"“{name}” holds extensions that are not JSON.", "Import the card again.") from error
    if not _shallow(text):
        raise _too_deep(name)
    return text


def too_large(name: str) -> CharacterError:
    """The card's text is beyond the limit."""
    megabytes = MAX_CARD_BYTES // 1024**2
    return CharacterError(f"The text in “{name}” is larger than that of a character can be.", f"Keep it below {megabytes} MB.")


class Fields:
    """The fields of a JSON object, taken out one by one under the type that is wanted; what is left is unknown.

    null counts as left out. A number written as text is a number, a text where a list belongs is a list of one, and so
    on; what cannot be understood at all counts as left out too, and stays among the rest.
    """

    def __init__(self, raw: dict[str, Raw]) -> None:
        self._raw = raw

    def __contains__(self, key: str) -> bool:
        return key in self._raw

    def rest(self, but: Collection[str] = ()) -> tuple[tuple[str, bytes], ...]:
        """Name and JSON of every field that was not taken, `but` these."""
        return tuple((key, bytes(raw)) for key, raw in self._raw.items() if key not in but)

    def discard(self, *keys: str) -> None:
        """Forget these fields."""
        for key in keys:
            self._raw.pop(key, None)

    def rename(self, names: Mapping[str, str]) -> None:
        """Give fields their other name, unless there is one of that name."""
        for old, new in names.items():
            if old in self._raw and new not in self._raw:
                self._raw[new] = self._raw.pop(old)

    def fill(self, other: Fields, keys: Iterable[str]) -> None:
        """Take these fields out of `other`; those that are missing here are now here."""
        for key in keys:
            raw = other._raw.pop(key, None)
            if raw is not None:
                self._raw.setdefault(key, raw)

    def text(self, key: str) -> str:
        return self._take(key, _text) or ""

    def text_or_number(self, key: str) -> str:
        return self._take(key, _wording) or ""

    def texts(self, key: str, *, split: bool = False) -> tuple[str, ...]:
        """With `split`, one text is several with commas between, and numbers count as texts."""
        return self._take(key, _split_texts if split else _texts) or ()

    def all_texts(self) -> tuple[tuple[str, str], ...]:
        """Name and text of every field that is a text."""
        return tuple((plain_text(key), text) for key in tuple(self._raw) if (text := self.text(key)))

    def number(self, key: str) -> Number | None:
        return self._take(key, _number)

    def whole(self, key: str) -> int | None:
        return self._take(key, _whole)

    def flag(self, key: str) -> bool | None:
        return self._take(key, _flag)

    def label(self, key: str) -> int | str | None:
        return cast(int | str | None, self._take(key, _label))

    def choice(self, key: str, choices: Mapping[int | str, T]) -> T | None:
        """What stands for the number or the text that is there."""
        return self._take(key, lambda value: choices.get(value) if isinstance(value, int | str) else None)

    def json(self, key: str) -> bytes:
        """The JSON of an object as it was written, `{}` when there is none."""
        raw = self._raw.get(key)
        return bytes(self._raw.pop(key)) if raw is not None and _is_object(raw) else NO_EXTENSIONS

    def json_value(self, key: str) -> bytes | None:
        """The JSON of whatever is there; it stays here."""
        raw = self._raw.get(key)
        return bytes(raw) if raw is not None else None

    def object(self, key: str) -> Fields | None:
        """The object of this name as fields; it stays here until it is discarded."""
        raw = self._raw.get(key)
        return Fields(_objects.decode(raw)) if raw is not None and _is_object(raw) else None

    def objects(self, key: str, most: int) -> list[Fields]:
        """The objects of a list, or of an object whose names are the numbers of a list: one more than `most` at most."""
        raw = self._raw.get(key)
        if raw is None:
            return []
        if _is_object(raw):
            items = list(_objects.decode(raw).values())
        elif _begins(raw, "["):
            items = _lists.decode(raw)
        else:
            return []
        del self._raw[key]
        return [Fields(_objects.decode(item)) for item in items[: most + 1] if _is_object(item)]

    def _take(self, key: str, understand: Callable[[Any], T | None]) -> T | None:
        raw = self._raw.get(key)
        if raw is None:
            return None
        try:
            value = msgspec.json.decode(raw)
        except msgspec.DecodeError:  # a number beyond all bounds
            return None
        understood = None if value is None else understand(value)
        if value is None or understood is not None:
            del self._raw[key]
        return understood


def as_json(fields: Mapping[str, bytes]) -> bytes:
    """One JSON object of these fields in JSON."""
    return msgspec.json.encode({key: Raw(raw) for key, raw in fields.items()})


_objects = msgspec.json.Decoder(dict[str, Raw])
_lists = msgspec.json.Decoder(list[Raw])


def _is_object(raw: Raw) -> bool:
    return _begins(raw, "{")


def _begins(raw: Raw, bracket: str) -> bool:
    return memoryview(raw)[0] == ord(bracket)


def _text(value: Any) -> str | None:
    return plain_text(value) if isinstance(value, str) else None


def _wording(value: Any) -> str | None:
    return str(value) if isinstance(value, Number) and not isinstance(value, bool) else _text(value)


def _texts(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (plain_text(value),) if value else ()
    return tuple(plain_text(item) for item in value if isinstance(item, str)) if isinstance(value, list) else None


def _split_texts(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return tuple(part.strip() for part in plain_text(value).split(",") if part.strip())
    return tuple(t for item in value if (t := _wording(item)) is not None) if isinstance(value, list) else None


def _number(value: Any) -> Number | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
        value = int(value) if abs(value) < _WHOLE and value == int(value) else value
    if not isinstance(value, Number) or isinstance(value, bool):
        return None
    return value if abs(value) < 1e300 else None


def _label(value: Any) -> int | str | None:
    return _text(value) if isinstance(value, str) else _whole(value)


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and abs(number) <= _WHOLE else None


def _flag(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, Number) else None


def _mended(text: bytes) -> bytes:
    return _TEXT_OR_NO_NUMBER.sub(lambda m: _ESCAPE_OR_CONTROL.sub(_mend, m[0]) if m[0][:1] == b'"' else b"null", text)


def _mend(found: re.Match[bytes]) -> bytes:
    if found["half"]:
        return rb"\ufffd"
    return rb"\u%04x" % found[0][0] if found["control"] else found[0]


def _shallow(text: bytes) -> bool:
    """Whether JSON is nested no deeper than MAX_DEPTH: each round takes the innermost brackets away."""
    brackets = _TEXT.sub(b"", text).translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b" ").replace(b"{}", b" ").translate(None, b" ")
    return not brackets


def _too_deep(name: str) -> CharacterError:
    return CharacterError(f"What “{name}” holds is nested too deep to be read.", "Choose another file.")


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value

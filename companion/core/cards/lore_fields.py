"""Lorebooks between JSON and `Lorebook`: the `character_book` of V2 and V3 cards, `lorebook_v3`, and SillyTavern's worlds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Raw, structs

from companion.core.cards.limits import MAX_LORE_ENTRIES
from companion.core.cards.raw_json import Fields, as_json
from companion.core.errors import CharacterError
from companion.core.lorebook import NO_EXTENSIONS, Lorebook, LoreEntry

_Position = Literal["before_char", "after_char"]
_POSITIONS: Final[dict[int | str, _Position]] = {
    **{"before_char": "before_char", "after_char": "after_char"},
    **{0: "before_char", 1: "after_char"},  # SillyTavern's numbers
}
_WORLD_NAMES: Final = {
    **{"key": "keys", "keysecondary": "secondary_keys", "order": "insertion_order", "uid": "id"},
    "caseSensitive": "case_sensitive",
}
_WRITTEN_OF_BOOK: Final = frozenset({"extensions", "entries"})
_WRITTEN_OF_ENTRY: Final = frozenset({"keys", "content", "extensions", "enabled", "insertion_order", "use_regex"})
"""What is written in any case: nothing can be kept under these names."""
_CAPITAL: Final = re.compile(r"(?<=[a-z])[A-Z]")


def read_book(fields: Fields, name: str) -> Lorebook:
    """The lorebook in these fields, whichever program wrote it; raises CharacterError when it has too many entries."""
    entries = fields.objects("entries", MAX_LORE_ENTRIES)
    if len(entries) > MAX_LORE_ENTRIES:
        raise CharacterError(
            f"The lorebook in “{name}” has more than {MAX_LORE_ENTRIES:,} entries.",
            "Choose a smaller one.",
        )
    book = Lorebook(
        name=fields.text("name"),
        description=fields.text("description"),
        scan_depth=fields.whole("scan_depth"),
        token_budget=fields.whole("token_budget"),
        recursive_scanning=fields.flag("recursive_scanning"),
        entries=tuple(_world_entry(entry) if "key" in entry else _entry(entry) for entry in entries),
        extensions=fields.json("extensions"),
    )
    return structs.replace(book, unknown=fields.rest(but=_WRITTEN_OF_BOOK))


def book_fields(book: Lorebook) -> dict[str, object]:
    """The fields of a `character_book`, those first that V2 and V3 know."""
    fields: dict[str, object] = {}
    _put_some(fields, name=book.name, description=book.description)
    _put_known(fields, scan_depth=book.scan_depth, token_budget=book.token_budget, recursive_scanning=book.recursive_scanning)
    fields |= {"extensions": Raw(book.extensions), "entries": [_entry_fields(entry) for entry in book.entries]}
    return with_unknown(fields, book.unknown)


def _entry(fields: Fields) -> LoreEntry:
    order, enabled = fields.number("insertion_order"), fields.flag("enabled")
    entry = LoreEntry(
        keys=fields.texts("keys", split=True),
        content=fields.text("content"),
        enabled=True if enabled is None else enabled,
        insertion_order=100 if order is None else order,
        case_sensitive=fields.flag("case_sensitive"),
        use_regex=bool(fields.flag("use_regex")),
        name=fields.text("name"),
        priority=fields.number("priority"),
        id=fields.label("id"),
        comment=fields.text("comment"),
        selective=fields.flag("selective"),
        secondary_keys=fields.texts("secondary_keys", split=True),
        constant=fields.flag("constant"),
        position=fields.choice("position", _POSITIONS),
        extensions=fields.json("extensions"),
    )
    return structs.replace(entry, unknown=fields.rest(but=_WRITTEN_OF_ENTRY))


def _world_entry(fields: Fields) -> LoreEntry:
    """An entry of SillyTavern's world info; what it has no field for goes to `extensions` under the names that
    SillyTavern gives it in cards, its place, depth and role among it."""
    fields.rename(_WORLD_NAMES)
    disabled = fields.flag("disable")
    place = fields.json_value("position")
    entry = _entry(fields)
    kept = [(_name_in_cards(key), raw) for key, raw in entry.unknown]
    kept += [("position", place)] if place is not None else []
    kept += [("extensions", entry.extensions)] if entry.extensions != NO_EXTENSIONS else []
    return structs.replace(
        entry,
        enabled=entry.enabled if disabled is None else not disabled,
        extensions=as_json(dict(kept)),
        unknown=(),
    )


def _name_in_cards(key: str) -> str:
    if key in ("selectiveLogic", "useProbability"):  # the two that keep their capitals
        return key
    return _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", key)


def _entry_fields(entry: LoreEntry) -> dict[str, object]:
    fields: dict[str, object] = {
        "keys": entry.keys,
        "content": entry.content,
        "extensions": Raw(entry.extensions),
        "enabled": entry.enabled,
        "insertion_order": entry.insertion_order,
        "use_regex": entry.use_regex,
    }
    _put_known(fields, case_sensitive=entry.case_sensitive, constant=entry.constant)
    _put_some(fields, name=entry.name)
    _put_known(fields, priority=entry.priority, id=entry.id)
    _put_some(fields, comment=entry.comment)
    _put_known(fields, selective=entry.selective)
    _put_some(fields, secondary_keys=entry.secondary_keys)
    _put_known(fields, position=entry.position)
    return with_unknown(fields, entry.unknown)


def with_unknown(fields: dict[str, object], unknown: Iterable[tuple[str, bytes]]) -> dict[str, object]:
    """`fields` and, behind them, the unknown ones that are not among them."""
    for key, raw in unknown:
        fields.setdefault(key, Raw(raw))
    return fields


def _put_some(fields: dict[str, object], **values: object) -> None:
    """Those that are not empty."""
    fields |= {key: value for key, value in values.items() if value}


def _put_known(fields: dict[str, object], **values: object) -> None:
    """Those that are not None."""
    fields |= {key: value for key, value in values.items() if value is not None}

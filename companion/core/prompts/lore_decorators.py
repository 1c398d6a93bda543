"""The @@decorators at the beginning of a lorebook entry's content (Character Card V3), and what SillyTavern keeps for the
same purposes in an entry's extensions."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Any, Literal, get_args

import msgspec

from companion.core.lorebook import LoreEntry

Place = Literal["before_char", "after_char", "personality", "scenario", "note", "depth"]
LoreRole = Literal["system", "user", "assistant"]
Together = Literal["any", "not_all", "not_any", "all"]
"""How the secondary keys decide (SillyTavern's selectiveLogic, in its order)."""
MAX_DEPTH = 10_000
_LINE = re.compile(r"(@@@?)([A-Za-z_]+)[ \t]*(.*)")
_PLACES: dict[str, Place] = {
    "before_desc": "before_char",
    "before_char": "before_char",
    "after_desc": "after_char",
    "after_char": "after_char",
    "personality": "personality",
    "scenario": "scenario",
}
ROLES: tuple[LoreRole, ...] = get_args(LoreRole)
"""In the order of SillyTavern's numbers."""
ST_PLACES: tuple[Place, ...] = ("before_char", "after_char", "note", "note", "depth", "after_char", "after_char")
"""By SillyTavern's numbers."""


class LoreRules(msgspec.Struct, kw_only=True):
    """When and where an entry is told; `content` is what is told."""

    content: str
    constant: bool = False
    never: bool = False
    always: bool = False
    """@@activate: told in any case, whatever else is asked for."""
    place: Place = "after_char"
    depth: int = 4
    role: LoreRole = "system"
    scan_depth: int | None = None
    after: int = 0
    """From this many of her messages on."""
    every: int = 1
    """Only when the number of her messages can be divided by this."""
    keep: bool = False
    """Once called up, told for the rest of the conversation."""
    once: bool = False
    """Told only while what first called it up is near."""
    greeting: int | None = None
    """Only in conversations that began with this greeting, 0 for the first."""
    additional_keys: tuple[str, ...] = ()
    exclude_keys: tuple[str, ...] = ()
    first_to_go: bool = False
    together: Together = "any"
    whole_words: bool = True
    case_sensitive: bool = False
    uses_regex: bool = False
    """Whether every key is a regular expression, not only those written as `/pattern/flags`."""
    calls_others: bool = True
    """Whether recursion goes on from it."""
    called_by_others: bool = True
    chance: float = 1.0


def read_rules(entry: LoreEntry) -> LoreRules:
    """What an entry and its decorators ask for; unknown decorators are ignored and not told."""
    decorators, content = split_decorators(entry.content)
    rules = LoreRules(
        content=content,
        constant=bool(entry.constant),
        case_sensitive=bool(entry.case_sensitive),
        uses_regex=entry.use_regex,
        place=entry.position or "after_char",
    )
    _take_extensions(rules, entry.extensions)
    done: set[str] = set()
    obeyed = True  # a fallback is looked at only when the line before it was not obeyed
    for mark, name, value in decorators:
        if mark == "@@@" and obeyed:
            continue
        if name in done:
            obeyed = True
            continue
        obeyed = _obey(rules, name, value)
        if obeyed:
            done.add(name)
    if "depth" in done and "position" not in done:
        rules.place = "depth"
    rules.never = rules.never and not rules.always
    return rules


def is_from_sillytavern(extensions: Container[str]) -> bool:
    """Whether SillyTavern wrote an entry's extensions: these names are its own."""
    return "exclude_recursion" in extensions or "display_index" in extensions


def split_decorators(content: str) -> tuple[list[tuple[str, str, str]], str]:
    """The (mark, name, value) of each leading decorator line, and the content without them."""
    found: list[tuple[str, str, str]] = []
    rest = content.strip()
    while rest.startswith("@@"):
        line, _, after = rest.partition("\n")
        if (match := _LINE.match(line.strip())) is None:
            break
        found.append((match[1], match[2].lower(), match[3].strip()))
        rest = after.lstrip()
    return found, rest


def _obey(rules: LoreRules, name: str, value: str) -> bool:
    """Whether the decorator is known and its value can be used."""
    rule = _DECORATORS.get(name)
    return rule is not None and rule(rules, value)


def _number(field: str, least: int = 0) -> Callable[[LoreRules, str], bool]:
    def obey(rules: LoreRules, value: str) -> bool:
        if not re.fullmatch(r"\d{1,9}", value, re.ASCII) or int(value) < least:
            return False
        setattr(rules, field, min(int(value), MAX_DEPTH))
        return True

    return obey


def _flag(field: str) -> Callable[[LoreRules, str], bool]:
    def obey(rules: LoreRules, value: str) -> bool:
        setattr(rules, field, value.lower() != "false")
        return True

    return obey


def _keys(field: str) -> Callable[[LoreRules, str], bool]:
    def obey(rules: LoreRules, value: str) -> bool:
        keys = tuple(key.strip() for key in value.split(",") if key.strip())
        setattr(rules, field, keys)
        return bool(keys)

    return obey


def _role(rules: LoreRules, value: str) -> bool:
    if value.lower() not in ROLES:
        return False
    rules.role = value.lower()  # type: ignore[assignment]
    return True


def _position(rules: LoreRules, value: str) -> bool:
    place = _PLACES.get(value.strip("\"'").lower())
    if place is None:
        return False
    rules.place = place
    return True


_DECORATORS: dict[str, Callable[[LoreRules, str], bool]] = {
    "activate": _flag("always"),
    "dont_activate": _flag("never"),
    "constant": _flag("constant"),
    "depth": _number("depth"),
    "role": _role,
    "position": _position,
    "scan_depth": _number("scan_depth"),
    "activate_only_after": _number("after"),
    "activate_only_every": _number("every", 1),
    "keep_activate_after_match": _flag("keep"),
    "dont_activate_after_match": _flag("once"),
    "is_greeting": _number("greeting"),
    "additional_keys": _keys("additional_keys"),
    "exclude_keys": _keys("exclude_keys"),
    "ignore_on_max_context": _flag("first_to_go"),
    "case_sensitive": _flag("case_sensitive"),
}


def _take_extensions(rules: LoreRules, extensions: bytes) -> None:
    """SillyTavern's own fields, where they say more than the entry's."""
    if len(extensions) <= 2:
        return
    try:
        fields: Any = msgspec.json.decode(extensions)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return
    if not isinstance(fields, dict):
        return
    if is_from_sillytavern(fields):
        rules.uses_regex = False  # it writes use_regex into every entry and means only keys in slashes
    if (place := _index(fields, "position", len(ST_PLACES))) is not None:
        rules.place = ST_PLACES[place]
    if (depth := _index(fields, "depth", MAX_DEPTH)) is not None:
        rules.depth = depth
    if (role := _index(fields, "role", len(ROLES))) is not None:
        rules.role = ROLES[role]
    if (logic := _index(fields, "selectiveLogic", len(get_args(Together)))) is not None:
        rules.together = get_args(Together)[logic]
    rules.scan_depth = _index(fields, "scan_depth", MAX_DEPTH)
    if fields.get("match_whole_words") is False:
        rules.whole_words = False
    rules.case_sensitive = rules.case_sensitive or fields.get("case_sensitive") is True
    rules.calls_others = fields.get("prevent_recursion") is not True
    rules.called_by_others = fields.get("exclude_recursion") is not True
    probability = fields.get("probability")
    if fields.get("useProbability") is not False and isinstance(probability, int | float) and not isinstance(probability, bool):
        rules.chance = min(max(probability / 100, 0.0), 1.0)


def _index(fields: dict[str, Any], name: str, end: int) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end else None

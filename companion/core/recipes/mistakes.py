"""What is wrong with a recipe, as a sentence that names the field and what it takes; and what of it has no effect."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from companion.core.errors import RecipeError
from companion.core.recipes.parts import Adapter, Optimizer

Told = TypeVar("Told", bound=msgspec.Struct)

_AT = re.compile(r" - at `\$\.([\w.]+)[^`]*`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
_MAX_SHOWN = 60


def mistake(error: msgspec.ValidationError, told: dict[str, Any], kind: type[Told], what: str) -> RecipeError:
    """`what` begins the sentence, such as “The recipe”; `told` is what could not be converted to `kind`."""
    place = _AT.search(str(error))
    path = place[1].split(".") if place else []
    wanted, value = _followed(inspect.type_info(kind), told, path)
    if unknown := _UNKNOWN.match(str(error)):
        name = ".".join([*path, unknown[1]])
        return RecipeError(f"{what} has an unknown field: “{name}”.", there_are(_names(wanted), unknown[1]))
    if wanted is None:
        return RecipeError(f"{what} has an impossible value: {error}.", "Correct it; README.md lists the fields.")
    name, shown = ".".join(path), _shown(value)
    return RecipeError(f"{what} has an impossible value for “{name}”: {shown}.", f"It takes {_takes(wanted)}.")


def there_are(names: Iterable[str], misspelt: str) -> str:
    """A remedy that lists the names, and says first which one may have been meant."""
    known = list(names)
    meant = "".join(f"Did you mean “{name}”? " for name in get_close_matches(misspelt, known, n=1))
    return f"{meant}There are: {', '.join(known)}."


def without_effect(optimizer: Optimizer, adapter: Adapter | None) -> tuple[str, ...]:
    """Sentences about values that a person set and that change nothing; `adapter` is None when everything is trained."""
    found = []
    if optimizer.name == "lbfgs" and optimizer.clip_norm not in {0.0, Optimizer().clip_norm}:
        found.append("L-BFGS shortens no gradient, so optimizer.clip_norm has no effect: its line search finds the length.")
    if adapter is not None and adapter.lora_plus != Adapter().lora_plus:
        if adapter.method == "full":
            found.append("All weights are trained and there is no adapter, so adapter.lora_plus has no effect.")
        elif optimizer.name == "lbfgs":
            found.append("L-BFGS has one learning rate for everything, so adapter.lora_plus has no effect.")
    return tuple(found)


def _followed(wanted: inspect.Type | None, value: Any, path: list[str]) -> tuple[inspect.Type | None, Any]:
    """The type and the value at the end of a path of field names."""
    for name in path:
        fields = wanted.fields if isinstance(wanted, inspect.StructType) else ()
        wanted = next((_bare(field.type) for field in fields if field.name == name), None)
        value = value.get(name) if isinstance(value, dict) else None
    return wanted, value


def _bare(wanted: inspect.Type) -> inspect.Type:
    return wanted.type if isinstance(wanted, inspect.Metadata) else wanted


def _names(wanted: inspect.Type | None) -> list[str]:
    return [field.name for field in wanted.fields] if isinstance(wanted, inspect.StructType) else []


def _takes(wanted: inspect.Type) -> str:
    if isinstance(wanted, inspect.LiteralType):
        names = [str(value) for value in wanted.values]
        return f"“{names[0]}” only" if len(names) == 1 else f"one of these: {', '.join(names)}"
    if isinstance(wanted, inspect.VarTupleType):
        inner = _bare(wanted.item_type)
        return f"some of these: {', '.join(map(str, inner.values))}" if isinstance(inner, inspect.LiteralType) else "a list"
    if isinstance(wanted, inspect.IntType | inspect.FloatType):
        return f"a {'whole ' if isinstance(wanted, inspect.IntType) else ''}number{_bounds(wanted)}"
    if isinstance(wanted, inspect.BoolType):
        return "true or false"
    if isinstance(wanted, inspect.StructType):
        return f"a table with the fields {', '.join(_names(wanted))}"
    return f"a text of at most {wanted.max_length:,} characters" if isinstance(wanted, inspect.StrType) else "something else"


def _bounds(number: inspect.IntType | inspect.FloatType) -> str:
    bounds = [
        f"{word} {bound:,}"
        for word, bound in (("from", number.ge), ("above", number.gt), ("up to", number.le), ("below", number.lt))
        if bound is not None
    ]
    return f" {' and '.join(bounds)}".replace(" and up to", " to") if bounds else ""


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    text = {"True": "true", "False": "false"}.get(text, text) or "nothing"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"

"""Recipes as TOML files, and single values changed from a command line: parsed once, here."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from companion.core.errors import RecipeError
from companion.core.files import write_atomic
from companion.core.recipes.distill import Distill
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.mistakes import mistake, there_are
from companion.core.recipes.parts import Part
from companion.core.recipes.prefer import Prefer
from companion.core.recipes.pretrain import Pretrain
from companion.core.recipes.prune import Prune
from companion.core.recipes.quantize import Quantize

AdapterRecipe = FineTune | Prefer
LearningRecipe = AdapterRecipe | Distill
TrainingRecipe = LearningRecipe | Pretrain
Recipe = TrainingRecipe | Evaluate | Quantize | Prune
R = TypeVar("R", FineTune, Prefer, Pretrain, Distill, Evaluate, Quantize, Prune)
MAX_BYTES = 1 << 20
_KINDS: dict[str, type[FineTune | Prefer | Pretrain | Distill | Evaluate | Quantize | Prune]] = {
    "fine-tune": FineTune,
    "prefer": Prefer,
    "distill": Distill,
    "pretrain": Pretrain,
    "evaluate": Evaluate,
    "quantize": Quantize,
    "prune": Prune,
}


class KeptRecipe(NamedTuple):
    """A recipe that was read back, and the fields that were left out because another version wrote them."""

    recipe: Recipe
    unknown: tuple[str, ...]


def read_recipe(path: Path, kind: type[R], base: R | None = None, word: str = "recipe") -> R:
    """The recipe in a TOML file; what it does not say is taken from `base`, else from the defaults.

    Raises RecipeError, which calls it by the `word` a person knows it by.
    """
    return _converted(_merged(_plain(base or kind()), _toml(path, word)), kind, f"The {word} “{path.name}”")


def read_any_recipe(path: Path, otherwise: Recipe) -> Recipe:
    """The recipe in a TOML file, of the kind that it names; of the kind of `otherwise` when it names none.

    Raises RecipeError.
    """
    told = _toml(path, "recipe")
    kind = _KINDS.get(str(told.get("kind", otherwise.kind)))
    if kind is None:
        raise RecipeError(
            f"“{path.name}” is a recipe of an unknown kind, “{told['kind']}”.", there_are(_KINDS, str(told["kind"]))
        )
    merged = _merged(_plain(kind()), told)
    try:
        return msgspec.convert(merged, kind)
    except msgspec.ValidationError as error:
        raise mistake(error, merged, kind, f"The recipe “{path.name}”") from error


def _toml(path: Path, word: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"“{path.name}” is too large for a {word}.", f"Choose a {word}, a TOML file of a few lines.")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RecipeError(f"The {word} “{path.name}” cannot be read ({error.strerror}).", "Check its name and place.") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"The {word} “{path.name}” is not text in UTF-8.", "Save it again as UTF-8.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"The {word} “{path.name}” is not TOML: {error}.", "Mend that line.") from error


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write what differs from the defaults, with the kind. Raises OSError; the old file then stands."""
    import tomli_w

    default = _plain(type(recipe)())
    told = {"kind": recipe.kind} | _difference(_plain(recipe), default)
    write_atomic(path, tomli_w.dumps(told).encode())


def with_changes(recipe: R, changes: list[str]) -> R:
    """The recipe with each `table.field=value` changed; a value is TOML, or a bare word. Raises RecipeError."""
    told = _plain(recipe)
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise RecipeError(f"“{change}” changes nothing.", "Write it as table.field=value, such as training.epochs=2.")
        table: dict[str, Any] = told
        *tables, field = key.strip().split(".")
        for name in tables:
            inner = table.get(name)
            if not isinstance(inner, dict):
                raise RecipeError(f"A recipe has no table “{name}”.", _tables(told))
            table = inner
        if field not in table or isinstance(table[field], dict):
            known = [name for name, value in table.items() if not isinstance(value, dict)]
            remedy = there_are(known, field) if tables else _tables(told)
            raise RecipeError(f"A recipe has no field “{key.strip()}”.", remedy)
        table[field] = _value(text.strip(), table[field])
    return _converted(told, type(recipe), "The recipe")


def checked_recipe(recipe: Recipe) -> Recipe:
    """The same recipe. Raises RecipeError when a value lies out of its bounds, as a form may have left it."""
    told, kind = _plain(recipe), type(recipe)
    try:
        return msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        raise mistake(error, told, kind, "The recipe") from error


def decode_recipe(content: bytes, name: str = "recipe.json") -> KeptRecipe:
    """The recipe of a job's folder, of whatever version. Raises RecipeError."""
    try:
        told = msgspec.json.decode(content)
        kind = _KINDS[told["kind"]]
        known, unknown = _known(told, kind)
        return KeptRecipe(msgspec.convert(known, kind), tuple(unknown))
    except (msgspec.MsgspecError, KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"“{name}” is not a recipe this version understands ({error}).", "Start a new job.") from error


def encode_recipe(recipe: Recipe) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_plain(recipe)), indent=2) + b"\n"


def _known(told: dict[str, Any], kind: type[Part], table: str = "") -> tuple[dict[str, Any], list[str]]:
    """What this version knows of a recipe or a `table` of it, and the names of what it does not."""
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    known: dict[str, Any] = {}
    unknown: list[str] = []
    for name, value in told.items():
        inner = types.get(name)
        if name not in types:
            unknown.append(table + name)
        elif isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, Part):
            known[name], more = _known(value, inner, f"{name}.")
            unknown += more
        else:
            known[name] = value
    return known, unknown


def _plain(recipe: Recipe) -> dict[str, Any]:
    """Every field, defaults included."""
    return {
        name: {inner: getattr(value, inner) for inner in value.__struct_fields__} if isinstance(value, msgspec.Struct) else value
        for name, value in ((name, getattr(recipe, name)) for name in recipe.__struct_fields__)
    }


def _value(text: str, before: Any) -> Any:
    if isinstance(before, str) and not text.startswith(('"', "'")):
        return text
    if isinstance(before, tuple) and not text.startswith("["):
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return tuple(_number(part) for part in parts) if before and isinstance(before[0], int) else tuple(parts)
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # a bare word; msgspec says what was expected in its place


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


def _converted(told: dict[str, Any], kind: type[R], what: str) -> R:
    try:
        return msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        raise mistake(error, told, kind, what) from error


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        inner = merged.get(name)
        merged[name] = inner | value if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _difference(told: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    different: dict[str, Any] = {}
    for name, value in told.items():
        if isinstance(value, dict):
            if inner := _difference(value, default[name]):
                different[name] = inner
        elif value != default[name]:
            different[name] = list(value) if isinstance(value, tuple) else value
    return different


def _tables(told: dict[str, Any]) -> str:
    tables = ", ".join(name for name, value in told.items() if isinstance(value, dict))
    return f"Its tables are: {tables}."

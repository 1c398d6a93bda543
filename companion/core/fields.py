"""One definition for everything about a setting: its sentence, bounds, default and choices, read from a struct.

A settings struct declares each field once as `Annotated[type, msgspec.Meta(title=…, description=…, ge=…, le=…)]`, with
`| None` behind it when the field can be left empty (msgspec takes no bounds on a union).
Forms, `--help` and validation all read that definition here.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a struct as a form or a help page shows it."""

    name: str
    title: str
    sentence: str
    kind: type
    """bool, int, float, str or tuple."""
    optional: bool
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    """Of a tuple: what each of its items may be."""
    items: type = str
    """Of a tuple: what its items are."""


def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields that carry a `Meta` with a title, in the order they are declared."""
    hints = get_type_hints(struct, include_extras=True)
    found = []
    for info in msgspec.structs.fields(struct):
        hint, optional = _without_none(hints[info.name])
        meta = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Meta)), None)
        if meta is None or meta.title is None:
            continue
        kind = get_args(hint)[0]
        choices = tuple(get_args(kind)) if get_origin(kind) is Literal else ()
        item = get_args(kind)[0] if get_origin(kind) is tuple else str
        if get_origin(item) is Literal:
            choices, item = tuple(get_args(item)), str
        default = info.default if info.default is not msgspec.NODEFAULT else info.default_factory()
        found.append(
            Field(
                name=info.name,
                title=meta.title,
                sentence=meta.description or "",
                kind=str if get_origin(kind) is Literal else (get_origin(kind) or kind),
                optional=optional,
                default=default,
                minimum=meta.ge if meta.ge is not None else meta.gt,
                maximum=meta.le if meta.le is not None else meta.lt,
                choices=choices,
                items=item if isinstance(item, type) else str,
            )
        )
    return tuple(found)


def _without_none(hint: Any) -> tuple[Any, bool]:
    rest = [variant for variant in get_args(hint) if variant is not type(None)]
    return (rest[0], True) if type(None) in get_args(hint) else (hint, False)

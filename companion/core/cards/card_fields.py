"""Cards between JSON and `Card`: V1 is flat, V2 and V3 hold their fields in `data`.

Unknown fields beside `data` are kept under a name that begins with `../`, so a card that is written again has each of
them where it was; a name in `data` that begins with a dot is kept with `./` before it.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Raw, structs

from companion.core.cards.limits import MAX_LIST, MAX_MEMBERS, MAX_NAME
from companion.core.cards.lore_fields import book_fields, read_book, with_unknown
from companion.core.cards.raw_json import Fields
from companion.core.character import Asset, Card
from companion.core.errors import CharacterError

Spec = Literal["v2", "v3"]

_V1: Final = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
_OLD_NAMES: Final = {
    **{"char_name": "name", "char_persona": "personality", "world_scenario": "scenario", "char_greeting": "first_mes"},
    **{"example_dialogue": "mes_example", "creatorcomment": "creator_notes"},
}
"""What TavernAI, Pygmalion and SillyTavern called them before V2."""
_WRITTEN: Final = frozenset(
    {
        *(*_V1, "creator_notes", "system_prompt", "post_history_instructions", "alternate_greetings", "tags", "creator"),
        *("character_version", "extensions", "group_only_greetings"),
    }
)
"""What is written in any case: nothing can be kept under these names."""
_ENVELOPE: Final = ("spec", "spec_version", "data")


def read_fields(envelope: Fields, name: str, *, outline: bool = False) -> Card:
    """The card in these fields, which came from the file `name`; raises CharacterError when there is none. An `outline`
    lacks the lorebook."""
    data = envelope.object("data")
    if "lorebook" in envelope.text("spec"):
        raise CharacterError(f"“{name}” is a lorebook, not a character.", "Import it in a character's editor, under Lorebook.")
    envelope.discard(*_ENVELOPE)
    if outline:
        (data or envelope).discard("character_book")
    if data is None:
        envelope.rename(_OLD_NAMES)
        return _card(envelope, name, ())
    data.fill(envelope, _V1)  # there for old programs: `data` is what counts
    return _card(data, name, envelope.rest())


def card_fields(card: Card, spec: Spec) -> dict[str, object]:
    """What a file of this form holds; V2 holds the fields that are new in V3 only when there is something in them."""
    data: dict[str, object] = {
        "name": card.name,
        "description": card.description,
        "personality": card.personality,
        "scenario": card.scenario,
        "first_mes": card.first_mes,
        "mes_example": card.mes_example,
        "creator_notes": card.creator_notes,
        "system_prompt": card.system_prompt,
        "post_history_instructions": card.post_history_instructions,
        "alternate_greetings": card.alternate_greetings,
        "tags": card.tags,
        "creator": card.creator,
        "character_version": card.character_version,
        "extensions": Raw(card.extensions),
    }
    if card.lorebook is not None:
        data["character_book"] = book_fields(card.lorebook)
    if spec == "v3" or card.group_only_greetings:
        data["group_only_greetings"] = card.group_only_greetings
    new: dict[str, object] = {
        "nickname": card.nickname,
        "creator_notes_multilingual": dict(card.creator_notes_multilingual),
        "source": card.source,
        "assets": card.assets,
    }
    data |= {key: value for key, value in new.items() if value}
    dates = {"creation_date": card.creation_date, "modification_date": card.modification_date}
    data |= {key: date for key, date in dates.items() if date is not None}
    inside = ((key[2:] if key.startswith("./") else key, raw) for key, raw in card.unknown if not key.startswith("../"))
    beside = ((key[3:], raw) for key, raw in card.unknown if key.startswith("../"))
    version = {"v2": ("chara_card_v2", "2.0"), "v3": ("chara_card_v3", "3.0")}[spec]
    return with_unknown({"spec": version[0], "spec_version": version[1], "data": with_unknown(data, inside)}, beside)


def _card(fields: Fields, file: str, beside: tuple[tuple[str, bytes], ...]) -> Card:
    name = " ".join(fields.text("name").split())[:MAX_NAME].strip()
    if not name:
        raise CharacterError(f"“{file}” has no character in it.", "A card needs at least a name.")
    book = fields.object("character_book")
    if book is not None:
        fields.discard("character_book")
    notes = fields.object("creator_notes_multilingual")
    if notes is not None:
        fields.discard("creator_notes_multilingual")
    card = Card(
        name=name,
        description=fields.text("description"),
        personality=fields.text("personality"),
        scenario=fields.text("scenario"),
        first_mes=fields.text("first_mes"),
        mes_example=fields.text("mes_example"),
        creator_notes=fields.text("creator_notes"),
        system_prompt=fields.text("system_prompt"),
        post_history_instructions=fields.text("post_history_instructions"),
        alternate_greetings=_few(fields.texts("alternate_greetings"), file, "greetings"),
        tags=_few(fields.texts("tags", split=True), file, "tags"),
        creator=fields.text("creator"),
        character_version=fields.text_or_number("character_version"),
        lorebook=read_book(book, file) if book is not None else None,
        nickname=" ".join(fields.text("nickname").split())[:MAX_NAME].strip(),
        group_only_greetings=_few(fields.texts("group_only_greetings"), file, "greetings"),
        creator_notes_multilingual=notes.all_texts() if notes is not None else (),
        source=_few(fields.texts("source"), file, "sources"),
        assets=_assets(fields, file),
        creation_date=fields.whole("creation_date"),
        modification_date=fields.whole("modification_date"),
        extensions=fields.json("extensions"),
    )
    inside = (("./" + key if key.startswith(".") else key, raw) for key, raw in fields.rest(but=_WRITTEN))
    return structs.replace(card, unknown=(*inside, *(("../" + key, raw) for key, raw in beside)))


def _assets(fields: Fields, file: str) -> tuple[Asset, ...]:
    found = fields.objects("assets", MAX_MEMBERS)
    if len(found) > MAX_MEMBERS:
        raise _too_many(file, "assets", MAX_MEMBERS)
    return tuple(Asset(type=a.text("type"), uri=a.text("uri"), name=a.text("name"), ext=a.text("ext")) for a in found)


def _few(texts: tuple[str, ...], file: str, what: str) -> tuple[str, ...]:
    if len(texts) > MAX_LIST:
        raise _too_many(file, what, MAX_LIST)
    return texts


def _too_many(file: str, what: str, limit: int) -> CharacterError:
    return CharacterError(f"The card in “{file}” has more than {limit:,} {what}.", "Choose another card.")

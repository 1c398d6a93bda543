"""The editors that know the person's models, characters and conversations, for whichever of these a recipe has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtWidgets import QWidget

from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.fields import fields_of
from companion.core.paths import starter_model
from companion.core.recipes.files import Recipe
from companion.core.recipes.quantize import KINDS, Quantize, Search
from companion.ui.file_dialogs import ask_for_adapter, ask_for_dialogues, ask_for_model
from companion.ui.settings.editors import ChoiceEditor, Editor
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.recipe.choosers import FileChoiceEditor, SourcesEditor
from companion.ui.workshop.recipe.recipe_editors import ChecksEditor


def editors_of(recipe: Recipe, desk: Desk) -> dict[str, Editor]:
    """By field."""
    fields = {field.name: field for field in fields_of(type(recipe))}
    found: dict[str, Editor] = {}
    if "teacher" in fields:
        found["teacher"] = FileChoiceEditor(fields["teacher"], _models(desk), ask_for_model)
        student = {"": "Made of the teacher’s layers"} | {path: words for path, words in _models(desk).items() if path}
        found["model"] = FileChoiceEditor(fields["model"], student, ask_for_model)
    elif "model" in fields:
        found["model"] = FileChoiceEditor(fields["model"], _models(desk), ask_for_model)
    if "character" in fields:
        character = ChoiceEditor(fields["character"])
        character.offer({"": "Nobody's"} | {each.identifier or each.name: each.name for each in desk.characters.all()})
        found["character"] = character
    if isinstance(recipe, Quantize):
        kinds = next(field for field in fields_of(Search) if field.name == "kinds")
        found["search.kinds"] = ChecksEditor(replace(kinds, choices=KINDS))
        found["adapter"] = FileChoiceEditor(fields["adapter"], {"": "None"}, ask_for_adapter)
    if "data_files" in fields:
        found["data_files"] = _sources(desk, recipe)
    return found


def _models(desk: Desk) -> dict[str, str]:
    starter, path = starter_model(), Path(desk.model_of_now)
    models = {"": "The one you chat with"}
    if starter is not None and starter.resolve() != path.resolve():
        models[str(starter)] = "The starter model"
    return models


def conversation_titles(desk: Desk) -> dict[str, str]:
    """What the conversations are called, by their sources."""
    return {
        f"{CONVERSATION_PREFIX}{talk.id}": f"{talk.title or 'New conversation'} ({talk.character_name})"
        for talk in desk.conversations.all()
    }


def _sources(desk: Desk, recipe: Recipe) -> Editor:
    from companion.ui.workshop.recipe.conversation_choice import ask_for_conversations

    def titles() -> dict[str, str]:
        return conversation_titles(desk)

    def ask(parent: QWidget, chosen: Sequence[str]) -> list[str] | None:
        return ask_for_conversations(parent, titles(), chosen)

    field = next(field for field in fields_of(type(recipe)) if field.name == "data_files")
    return SourcesEditor(field, desk.theme, desk.datasets, titles, ask_for_dialogues, ask)

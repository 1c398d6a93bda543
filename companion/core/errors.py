"""Errors are sentences: what happened, and what the person can do about it."""

from __future__ import annotations


class CompanionError(Exception):
    """Something a person should hear about.

    `what` is one full sentence about what happened; `remedy` says what to do next and may be empty when nothing
    can be done. Neither holds a traceback, a path of our own source, or a word only a programmer knows.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy


class ModelError(CompanionError):
    """A model file is missing, damaged, of an unknown kind, or does not fit this machine."""


class CharacterError(CompanionError):
    """A character card cannot be read."""


class ConversationFileError(CompanionError):
    """A conversation file cannot be imported or exported."""


class StoreError(CompanionError):
    """The database of conversations cannot be opened or written."""


class EngineError(CompanionError):
    """The engine process died, hung, or refused a request."""


class RecipeError(CompanionError):
    """A recipe names something that does not exist, or a value out of its bounds."""


class JobError(CompanionError):
    """A job cannot be made, found, begun or resumed."""


class DatasetError(CompanionError):
    """Dialogues cannot be read, are not what they should be, or leave nothing to learn from."""


class WorkshopError(CompanionError):
    """Workshop work cannot be done, or what it made is not what it should be."""


class AddonError(CompanionError):
    """An add-on for the graphics card cannot be had, used or removed."""

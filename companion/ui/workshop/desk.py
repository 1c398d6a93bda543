"""What the pages of the workshop work with; handed to each when it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from companion.app.characters import Characters
from companion.app.conversations import Conversations
from companion.app.datasets import Datasets
from companion.app.engine import Engine
from companion.app.jobs import Jobs
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.core.paths import starter_model
from companion.ui.theme import Theme

if TYPE_CHECKING:
    from companion.app.addons import Addons
    from companion.app.downloads import Downloads
    from companion.app.library.library import Library


Side = tuple[str, ...]
"""A model's file and those of its adapters, as recipes name them."""


class Desk(NamedTuple):
    theme: Theme
    jobs: Jobs
    notices: Notices
    preferences: Preferences
    engine: Engine
    conversations: Conversations
    characters: Characters
    datasets: Datasets
    library: Callable[[], Library]
    """Made when it is first asked for, as are the downloads and add-ons."""
    downloads: Callable[[], Downloads]
    addons: Callable[[], Addons]
    reload_model: Callable[[], None]
    """Loads the model one chats with anew, with what is set and known of it now."""
    go: Callable[[str], None]
    """Leads to another page of the workshop by its name."""
    show_job: Callable[[str], None]
    """Leads to a job by its id."""
    show_report: Callable[[str], None]
    """Leads to a report of the person's own by its file."""
    show_item: Callable[[str], None]
    """Leads to a model or an adapter in the library by its file."""
    learn_from: Callable[[str], None]
    """Leads to the page on which one teaches, with this dataset among what is learned from."""
    compare: Callable[[Side, Side], None]
    """Leads to the form of a blind test, with these two chosen."""

    @property
    def model_of_now(self) -> str:
        """Path of the model one chats with: the one that is loaded, else the one of the settings, else the starter; empty
        without any."""
        loaded = self.engine.model
        return loaded.path if loaded is not None else self.preferences.settings.model or str(starter_model() or "")

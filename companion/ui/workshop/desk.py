"""What the pages of the workshop work with; handed to each when it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from companion.app.characters import Characters
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.jobs import Jobs
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.ui.theme import Theme

if TYPE_CHECKING:
    from companion.app.downloads import Downloads
    from companion.app.library.library import Library


class Desk(NamedTuple):
    theme: Theme
    jobs: Jobs
    notices: Notices
    preferences: Preferences
    engine: Engine
    conversations: Conversations
    characters: Characters
    library: Callable[[], Library]
    """Made when it is first asked for, as are the downloads."""
    downloads: Callable[[], Downloads]
    go: Callable[[str], None]
    """Leads to another page of the workshop by its name."""
    show_job: Callable[[str], None]
    """Leads to a job by its id."""

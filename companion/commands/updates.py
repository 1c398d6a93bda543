"""`companion updates`: asks once for the newest version, as the button in the settings does."""

from __future__ import annotations

import json
import sys

from companion import __version__
from companion.commands.worker import events, tell, worker
from companion.core.download_messages import AskRelease, FetchFailed, ReleaseFound, decode_download_event
from companion.core.errors import CompanionError
from companion.core.processes import exit_sentence
from companion.core.updates import Newest, address


def updates(*, as_json: bool) -> int:
    """Print what is there; nothing is fetched or installed. Raises CompanionError when there is no answer."""
    if not as_json:
        print(f"Asking {address()} …", file=sys.stderr, flush=True)
    newest = _asked()
    if as_json:
        facts = {"version": __version__, "newest": newest.version, "is_newer": newest.is_newer, "page": newest.page}
        print(json.dumps(facts | {"address": address()}, indent=2, ensure_ascii=False))
    else:
        print(newest.sentence, *([f"What is new: {newest.page}"] if newest.is_newer else []), sep="\n")
    return 0


def _asked() -> Newest:
    with worker("download") as process:
        tell(process, AskRelease(address=address()))
        for event in events(process, decode_download_event):
            if isinstance(event, ReleaseFound):
                return Newest(version=event.version, page=event.page)
            if isinstance(event, FetchFailed):
                raise CompanionError(event.what, event.remedy)
    raise CompanionError(exit_sentence("The look for updates", process.returncode), "Try again.")

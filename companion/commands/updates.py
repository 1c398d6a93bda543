"""`companion updates`: asks once for the newest version, as the button in the settings does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import IO, cast

from companion import __version__
from companion.core.download_messages import AskRelease, FetchFailed, ReleaseFound, decode_download_event
from companion.core.errors import CompanionError
from companion.core.logs import log_file
from companion.core.messages import encode
from companion.core.processes import exit_sentence, worker_command
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
    with (
        log_file("download").open("ab") as log,
        subprocess.Popen(worker_command("download"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as worker,
    ):
        to, from_ = cast("IO[bytes]", worker.stdin), cast("IO[bytes]", worker.stdout)
        to.write(encode(AskRelease(address=address())))
        to.flush()
        events = [decode_download_event(line) for line in from_]
    for event in events:
        if isinstance(event, ReleaseFound):
            return Newest(version=event.version, page=event.page)
        if isinstance(event, FetchFailed):
            raise CompanionError(event.what, event.remedy)
    raise CompanionError(exit_sentence("The look for updates", worker.returncode), "Try again.")

"""A server on this machine that answers as GitHub does when it is asked for the newest release, and can misbehave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.loopback import LoopbackHandler, LoopbackServer, serving

PATH = "/repos/companion/companion/releases/latest"


class ReleaseServer(LoopbackServer):
    def __init__(self) -> None:
        super().__init__(_Handler)
        self.tag = "v9.1.0"
        self.page = "https://github.com/companion/companion/releases/tag/v9.1.0"
        self.status = 200
        self.content: bytes | None = None
        """Instead of the right answer."""

    @property
    def address(self) -> str:
        return f"{self.endpoint}{PATH}"

    def answer(self) -> bytes:
        """With fields that nobody here reads."""
        facts = {
            "id": 7,
            "tag_name": self.tag,
            "html_url": self.page,
            "body": "# New\n…",
            "assets": [{"name": "a.deb", "size": 1}],
        }
        return json.dumps(facts).encode() if self.content is None else self.content


class _Handler(LoopbackHandler):
    server: ReleaseServer

    def do_GET(self) -> None:
        self.note()
        content = self.server.answer()
        self.send_response(self.server.status)
        if 300 <= self.server.status < 400:
            self.send_header("Location", "/repositories/1/releases/latest")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def release_server() -> Iterator[ReleaseServer]:
    with serving(ReleaseServer()) as server:
        yield server

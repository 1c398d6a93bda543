"""A server on this machine that answers as GitHub does when it is asked for the newest release, and can misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/repos/companion/companion/releases/latest"


class ReleaseServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tag = "v9.1.0"
        self.page = "https://github.com/companion/companion/releases/tag/v9.1.0"
        self.status = 200
        self.content: bytes | None = None
        """Instead of the right answer."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Path and headers of every request."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{PATH}"

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

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what is tested here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ReleaseServer

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        content = self.server.answer()
        self.send_response(self.server.status)
        if 300 <= self.server.status < 400:
            self.send_header("Location", "/repositories/1/releases/latest")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def release_server() -> Iterator[ReleaseServer]:
    server = ReleaseServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

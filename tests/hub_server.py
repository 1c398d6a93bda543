"""A server on this machine that speaks the hub's protocol, and can be told to misbehave.

As huggingface.co does for files in LFS: `HEAD /owner/name/resolve/main/file` answers 302 with the checksum, the size and the
commit, and leads to another host (here `localhost` instead of `127.0.0.1`), which knows ranges.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.loopback import LoopbackHandler, LoopbackServer, serving

COMMIT = "c0ffee" + "0" * 34
CHUNK = 16 << 10


class HubServer(LoopbackServer):
    """`files` by “owner/name/file”. Everything else is how it misbehaves."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        """After so many bytes the next answers break off, one after the other."""
        self.spoiled = False
        """Whether a byte in the middle arrives wrong."""
        self.knows_ranges = True
        self.etag: str | None = None
        """Instead of the right checksum."""
        self.status = 0
        """What every question about metadata is answered with instead."""
        self.error_code = ""
        """The hub's word for what is wrong, as `X-Error-Code`."""
        self.bytes_per_second = 0
        self.leads: dict[str, str] = {}
        """Paths that lead to another address."""

    def ranges(self) -> list[str]:
        """Of every request for bytes; empty for one that wanted all."""
        return [headers.get("range", "") for method, _, headers in self.asked if method == "GET"]


class _Handler(LoopbackHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        self.note()
        found = re.fullmatch(r"/(?P<repo>[^/]+/[^/]+)/resolve/[^/]+/(?P<file>.+)", self.path)
        content = self.server.files.get(f"{found['repo']}/{found['file']}") if found else None
        status = self.server.status or (404 if content is None else 302)
        self.send_response(status)
        self.send_header("X-Repo-Commit", COMMIT)
        if self.server.error_code or (content is None and not self.server.status):
            self.send_header("X-Error-Code", self.server.error_code or "EntryNotFound")
        if status == 302 and content is not None:
            sha256 = hashlib.sha256(content).hexdigest()
            self.send_header("X-Linked-Etag", f'"{self.server.etag if self.server.etag is not None else sha256}"')
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/cdn/{found['repo']}/{found['file']}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.note()
        content = self.server.files.get(self.path.removeprefix("/cdn/"))
        if content is None:
            leads = self.server.leads.get(self.path)
            self.send_response(302 if leads else 404)
            if leads:
                self.send_header("Location", leads)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if self.server.knows_ranges and (asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))):
            start = int(asked[1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.server.spoiled:
            content = content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :]
        end = start + self.server.cuts.pop(0) if self.server.cuts else len(content)
        for at in range(start, min(end, len(content)), CHUNK):
            self.wfile.write(content[at : min(at + CHUNK, end)])
            if self.server.bytes_per_second:
                time.sleep(CHUNK / self.server.bytes_per_second)
        if end < len(content):
            self.close_connection = True


@contextmanager
def hub_server() -> Iterator[HubServer]:
    with serving(HubServer()) as server:
        yield server

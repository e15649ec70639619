"""A Hugging Face hub on this machine: its model API, its files by range, and a CDN for large ones.

Downloads run in child processes, which find it through HF_ENDPOINT.
"""

import hashlib
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

LARGE = 100_000
"""Bytes from which on a file lies on the CDN and is known by its sha256."""
REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Request:
    """One request for a file: who was asked, from which byte on, and with which login."""

    host: str
    path: str
    start: int
    login: str | None


@dataclass
class FakeHub:
    """files: content by path of each repository. stall: name of a file of which half is sent, and
    then nothing until the hub closes. corrupt: name of a file that arrives altered. refuse: an
    error code of the hub's own for every repository. ignores_ranges: always send whole files.
    requests: for files. seen: path and user agent of every request whatever.
    """

    url: str = ""
    cdn_url: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    licence: str = "apache-2.0"
    stall: str = ""
    corrupt: str = ""
    refuse: str = ""
    ignores_ranges: bool = False
    requests: list[Request] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def publish(self, hub_id: str, folder: Path, more: Iterable[str] = ()) -> None:
        """Offer a folder's files, and further ones of a few bytes by their names."""
        self.files[hub_id] = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        } | dict.fromkeys(more, b"unwanted")

    def fetched(self) -> list[str]:
        """Names of the files that were asked for, in order."""
        return [request.path for request in self.requests]


@contextmanager
def serve_hub(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[FakeHub]:
    """The hub for this test and the processes that it starts; home: instead of the person's own."""
    hub = FakeHub()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub)) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    hub.url, hub.cdn_url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    try:
        yield hub
    finally:
        hub.closing.set()
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.seen.append((path, self.headers["User-Agent"]))
            if hub.refuse:
                self._answer(403, {"X-Error-Code": hub.refuse}, b"{}")
            elif path.startswith("/api/models/"):
                self._describe(path.removeprefix("/api/models/"))
            else:
                hub_id, _, name = path[1:].partition(f"/resolve/{REVISION}/")
                self._send(name, hub.files[hub_id][name])

        def _describe(self, hub_id: str) -> None:
            if hub_id not in hub.files:
                self._answer(404, {"X-Error-Code": "RepoNotFound"}, b"{}")
                return
            siblings = [_sibling(name, data) for name, data in hub.files[hub_id].items()]
            card = {"license": hub.licence}
            about = {"id": hub_id, "sha": REVISION, "siblings": siblings, "cardData": card}
            self._answer(200, {}, json.dumps(about).encode())

        def _send(self, name: str, content: bytes) -> None:
            is_cdn = f"http://{self.headers['Host']}" == hub.cdn_url
            asked = self.headers["Range"]
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            hub.requests.append(
                Request("cdn" if is_cdn else "hub", name, start, self.headers["Authorization"])
            )
            if len(content) >= LARGE and not is_cdn:
                self._answer(302, {"Location": hub.cdn_url + self.path}, b"")
                return
            if name == hub.corrupt:
                content = content[:-1] + bytes([content[-1] ^ 1])
            if hub.ignores_ranges:
                start = 0
            stops = len(content) // 2 if name == hub.stall else len(content)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:stops])
            if stops < len(content):
                self.wfile.flush()
                hub.closing.wait()
                self.close_connection = True

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _sibling(name: str, data: bytes) -> dict[str, object]:
    git_id = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    about: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git_id}
    if len(data) >= LARGE:
        sha256 = hashlib.sha256(data).hexdigest()
        about["lfs"] = {"size": len(data), "sha256": sha256, "pointerSize": 130}
    return about

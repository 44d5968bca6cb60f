"""A local server that takes documents as S3 and Confluence do, checks every request, and can misbehave."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

ACCESS, SECRET, REGION = "AKIDTEST", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY", "eu-test-1"
USER, TOKEN = "writer@example.com", "token-4711"


class DocumentServer(ThreadingHTTPServer):
    """``objects`` by path; ``pages`` of Confluence by title."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.pages: dict[str, dict[str, Any]] = {}
        self.faults: list[str] = []
        #: Statuses for the next requests; then all is well.
        self.fail: list[int] = []
        #: The body to answer with, whatever was asked.
        self.body: bytes | None = None
        self.hang = False
        self.drip = False
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: DocumentServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.hang:
            self.server.released.wait(30)
            return
        if self.server.drip:
            self._drip()
            return
        if self.server.fail:
            status = self.server.fail.pop(0)
            secret = f"<Error><Code>Wrong</Code><Key>{SECRET} {TOKEN}</Key></Error>"
            self._say(status, secret.encode(), {"Location": f"{self.server.url}/elsewhere"})
            return
        if self.server.body is not None:
            self._say(200, self.server.body)
            return
        try:
            if self.command == "PUT" and self.path.startswith("/bucket"):
                self._object(body)
            elif self.path.startswith("/wiki/api/v2/"):
                self._cloud(body)
            else:
                self._data_center(body)
        except AssertionError as fault:
            self.server.faults.append(str(fault))
            self._say(400, str(fault).encode())

    do_GET = do_PUT = do_POST = handle_any

    def _object(self, body: bytes) -> None:
        fault = signature_fault(self.command, self.path, dict(self.headers), body)
        if fault:
            self.server.faults.append(fault)
            return self._say(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        path = unquote(self.path)
        self.server.objects[path], self.server.types[path] = body, self.headers["Content-Type"]
        return self._say(200, b"", {"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'})

    def _cloud(self, body: bytes) -> None:
        basic = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        assert self.headers["Authorization"] == f"Basic {basic}", "not authorized as the cloud wants it"
        path, query = urlsplit(self.path).path.removeprefix("/wiki/api/v2"), parse_qs(urlsplit(self.path).query)
        if path == "/spaces":
            return self._json({"results": [{"id": 77, "key": "DOC"}] if query == {"keys": ["DOC"]} else []})
        if self.command == "GET":
            assert query["space-id"] == ["77"], "another space"
            page = self.server.pages.get(query["title"][0])
            return self._json({"results": [page] if page else []})
        asked = json.loads(body)
        assert asked["body"]["representation"] == "storage", "not the storage format"
        return self._version(asked, asked["body"]["value"], path.removeprefix("/pages").strip("/"))

    def _data_center(self, body: bytes) -> None:
        assert self.headers["Authorization"] == f"Bearer {TOKEN}", "not authorized as a data center wants it"
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        assert parts.path.startswith("/rest/api/content"), f"no such call: {parts.path}"
        if self.command == "GET":
            assert (query["spaceKey"], query["expand"]) == (["DOC"], ["version"]), "another space"
            page = self.server.pages.get(query["title"][0])
            return self._json({"results": [page] if page else []})
        asked = json.loads(body)
        assert (asked["type"], asked["space"]) == ("page", {"key": "DOC"}), "not a page of the space"
        return self._version(asked, asked["body"]["storage"]["value"], parts.path.rpartition("/content")[2].strip("/"))

    def _version(self, asked: dict[str, Any], value: str, id: str) -> None:
        page = self.server.pages.get(asked["title"])
        if page is None:
            assert self.command == "POST", "a new page is posted"
            page = {"id": "900", "title": asked["title"], "version": {"number": 1}}
            page["parent"] = asked.get("parentId") or (asked.get("ancestors") or [{}])[0].get("id")
        else:
            assert (self.command, id) == ("PUT", page["id"]), "a known page is put"
            assert asked["version"]["number"] == page["version"]["number"] + 1, "not the next version"
            page = {**page, "version": asked["version"]}
        self.server.pages[asked["title"]] = {**page, "value": value}
        self._json(page)

    def _json(self, said: Any) -> None:
        self._say(200, json.dumps(said).encode())

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.released.wait(0.02):
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                return

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def signature_fault(method: str, path: str, headers: dict[str, str], body: bytes) -> str:
    """What is wrong with a request's signature, as the server works it out for itself; '' when nothing is."""
    named = {name.lower(): value.strip() for name, value in headers.items()}
    scheme, _, rest = named.get("authorization", "").partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    access, day, region, service, end = fields["Credential"].split("/")
    if (scheme, access, region, service, end) != ("AWS4-HMAC-SHA256", ACCESS, REGION, "s3", "aws4_request"):
        return "another credential"
    if named["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        return "another body"
    signed = fields["SignedHeaders"].split(";")
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(signed):
        return "headers are not signed"
    lines = [method, quote(unquote(path), safe="/-_.~"), "", *(f"{name}:{named[name]}" for name in signed), "",
             ";".join(signed), named["x-amz-content-sha256"]]  # fmt: skip
    scope = f"{day}/{region}/{service}/{end}"
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{named['x-amz-date']}\n{scope}\n{digest}"
    key = ("AWS4" + SECRET).encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    right = hmac.digest(key, text.encode(), "sha256").hex() == fields["Signature"]
    return "" if right and named["x-amz-date"].startswith(day) else "another signature"


@contextmanager
def document_server() -> Iterator[DocumentServer]:
    """A running server."""
    server = DocumentServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)

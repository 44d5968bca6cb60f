"""A Qdrant server as its client sees it: its REST calls over the in-process engine, and it can misbehave."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from qdrant_client import QdrantClient, models


class QdrantServer(ThreadingHTTPServer):
    """``asked`` holds each call as method, path and body. The fields below it make the server misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engine = QdrantClient(":memory:")
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.version = "1.19.0"
        #: A status and what the server says with it, for every call but that for its version.
        self.fail: tuple[int, str] | None = None
        #: Another client is always faster to make the collection.
        self.race = False
        #: What became of a write.
        self.written = "completed"
        self.hang = False
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def lose_everything(self) -> None:
        """As when a server comes back with an empty disk."""
        self.engine = QdrantClient(":memory:")

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/":
            return 200, {"title": "qdrant", "version": self.version}
        if self.fail is not None:
            return self.fail[0], _error(self.fail[1])
        _, _, name, *rest = path.split("/")
        if rest == ["exists"]:
            return 200, _ok({"exists": self.engine.collection_exists(name)})
        if method == "PUT" and not rest:
            return self._create(name, body)
        if not self.engine.collection_exists(name):
            return 404, _error(f"Not found: Collection `{name}` doesn't exist!")
        if len(rest) == 2 and rest[0] == "vectors":
            return 200, _ok(self._space(method, name, rest[1], body))
        return 200, _ok(self._called(name, "/".join(rest), body))

    def _space(self, method: str, name: str, vector: str, body: dict[str, Any]) -> Any:
        if method == "DELETE":
            self.engine.delete_vector_name(name, vector)
        else:
            self.engine.create_vector_name(name, vector, models.DenseVectorNameConfig.model_validate(body))
        return {"operation_id": 1, "status": "completed"}

    def _create(self, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        asked = models.CreateCollection.model_validate(body)
        self.engine.create_collection(
            name, vectors_config=asked.vectors, sparse_vectors_config=asked.sparse_vectors  # type: ignore[arg-type]
        )
        return (409, _error(f"Collection `{name}` already exists!")) if self.race else (200, _ok(True))

    def _called(self, name: str, call: str, body: dict[str, Any]) -> Any:
        match call:
            case "":
                return self.engine.get_collection(name)
            case "index":
                return {"operation_id": 1, "status": "completed"}
            case "points/batch":
                operations = models.UpdateOperations.model_validate(body).operations
                self.engine.batch_update_points(name, operations)
                return [{"operation_id": 1, "status": self.written} for _ in operations]
            case "points/query/batch":
                searches = models.QueryRequestBatch.model_validate(body).searches
                return self.engine.query_batch_points(name, searches)
            case "points/scroll":
                asked = models.ScrollRequest.model_validate(body)
                points, after = self.engine.scroll(
                    name, asked.filter, asked.limit or 10, asked.order_by, offset=asked.offset,
                    with_payload=asked.with_payload or True, with_vectors=asked.with_vector or False,
                )
                return {"points": points, "next_page_offset": after}
            case "points/count":
                return self.engine.count(name, models.CountRequest.model_validate(body).filter)
        raise AssertionError(f"this stand-in does not know {call}")


class _Handler(BaseHTTPRequestHandler):
    server: QdrantServer

    def _serve(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else {}
        self.server.asked.append((self.command, self.path, body))
        if self.server.hang:
            self.server.released.wait(10)
            return
        status, content = self.server.answer(self.command, self.path.partition("?")[0], body)
        payload = json.dumps(content, default=lambda model: model.model_dump(mode="json")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _ok(result: object) -> dict[str, object]:
    return {"status": "ok", "time": 0.001, "result": result}


def _error(said: str) -> dict[str, object]:
    return {"status": {"error": said}, "time": 0}


@contextmanager
def serving() -> Iterator[QdrantServer]:
    """A server on a free port of this machine."""
    made = QdrantServer()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        made.shutdown()
        made.server_close()
        thread.join(timeout=5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.engine.close()

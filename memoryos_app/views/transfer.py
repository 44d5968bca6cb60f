"""``/v1/memory/export`` and ``/v1/memory/import``: a whole memory out and in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from flask import Response, jsonify, request
from marshmallow import ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from memoryos_app import body, changes
from memoryos_app.api import Area, View, gives, headers, route, takes
from memoryos_app.caller import owner_required
from memoryos_app.imports import Intake, told
from memoryos_app.parts import parts
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.faults import invalid
from memoryos_app.schemas.jobs import AcceptedSchema
from memoryos_app.schemas.transfer import ExportSchema, ImportBodySchema, ImportHeadSchema
from memoryos_tasks.core.errors import BodyTooLarge, InvalidRequest, MemoryOSError, TruthDown
from memoryos_tasks.core.transfer.formats import FORMATS, ndjson
from memoryos_tasks.core.transfer.found import Found
from memoryos_tasks.core.transfer.stream import Path, lines, parts_of, texts
from memoryos_tasks.core.transfer.stream import parts as parts_in
from memoryos_tasks.core.transfer.transcript import plain_lines

area = Area("transfer", __name__, description="A whole memory, out and in")

_NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
#: The body is read as it arrives, so no schema loads it; this one describes it.
_BODY = cast(
    "Callable[[View], View]",
    area.doc(requestBody={"content": {"application/json": {"schema": ImportBodySchema}}}),
)


@route(area, "/v1/memory/export", "POST")
@takes(area, ExportSchema)
@gives(area, 202, AcceptedSchema, says="The job's `result` will hold the document.")
@gives(area, 503, ErrorSchema, says="The store of record is away.")
@headers(area, "X-MemoryOS-User")
def export(asked: dict[str, Any]) -> Response:
    """Export a user's memory

    Everything in one document: messages, facts with their sources and validity, segments, pages, profile. As JSON,
    which an import takes again, or as Markdown to read.
    """
    owner = owner_required(request, asked.get("user_id"))
    return _accepted(changes.begin(parts(), owner, "export", {"format": asked["format"]}))


@route(area, "/v1/memory/import", "POST")
@_BODY
@gives(area, 202, AcceptedSchema, says="All messages are on disk. The job's `result` will be the receipt.")
@gives(area, 400, ErrorSchema, says="Not a document of this format; what came before is imported.")
@gives(area, 413, ErrorSchema, says="Larger than 256 MiB.")
@gives(area, 503, ErrorSchema, says="The store of record is away.")
@headers(area, "X-MemoryOS-User")
def import_() -> Response:
    """Import into a user's memory

    `{user_id, format, data}` with `format` one of `memoryos` (an export), `bai-lab`, `mem0`, `transcript`. Also NDJSON
    (`application/x-ndjson`) or plain text (`text/plain`, a transcript), with `user_id` and `format` in the query. The
    body is read as it arrives, up to 256 MiB. Importing the same document again changes nothing.
    """
    if not parts().watch.state.truth:
        raise TruthDown(retry_after=1)
    reading = _Reading(_head(dict(request.args.items())))
    pieces = texts(body.pieces(request))
    try:
        if request.mimetype in _NDJSON:
            reading.whole(ndjson(reading.format(), lines(pieces)))
        elif request.mimetype == "text/plain":
            if reading.format("transcript") != "transcript":
                raise InvalidRequest("format: plain text is a transcript.", param="format")
            reading.whole(plain_lines(lines(pieces)))
        elif request.mimetype in ("", "application/json") or request.mimetype.endswith("+json"):
            for path, value in parts_in(pieces, reading.opens):
                reading.part(path, value)
        else:
            raise UnsupportedMediaType("Send application/json, application/x-ndjson or text/plain.")
        return _accepted(reading.end())
    except MemoryOSError as error:
        if not isinstance(error, BodyTooLarge):
            body.drain(request)
        raise told(error, reading.intake) from None


class _Reading:
    """The body of one import while it arrives: the head, then the data."""

    def __init__(self, head: dict[str, Any]) -> None:
        self._head = head
        self._seen: set[str] = set()
        self._data: list[Any] = []
        self.intake: Intake | None = None

    def format(self, default: str = "") -> str:
        """The name of the format. Raises :class:`InvalidRequest` when none is named."""
        name = str(self._head.setdefault("format", default) or "")
        if not name:
            raise InvalidRequest(f"format: is required; use one of {', '.join(FORMATS)}.", param="format")
        return name

    def opens(self, path: Path) -> bool:
        """Whether the parts at this path are wanted one by one: of the data, once its format is known."""
        if not path:
            return True
        known = path[0] == "data" and "format" in self._head
        return known and FORMATS[self.format()].opens(path[1:])

    def part(self, path: Path, value: Any) -> None:
        """Take one part of a JSON body. Raises :class:`InvalidRequest`."""
        if not path and value == {}:
            return
        if not path or not isinstance(path[0], str):
            raise InvalidRequest("The body must be a JSON object {user_id, format, data}.")
        name = path[0]
        if name == "data":
            self._seen.add(name)
            if "format" in self._head:
                self._taken().take(FORMATS[self.format()].read(path[1:], value))
            else:
                self._data.append(value)  # The format comes behind it: read whole, within the bound of a part.
            return
        if name in self._seen:
            raise InvalidRequest(f"{name}: stands twice in the body.", param=name)
        self._seen.add(name)
        self._head |= _head({name: value})

    def whole(self, found: Iterator[Found]) -> None:
        """Take what a body without a head holds."""
        self._seen.add("data")
        self._taken().take(found)

    def end(self) -> str:
        """All has arrived; the id of the job. Raises :class:`InvalidRequest` when something is missing."""
        format = FORMATS[self.format()]
        if "data" not in self._seen and self.intake is None and not self._data:
            self._nothing()
        for value in self._data:
            for path, each in parts_of(value, format.opens):
                self._taken().take(format.read(path, each))
        return self._taken().end()

    def _nothing(self) -> None:
        raise InvalidRequest("data: is required; an empty list or object imports nothing.", param="data")

    def _taken(self) -> Intake:
        if self.intake is None:
            owner = owner_required(request, self._head.get("user_id"))
            self.intake = Intake(parts(), owner, self.format())
        return self.intake


def _head(given: Mapping[str, Any]) -> dict[str, Any]:
    """Checked fields of the head. Raises :class:`InvalidRequest`."""
    try:
        checked: dict[str, Any] = ImportHeadSchema().load(given)
    except ValidationError as error:
        raise invalid(error) from None
    return checked


def _accepted(job_id: str) -> Response:
    response = jsonify({"id": job_id, "job_id": job_id, "status": "queued"})
    response.status_code = 202
    response.headers["X-MemoryOS-Job"] = job_id
    return response

"""Our own document: everything about one user, as an export writes it and an import reads it.

``{"format": "memoryos", "version": 1, "user_id", "exported_at", "events": […], "facts": […], "forgotten": […],
"segments": […], "pages": […], "profile": {…}}``. Events and facts are the memory; the rest is derived from them and is
there to be read. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.events import Event
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.transfer.found import (
    Belief,
    Forgotten,
    Found,
    Message,
    Skipped,
    Unfit,
    id_of,
    mark,
    plain,
    role_of,
    text_of,
    time_of,
)
from memoryos_tasks.core.transfer.stream import Path

FORMAT = "memoryos"
#: Readers take this version and none that is newer.
VERSION = 1
#: Parts that are read; the others are derived from them.
_READ = ("events", "facts", "forgotten")
#: What else a document has.
_BESIDE = ("format", "version", "user_id", "exported_at", "profile", "segments", "pages")
#: Longest name of an unknown part that is told, in characters.
_TOLD = 60


def opens(path: Path) -> bool:
    """Events, facts and what else is a list comes one by one."""
    return len(path) == 0 or (len(path) == 1 and path[0] in (*_READ, "segments", "pages"))


def read(path: Path, value: Any) -> Iterator[Found]:
    """What one part of the document says. Raises :class:`InvalidRequest` for a document of a newer version."""
    if path == ("version",) and (not isinstance(value, int) or isinstance(value, bool) or value > VERSION):
        said = f"data.version: must be {VERSION} or older to be read by this server."
        raise InvalidRequest(said, param="data.version")
    if path == ("format",) and value != FORMAT:
        raise InvalidRequest(f"data.format: must be {FORMAT!r} in a document of our own.", param="data.format")
    if (not path and value != {}) or (path and isinstance(path[0], int)):
        raise InvalidRequest("data: must be an object, as an export has it.", param="data")
    if not path:
        yield Skipped("data", "is an empty object")
    elif len(path) == 1 and path[0] in _READ and value != []:
        yield Skipped(str(path[0]), "is not a list")
    elif len(path) == 1 and path[0] not in (*_READ, *_BESIDE):
        yield Skipped(str(path[0])[:_TOLD], "is no part of an export of MemoryOS; is the format another?")
    if len(path) != 2 or path[0] not in _READ:
        return
    where = f"{path[0]}[{path[1]}]"
    try:
        if not isinstance(value, dict):
            raise Unfit("must be an object")
        if path[0] == "events":
            # Its words were forgotten; only that it was there is still known.
            if value.get("place") == "forgotten" and not value.get("content"):
                yield Skipped(where, "forgotten: its words are gone")
                return
            yield message(value)
        elif path[0] == "facts":
            yield Belief(checked(value))
        else:
            yield Forgotten({"id": id_of(value.get("id"), "id"), "sources": list(_sources(value))})
    except Unfit as error:
        yield Skipped(where, str(error))


def message(row: Mapping[str, Any]) -> Message:
    """An event of a document. Raises :class:`Unfit`."""
    name = row.get("name")
    return Message(
        event_id=id_of(row.get("event_id"), "event_id"),
        role=role_of(row.get("role")),
        content=text_of(row.get("content")),
        timestamp=time_of(row.get("timestamp")),
        session=id_of(row.get("session_id") or "default", "session_id"),
        assistant=id_of(row.get("assistant_id") or "default", "assistant_id"),
        name=None if name is None else id_of(name, "name"),
        metadata=plain(row.get("metadata")),
    )


def event_row(event: Event, place: str) -> dict[str, Any]:
    """An event as it stands in a document."""
    return {
        "event_id": event.event_id,
        "role": event.role,
        "name": event.name,
        "content": event.content,
        "timestamp": event.timestamp,
        "session_id": event.session,
        "assistant_id": event.assistant,
        "metadata": dict(event.metadata),
        "place": place,
    }


def fact_row(fact: Fact) -> dict[str, Any]:
    """A fact as it stands in a document."""
    return {
        "id": fact.id,
        "kind": fact.kind.value,
        "subject": fact.subject,
        "attribute": fact.attribute,
        "value": fact.value,
        "content": fact.text,
        "sources": list(fact.sources),
        "valid_from": fact.valid_from,
        "valid_to": fact.valid_to,
        "superseded_by": fact.superseded_by,
        "many": fact.many,
        "confidence": fact.confidence,
    }


def checked(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row, if :func:`fact_of` can read it. Raises :class:`Unfit`."""
    return fact_row(fact_of(row))


def fact_of(row: Mapping[str, Any]) -> Fact:
    """The fact of a row. Raises :class:`Unfit`."""
    if row.get("kind") not in (Kind.TRAIT.value, Kind.KNOWLEDGE.value):
        raise Unfit("kind: must be trait or knowledge")
    since, until = time_of(row.get("valid_from"), "valid_from"), time_of(row.get("valid_to"), "valid_to")
    if since is None:
        raise Unfit("valid_from: is missing")
    confidence, many = row.get("confidence", 1.0), row.get("many", False)
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise Unfit("confidence: must be a number from 0 to 1")
    if not isinstance(many, bool):
        raise Unfit("many: must be true or false")
    by, told = row.get("superseded_by"), [row.get(name) for name in ("subject", "attribute", "value")]
    return Fact(
        kind=Kind(row["kind"]),
        subject=text_of(row.get("subject"), "subject"),
        attribute=text_of(row.get("attribute"), "attribute"),
        value=text_of(row.get("value"), "value"),
        text=text_of(row.get("content"), "content"),
        sources=_sources(row),
        valid_from=since,
        valid_to=until,
        superseded_by=None if by is None else id_of(by, "superseded_by"),
        many=many,
        confidence=float(confidence),
        id=id_of(row.get("id") or mark("fact", *told, since), "id"),
    )


def _sources(row: Mapping[str, Any]) -> tuple[str, ...]:
    sources = row.get("sources")
    if not isinstance(sources, list) or not sources:
        raise Unfit("sources: must be a list of event ids, at least one")
    return tuple(id_of(source, "sources") for source in sources)

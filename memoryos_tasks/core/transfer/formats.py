"""The formats that an import takes, by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.transfer import bai_lab, document, mem0, transcript
from memoryos_tasks.core.transfer.found import Found
from memoryos_tasks.core.transfer.stream import DECODER, Opens, Path


@dataclass(frozen=True, slots=True)
class Format:
    """How a document is read: which of its containers are opened, what a part says, and where a line stands."""

    opens: Opens
    read: Callable[[Path, Any], Iterator[Found]]
    #: The path of a line of NDJSON; None where lines make no sense.
    line: Callable[[int, Any], tuple[Path, Any]] | None = None


def _own_line(place: int, value: Any) -> tuple[Path, Any]:
    """A line of our own document: ``{"event": {…}}`` or ``{"fact": {…}}``."""
    if isinstance(value, dict) and len(value) == 1:
        ((kind, row),) = value.items()
        if kind in ("event", "fact"):
            return (f"{kind}s", place), row
    raise InvalidRequest(f'data: line {place + 1} must be {{"event": {{…}}}} or {{"fact": {{…}}}}.', param="data")


def _item_line(place: int, value: Any) -> tuple[Path, Any]:
    return (place,), value


FORMATS = {
    "memoryos": Format(document.opens, document.read, _own_line),
    "bai-lab": Format(bai_lab.opens, bai_lab.read),
    "mem0": Format(mem0.opens, mem0.read, _item_line),
    "transcript": Format(transcript.opens, transcript.read, _item_line),
}


def ndjson(name: str, lines: Iterable[str]) -> Iterator[Found]:
    """What the lines of an NDJSON body say. Raises :class:`InvalidRequest`."""
    format = FORMATS[name]
    if format.line is None:
        raise InvalidRequest(f"format: {name!r} cannot be sent as NDJSON; send one JSON object.", param="format")
    for place, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            value = DECODER.decode(line)
        except json.JSONDecodeError as error:
            raise InvalidRequest(f"data: line {place + 1} is not JSON: {error.msg}.", param="data") from None
        except (RecursionError, ValueError):
            raise InvalidRequest(f"data: line {place + 1} cannot be read as JSON.", param="data") from None
        yield from format.read(*format.line(place, value))

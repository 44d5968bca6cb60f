"""Server-sent events: bytes in, events out, each as soon as its last byte is here.

The format is that of the HTML standard, section 9.2 (event streams). One difference: the end of the input also
ends an event, because some vendors leave out the blank line after their last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from memoryos_tasks.core.errors import UpstreamError

#: The largest event that is read, in bytes.
MAX_EVENT = 8 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """``data`` has the data lines joined by newlines; ``name`` is the event field, empty when absent."""

    data: str
    name: str = ""


def sse_events(chunks: Iterable[bytes], *, max_event: int = MAX_EVENT) -> Iterator[SseEvent]:
    """The events in ``chunks``. Raises :class:`UpstreamError` for an event larger than ``max_event``."""
    reader = SseReader(max_event)
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.end()


class SseReader:
    """Takes an event stream in pieces of any size, cut anywhere."""

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._max_event = max_event
        self._partial: list[bytes] = []  # the line that has not ended yet
        self._data: list[bytes] = []  # the data lines of the event that has not ended yet
        self._name = b""
        self._size = 0
        self._at_start = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """The events that ``chunk`` completes."""
        if not chunk:
            return
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the second half of a \r\n whose first half already ended the line
            self._after_cr = False
            if not chunk:
                return
        self._after_cr = chunk.endswith(b"\r")
        *lines, rest = _LINE_END.split(chunk)
        for line in lines:
            self._hold(line)
            event = self._end_line()
            if event:
                yield event
        self._hold(rest)

    def end(self) -> Iterator[SseEvent]:
        """The event that the end of the input completes, if any."""
        for _ in range(2):
            event = self._end_line()
            if event:
                yield event

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._size += len(piece)
        if self._size > self._max_event:
            raise UpstreamError(f"The model provider sent an event of more than {self._max_event} bytes.")
        self._partial.append(piece)

    def _end_line(self) -> SseEvent | None:
        line = b"".join(self._partial)
        self._partial.clear()
        if self._at_start:
            line = line.removeprefix(_BOM)
            self._at_start = False
        if not line:
            return self._end_event()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value
        elif not field:
            self._size -= len(line)  # comments keep a connection alive and count for no event
        return None

    def _end_event(self) -> SseEvent | None:
        data, name = self._data, self._name
        self._data, self._name, self._size = [], b"", 0
        if not data:
            return None
        return SseEvent(b"\n".join(data).decode("utf-8", "replace"), name.decode("utf-8", "replace"))

"""Exports of mem0: a list of {id, memory, created_at, updated_at, metadata, …}, or ``{"results": [those]}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memoryos_tasks.core.transfer.found import Found, Skipped, Unfit, mark, text_of, time_of
from memoryos_tasks.core.transfer.notes import note
from memoryos_tasks.core.transfer.stream import Path

#: The session that imported memories belong to.
SESSION = "mem0"
#: Names under which the list of memories stands.
_LISTS = ("results", "memories")
#: Longest name of an unknown part that is told, in characters.
_TOLD = 60


def opens(path: Path) -> bool:
    """One memory after the other."""
    return len(path) == 0 or (len(path) == 1 and path[0] in _LISTS)


def read(path: Path, value: Any) -> Iterator[Found]:
    """What one part of the export says."""
    if not path and value != []:
        yield Skipped("data", "is not a list of memories")
    if not path or (len(path) == 1 and value == []):
        return
    if isinstance(path[-1], str) and path[0] not in _LISTS:
        if isinstance(value, list | Mapping):  # Counts and page links stand beside the memories, too.
            yield Skipped(str(path[0])[:_TOLD], "is not among the memories; is the format another?")
        return
    where = f"memories[{path[-1]}]"
    try:
        if not isinstance(value, Mapping):
            raise Unfit("must be an object with a memory")
        text = text_of(value.get("memory") or value.get("text") or value.get("data"), "memory")
        at = time_of(value.get("updated_at") or value.get("created_at"), "created_at")
        # A memory that mem0 has changed since is another memory.
        yield from note(mark("mem0", value.get("id"), text), text, at, SESSION)
    except Unfit as error:
        yield Skipped(where, str(error))

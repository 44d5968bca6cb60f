"""Payloads read before, kept by the one process that may change them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

#: Payloads kept; the least lately read go first. About a kilobyte each.
MOST_KEPT = 20_000

#: A point's id as text, and its payload; not to be changed.
Kept = tuple[str, Mapping[str, Any]]


class Payloads:
    """A bounded cache. It is right because every write to the store passes through its owner, who tells it."""

    def __init__(self, read: Callable[[Sequence[UUID]], Mapping[int, Kept]], *, most: int = MOST_KEPT) -> None:
        self._read = read
        self._most = most
        #: By the ids' numbers: Python's own UUIDs are slow keys.
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._writes = 0
        self._guard = threading.Lock()

    def get(self, ids: Mapping[int, UUID]) -> dict[int, Kept]:
        """The payloads of the points that exist among these, which are given and told by their ids' numbers."""
        found: dict[int, Kept] = {}
        missing: list[UUID] = []
        with self._guard:
            before = self._writes
            for number, id in ids.items():
                kept = self._kept.get(number)
                if kept is None:
                    missing.append(id)
                else:
                    self._kept.move_to_end(number)
                    found[number] = kept
        if missing:
            fresh = self._read(missing)
            found.update(fresh)
            with self._guard:
                # What was read beside a write may be older than it: used this once, not kept.
                if before == self._writes:
                    self._kept.update(fresh)
                    while len(self._kept) > self._most:
                        self._kept.popitem(last=False)
        return found

    def drop(self) -> None:
        """Forget all."""
        with self._guard:
            self._writes += 1
            self._kept.clear()

    def changed(self, ids: Iterable[str]) -> None:
        """Forget these points; to be called after they were written."""
        with self._guard:
            self._writes += 1
            for id in ids:
                self._kept.pop(UUID(id).int, None)

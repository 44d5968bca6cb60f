"""Memory embedded anew: what a space lacks is filled in, and when nothing is left to fill, it takes over.

A point keeps its payload, its words and its vectors in other spaces. So the old embedder's vectors answer until the
new ones are complete, vectors of two embedders are never compared, and a run that dies is continued by the next one:
it finds what is still lacking.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import structlog

from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import Busy, MemoryOSError, Unavailable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.counters import Counters
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.embedders import Embedders
from memoryos_tasks.ports.locks import Locks
from memoryos_tasks.ports.spaces import Spaces
from memoryos_tasks.ports.vectors import Hit
from memoryos_tasks.services.revectoring import Revectoring

log = structlog.get_logger(__name__)

#: Points looked at in one step.
STEP = 128
#: Seconds that one run may take, about; the next one goes on.
RUN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Filled:
    """What one run did: points filled and points still lacking; ``complete``: all were looked at, and none could be
    filled any more; ``switched``: the space has taken over."""

    filled: int
    left: int
    complete: bool
    switched: bool = False


class Reindexing:
    """Fills spaces. ``embedder_of`` gives the embedder of a space, or raises :class:`ConfigError`."""

    def __init__(
        self,
        spaces: Spaces,
        embedders: Embedders,
        embedder_of: Callable[[Space], Embedder],
        codec: Codec,
        locks: Locks,
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spaces = spaces
        self._embedders = embedders
        self._embedder_of = embedder_of
        self._codec = codec
        self._locks = locks
        self._counters = counters
        self._clock = clock

    def due(self) -> bool:
        """Whether there is something to fill, to switch or to drop. Raises :class:`TruthDown`, :class:`VectorsDown`."""
        course = self._embedders.course()
        if course.changing or self._stale(course.active):
            return True
        return self._spaces.lacks(course.active) != (course.left or 0)

    def run(self, progress: Callable[[int, int], None]) -> Filled:
        """Fill what the wanted space lacks, for ``RUN_SECONDS``; when nothing is left, let it take over.

        Raises :class:`EmbedderDown`, :class:`VectorsDown`, :class:`TruthDown`; what was filled stays so.
        """
        done = self._run(progress)
        self._counters.add("reindexing", {"runs": 1, "filled": done.filled, "switched": int(done.switched)})
        return done

    def _run(self, progress: Callable[[int, int], None]) -> Filled:
        course = self._embedders.course()
        space = course.wanted
        filled, complete = self._fill(space, progress)
        left = self._spaces.lacks(space)
        if not complete:
            return Filled(filled, left, False)
        self._embedders.settle(space, left)
        switched = course.changing and self._embedders.switch(space)
        if switched:
            log.info("embedder_switched", embedder=space.embedder, dimensions=space.dimensions, left=left)
        elif not course.changing:
            # Not in the run that switches: workers that have not heard of it yet still search the old space.
            for name in self._stale(space):
                self._spaces.drop(name)
        return Filled(filled, left, True, switched)

    def _stale(self, active: Space) -> list[str]:
        """The names of vectors that nobody searches any more."""
        return [name for name in self._spaces.names() if name != active.vector]

    def _fill(self, space: Space, progress: Callable[[int, int], None]) -> tuple[int, bool]:
        """How many points were filled, and whether a whole pass found none to fill."""
        until = self._clock() + RUN_SECONDS
        work = Revectoring(self._spaces, space, self._embedder_of(space), self._codec, self._locks)
        total, filled = self._spaces.lacks(space), 0
        while True:
            found, cursor = 0, None
            while True:
                rows, cursor = self._spaces.lacking(space, limit=STEP, cursor=cursor)
                found += self._step(work, rows)
                progress(min(filled + found, total), total)
                if cursor is None or self._clock() >= until:
                    break
            filled += found
            if cursor is None and not found and not work.waits():
                return filled, True
            if self._clock() >= until:
                return filled, False

    def _step(self, work: Revectoring, rows: Sequence[tuple[Owner, Hit]]) -> int:
        def key(row: tuple[Owner, Hit]) -> tuple[str, str]:
            return row[0].tenant, row[0].user

        filled = 0
        for _, group in groupby(sorted(rows, key=key), key=key):
            mine = list(group)
            try:
                filled += work.fill(mine[0][0], [hit for _, hit in mine])
            except Busy:
                work.postpone()  # Another run keeps this owner's memory; the next pass comes back.
            except Unavailable:
                raise
            except MemoryOSError as error:  # One owner's trouble, such as a key that is gone, is not another's.
                log.warning("owner_not_embedded", code=error.code, tenant=mine[0][0].tenant)
        return filled

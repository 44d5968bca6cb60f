"""The registry over any of its stores: changes by compare and swap, and a memory that follows the store."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from memoryos_tasks.adapters.plane.document import Documents
from memoryos_tasks.adapters.plane.store import Store
from memoryos_tasks.core.errors import Busy, MemoryOSError, RegistryDown
from memoryos_tasks.core.plane.catalogue import Catalogue
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.nodes import Progress, Term
from memoryos_tasks.core.plane.policy import Policy
from memoryos_tasks.ports.plane.registry import Listener

log = structlog.get_logger(__name__)

#: Seconds for which a change tries: a cluster that lost its leader has elected another by then.
PATIENCE = 8.0
#: Seconds until a store that could not be reached is asked again.
RETRY = 0.2


@dataclass(frozen=True, slots=True)
class _Known:
    catalogue: Catalogue = field(default_factory=Catalogue)
    endpoints: tuple[Endpoint, ...] = ()
    progress: Progress = field(default_factory=Progress)


class SharedRegistry:
    """See :class:`memoryos_tasks.ports.plane.registry.Registry`.

    ``node`` is whose file :meth:`apply` and :meth:`seed` bring. ``followers`` threads follow the store, each on its
    own connection; whoever hears of a change first takes it over.
    """

    def __init__(
        self, store: Store, documents: Documents, *, node: str, followers: int = 1, patience: float = PATIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._documents = documents
        self._node = node
        self._followers = followers
        self._patience = patience
        self._clock = clock
        self._known = _Known()
        self._reading = threading.RLock()
        self._listeners: list[Listener] = []
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._loaded = self._down = False

    def endpoints(self) -> Sequence[Endpoint]:
        return self._known.endpoints

    def policy(self) -> Policy | None:
        return self._known.catalogue.policy

    def revision(self) -> int:
        return self._known.progress.revision

    def progress(self) -> Progress:
        return self._known.progress

    def put(self, endpoint: Endpoint, *, term: Term | None = None) -> None:
        self._change(lambda catalogue: catalogue.put(endpoint), term)

    def drain(self, id: str, *, term: Term | None = None) -> None:
        self._change(lambda catalogue: catalogue.drain(id), term)

    def remove(self, id: str, *, term: Term | None = None) -> None:
        self._change(lambda catalogue: catalogue.remove(id), term)

    def apply(
        self, models: Sequence[Endpoint], policy: Policy | None = None, *, term: Term | None = None
    ) -> None:
        self._change(lambda catalogue: catalogue.apply(models, self._node, policy), term)

    def seed(self, models: Sequence[Endpoint], policy: Policy | None = None) -> None:
        self._change(lambda catalogue: catalogue.seed(models, self._node, policy), None)

    def listen(self, listener: Listener) -> Callable[[], None]:
        with self._reading:
            self._listeners.append(listener)

        def end() -> None:
            with self._reading:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return end

    def start(self) -> None:
        if not self._threads:
            for worker in range(self._followers):
                thread = threading.Thread(target=self._follow, args=(worker,), name=f"registry-{worker}", daemon=True)
                self._threads.append(thread)
                thread.start()
        self.refresh()

    def close(self) -> None:
        self._stop.set()
        self._store.close()
        for thread in self._threads:
            thread.join(timeout=2)

    def refresh(self) -> None:
        """Look at the store and take over what is new. Raises :class:`RegistryDown`."""
        with self._reading:
            kept = self._store.read()
            known = self._known.progress
            if kept.revision == known.revision:
                self._known = _Known(
                    self._known.catalogue, self._known.endpoints,
                    Progress(known.revision, self._clock(), known.delay_ms))
            elif kept.revision == 0:
                # Somebody emptied the store. What every node still has in memory is the best there is.
                log.warning("registry_was_emptied", revision=known.revision)
                document = self._documents.write(self._known.catalogue, self._clock())
                if self._store.swap(0, document, None):
                    kept = self._store.read()
                    self._take(*self._documents.read(kept.document), kept.revision)
            else:
                self._take(*self._documents.read(kept.document), kept.revision)
            self._loaded = True

    def _take(self, catalogue: Catalogue, changed_at: float, revision: int) -> None:
        now = self._clock()
        # What was there before this node came is not late.
        delay = max(0, int((now - changed_at) * 1000)) if self._loaded else 0
        self._known = _Known(catalogue, catalogue.endpoints(), Progress(revision, now, delay))
        log.info("registry_changed", revision=revision, endpoints=len(self._known.endpoints))
        for listener in list(self._listeners):
            try:
                listener(self._known.endpoints)
            except Exception:  # whatever it is, the others are told, and this node goes on following
                log.exception("registry_listener_failed")

    def _change(self, change: Callable[[Catalogue], Catalogue], term: Term | None) -> None:
        end = time.monotonic() + self._patience
        while True:
            pause = random.uniform(0, 0.02)
            failed: MemoryOSError = Busy("Others change the registry without a break; try again.", retry_after=1)
            try:
                if self._changed(change, term):
                    return
            except RegistryDown as error:
                failed, pause = error, RETRY
            if time.monotonic() + pause > end:
                raise failed
            time.sleep(pause)

    def _changed(self, change: Callable[[Catalogue], Catalogue], term: Term | None) -> bool:
        """Whether the change is kept now; what was sent before an answer got lost is found and counts."""
        kept = self._store.read()
        before, _ = self._documents.read(kept.document)
        after = change(before)
        if after == before and term is None and kept.revision:
            self.refresh()
            return True
        if not self._store.swap(kept.revision, self._documents.write(after, self._clock()), term):
            return False
        self.refresh()
        return True

    def _follow(self, worker: int) -> None:
        while not self._stop.is_set():
            try:
                self._store.wait(self.revision(), worker, self._stop)
                if not self._stop.is_set():
                    self.refresh()
                if self._down:
                    self._down = False
                    log.info("registry_reached")
            except RegistryDown:
                if not self._down and not self._stop.is_set():
                    self._down = True
                    log.warning("registry_not_reached", revision=self.revision())
                self._stop.wait(RETRY)
            except Exception as error:  # whatever it is, this thread must go on: the node lives on what it hears
                if isinstance(error, MemoryOSError):
                    log.error("registry_not_taken_over", code=error.code, error=error.message)
                else:
                    log.exception("registry_not_followed")
                self._stop.wait(1.0)

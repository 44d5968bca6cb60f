"""The life of a worker process: logs, ownership of the vectors, and saying that it is there."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import structlog
from celery import signals

from memoryos_tasks import logs
from memoryos_tasks.adapters.redis.presence import WorkerInfo
from memoryos_tasks.bootstrap import House, house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.ports.llm import Provider
from memoryos_tasks.queues import VECTORS

log = structlog.get_logger(__name__)

#: Seconds between two words of a worker that it is there.
ANNOUNCE_SECONDS = 1.0
#: Pools whose tasks run in the process that owns the store.
OWNING_POOLS = ("thread", "solo")
#: Rounds of announcing between two looks at the providers' models.
MODEL_ROUNDS = 60


class Process:
    """This worker process as others see it."""

    def __init__(self) -> None:
        self.worker: Any = None
        self.name = ""
        self._may_own = False
        self._stopping = threading.Event()
        self._models: tuple[str, ...] = ()

    def prepare(self, worker: Any, name: str) -> None:
        """Before queues are read: own the embedded store if it is free, else leave its queue to its owner."""
        self.worker, self.name = worker, f"{name}/{os.getpid()}"
        shared = house().shared
        queues = worker.app.amqp.queues
        wanted = VECTORS in queues.consume_from
        pool = str(getattr(worker.pool_cls, "__module__", ""))
        self._may_own = wanted and pool.rpartition(".")[2] in OWNING_POOLS
        if wanted and (shared is None or not (self._may_own and shared.try_own())):
            queues.deselect(VECTORS)
        log.info("worker_starting", vectors=self._role(house()), pool=pool.rpartition(".")[2])

    def run(self) -> None:
        """Announce this process until it stops; take the store over when its owner is gone."""
        parts = house()
        rounds = 0
        while not self._stopping.wait(ANNOUNCE_SECONDS if rounds else 0):
            if rounds % MODEL_ROUNDS == 0:
                threading.Thread(target=self._look_at_models, args=(parts,), daemon=True).start()
            rounds += 1
            try:
                self._take_over(parts)
                parts.presence.announce(self._info(parts))
                parts.visits.flush()
            except MemoryOSError as error:
                log.debug("presence_not_announced", code=error.code)
            except Exception as error:
                log.error("presence_failed", exc_info=error)

    def stop(self) -> None:
        """Say goodbye and release the store."""
        self._stopping.set()
        parts = house()
        try:
            parts.presence.leave(self.name)
        except MemoryOSError as error:
            log.debug("presence_not_withdrawn", code=error.code)
        parts.vectors.close()

    def _take_over(self, parts: House) -> None:
        shared = parts.shared
        if not self._may_own or shared is None or shared.owned is not None:
            return
        if shared.try_own():
            log.info("vectors_taken_over")
            self.worker.consumer.call_soon(self.worker.consumer.add_task_queue, VECTORS)

    def _info(self, parts: House) -> WorkerInfo:
        queues = tuple(sorted(self.worker.app.amqp.queues.consume_from))
        return WorkerInfo(self.name, os.getpid(), queues, True, self._role(parts), self._models, 0.0)

    def _role(self, parts: House) -> str:
        if parts.shared is None:
            return "server"
        return "owner" if parts.shared.owned is not None else "client"

    def _look_at_models(self, parts: House) -> None:
        self._models = _models(parts.providers())


def _models(providers: Mapping[str, Provider]) -> tuple[str, ...]:
    names: list[str] = []
    for name, provider in providers.items():
        try:
            models = provider.models()
        except MemoryOSError as error:
            log.info("models_not_listed", provider=name, code=error.code)
            continue
        names += [model if name == model else f"{name}/{model}" for model in models]
    return tuple(dict.fromkeys(names))


process = Process()


@signals.setup_logging.connect
def _logs(**_: Any) -> None:
    """Celery sets up no logging of its own where this is connected."""
    live = house().live
    logs.configure(live.current.log)
    live.on_change(lambda _, new: logs.set_level(new.log.level))
    live.watch()


@signals.celeryd_after_setup.connect
def _prepare(sender: str, instance: Any, **_: Any) -> None:
    process.prepare(instance, sender)


@signals.worker_ready.connect
def _ready(**_: Any) -> None:
    threading.Thread(target=process.run, name="presence", daemon=True).start()


@signals.worker_shutdown.connect
def _shutdown(**_: Any) -> None:
    process.stop()


__all__ = ["app", "process"]

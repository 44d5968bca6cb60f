"""The life of a worker process: logs, ownership of the vectors, and saying that it is there."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

import structlog
from celery import signals

from memoryos_tasks import logs
from memoryos_tasks.adapters.redis.connections import truth
from memoryos_tasks.adapters.redis.presence import WorkerInfo, claim_vault
from memoryos_tasks.adapters.vectors.none import NoStore
from memoryos_tasks.bootstrap import House, house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import ConfigError, MemoryOSError
from memoryos_tasks.ports.llm import Provider
from memoryos_tasks.queues import VECTORS

log = structlog.get_logger(__name__)

#: Seconds between two words of a worker that it is there.
ANNOUNCE_SECONDS = 1.0
#: Pools whose tasks run in the process that owns the store.
OWNING_POOLS = ("memoryos_tasks.pool", "celery.concurrency.thread", "celery.concurrency.solo")
#: Rounds of announcing between two looks at the providers' models.
MODEL_ROUNDS = 60
#: And between two words on how busy this machine is.
FIGURE_ROUNDS = 5


class Process:
    """This worker process as others see it."""

    def __init__(self) -> None:
        self.worker: Any = None
        self.name = ""
        self._may_own = False
        self._stopping = threading.Event()
        self._announcing = threading.Lock()
        self._hanging = False
        self._models: tuple[str, ...] = ()

    def prepare(self, worker: Any, name: str) -> None:
        """Before queues are read: own the embedded store if it is free, else leave its queue to its owner."""
        self.worker, self.name = worker, f"{name}/{os.getpid()}"
        queues = worker.app.amqp.queues
        wanted = VECTORS in queues.consume_from
        pool = str(getattr(worker.pool_cls, "__module__", ""))
        self._may_own = wanted and pool in OWNING_POOLS
        if wanted and not self._own(house()):
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
                self._announce(parts)
                parts.visits.flush()
                if rounds % FIGURE_ROUNDS == 0:
                    parts.figures.tell(self.name)
            except MemoryOSError as error:
                log.debug("presence_not_announced", code=error.code)
            except Exception as error:
                log.error("presence_failed", exc_info=error)

    def leave(self) -> None:
        """Say goodbye: this process takes no more messages."""
        self._stopping.set()
        try:
            with self._announcing:
                house().presence.leave(self.name)
        except MemoryOSError as error:
            log.debug("presence_not_withdrawn", code=error.code)

    def give_back(self, *, hanging: bool) -> None:
        """Return the jobs of the runs that have not finished. ``hanging``: some threads never may."""
        self._hanging = hanging
        if hanging:
            log.info("jobs_given_back", jobs=house().keeper.give_back())

    def stop(self) -> None:
        """Release the store, and end at once where a thread hangs: Python would wait for it."""
        if not self._stopping.is_set():
            self.leave()
        house().records.close()
        house().vectors.close()
        if self._hanging:
            sys.stdout.flush()
            os._exit(int(self.worker.exitcode or 0))

    def _announce(self, parts: House) -> None:
        with self._announcing:
            if not self._stopping.is_set():
                parts.presence.announce(self._info(parts))

    def _take_over(self, parts: House) -> None:
        if self._may_own and parts.shared is not None and parts.shared.owned is None and self._own(parts):
            log.info("vectors_taken_over")
            self.worker.consumer.call_soon(self.worker.consumer.add_task_queue, VECTORS)

    def _own(self, parts: House) -> bool:
        """Own the embedded store if that may be and it is free. A store that can never be ours is asked for once."""
        if not self._may_own or parts.shared is None:
            return False
        try:
            return parts.shared.try_own()
        except MemoryOSError as error:
            self._may_own = False
            log.error("vectors_cannot_be_owned", code=error.code, reason=error.message)
            return False

    def _info(self, parts: House) -> WorkerInfo:
        queues = tuple(sorted(self.worker.app.amqp.queues.consume_from))
        return WorkerInfo(self.name, os.getpid(), queues, True, self._role(parts), self._models, 0.0)

    def _role(self, parts: House) -> str:
        if parts.shared is None:
            return "none" if isinstance(parts.store, NoStore) else "server"
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
    try:
        live = house().live
    except ConfigError as error:
        sys.exit(error.message)
    logs.configure(live.current.log)
    live.on_change(lambda _, new: logs.set_level(new.log.level))
    live.watch()


@signals.worker_process_init.connect
def _in_child(**_: Any) -> None:
    """A process of a prefork fleet wires its own house, and follows the configuration as its parent does."""
    live = house().live
    live.on_change(lambda _, new: logs.set_level(new.log.level))
    live.watch()


@signals.celeryd_after_setup.connect
def _prepare(sender: str, instance: Any, **_: Any) -> None:
    vault = house().vault
    try:
        claim_vault(truth(house().settings), vault.identity, vault.path)
    except ConfigError as error:
        sys.exit(error.message)
    process.prepare(instance, sender)


@signals.worker_ready.connect
def _ready(**_: Any) -> None:
    threading.Thread(target=process.run, name="presence", daemon=True).start()


@signals.worker_shutdown.connect
def _shutdown(**_: Any) -> None:
    process.stop()


__all__ = ["app", "process"]

"""A worker that SIGKILLs itself: ``dying_worker.py popped|in-hand`` says how far it gets with a chat's message, a
number how many writes it makes for the change of an item."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.celery_app import app
from memoryos_tasks.consumer import Consumer
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.services.changes import Changes
from memoryos_tasks.transport import Transport


def die() -> None:
    """At once, as the machine's out-of-memory killer would."""
    os.kill(os.getpid(), signal.SIGKILL)


class Popping(Transport):
    """Dies with a message that the broker has given away and nobody has looked at."""

    def _deliver(self, message: Any, queue: str) -> None:
        if queue == "chat":
            die()
        super()._deliver(message, queue)


class Holding(Consumer):
    """Dies with a message in hand, before its task starts."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Any:
        handle = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Any) -> None:
            if message.headers.get("task") == "chat.run":
                die()
            handle(message)

        return on_task_received


def changing(writes: int) -> None:
    """Die before the write to the vector store that follows so many of a change."""
    make, here = Changes.make, threading.local()

    def made(self: Changes, job: Job) -> dict[str, Any]:
        here.left = writes
        return make(self, job)

    def counted(write: Callable[..., None]) -> Callable[..., None]:
        def writing(*arguments: Any, **options: Any) -> None:
            left = getattr(here, "left", None)
            if left == 0:
                die()
            here.left = None  # What a write writes by the way is part of it.
            write(*arguments, **options)
            here.left = left and left - 1

        return writing

    Changes.make = made  # type: ignore[method-assign]
    for name in ("upsert", "patch", "patch_many", "delete"):
        setattr(EdgeStore, name, counted(getattr(EdgeStore, name)))


if __name__ == "__main__":
    if sys.argv[1].isdecimal():
        changing(int(sys.argv[1]))
    elif sys.argv[1] == "popped":
        app.conf.broker_transport = "dying_worker:Popping"
    else:
        app.conf.worker_consumer = "dying_worker:Holding"
    app.worker_main(["worker", "-n", "dying@%h", "--without-mingle", "--without-gossip"])

"""A worker that SIGKILLs itself: ``python dying_worker.py popped|noted`` says how far it gets with a chat's message."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from memoryos_tasks.celery_app import app
from memoryos_tasks.consumer import Consumer
from memoryos_tasks.transport import Transport


def die() -> None:
    """At once, as the machine's out-of-memory killer would."""
    os.kill(os.getpid(), signal.SIGKILL)


class Popping(Transport):
    """Dies with a message in hand that the broker has given away and nobody has noted."""

    def _deliver(self, message: Any, queue: str) -> None:
        if queue == "chat":
            die()
        super()._deliver(message, queue)


class Noting(Consumer):
    """Dies with a message that is noted as unacknowledged, before its task starts."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Any:
        handle = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Any) -> None:
            if message.headers.get("task") == "chat.run":
                die()
            handle(message)

        return on_task_received


if __name__ == "__main__":
    if sys.argv[1] == "popped":
        app.conf.broker_transport = "dying_worker:Popping"
    else:
        app.conf.worker_consumer = "dying_worker:Noting"
    app.worker_main(["worker", "-n", "dying@%h", "--without-mingle", "--without-gossip"])

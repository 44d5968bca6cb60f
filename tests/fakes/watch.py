"""A watch whose state the test sets."""

from __future__ import annotations

from dataclasses import replace

from fakes.worker import FakeWorker
from memoryos_app.watch import State


class FakeWatch:
    """A watch whose state the test sets; ``state`` starts with everything up."""

    def __init__(self) -> None:
        self.state = State(True, True, (FakeWorker(),))

    def truth_failed(self) -> None:
        self.state = replace(self.state, truth=False)

    def traffic_failed(self) -> None:
        self.state = replace(self.state, traffic=False, workers=())

    def wait_for(self, queue: str, timeout: float) -> bool:
        return queue in self.state.served

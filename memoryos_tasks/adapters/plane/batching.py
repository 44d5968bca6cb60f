"""Requests for one glm endpoint that come within a few milliseconds of each other: one call with a list of prompts."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from memoryos_tasks.adapters.llm.glm import GlmProvider, NoLists, passed, prompt
from memoryos_tasks.core.errors import Cancelled, MemoryOSError, UpstreamError, UpstreamTimeout
from memoryos_tasks.ports.llm import ModelCall

#: Seconds for which an endpoint that took no list is sent none.
NO_LISTS = 300.0
#: Calls go together when the time that they have left differs by no more than this factor: the shortest one rules.
ALIKE = 1.25
#: Seconds between two looks whether a waiting call is still wanted.
LOOK = 0.2


@dataclass(slots=True)
class _Batch:
    calls: list[ModelCall] = field(default_factory=list)
    full: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    answers: list[str] = field(default_factory=list)
    #: What each of them gets instead; None with no answers: each is to ask for itself.
    error: MemoryOSError | None = None


class BatchingProvider:
    """A provider that gathers at most ``most`` calls for at most ``wait`` seconds. Safe to share between threads.

    The first of them sends; the others wait for it. An endpoint that takes no lists is asked one by one.
    """

    def __init__(self, provider: GlmProvider, *, most: int, wait: float) -> None:
        self._provider = provider
        self._most = most
        self._wait = wait
        self._guard = threading.Lock()
        self._open: dict[str, _Batch] = {}
        #: Whether a list was ever answered, and until when none is sent.
        self._answered = False
        self._alone_until = 0.0

    def models(self) -> list[str]:
        return self._provider.models()

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        yield from self._provider.stream(call)

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """See :class:`memoryos_tasks.ports.llm.Provider`."""
        prompt(call.body)  # What cannot be asked is refused here, not together with others.
        if time.monotonic() < self._alone_until:
            return self._provider.complete(call)
        batch, place = self._join(call)
        if place == 0:
            batch.full.wait(self._wait)
            self._send(batch, call)
        else:
            _wait(batch, call)
        if batch.error is not None:
            raise batch.error
        if not batch.answers:
            return self._provider.complete(call)
        return self._provider.completion(call, [batch.answers[place]], {})

    def _join(self, call: ModelCall) -> tuple[_Batch, int]:
        left = max(call.deadline - time.monotonic(), 0.001)
        alike = round(math.log(left, ALIKE)) if math.isfinite(left) else ""
        key = json.dumps([passed(call.body), alike], sort_keys=True)
        with self._guard:
            batch = self._open.setdefault(key, _Batch())
            batch.calls.append(call)
            place = len(batch.calls) - 1
            if len(batch.calls) >= self._most:
                del self._open[key]
                batch.full.set()
        return batch, place

    def _send(self, batch: _Batch, first: ModelCall) -> None:
        with self._guard:
            for key in [key for key, one in self._open.items() if one is batch]:
                del self._open[key]
        try:
            if len(batch.calls) > 1:
                batch.answers = self._together(batch.calls)
        except UpstreamError as error:
            # From an endpoint that never took a list a failure may be about the list.
            if isinstance(error, NoLists) or (not self._answered and error.upstream_status is not None):
                self._alone_until = time.monotonic() + NO_LISTS
            else:
                batch.error = error
        except MemoryOSError as error:
            batch.error = error
        finally:
            batch.done.set()

    def _together(self, calls: list[ModelCall]) -> list[str]:
        whole = ModelCall(
            id=calls[0].id,
            model=calls[0].model,
            body=calls[0].body,
            deadline=min(call.deadline for call in calls),
            cancelled=lambda: all(call.cancelled() for call in calls),
        )
        answers, _ = self._provider.ask([prompt(call.body) for call in calls], passed(whole.body), whole)
        self._answered = True
        return answers


def _wait(batch: _Batch, call: ModelCall) -> None:
    while not batch.done.wait(min(LOOK, max(call.deadline - time.monotonic(), 0.0))):
        if call.cancelled():
            raise Cancelled
        if time.monotonic() >= call.deadline:
            raise UpstreamTimeout("The model provider 'glm' did not finish before the deadline of the call.")

"""What runs say, in lists."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.runs import Message, Saying


class FakeSpeech:
    """Says each at once."""

    def __init__(self, say: Callable[[Saying, Mapping[str, Any]], bool]) -> None:
        self.say = say


class FakeRuns:
    """Runs' streams in memory; what is said with an inbox reaches ``hear`` at once. ``down``: unreachable."""

    def __init__(self) -> None:
        self.hear: Callable[[Mapping[str, str]], None] = lambda fields: None
        self.told: Callable[[tuple[str, str], str, Mapping[str, str]], None] = lambda run, id, fields: None
        self.streams: dict[str, list[Message]] = {}
        self.requests: dict[tuple[str, str], tuple[Owner, Mapping[str, Any]]] = {}
        self.cancelled: set[str] = set()
        self.cancel_seen = threading.Event()
        self.down = False
        self._ids = itertools.count(1)

    def _reach(self) -> None:
        if self.down:
            raise TrafficDown(retry_after=1)

    @contextmanager
    def speaking(self, owner: Owner, job_id: str, *, inbox: str) -> Iterator[FakeSpeech]:
        yield FakeSpeech(lambda saying, data: self.say(owner, job_id, saying, data, inbox=inbox))

    def say(
        self, owner: Owner, job_id: str, saying: Saying, data: Mapping[str, Any], *, inbox: str, behind: bool = False
    ) -> bool:

        self._reach()
        message = Message(f"{next(self._ids)}-0", saying, data)
        self.streams.setdefault(job_id, []).append(message)
        written = {"say": saying.value, "data": json.dumps(data, ensure_ascii=False, separators=(",", ":"))}
        if inbox:
            self.hear({"job": job_id, "id": message.id, **written})
        self.told((owner.tenant, job_id), message.id, written)
        return job_id in self.cancelled

    def replay(self, owner: Owner, job_id: str, *, after: str = "0-0") -> list[Message]:
        self._reach()
        place = int(after.split("-")[0])
        return [one for one in self.streams.get(job_id, []) if int(one.id.split("-")[0]) > place]

    def spoke(self, owner: Owner, job_id: str) -> bool:
        return any(message.saying is Saying.CHUNK for message in self.streams.get(job_id, []))

    def cancel(self, owner: Owner, job_id: str) -> None:
        self._reach()
        self.cancelled.add(job_id)
        self.cancel_seen.set()

    @contextmanager
    def watching(self, owner: Owner, job_id: str) -> Iterator[Callable[[], bool]]:
        yield lambda: job_id in self.cancelled

    def ask(self, owner: Owner, request_id: str, request: Mapping[str, Any]) -> None:
        self._reach()
        self.requests[owner.tenant, request_id] = (owner, request)

    def asked(self, tenant: str, request_id: str) -> tuple[Owner, Mapping[str, Any]] | None:
        return self.requests.pop((tenant, request_id), None)

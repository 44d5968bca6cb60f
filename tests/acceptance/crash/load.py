"""The clients of a crash test: each sends its calls one after the other, and each call until it is acknowledged."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import redis
import requests
from acceptance.crash.plan import Call, Said
from acceptance.system import System

#: Seconds in which a call must be acknowledged, whatever is killed meanwhile.
ACK_SECONDS = 60.0
#: Seconds until an unanswered call is sent again, and between two tries.
ANSWER_SECONDS, PAUSE_SECONDS = 10.0, 0.1

#: What an answer says that was given without the store of record: it is not remembered.
UNREMEMBERED = ("degraded:truth", "degraded:proxy")

#: Sends a call once and gives the events that are acknowledged by it; raises when it has to be sent again.
Send = Callable[[Call], Sequence[Said]]


class Load:
    """Clients in threads. What was acknowledged is noted; ``failures`` holds what must not have happened."""

    def __init__(self) -> None:
        self.acked: list[Said] = []
        self.failures: list[str] = []
        self.retries = 0
        self._change = threading.Condition()
        self._allowed = 0
        self._ended = False
        self._threads: list[threading.Thread] = []

    def allow(self, calls: int) -> None:
        """Let the clients send this many calls more."""
        with self._change:
            self._allowed += calls
            self._change.notify_all()

    def reached(self, acked: int, *, seconds: float) -> bool:
        """Wait until so many events are acknowledged, at most so long."""
        with self._change:
            return self._change.wait_for(lambda: len(self.acked) >= acked or not self.running, timeout=seconds)

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def start(self, send: Send, calls: Sequence[Call]) -> None:
        """One client more."""
        thread = threading.Thread(target=self._client, args=(send, calls), daemon=True)
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        """Let the clients send no other call, and wait for those under way."""
        with self._change:
            self._ended = True
            self._change.notify_all()
        self.join()

    def join(self) -> None:
        """Wait until every client has sent all."""
        for thread in self._threads:
            thread.join()

    def _client(self, send: Send, calls: Sequence[Call]) -> None:
        for call in calls:
            with self._change:
                self._change.wait_for(lambda: self._allowed > 0 or self._ended)
                if self._ended:
                    return
                self._allowed -= 1
            try:
                acked = self._until_acked(send, call)
            except Exception as error:
                self.failures.append(f"{call.events[0].event_id}: {type(error).__name__}: {error}")
                continue
            with self._change:
                self.acked += acked
                self._change.notify_all()

    def _until_acked(self, send: Send, call: Call) -> Sequence[Said]:
        end = time.monotonic() + ACK_SECONDS
        while True:
            try:
                return send(call)
            except (requests.RequestException, redis.RedisError) as error:
                self.retries += 1
                if time.monotonic() > end:
                    raise AssertionError(f"not acknowledged within {ACK_SECONDS:g} s, last: {error}") from error
                time.sleep(PAUSE_SECONDS)


class Adds:
    """Sends calls to ``POST /v1/memory/add``."""

    def __init__(self, system: System) -> None:
        self._url = f"{system.url}/v1/memory/add"
        self._http = requests.Session()

    def __call__(self, call: Call) -> Sequence[Said]:
        answer = self._http.post(self._url, json=call.body(), timeout=ANSWER_SECONDS)
        said = _body(answer)
        ids = {event.event_id for event in call.events}
        if {*said["event_ids"], *said["duplicates"]} != ids:
            raise AssertionError(f"sent {sorted(ids)}, answered {said}")
        if call.again and said["status"] != "duplicate":
            raise AssertionError(f"was acknowledged before, and is new again: {said}")
        return () if call.again else call.events


class RawEntries:
    """Puts entries into the journal as ``redis-cli XADD`` does."""

    def __init__(self, system: System) -> None:
        self._redis = redis.Redis.from_url(system.truth_url, socket_timeout=5)

    def __call__(self, call: Call) -> Sequence[Said]:
        for event in call.events:
            body = {"user_id": event.user, "session_id": event.session, "role": "user", "content": event.content}
            self._redis.xadd("chat_log", {"event_id": event.event_id, "payload": json.dumps(body)})
        return call.events


class Chats:
    """Chats with the offline model, to be answered at once or ``later``; the question and its answer are events."""

    def __init__(self, system: System, *, later: bool) -> None:
        self._url = f"{system.url}/v1/chat/completions"
        self._later = later
        #: The accepted jobs.
        self.jobs: list[str] = []

    def __call__(self, call: Call) -> Sequence[Said]:
        said = call.events[0]
        body = {"model": "offline", "user": said.user, "messages": [{"role": "user", "content": said.content}]}
        headers = {"Idempotency-Key": said.event_id, "X-MemoryOS-Session": said.session}
        if self._later:
            headers["Prefer"] = "respond-async"
        answer = requests.post(self._url, json=body, headers=headers, timeout=ANSWER_SECONDS)
        _body(answer)
        if answer.headers["X-MemoryOS-Status"] in UNREMEMBERED:
            return ()
        self.jobs.append(answer.headers["X-MemoryOS-Job"])
        return [replace(said, event_id=f"{self.jobs[-1]}:{place}") for place in (0, 1)]


def _body(answer: requests.Response) -> dict[str, Any]:
    """What a 2xx says. A refusal is no matter of trying again."""
    if 400 <= answer.status_code < 500 and answer.status_code != 429:
        raise AssertionError(f"refused with {answer.status_code}: {answer.text}")
    answer.raise_for_status()
    return dict(answer.json())

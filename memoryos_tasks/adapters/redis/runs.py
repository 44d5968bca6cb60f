"""What runs say, in Redis streams of the traffic role."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.cancels import Cancels
from memoryos_tasks.adapters.redis.connections import REFUSED_SECONDS, script, traffic_errors
from memoryos_tasks.adapters.redis.speech import (
    INBOX_ENTRIES,
    KEEP_SECONDS,
    RUN_ENTRIES,
    Mouth,
    RedisSpeech,
    written,
)
from memoryos_tasks.core.errors import MemoryOSError, TrafficDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.runs import Message, Saying

#: How the ids of unledgered reads start.
READ_PREFIX = "ask_"
#: Seconds that a run's stream stays after its end for replay; the ledger keeps the result.
REPLAY_SECONDS = 600
#: Seconds that the answer to a read stays: only the one who asked wants it.
READ_SECONDS = 30
#: How often the end of a stream is said when the store does not answer.
TRIES = 3
#: Seconds that an unledgered request waits for a worker.
ASKED_SECONDS = 60


class RedisRuns:
    """See :class:`memoryos_tasks.ports.runs.Runs`. ``block`` is a client whose answers may take longer."""

    def __init__(self, traffic: redis.Redis, codec: Codec, *, block: redis.Redis | None = None) -> None:
        self._redis = traffic
        self._codec = codec
        self._say = script(traffic, "run_say")
        self._say_end = script(block or traffic, "run_say")
        self._cancels = Cancels(traffic)
        # By the patient one: many runs fail together when one answer to them comes too late.
        self._mouth = Mouth(block or traffic, codec)

    def say(
        self, owner: Owner, job_id: str, saying: Saying, data: Mapping[str, Any], *, inbox: str, behind: bool = False
    ) -> bool:
        stream = keyspace.run(owner.tenant, job_id)
        keys = [stream, keyspace.cancelled(owner.tenant, job_id), keyspace.inbox_key(inbox) if inbox else stream]
        keep = REPLAY_SECONDS if saying in (Saying.DONE, Saying.ERROR) else KEEP_SECONDS
        if job_id.startswith(READ_PREFIX):
            keep = READ_SECONDS
        sealed = written(self._codec, owner, data)
        args = [saying.value, sealed, job_id, RUN_ENTRIES, keep, INBOX_ENTRIES, int(behind)]
        answer = self._said(keys, args, TRIES if behind else 1)
        if not answer[0]:
            raise TrafficDown("The task broker lost what the run had said.", retry_after=1)
        return bool(answer[1])

    def _said(self, keys: list[str], args: list[Any], tries: int) -> Any:
        """The script's answer. The end of a stream is tried again: said twice it is still its end."""
        say = self._say if tries == 1 else self._say_end
        while True:
            tries -= 1
            try:
                with traffic_errors():
                    return say(keys, args)
            except TrafficDown:
                if not tries:
                    raise
            time.sleep(REFUSED_SECONDS)

    @contextmanager
    def speaking(self, owner: Owner, job_id: str, *, inbox: str) -> Iterator[RedisSpeech]:
        speech = RedisSpeech(self._mouth, owner, job_id, inbox)
        try:
            yield speech
        except BaseException:
            with suppress(MemoryOSError):
                speech.settle()  # What was said before stands before what is said of the failure.
            raise
        speech.settle()

    def replay(self, owner: Owner, job_id: str, *, after: str = "0-0") -> list[Message]:
        stream = keyspace.run(owner.tenant, job_id)
        with traffic_errors():
            answer: Any = self._redis.xread({stream: after}, count=1000)
        return [self._message(owner, id, fields) for id, fields in answer[0][1]] if answer else []

    def spoke(self, owner: Owner, job_id: str) -> bool:
        # The newest word tells: a run that would follow one that spoke ends without a word of its own.
        with traffic_errors():
            entries: Any = self._redis.xrevrange(keyspace.run(owner.tenant, job_id), count=1)
        return any(fields["say"] != Saying.START for _, fields in entries)

    def cancel(self, owner: Owner, job_id: str) -> None:
        with traffic_errors():
            self._redis.set(keyspace.cancelled(owner.tenant, job_id), 1, ex=KEEP_SECONDS)

    def watching(self, owner: Owner, job_id: str) -> AbstractContextManager[Callable[[], bool]]:
        return self._cancels.watching(owner, job_id)

    def ask(self, owner: Owner, request_id: str, request: Mapping[str, Any]) -> None:
        sealed = self._codec.seal(owner, json.dumps(request, ensure_ascii=False))
        body = json.dumps({"user": owner.user, "request": sealed})
        with traffic_errors():
            self._redis.set(keyspace.asked(owner.tenant, request_id), body, ex=ASKED_SECONDS)

    def asked(self, tenant: str, request_id: str) -> tuple[Owner, Mapping[str, Any]] | None:
        with traffic_errors():
            body: Any = self._redis.getdel(keyspace.asked(tenant, request_id))
        if body is None:
            return None
        opened = json.loads(body)
        owner = Owner(tenant, opened["user"])
        return owner, json.loads(self._codec.open(owner, opened["request"]))

    def _message(self, owner: Owner, id: str, fields: Mapping[str, str]) -> Message:
        return Message(id, Saying(fields["say"]), text=self._codec.open(owner, fields["data"]))

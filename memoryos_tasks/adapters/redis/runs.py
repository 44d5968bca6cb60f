"""What runs say, in Redis streams of the traffic role."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import BLOCK_SECONDS, script, traffic_errors
from memoryos_tasks.adapters.redis.scripts import source
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.runs import Message, Saying

#: How the ids of unledgered reads start.
READ_PREFIX = "ask_"
#: Most messages kept of one run, about; a longer answer loses its start for replay, not for its reader.
RUN_ENTRIES = 20_000
#: Most messages that wait in one gateway process' inbox, about.
INBOX_ENTRIES = 100_000
#: Seconds that a run's stream stays while it goes on, and after its end for replay; the ledger keeps the result.
KEEP_SECONDS = 3_600
REPLAY_SECONDS = 600
#: Seconds that the answer to a read stays: only the one who asked wants it.
READ_SECONDS = 30
#: Seconds that an unledgered request waits for a worker.
ASKED_SECONDS = 60


#: By this name Redis knows the script once it was loaded.
_SAY = hashlib.sha1(source("run_say").encode()).hexdigest()


class RedisRuns:
    """See :class:`memoryos_tasks.ports.runs.Runs`. ``block`` is a client whose reads may wait."""

    def __init__(self, traffic: redis.Redis, codec: Codec, *, block: redis.Redis | None = None) -> None:
        self._redis = traffic
        self._block = block or traffic
        self._codec = codec
        self._say = script(traffic, "run_say")

    def say(self, owner: Owner, job_id: str, saying: Saying, data: Mapping[str, Any], *, inbox: str) -> bool:
        keys, args = self._command(owner, job_id, saying, data, inbox)
        with traffic_errors():
            answer = self._say(keys, args)
        return bool(answer[1])

    def _command(
        self, owner: Owner, job_id: str, saying: Saying, data: Mapping[str, Any], inbox: str
    ) -> tuple[list[str], list[Any]]:
        """The keys and arguments of ``run_say``."""
        stream = keyspace.run(owner.tenant, job_id)
        keys = [stream, keyspace.cancelled(owner.tenant, job_id), keyspace.inbox_key(inbox) if inbox else stream]
        # Escaped: a vendor may split an emoji over two chunks, and half of one has no UTF-8.
        sealed = self._codec.seal(owner, json.dumps(data, separators=(",", ":")))
        keep = REPLAY_SECONDS if saying in (Saying.DONE, Saying.ERROR) else KEEP_SECONDS
        if job_id.startswith(READ_PREFIX):
            keep = READ_SECONDS
        return keys, [saying.value, sealed, job_id, RUN_ENTRIES, keep, INBOX_ENTRIES]

    @contextmanager
    def speaking(self, owner: Owner, job_id: str, *, inbox: str) -> Iterator[RedisSpeech]:
        with traffic_errors():
            connection: Any = self._redis.connection_pool.get_connection()
        speech = RedisSpeech(
            connection, lambda saying, data: self._command(owner, job_id, saying, data, inbox), self._say
        )
        try:
            yield speech
            speech.settle()
        finally:
            if speech.waiting:
                connection.disconnect()  # An answer that nobody will read must not meet the next user.
            self._redis.connection_pool.release(connection)

    def replay(
        self, owner: Owner, job_id: str, *, after: str = "0-0", block_seconds: float = 0.0
    ) -> list[Message]:
        stream = keyspace.run(owner.tenant, job_id)
        client = self._block if block_seconds else self._redis
        block = int(min(block_seconds, BLOCK_SECONDS) * 1000) or None
        with traffic_errors():
            answer: Any = client.xread({stream: after}, count=1000, block=block)
        return [self._message(owner, id, fields) for id, fields in answer[0][1]] if answer else []

    def spoke(self, owner: Owner, job_id: str) -> bool:
        # The newest word tells: a run that would follow one that spoke ends without a word of its own.
        with traffic_errors():
            entries: Any = self._redis.xrevrange(keyspace.run(owner.tenant, job_id), count=1)
        return any(fields["say"] != Saying.START for _, fields in entries)

    def cancel(self, owner: Owner, job_id: str) -> None:
        with traffic_errors():
            self._redis.set(keyspace.cancelled(owner.tenant, job_id), 1, ex=KEEP_SECONDS)

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
        return Message(id, Saying(fields["say"]), json.loads(self._codec.open(owner, fields["data"])))


_Command = tuple[list[str], list[Any]]


class RedisSpeech:
    """Sends a message and reads the answer to the one before: a run does not wait for Redis between tokens."""

    def __init__(
        self,
        connection: Any,
        command: Callable[[Saying, Mapping[str, Any]], _Command],
        whole: Callable[[list[str], list[Any]], Any],
    ) -> None:
        self._connection = connection
        self._command = command
        self._whole = whole
        self._sent: _Command | None = None
        self._cancelled = False

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to be read."""
        return self._sent is not None

    def say(self, saying: Saying, data: Mapping[str, Any]) -> bool:
        """Say it; True when the run was cancelled, known at the latest with the next message."""
        keys, args = self._command(saying, data)
        self.settle()
        with traffic_errors():
            self._connection.send_command("EVALSHA", _SAY, len(keys), *keys, *args)
        self._sent = keys, args
        return self._cancelled

    def settle(self) -> None:
        """Read the answer that is still to come."""
        if self._sent is None:
            return
        with traffic_errors():
            try:
                answer = self._connection.read_response()
            except redis.exceptions.NoScriptError:
                # A server that was just started: said again in the way that brings the script along.
                answer = self._whole(*self._sent)
        self._sent = None
        self._cancelled = self._cancelled or bool(answer[1])

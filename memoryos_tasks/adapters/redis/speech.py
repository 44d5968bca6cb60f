"""How the runs of one process speak: all through one thread and one Redis call at a time.

While a call is on its way the words that follow gather, so a busy process says more with each call, and pieces of text
of one run that wait for the same call become one chunk. A process with little to say sends each word at once.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, traffic_errors
from memoryos_tasks.adapters.redis.scripts import source
from memoryos_tasks.core.errors import MemoryOSError, TrafficDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.merging import merged
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.runs import Saying

#: Most messages kept of one run, about; a longer answer loses its start for replay, not for its reader.
RUN_ENTRIES = 20_000
#: Most messages that wait in one gateway process' inbox, about.
INBOX_ENTRIES = 100_000
#: Seconds that a run's stream stays while it goes on.
KEEP_SECONDS = 3_600
#: Most messages of one run, and of all, in one call: Redis does nothing else meanwhile.
MOST_OF_ONE, MOST = 200, 1_000
#: Runs in one call from which on a rest follows it, in which more gathers; and its seconds.
MANY, REST_SECONDS = 4, 0.01
#: Messages of one run that wait to be sent; a run that is faster than Redis waits here.
BOUND = 2_000
#: Characters of text above which a chunk takes no more.
LONGEST = 4_096
#: Seconds for which the store may be unreachable before a run is told, and between two tries.
PATIENCE, PAUSE = 2.0, 0.1
#: Seconds without a word after which the thread ends, and between two looks of one who waits.
IDLE_SECONDS, LOOK_SECONDS = 5.0, 1.0

#: By this name Redis knows the script once it was loaded.
_SAY_ALL = hashlib.sha1(source("run_say_all").encode()).hexdigest()

_Said = tuple[Saying, Mapping[str, Any]]


def written(codec: Codec, owner: Owner, data: Mapping[str, Any]) -> str:
    """``data`` as it is stored. A vendor may split an emoji over two chunks, and half of one has no UTF-8: escaped."""
    try:
        return codec.seal(owner, json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    except UnicodeEncodeError:
        return codec.seal(owner, json.dumps(data, separators=(",", ":")))


class RedisSpeech:
    """See :class:`memoryos_tasks.ports.runs.Speech`."""

    def __init__(self, mouth: Mouth, owner: Owner, job_id: str, inbox: str) -> None:
        stream = keyspace.run(owner.tenant, job_id)
        self.owner = owner
        self.job_id = job_id
        self.keys = (stream, keyspace.cancelled(owner.tenant, job_id),
                     keyspace.inbox_key(inbox) if inbox else stream)
        #: What was not sent yet; whether the mouth has been asked to look here; whether something is on its way.
        self.waiting: deque[_Said] = deque()
        self.queued = self.flying = False
        #: Whether something was said.
        self.begun = False
        self.cancelled = False
        self.error: MemoryOSError | None = None
        self.heard = threading.Event()
        self._mouth = mouth

    def say(self, saying: Saying, data: Mapping[str, Any]) -> bool:
        """Say it soon; True when the run was cancelled, known a moment after something was said."""
        while len(self.waiting) >= BOUND and self.error is None:
            self._wait()
        if self.error is not None:
            raise self.error
        self.waiting.append((saying, data))
        if not self.queued:
            self.queued = True
            self._mouth.ask(self)
        return self.cancelled

    def settle(self) -> None:
        """Wait until all is said. Raises :class:`TrafficDown` and what the codec raises."""
        while (self.queued or self.flying or self.waiting) and self.error is None:
            self._wait()
        if self.error is not None:
            raise self.error

    def take(self, most: int) -> list[_Said]:
        """The next messages, pieces of text put together."""
        taken: list[_Said] = []
        while self.waiting and len(taken) < most:
            saying, data = self.waiting.popleft()
            if taken and saying is Saying.CHUNK and taken[-1][0] is Saying.CHUNK:
                both = merged(taken[-1][1], data)
                if both is not None and _length(both) <= LONGEST:
                    taken[-1] = (saying, both)
                    continue
            taken.append((saying, data))
        return taken

    def _wait(self) -> None:
        self.heard.wait(LOOK_SECONDS)
        self.heard.clear()


def _length(chunk: Mapping[str, Any]) -> int:
    return sum(len(text) for text in chunk["choices"][0]["delta"].values() if isinstance(text, str))


class Mouth:
    """The thread that sends; there while there is something to say."""

    def __init__(self, traffic: redis.Redis, codec: Codec) -> None:
        self._redis = traffic
        self._codec = codec
        self._whole = script(traffic, "run_say_all")
        self._asked: queue.SimpleQueue[RedisSpeech] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, speech: RedisSpeech) -> None:
        """Look at this speech soon."""
        self._asked.put(speech)
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="mouth", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                speeches = [self._asked.get(timeout=IDLE_SECONDS)]
            except queue.Empty:
                with self._lock:
                    self._thread = None
                    if self._asked.empty():
                        return
                    self._thread = threading.current_thread()
                continue
            while len(speeches) < MOST and not self._asked.empty():
                speeches.append(self._asked.get())
            self._speak(speeches)
            if len(speeches) >= MANY:
                time.sleep(REST_SECONDS)

    def _speak(self, speeches: Sequence[RedisSpeech]) -> None:
        """Say what these have to say; one that was asked for twice is looked at once."""
        ready: dict[RedisSpeech, list[Any]] = {}
        size = 0
        for speech in speeches:
            if speech in ready:
                continue
            speech.flying = True
            speech.queued = False
            try:
                said = speech.take(max(1, min(MOST_OF_ONE, MOST - size)))
                size += len(said)
                ready[speech] = [speech.job_id, KEEP_SECONDS, int(speech.begun), len(said)]
                for saying, data in said:
                    ready[speech] += [saying.value, written(self._codec, speech.owner, data)]
            except Exception as error:
                ready.pop(speech, None)
                self._end(speech, _told(error))
        spoken = {speech: args for speech, args in ready.items() if args[3]}
        try:
            flags = self._send(spoken) if spoken else []
        except Exception as error:
            for speech in ready:
                self._end(speech, _told(error))
            return
        for speech, flag in zip(spoken, flags, strict=True):
            speech.begun = True
            speech.cancelled = speech.cancelled or flag > 0
            if flag < 0:
                # The store came back empty: what was said before may not have been heard, and a hole is worse.
                speech.error = speech.error or TrafficDown("The task broker lost what the run had said.", retry_after=1)
        for speech in ready:
            self._end(speech)

    def _end(self, speech: RedisSpeech, error: MemoryOSError | None = None) -> None:
        speech.error = speech.error or error
        if speech.waiting and not speech.queued and speech.error is None:
            speech.queued = True
            self._asked.put(speech)
        speech.flying = False
        speech.heard.set()

    def _send(self, spoken: Mapping[RedisSpeech, Sequence[Any]]) -> Sequence[int]:
        keys = [key for speech in spoken for key in speech.keys]
        args = [RUN_ENTRIES, INBOX_ENTRIES, *(arg for args in spoken.values() for arg in args)]
        until, sent = time.monotonic() + PATIENCE, False
        while True:
            try:
                with traffic_errors():
                    # Without the client's retry: what was sent and not answered may have been said.
                    connection: Any = self._redis.connection_pool.get_connection()
                    sent = True
                    return self._call(connection, keys, args)
            except TrafficDown:
                if sent or time.monotonic() >= until:
                    raise
                time.sleep(PAUSE)  # Nothing has left: another thread has just waited for it in vain.

    def _call(self, connection: Any, keys: list[str], args: list[Any]) -> Sequence[int]:
        try:
            connection.send_command("EVALSHA", _SAY_ALL, len(keys), *keys, *args)
            flags: Sequence[int] = connection.read_response()
            return flags
        except redis.exceptions.NoScriptError:
            pass  # A server that was just started: said again in the way that brings the script along.
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self._redis.connection_pool.release(connection)
        again: Sequence[int] = self._whole(keys, args)
        return again


def _told(error: Exception) -> MemoryOSError:
    return error if isinstance(error, MemoryOSError) else MemoryOSError("What the run said could not be passed on.")

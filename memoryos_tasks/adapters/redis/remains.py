"""What a user has in Redis. See :class:`memoryos_tasks.ports.remains.Remains`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import redis

from memoryos_tasks.adapters.plane.footprints import Footprints
from memoryos_tasks.adapters.plane.sessions import RedisSessions
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import traffic_errors, truth_errors
from memoryos_tasks.adapters.redis.erase_events import EventRemains, body_of, streamed
from memoryos_tasks.adapters.redis.keepsakes import RedisKeepsakes
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.rows import Row, Rows, scanned
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.redis.visits import RedisVisits
from memoryos_tasks.core.errors import Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.dead_letters import SYSTEM_LETTERS
from memoryos_tasks.queues import ERASING, OWN, QUEUES

#: Kinds that are not cancelled first: what is journaled is applied, and what nobody asked for is only forgotten.
NOT_STOPPED = (*ERASING, "ingest", *OWN)
#: Seconds between two looks whether the file was rewritten.
LOOK_SECONDS = 0.1


class RedisRemains:
    """See :class:`memoryos_tasks.ports.remains.Remains`."""

    def __init__(
        self, truth: redis.Redis, traffic: redis.Redis, codec: Codec, ledger: RedisLedger, runs: RedisRuns
    ) -> None:
        self._truth = truth
        self._traffic = traffic
        self._codec = codec
        self._ledger = ledger
        self._runs = runs
        self._visits = RedisVisits(traffic)
        self._keepsakes = RedisKeepsakes(traffic, codec)
        self._footprints = Footprints(traffic)
        self._sessions = RedisSessions(truth, codec)
        self._rows = Rows(truth, traffic)
        self._events = EventRemains(truth)

    def stop(self, owner: Owner) -> int:
        stopped = 0
        for _, row in self._rows.of(owner):
            if row["kind"] not in NOT_STOPPED and row["status"] in ("queued", "running"):
                self._ledger.cancel(owner.tenant, row["id"])
                self._runs.cancel(owner, row["id"])
                stopped += 1
        return stopped

    def pending(self, owner: Owner) -> int:
        with truth_errors():
            value: Any = self._truth.hget(keyspace.state(owner), "pending")
        return int(value or 0)

    def newest(self, owner: Owner) -> int:
        with truth_errors():
            value: Any = self._truth.get(keyspace.sequence(owner.tenant))
        return int(value or 0)

    def remove_events(self, owner: Owner, cut: int) -> Mapping[str, int]:
        return self._events.remove(owner, cut)

    def remove_jobs(self, owner: Owner, before: float) -> int:
        gone = 0
        self._sessions.forget(owner)
        for key, row in self._rows.of(owner):
            if row["kind"] in ERASING:
                self._reseal(owner, key)
            elif _goes(row, before):
                gone += self._rows.forget(owner, key, row)
        return gone

    def remove_letters(self, owner: Owner) -> int:
        gone = 0
        for key, number in self._letters(owner):
            with truth_errors():
                gone += int(self._truth.xdel(key, number))
        return gone

    def remove_traffic(self, owner: Owner) -> int:
        asked = list(self._asked(owner))
        with traffic_errors():
            gone: Any = self._traffic.delete(*asked) if asked else 0
        gone = int(gone) + self._footprints.forget(owner, time.time())
        return int(gone) + self._visits.forget(owner) + self._keepsakes.forget(owner)

    def left(self, owner: Owner, cut: int, before: float) -> Mapping[str, int]:
        return {
            **self._events.left(owner, cut),
            "jobs": sum(1 for _, row in self._rows.of(owner) if row["kind"] not in ERASING and _goes(row, before)),
            "dead_letters": sum(1 for _ in self._letters(owner)),
            "inferences": self._footprints.left(owner, before),
            "plane_sessions": len(self._sessions.of(owner)),
        }

    def compact(self, *, seconds: float) -> bool:
        end = time.monotonic() + seconds
        begun = False
        while time.monotonic() < end:
            with truth_errors():
                state: Any = self._truth.info("persistence")
                if not state.get("aof_enabled"):
                    return False
                busy = state["aof_rewrite_in_progress"] or state.get("aof_rewrite_scheduled")
                if not busy and begun:
                    return state["aof_last_bgrewrite_status"] == "ok"  # type: ignore[no-any-return]
                if not busy:
                    try:
                        self._truth.bgrewriteaof()
                    except redis.ResponseError:
                        return False  # A hosted Redis may keep this from its users.
                    begun = True
            time.sleep(LOOK_SECONDS)
        return False

    def _reseal(self, owner: Owner, key: str) -> None:
        """Seal what an erasure's row says with the key in use, since the older ones are to be destroyed."""
        with truth_errors():
            sealed: Any = self._truth.hmget(key, "request", "result", "error")
        fresh: dict[Any, Any] = {}
        for name, text in zip(("request", "result", "error"), sealed, strict=True):
            if text:
                fresh[name] = self._codec.seal(owner, self._opened(owner, text))
        if fresh:
            with truth_errors():
                self._truth.hset(key, mapping=fresh)

    def _opened(self, owner: Owner, text: str) -> str:
        try:
            return self._codec.open(owner, text)
        except Unreadable:
            return "{}"

    def _letters(self, owner: Owner) -> Iterator[tuple[str, str]]:
        """The streams and numbers of the owner's dead letters."""
        for number, fields in streamed(self._truth, keyspace.DEAD_LETTERS):
            # What could not be read as an event is sealed whole.
            body = self._codec.open(SYSTEM_LETTERS, fields.get("payload", ""))
            if body_of(owner, fields, body) is not None:
                yield keyspace.DEAD_LETTERS, number
        for queue in QUEUES:
            for number, fields in streamed(self._truth, keyspace.dead_letters(queue)):
                mine = fields.get("tenant") == owner.tenant and fields.get("user") == keyspace.part(owner.user)
                if mine and fields.get("kind") not in ERASING:
                    yield keyspace.dead_letters(queue), number

    def _asked(self, owner: Owner) -> Iterator[str]:
        for keys in scanned(self._traffic, keyspace.asked(owner.tenant, "") + "*", traffic_errors):
            with traffic_errors():
                bodies: Any = self._traffic.mget(keys)
            for key, body in zip(keys, bodies, strict=True):
                if body and json.loads(body)["user"] == owner.user:
                    yield key


def _goes(row: Row, before: float) -> bool:
    """Whether a job is to be forgotten: not one that waits for newer events, or was asked for since."""
    if row["kind"] == "ingest" and row["status"] in ("queued", "running"):
        return False
    # What nobody asked for is wanted again when there is something to do.
    return row["kind"] in OWN or float(row["created_at"] or 0) / 1000 <= before

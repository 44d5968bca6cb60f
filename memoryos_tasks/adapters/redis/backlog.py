"""How far behind the system is, and what its workers have counted: for whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.ports.dead_letters import EVENTS
from memoryos_tasks.queues import QUEUES, TASKS

#: kombu's record of messages that were delivered and not acknowledged: a ZSET by the time of delivery (seconds).
UNACKED = "unacked_index"


@dataclass(frozen=True, slots=True)
class Backlog:
    """Ages in seconds, 0 when there is nothing; counters only grow, for as long as the store of record lives."""

    #: Messages waiting, by queue.
    messages: Mapping[str, int] = field(default_factory=dict)
    #: Messages delivered and not acknowledged, and the age of the oldest.
    unacked: int = 0
    unacked_age: float = 0.0
    #: Open jobs, by kind, and how many of them a sweep would ring for now.
    jobs: Mapping[str, int] = field(default_factory=dict)
    jobs_due: int = 0
    #: Events journaled and not applied, and the age of the oldest of them.
    events: int = 0
    oldest_event_age: float = 0.0
    #: Journal entries delivered and not acknowledged, by consumer group.
    groups: Mapping[str, int] = field(default_factory=dict)
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    #: "name" or "name label" → count.
    counters: Mapping[str, int] = field(default_factory=dict)


def look(truth: redis.Redis, traffic: redis.Redis) -> Backlog:
    """Ask both stores. Raises ``redis.RedisError`` when one does not answer."""
    seconds, micros = _pair(truth.time())
    now = seconds + micros / 1e6
    news = traffic.pipeline(transaction=False)
    for queue in QUEUES:
        news.llen(queue)
    news.zcard(UNACKED)
    news.zrange(UNACKED, 0, 0, withscores=True)
    *lengths, unacked, oldest = news.execute()
    record = truth.pipeline(transaction=False)
    for kind in TASKS:
        record.zcard(keyspace.due(kind))
        record.zcount(keyspace.due(kind), "-inf", int(now * 1000))
    for name in (EVENTS, *QUEUES):
        record.xlen(keyspace.DEAD_LETTERS if name == EVENTS else keyspace.dead_letters(name))
    record.get(keyspace.PENDING)
    record.hgetall(keyspace.COUNTERS)
    answers = record.execute()
    jobs, letters = answers[: 2 * len(TASKS)], answers[2 * len(TASKS) : -2]
    groups, age = _journal(truth, now)
    return Backlog(
        messages=dict(zip(QUEUES, lengths, strict=True)),
        unacked=int(unacked),
        unacked_age=max(now - oldest[0][1], 0.0) if oldest else 0.0,
        jobs=dict(zip(TASKS, jobs[::2], strict=True)),
        jobs_due=sum(jobs[1::2]),
        events=int(answers[-2] or 0),
        oldest_event_age=age,
        groups=groups,
        dead_letters=dict(zip((EVENTS, *QUEUES), letters, strict=True)),
        counters={name: int(count) for name, count in answers[-1].items()},
    )


def _journal(truth: redis.Redis, now: float) -> tuple[dict[str, int], float]:
    """Pending entries by group, and the age of the oldest entry that some group has not acknowledged."""
    if not truth.exists(keyspace.JOURNAL):
        return {}, 0.0
    pending: dict[str, int] = {}
    oldest = now
    rows: Any = truth.xinfo_groups(keyspace.JOURNAL)
    # Before the first worker has come there is no group, and nothing is read.
    for row in rows or [{"name": "", "pending": 0, "last-delivered-id": "0-0"}]:
        if row["name"]:
            pending[row["name"]] = int(row["pending"])
        summary: Any = truth.xpending(keyspace.JOURNAL, row["name"]) if row["pending"] else {"min": None}
        unread: Any = truth.xrange(keyspace.JOURNAL, min=f"({row['last-delivered-id']}", count=1)
        for stream_id in (summary["min"], unread[0][0] if unread else None):
            if stream_id:
                oldest = min(oldest, int(stream_id.split("-")[0]) / 1000)
    return pending, now - oldest


def _pair(answer: Any) -> tuple[int, int]:
    return int(answer[0]), int(answer[1])

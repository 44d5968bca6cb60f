"""Whatever consumers do, in whatever order: nothing is lost, nothing is left counted, nothing is in memory twice."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
import redis
from fakes import make_event
from plain_codec import PlainCodec

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.core.errors import EventConflict
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.dead_letters import EVENTS
from memoryos_tasks.ports.journal import Entry
from memoryos_tasks.ports.ledger import Failure

OWNERS = (Owner("acme", "a b"), Owner("acme", "王"), Owner("other", "a b"))
WHY = Failure({"message": "x"}, "internal_error")


class Storm:
    """Three consumers, of which each may fall asleep over what it holds, and clients that send things again."""

    def __init__(self, truth: redis.Redis, seed: int) -> None:
        self.truth, self.random = truth, Random(seed)
        codec = PlainCodec()
        self.journals = [RedisJournal(truth, codec, consumer=f"c{number}") for number in range(3)]
        self.dlq, self.ledger = RedisDeadLetters(truth, codec, Jobs()), RedisLedger(truth, codec, Jobs())
        self.held: list[tuple[RedisJournal, list[Entry]]] = []
        self.jobs: list[tuple[str, str]] = []

    def some_event(self) -> Event:
        pick = self.random.choice
        return make_event(pick(OWNERS), f"e{self.random.randrange(6)}", pick("xxxy"), session=pick("sst"))

    def append(self) -> None:
        event = self.some_event()
        try:
            receipt = self.journals[0].append(event.owner, [event, make_event(event.owner, "e0", "x", session="s")])
        except EventConflict:
            return
        if receipt.job_id:
            self.jobs.append((event.owner.tenant, receipt.job_id))

    def put_in_by_hand(self) -> None:
        event = self.some_event()
        body = {"user_id": event.owner.user, "content": event.content, "session_id": event.session}
        self.truth.xadd("chat_log", {"event_id": event.event_id, "tenant": event.owner.tenant,
                                     "payload": json.dumps(body)})

    def read(self) -> None:
        journal = self.random.choice(self.journals)
        self.held.append((journal, journal.read(count=3)))

    def reclaim(self) -> None:
        journal = self.random.choice(self.journals)
        self.held.append((journal, journal.reclaim(idle_seconds=0, count=3)))

    def work(self) -> None:
        """Admit; then apply, bury or fall asleep; what is held may be worked on once more."""
        if not self.held:
            return
        at = self.random.randrange(len(self.held))
        journal, entries = self.held[at]
        entries = journal.admit(entries)
        for entry in entries:
            fate = self.random.choice(["applied", "applied", "buried", "asleep"])
            if fate == "applied":
                journal.applied([entry])
            elif fate == "buried":
                journal.tried(entry)
                journal.bury(entry, WHY, 3)
        if self.random.random() < 0.7:
            del self.held[at]

    def replay(self) -> None:
        letters = self.dlq.page(EVENTS, count=99)[0]
        if letters:
            self.dlq.replay(self.random.choice(letters).id)

    def calm(self) -> None:
        """All that is left is applied."""
        journal = self.journals[0]
        for _ in range(20):
            entries = [*journal.read(count=99), *journal.reclaim(idle_seconds=0, count=99)]
            journal.applied(journal.admit(entries))

    def in_memory(self, owner: Owner) -> dict[str, list[int]]:
        """The places of each event in short-term memory."""
        found: dict[str, list[int]] = {}
        for key in self.truth.scan_iter(keyspace.stm_prefix(owner) + "*"):
            rows: Any = self.truth.zrange(key, 0, -1, withscores=True)
            for body, seq in rows:
                found.setdefault(json.loads(body).get("event_id", ""), []).append(int(seq))
        return found


@pytest.mark.parametrize("seed", range(25))
def test_after_a_storm_all_is_accounted_for(truth: redis.Redis, seed: int) -> None:
    storm = Storm(truth, seed)
    ways = [storm.append, storm.append, storm.put_in_by_hand, storm.read, storm.reclaim, storm.work, storm.work,
            storm.replay]
    for _ in range(60):
        storm.random.choice(ways)()
    storm.calm()
    # Nothing is pending, in any count
    summary: Any = truth.xpending(keyspace.JOURNAL, "memoryos")
    assert (summary["pending"], int(truth.get(keyspace.PENDING) or 0)) == (0, 0)
    assert (truth.hlen(keyspace.TRIES), truth.zcard(keyspace.due("ingest"))) == (0, 0)
    assert all(storm.ledger.get(*job).status.final for job in storm.jobs)
    for owner in OWNERS:
        counted: Any = truth.hgetall(keyspace.state(owner))
        # What only grows is no debt.
        assert {name: count for name, count in counted.items() if count != "0" and name != "settled"} == {}
        # And each event is in memory once, in its place, or a dead letter
        rows: Any = truth.hgetall(keyspace.events(owner))
        applied = {id: [int(row.split()[1])] for id, row in rows.items() if row.endswith(" a")}
        assert storm.in_memory(owner) == applied
        assert {row[-1] for row in rows.values()} <= {"a", "d"}
        dead = {id for id, row in rows.items() if row.endswith(" d")}
        letters = storm.dlq.page(EVENTS, count=999)[0]
        assert dead <= {letter.subject for letter in letters if letter.tenant == owner.tenant}

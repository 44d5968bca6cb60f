"""The journal is trimmed behind what every consumer group has acknowledged, and no further."""

from __future__ import annotations

from typing import Any

import redis
from fakes import make_event

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.core.events import Owner

ALICE = Owner("acme", "alice")
#: More than one node of a stream: an approximate trim drops whole nodes.
MANY = 500


def _fill(journal: RedisJournal) -> None:
    journal.append(ALICE, [make_event(ALICE, f"e{number}", f"words {number}") for number in range(MANY)])


def _left(truth: redis.Redis) -> int:
    length: Any = truth.xlen(keyspace.JOURNAL)
    return int(length)


def test_nothing_goes_before_it_is_applied(journal: RedisJournal, truth: redis.Redis) -> None:
    # Given a journal of which nothing, then everything, was read but not applied
    _fill(journal)
    assert journal.trim() == 0
    entries = journal.read(count=MANY)
    assert journal.trim() == 0
    assert _left(truth) == MANY
    # When all but the first are applied, then still nothing goes
    admitted = journal.admit(entries)
    journal.applied(admitted[1:])
    assert journal.trim() == 0
    # When the first is, then what is behind the last goes, node by node
    journal.applied(admitted[:1])
    assert journal.trim() > MANY / 2
    # And what comes later is read as before
    journal.append(ALICE, [make_event(ALICE, "late", "late words")])
    assert [entry.event.event_id for entry in journal.read(count=10)] == ["late"]


def test_another_group_holds_the_journal(journal: RedisJournal, truth: redis.Redis) -> None:
    # Given a second group that has read nothing
    _fill(journal)
    truth.xgroup_create(keyspace.JOURNAL, "auditors", id="0")
    # When ours has applied everything
    journal.applied(journal.admit(journal.read(count=MANY)))
    # Then nothing is dropped
    assert journal.trim() == 0
    assert _left(truth) == MANY


def test_an_empty_redis_has_nothing_to_trim(journal: RedisJournal) -> None:
    assert journal.trim() == 0

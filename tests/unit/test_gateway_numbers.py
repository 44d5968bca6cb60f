"""What /metrics tells of the stack's backlog and of what its workers have counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes import FakeStack
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from memoryos_app import create_app
from memoryos_tasks.adapters.redis.backlog import Backlog


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def numbers(client: FlaskClient) -> dict[str, float]:
    """Each sample by its name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        sample.name + "".join(f" {label}={value}" for label, value in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


BACKLOG = Backlog(
    messages={"chat": 3, "memory": 0},
    unacked=2,
    unacked_age=1.5,
    jobs={"chat": 4, "promote": 1},
    jobs_due=2,
    events=7,
    oldest_event_age=12.25,
    groups={"memoryos": 5, "审计": 1},
    dead_letters={"events": 1, "chat": 0},
    counters={"dead worker_lost": 2, "dead unexpected_error": 1, "redelivered event": 9, "redelivered job": 3,
              "sweeper rung": 4, "lock waited": 6, "lock missed": 1, "other thing": 8},
)
SHOWN = {
    "memoryos_queue_messages queue=chat": 3,
    "memoryos_queue_messages queue=memory": 0,
    "memoryos_queue_unacked": 2,
    "memoryos_queue_unacked_age_seconds": 1.5,
    "memoryos_jobs_open kind=chat": 4,
    "memoryos_jobs_open kind=promote": 1,
    "memoryos_jobs_due": 2,
    "memoryos_events_pending": 7,
    "memoryos_oldest_event_age_seconds": 12.25,
    "memoryos_journal_pending group=memoryos": 5,
    "memoryos_journal_pending group=审计": 1,
    "memoryos_dead_letters queue=events": 1,
    "memoryos_dead_letters queue=chat": 0,
    "memoryos_dead_letters_made_total reason=worker_lost": 2,
    "memoryos_dead_letters_made_total reason=unexpected_error": 1,
    "memoryos_redelivered_total what=event": 9,
    "memoryos_redelivered_total what=job": 3,
    "memoryos_sweeper_actions_total action=rung": 4,
    "memoryos_lock_waits_total event=waited": 6,
    "memoryos_lock_waits_total event=missed": 1,
}


def test_the_backlog_and_the_counters_are_exported(stack: FakeStack, client: FlaskClient) -> None:
    stack.backlog = BACKLOG
    shown = numbers(client)
    assert {name: shown.get(name) for name in SHOWN} == SHOWN
    assert not [name for name in shown if "thing" in name]


def test_a_store_that_is_away_leaves_the_other_numbers(stack: FakeStack) -> None:
    def away() -> Backlog:
        raise ConnectionError

    shown = numbers(create_app(parts=replace(stack.parts, backlog=away)).test_client())
    assert shown["memoryos_status status=ready"] == 1
    assert not [name for name in shown if name.startswith("memoryos_queue")]

"""How a bell gets from the gateway to a worker, and its result back: what is ours of Celery's way."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery_processes import CeleryProcess, environment
from kombu import Connection, Consumer, Queue
from waiting import until

from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.presence import Presence
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.publisher import Publisher
from memoryos_tasks.results import RedisBackend


def messages(traffic: redis.Redis, queue: str) -> list[dict[str, Any]]:
    """What lies in a queue."""
    return [json.loads(text) for text in traffic.lrange(queue, 0, -1)]  # type: ignore[union-attr]


def shape(message: Any) -> Any:
    """A message without what is different in each."""
    said = json.loads(json.dumps(message))
    for key in ("id", "root_id", "expires", "origin"):
        said["headers"][key] = type(said["headers"][key]).__name__
    for key in ("correlation_id", "delivery_tag", "reply_to", "expiration"):
        said["properties"].pop(key, None)
    return said


@pytest.mark.parametrize("expires", [None, 60.0])
def test_a_bell_is_the_message_that_celery_would_send(
    redis_settings: Settings, traffic: redis.Redis, expires: float | None
) -> None:
    publisher = Publisher(redis_settings)
    # When the same task is rung for by us and by Celery's own way
    publisher.ring("chat.run", ["acme", "job_1"], queue="chat", task_id="job_1", request_id="r1", expires=expires)
    celery = publisher._make()
    celery.send_task("chat.run", args=["acme", "job_1"], queue="chat", task_id="job_1", expires=expires,
                     headers={"request_id": "r1"})
    # Then the messages are the same
    theirs, ours = messages(traffic, "chat")
    assert shape(ours) == shape(theirs)


class Reader:
    """Takes messages as a worker does."""

    def __init__(self, url: str) -> None:
        self.connection = Connection(url, transport="memoryos_tasks.transport:Transport")
        self.taken: list[Any] = []
        self.consumer = Consumer(self.connection, [Queue("chat", routing_key="chat")], on_message=self.taken.append)

    def take(self, count: int) -> list[Any]:
        """The next messages."""
        while len(self.taken) < count:
            self.connection.drain_events(timeout=5)
        return self.taken


@pytest.fixture
def reader(redis_urls: dict[Role, str]) -> Iterator[Reader]:
    made = Reader(redis_urls["traffic"])
    with made.connection, made.consumer:
        yield made


def test_bells_in_hand_are_noted_unless_the_ledger_rings_again(
    redis_settings: Settings, traffic: redis.Redis, reader: Reader
) -> None:
    # Given a bell for a job, and a read that has no row in the ledger
    publisher = Publisher(redis_settings)
    publisher.ring("chat.run", ["acme", "job_1"], queue="chat")
    publisher.ring("memory.retrieve", ["acme", "ask_1"], queue="chat")
    # When a worker has both in hand
    bell, read = reader.take(2)
    # Then the broker has a note of the read alone, until it is acknowledged
    assert traffic.hlen("unacked") == 1
    bell.ack()
    assert traffic.hlen("unacked") == 1
    read.ack()
    assert (traffic.hlen("unacked"), traffic.zcard("unacked_index"), traffic.llen("chat")) == (0, 0, 0)


def test_a_bell_that_is_given_back_is_next(redis_settings: Settings, traffic: redis.Redis, reader: Reader) -> None:
    publisher = Publisher(redis_settings)
    publisher.ring("chat.run", ["acme", "job_1"], queue="chat", task_id="job_1")
    [bell] = reader.take(1)
    # When its process is lost, as a prefork fleet tells it
    bell.requeue()
    # Then another worker finds it as it was
    [back] = messages(traffic, "chat")
    assert (back["headers"]["id"], back["headers"]["task"]) == ("job_1", "chat.run")


def test_a_result_is_what_celery_reads(redis_urls: dict[Role, str], traffic: redis.Redis) -> None:
    # Given a result that our backend has kept
    backend = RedisBackend(app=app, url=redis_urls["traffic"])
    backend.store_result("job_7", {"status": "succeeded"}, "SUCCESS")
    # Then Celery's reading of it is the usual, and it will go
    assert backend.get_task_meta("job_7")["result"] == {"status": "succeeded"}
    assert backend.get_state("job_7") == "SUCCESS"
    assert 0 < traffic.ttl("celery-task-meta-job_7") <= 3600  # type: ignore[operator]


def test_the_app_keeps_results_with_it() -> None:
    assert isinstance(app.backend, RedisBackend)


def test_a_prefork_fleet_runs_chats_and_leaves_their_results(
    redis_settings: Settings, redis_urls: dict[Role, str], tmp_path: Path, traffic: redis.Redis, ledger: RedisLedger
) -> None:
    # Given a fleet of two processes for chats, as the supervisor starts it
    env = environment(redis_urls, tmp_path)
    command = ("worker", "-n", "chats@%h", "-Q", "chat", "--pool", "processes", "--concurrency", "2",
               "--without-mingle", "--without-gossip")
    with CeleryProcess(*command, env=env, log=tmp_path / "chats.log") as fleet:
        until(lambda: Presence(traffic).workers(), seconds=40, what="it is warm")
        owner, publisher = Owner("acme", ""), Publisher(redis_settings)
        body = {"model": "offline", "messages": [{"role": "user", "content": "Hello, 你好."}]}
        request = {"body": body, "session": "default", "assistant": "default", "memory": False, "stream": False}
        jobs = [f"job_{uuid.uuid4().hex}" for _ in range(6)]
        # When chats are rung for
        for id in jobs:
            ledger.create(Job(id, owner, "chat", request=request))
            publisher.ring("chat.run", [owner.tenant, id], queue="chat", task_id=id)
        # Then all are done, and Celery has their results
        done = lambda: all(ledger.get("acme", id).status is Status.SUCCEEDED for id in jobs)  # noqa: E731
        until(done, seconds=20, what="all are done")
        until(lambda: all(traffic.exists(f"celery-task-meta-{id}") for id in jobs), seconds=5, what="their results")
        # And the fleet ends when it is told to
        fleet.terminate()
        assert fleet.ended(10) == 0

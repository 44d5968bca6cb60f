"""Whatever lies in a queue and is no call of a task becomes a dead letter, and the worker goes on."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery_processes import CeleryProcess, environment, worker
from waiting import until

from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.redis import connections
from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
from memoryos_tasks.adapters.redis.presence import Presence
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.dead_letters import Letter
from memoryos_tasks.publisher import Publisher

SECRET = "xyzzy4711 密码"


class System:
    """One worker, its two stores, and their dead letters."""

    def __init__(self, settings: Settings, process: CeleryProcess) -> None:
        self.process = process
        self.truth, self.traffic = connections.truth(settings), connections.traffic(settings, block=True)
        self.letters = RedisDeadLetters(self.truth, SealedCodec(FileVault(settings.vault_dir)), options.Jobs())
        self.publisher = Publisher(settings)

    def letter(self, queue: str, mark: str) -> Letter:
        """The letter that holds the mark, once it is there."""
        return until(lambda: next((each for each in self.all(queue) if mark in each.body), None), seconds=10,
                     what="the letter is there")

    def all(self, queue: str) -> list[Letter]:
        return list(self.letters.page(queue, count=1000)[0])

    def works(self) -> None:
        """Fails unless the worker takes and does a task of every queue that has one without arguments."""
        for queue, task in (("memory", "memory.ingest"), ("maintenance", "maintenance.trim")):
            id = uuid.uuid4().hex
            self.publisher.ring(task, queue=queue, task_id=id)
            until(lambda id=id: self.traffic.exists(f"celery-task-meta-{id}"), seconds=10,  # type: ignore[misc]
                  what=f"{task} is done")
        assert self.process.running

    @property
    def unacknowledged(self) -> int:
        return int(self.traffic.hlen("unacked"))


@pytest.fixture(scope="module")
def system(redis_urls: dict[Role, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("worker")
    for url in redis_urls.values():
        with redis.Redis.from_url(url) as client:
            client.flushall()
    settings = Settings(
        data_dir=folder, redis=options.Redis(truth_url=redis_urls["truth"], traffic_url=redis_urls["traffic"])
    )
    env = environment(redis_urls, folder, MEMORYOS__WORKER__CONCURRENCY="4")
    with worker("letters", env=env, log=folder / "log") as process:
        made = System(settings, process)
        until(lambda: Presence(made.traffic).workers() or not process.running, seconds=40, what="the worker is there")
        yield made
        process.terminate()
        assert process.ended(12) == 0, process.log.read_text()[-3000:]


def message(mark: str, **changed: Any) -> dict[str, Any]:
    """A message as kombu writes it: a good bell for ``memory.ingest``, but for what is changed."""
    headers = {"lang": "py", "task": "memory.ingest", "id": uuid.uuid4().hex, "argsrepr": "()", "kwargsrepr": "{}",
               "request_id": "req-1", "retries": 0, "timelimit": [None, None], **changed.pop("headers", {})}
    body = changed.pop("body", [[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {
        "body": base64.b64encode(text).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {name: value for name, value in headers.items() if value != "absent"},
        "properties": {
            "correlation_id": headers["id"], "body_encoding": "base64", "delivery_tag": str(uuid.uuid4()),
            "delivery_mode": 2, "priority": 0, "delivery_info": {"exchange": "", "routing_key": "memory"}, "mark": mark,
        },
        **changed,
    }


REFUSED = {
    "no task has its name": ("unknown_task", {"headers": {"task": "memory.forget_all"}}),
    "its name is no name": ("invalid_message", {"headers": {"task": ["memory.ingest"]}}),
    "too many arguments": ("invalid_message", {"body": [[1, 2], {}, {}]}),
    "an argument of another name": ("invalid_message", {"body": [[], {"user": SECRET}, {}]}),
    "named arguments that are none": ("invalid_message", {"body": [[], ["user"], {}]}),
    "arguments that are one text": ("invalid_message", {"body": ["ab", {}, {}]}),
    "options that are none": ("invalid_message", {"body": [[], {}, [1]]}),
    "a body of another shape": ("invalid_message", {"body": {"user": SECRET}}),
    "a body that is a number": ("invalid_message", {"body": 5}),
    "an empty body": ("invalid_message", {"body": b""}),
    "no id": ("invalid_message", {"headers": {"id": "absent"}}),
    "an id that is none": ("invalid_message", {"headers": {"id": {"a": 1}}}),
    "an expiry that is none": ("invalid_message", {"headers": {"expires": "soon"}}),
    "time limits that are none": ("invalid_message", {"headers": {"timelimit": [1, 2, 3]}}),
    "not a task message": ("invalid_message", {"headers": {"task": "absent"}, "body": {"what": SECRET}}),
    "a body that is not JSON": ("undecodable_message", {"body": SECRET.encode()}),
    "a body that is not text": ("undecodable_message", {"body": b"\xff\xfe\x00"}),
    "a content type that could execute": ("undecodable_message", {"content-type": "application/x-python-serialize"}),
    "a content type that is none": ("invalid_message", {"content-type": ["json"]}),
    "a compression that fails": ("undecodable_message", {"headers": {"compression": "application/x-gzip"}}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_message_that_no_task_takes_becomes_a_letter(system: System, name: str) -> None:
    reason, changed = REFUSED[name]
    mark = uuid.uuid4().hex
    original = message(mark, **{key: dict(value) if key == "headers" else value for key, value in changed.items()})
    system.traffic.lpush("memory", json.dumps(original))
    letter = system.letter("memory", mark)
    # It is whole: why, what and where it came from
    assert (letter.kind, letter.queue, letter.reason) == ("message", "memory", reason)
    assert letter.headers == original["headers"]
    kept = json.loads(letter.body)
    assert kept["content-type"] == original["content-type"]
    assert kept["properties"]["correlation_id"] == original["properties"]["correlation_id"]
    sent = base64.b64decode(original["body"])
    body = kept["body"]
    assert (body if isinstance(body, str) else base64.b64decode(body["base64"]).decode("latin-1")) == (
        sent.decode() if isinstance(body, str) else sent.decode("latin-1"))
    assert (letter.request_id, letter.message != "", letter.first_seen > 0) == ("req-1", True, True)
    assert letter.subject == (original["headers"].get("id") if isinstance(original["headers"].get("id"), str) else "")
    # And the worker is done with it
    until(lambda: system.unacknowledged == 0, seconds=5, what="it is acknowledged")


GARBAGE = {
    "no JSON": b"garbage " + SECRET.encode(),
    "no text": b"\xff\x00\x80",
    "nothing": b"",
    "a number": b"5",
    "a list": json.dumps([SECRET]).encode(),
    "null": b"null",
    "an object that is no message": json.dumps({"user": SECRET}).encode(),
    "deeper than can be read": b"[" * 100_000,
    "a type that is none": b'{"__type__": "datetime", "__value__": 5}',
    "no tag": json.dumps({"body": "e30=", "properties": {"delivery_info": {"exchange": "", "routing_key": "m"}}}),
    "a tag that cannot be kept": json.dumps({"properties": {
        "delivery_tag": "\ud800", "delivery_info": {"exchange": "", "routing_key": "memory"}}}),
    "no place": json.dumps({"body": "e30=", "properties": {"delivery_tag": "1", "body_encoding": "base64"}}),
    "another encoding": json.dumps({"body": "e30=", "properties": {
        "delivery_tag": "1", "body_encoding": "rot13", "delivery_info": {"exchange": "", "routing_key": "m"}}}),
    "a body that is no base64": json.dumps({"body": "e", "properties": {
        "delivery_tag": "1", "body_encoding": "base64", "delivery_info": {"exchange": "", "routing_key": "m"}}}),
    "headers that are none": json.dumps({"headers": "x", "properties": {
        "delivery_tag": "1", "delivery_info": {"exchange": "", "routing_key": "memory"}}}),
}


@pytest.mark.parametrize("queue", ["chat", "memory", "maintenance", "vectors"])
def test_what_is_no_message_becomes_a_letter_of_its_queue(system: System, queue: str) -> None:
    known = len(system.all(queue))
    for content in GARBAGE.values():
        system.traffic.lpush(queue, content)
    letters = until(lambda: len(system.all(queue)) >= known + len(GARBAGE) and system.all(queue)[known:], seconds=15,
                    what="all are buried")
    assert {(each.kind, each.reason) for each in letters} == {("message", "undecodable_message")}
    found = [json.loads(each.body) for each in letters]
    assert "garbage " + SECRET in found
    assert {"base64": base64.b64encode(GARBAGE["no text"]).decode()} in found  # type: ignore[arg-type]
    until(lambda: system.unacknowledged == 0, seconds=5, what="all are acknowledged")


def test_the_worker_goes_on_after_all_that(system: System) -> None:
    system.traffic.lpush("chat", "poison")
    system.traffic.publish("/0.celery.pidbox", "{")
    system.traffic.publish("/0.celery.pidbox", json.dumps({"no": "message"}))
    system.works()


def test_while_the_truth_is_away_the_message_is_kept_and_then_buried(system: System) -> None:
    marks = [uuid.uuid4().hex for _ in range(2)]
    system.truth.config_set("min-replicas-to-write", 1)  # It takes no writes now.
    try:
        system.traffic.lpush("memory", json.dumps(message(marks[0], headers={"task": "nobody.knows"})))
        system.traffic.lpush("memory", f"garbage {marks[1]}")
        until(lambda: system.process.log.read_text().count("dead_letter_not_written") >= 2, seconds=10,
              what="the worker has tried")
        # Neither is lost: the broker still has both
        assert system.unacknowledged == 2
    finally:
        system.truth.config_set("min-replicas-to-write", 0)
    for mark in marks:
        assert system.letter("memory", mark)
    until(lambda: system.unacknowledged == 0, seconds=5, what="both are acknowledged")
    assert sum(any(mark in each.body for mark in marks) for each in system.all("memory")) == 2
    system.works()


def test_nothing_that_was_found_stands_in_the_log(system: System) -> None:
    log: Path = system.process.log
    assert "message_buried" in log.read_text()
    for text in (SECRET, "xyzzy", "密码", base64.b64encode(SECRET.encode()).decode(), "garbage"):
        assert text not in log.read_text()

"""What people write shows nowhere but in their memory: not in events, results, queues or logs."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import redis
from acceptance.system import System, until
from celery import Celery

SECRET = "quokka7f3a91"


class Listener(threading.Thread):
    """Keeps every event that Celery sends, as Flower does."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.seen: list[dict[str, Any]] = []
        self.ready = threading.Event()
        self._app = Celery(broker=url, set_as_current=False)
        self._connection = self._app.connection_for_read()
        self._receiver = self._app.events.Receiver(self._connection, handlers={"*": self.seen.append})

    def run(self) -> None:
        with self._connection:
            self.ready.set()
            self._receiver.capture(limit=None, timeout=None, wakeup=False)

    def stop(self) -> None:
        self._receiver.should_stop = True
        self.join(timeout=10)


def test_no_text_reaches_celery_or_the_logs(system: System) -> None:
    broker = (system.data_dir / "broker.url").read_text().strip()
    listener = Listener(broker)
    listener.start()
    assert listener.ready.wait(10)
    # When a secret passes through every kind of call, failing ones among them
    user = "private"
    system.chat(f"My password is {SECRET}.", user=user)
    system.post("/v1/memory/add", {"user_id": user, "role": "user", "content": f"I said {SECRET} again."})
    system.post("/v1/memory/retrieve", {"user_id": user, "query": SECRET})
    system.post("/v1/memory/retrieve", {"user_id": user, "query": SECRET, "nonsense": SECRET})
    failing = {"model": "openai/500", "user": user, "messages": [{"role": "user", "content": SECRET}]}
    assert system.post("/v1/chat/completions", failing).status_code == 500
    system.post("/v1/chat/completions", {**failing, "messages": SECRET})
    system.get(f"/v1/memory/retrieve?user_id={user}&query={SECRET}")

    def told() -> bool:
        kinds = [event["type"] for event in listener.seen]
        return kinds.count("task-succeeded") >= 4

    until(told, seconds=10, what="the tasks' events")
    listener.stop()
    # Then Celery's events name the tasks
    assert {"chat.run", "memory.retrieve"} <= {event.get("name") for event in listener.seen}
    # And hold nothing of it
    assert SECRET not in json.dumps(listener.seen, default=str)
    # Nor do results and messages that lie in the broker
    client = redis.Redis.from_url(broker, decode_responses=True)
    for key in client.scan_iter("celery-task-meta-*"):
        assert SECRET not in (client.get(key) or "")
    for queue in ("chat", "memory", "maintenance", "vectors", "unacked"):
        kind = client.type(queue)
        rows = client.lrange(queue, 0, -1) if kind == "list" else client.hvals(queue) if kind == "hash" else []
        assert SECRET not in json.dumps(rows)
    client.close()
    # Nor the logs
    logs = [path for path in Path(system.data_dir / "logs").rglob("*") if path.is_file()]
    assert logs
    for path in logs:
        assert SECRET not in path.read_text(errors="replace"), path


def test_requests_and_tasks_share_a_request_id(system: System) -> None:
    # When a request brings its id
    body = {"model": "offline", "user": "traced", "messages": [{"role": "user", "content": "Hello there."}]}
    answer = system.post("/v1/chat/completions", body, headers={"X-Request-Id": "trace-me-42"})
    assert answer.headers["X-Request-Id"] == "trace-me-42"

    # Then both the gateway's and the worker's log lines carry it
    def carried() -> bool:
        texts = [path.read_text(errors="replace") for path in (system.data_dir / "logs").glob("*")]
        rows = [json.loads(line) for text in texts for line in text.splitlines() if "trace-me-42" in line]
        tasks = [row for row in rows if row.get("task") == "chat.run"]
        calls = [row for row in rows if row.get("path") == "/v1/chat/completions"]
        return bool(tasks and calls and calls[0]["status"] == 200 and "duration_ms" in calls[0])

    until(carried, seconds=5, what="log lines with the request id")

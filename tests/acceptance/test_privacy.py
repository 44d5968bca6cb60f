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


def _listen(url: str, seen: list[dict[str, Any]], ready: threading.Event, stop: threading.Event) -> None:
    app = Celery(broker=url, set_as_current=False)
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": seen.append})
        ready.set()
        while not stop.is_set():
            try:
                receiver.capture(limit=None, timeout=0.5, wakeup=False)
            except (TimeoutError, OSError):
                continue


def test_no_text_reaches_celery_or_the_logs(system: System) -> None:
    broker = (system.data_dir / "broker.url").read_text().strip()
    seen: list[dict[str, Any]] = []
    ready, stop = threading.Event(), threading.Event()
    listener = threading.Thread(target=_listen, args=(broker, seen, ready, stop), daemon=True)
    listener.start()
    assert ready.wait(10)
    # When a secret passes through every kind of call, failing ones among them
    user = "private"
    system.chat(f"My password is {SECRET}.", user=user)
    system.post("/v1/memory/add", {"user_id": user, "role": "user", "content": f"I said {SECRET} again."})
    system.post("/v1/memory/retrieve", {"user_id": user, "query": SECRET})
    system.post("/v1/memory/retrieve", {"user_id": user, "query": SECRET, "nonsense": SECRET})
    failing = {"model": "openai/500", "user": user, "messages": [{"role": "user", "content": SECRET}]}
    assert system.post("/v1/chat/completions", failing).status_code == 502
    system.post("/v1/chat/completions", {**failing, "messages": SECRET})
    system.get(f"/v1/memory/retrieve?user_id={user}&query={SECRET}")

    def told() -> bool:
        kinds = [event["type"] for event in seen]
        return kinds.count("task-succeeded") >= 4

    until(told, seconds=10, what="the tasks' events")
    stop.set()
    listener.join(timeout=10)
    # Then Celery's events name the tasks
    assert {"chat.run", "memory.retrieve"} <= {event.get("name") for event in seen}
    # And hold nothing of it
    assert SECRET not in json.dumps(seen, default=str)
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

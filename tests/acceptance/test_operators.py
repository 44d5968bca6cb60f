"""What an operator sees: queues, workers and tasks in Celery's own tools, and never a word of a user."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from acceptance.system import ROOT, System, free_port, until

SECRET = "wombat-55c1e0"


def test_inspect_names_the_queues(system: System) -> None:
    # When Celery's own tool asks the workers
    asked = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "memoryos_tasks", "inspect", "active_queues", "--json"],
        cwd=ROOT, env=system.environment, capture_output=True, text=True, timeout=60,
    )
    # Then it names all four queues
    assert asked.returncode == 0, asked.stderr
    for queue in ("chat", "memory", "maintenance", "vectors"):
        assert f'"name": "{queue}"' in asked.stdout


@pytest.fixture
def flower(system: System, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    environment = {**system.environment, "FLOWER_UNAUTHENTICATED_API": "true"}
    with (tmp_path / "flower.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "memoryos_tasks", "flower", "--address=127.0.0.1", f"--port={port}"],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )
        url = f"http://127.0.0.1:{port}"

        def up() -> bool:
            try:
                return bool(requests.get(f"{url}/api/workers?refresh=1", timeout=5).json())
            except (requests.RequestException, ValueError):
                return False

        try:
            until(up, seconds=30, what="Flower")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:  # Flower's own slow farewell is not what is tested
                process.kill()
                process.wait(timeout=5)


def test_flower_shows_tasks_and_no_text(system: System, flower: str) -> None:
    # When a chat and a write pass by
    system.chat(f"My locker code is {SECRET}.", user="flowered")
    system.post("/v1/memory/add", {"user_id": "flowered", "role": "user", "content": f"{SECRET} it is."})

    # Then Flower shows the tasks that did it
    def shown() -> bool:
        tasks = requests.get(f"{flower}/api/tasks?limit=200", timeout=5).json().values()
        return {"chat.run", "memory.ingest"} <= {task["name"] for task in tasks if task["state"] == "SUCCESS"}

    until(shown, seconds=10, what="tasks in Flower")
    # And no word of what was said
    for path in ("/api/tasks?limit=200", "/tasks", "/workers", "/api/workers"):
        answer = requests.get(flower + path, timeout=5)
        assert answer.status_code == 200, path
        assert SECRET not in answer.text


def test_a_gateway_process_is_small_and_knows_no_models(system: System) -> None:
    # Given a gateway that has served
    system.chat("Hello.", user="small")
    gateways = system.pids("gunicorn")
    assert gateways
    for pid in gateways:
        status = Path(f"/proc/{pid}/status").read_text()
        kilobytes = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        assert kilobytes < 120 * 1024, f"{kilobytes} kB"
        # Then it has mapped no vector engine, embedder or number library
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert not any(name in maps for name in ("qdrant_edge", "wordllama", "numpy", "tokenizers"))


def test_metrics_count_requests(system: System) -> None:
    system.chat("Hello.", user="counted")
    text = system.get("/metrics").text
    assert "memoryos" in text
    assert 'status="200"' in text
